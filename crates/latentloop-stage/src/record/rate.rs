//! Frame rates: each picture at its own time, or on an even grid that keeps to the clock.

use std::time::Duration;

/// The frame-rate mode of a file, variable or constant; named as FFmpeg names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FpsMode {
    /// Variable: each picture at the time at which it was shown
    #[default]
    Vfr,
    /// Constant: exactly --fps pictures a second of the clock; where the show was late, the last one again
    Cfr,
}

/// An even grid of times, and how far it is filled.
#[derive(Debug)]
pub(super) struct Grid {
    rate: f64,
    filled: u64,
}

impl Grid {
    /// An empty grid of so many places a second.
    pub(super) fn new(rate: f64) -> Self {
        Self { rate, filled: 0 }
    }

    /// How often the picture before is to be repeated until one that was shown at `at` has its place; nothing where its place
    /// is taken. Within a place of the clock either way it is the next one, so that unevenness alone repeats and loses nothing.
    pub(super) fn lack(&self, at: Duration) -> Option<u64> {
        let behind = at.as_secs_f64() * self.rate - self.filled as f64;
        if behind <= -1.0 {
            None
        } else if behind >= 1.0 {
            Some(behind.round() as u64)
        } else {
            Some(0)
        }
    }

    /// Fills the next place; when that is.
    pub(super) fn fill(&mut self) -> Duration {
        let at = Duration::from_secs_f64(self.filled as f64 / self.rate);
        self.filled += 1;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repeats and left out pictures of a show, and how far the grid is from the clock at its end, in places.
    fn count(rate: f64, times: impl Iterator<Item = f64>) -> (u64, u64, f64) {
        let mut grid = Grid::new(rate);
        let (mut repeats, mut skips, mut last) = (0, 0, 0.0);
        for at in times {
            last = at;
            match grid.lack(Duration::from_secs_f64(at)) {
                None => skips += 1,
                Some(lack) => {
                    repeats += lack;
                    (0..=lack).for_each(|_| _ = grid.fill());
                }
            }
        }
        (repeats, skips, last * rate - grid.filled as f64)
    }

    #[test]
    fn an_hour_of_uneven_pictures_loses_none_and_keeps_to_the_clock() {
        for phase in [0.0, 0.25, 0.5, 0.75] {
            let uneven = |number: u32| f64::from(number * 37 % 11) / 11.0 - 0.5;
            let times = (0..216_000).map(|n| (f64::from(n) + phase + 0.9 * uneven(n)).max(0.0));
            let (repeats, skips, behind) = count(60.0, times.map(|at| at / 60.0));
            // At most one, until the grid has found its place between the pictures.
            assert!(repeats <= 1 && skips == 0, "{phase}: {repeats} {skips}");
            assert!(behind.abs() < 2.0, "{phase}: {behind}");
        }
    }

    #[test]
    fn displays_that_are_not_quite_the_rate_repeat_or_lose_as_few_as_there_are() {
        let minute = |hz: f64| (0..(hz * 60.0) as u32).map(move |n| f64::from(n) / hz);
        let (repeats, skips, behind) = count(60.0, minute(59.94));
        assert!((3..=4).contains(&repeats) && skips == 0 && behind.abs() < 1.5);
        let (repeats, skips, behind) = count(60.0, minute(60.06));
        assert!((2..=4).contains(&skips) && repeats == 0 && behind.abs() < 2.5);
        let (repeats, skips, _) = count(30.0, minute(60.0));
        assert_eq!((repeats, skips > 1790), (0, true));
    }

    #[test]
    fn a_stall_is_filled_to_the_picture() {
        let times = (0..90u32).map(|n| f64::from(n) / 30.0 + if n < 30 { 0.0 } else { 1.5 });
        assert_eq!(count(30.0, times), (45, 0, -1.0));
    }
}
