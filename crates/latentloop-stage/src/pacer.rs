//! The frame pacer: how often pictures come and when the next one is due. As often as asked for, or steadily half as often where
//! the machine cannot keep up. It reads no clock: whoever waits tells it the time.

use std::time::{Duration, Instant};

use super::DisplayTiming;

/// Pictures are counted over so long.
const WINDOW: Duration = Duration::from_secs(1);
/// A part of the pictures that are due may be missing.
const MISSING: f64 = 0.12;
/// Windows in a row that are too poor.
const STRIKES: u32 = 2;
/// A show takes so many windows to come to itself.
const FIRST: u32 = 2;
/// The rate is halved so often at most, and only down to so long from picture to picture.
const HALVINGS: u32 = 2;
const LONGEST: Duration = Duration::from_millis(90);
/// The faster pace is tried again after the first of these; after each trial that fails twice as late, up to the second.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(320));
/// Slower displays are none: their rate is a mistake of the system's.
const SLOWEST: Duration = Duration::from_millis(45);
/// A pace that was kept for so long is a good one.
const KEPT: Duration = Duration::from_secs(30);

/// A display's rate is the show's where they differ by less than this share.
const SAME_RATE: f64 = 0.05;

/// When the next picture is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// By the show's own grid.
    pub at: Instant,
    /// Where the display sets the pace: until when it is waited for. Half a picture longer than it should take.
    pub display_until: Option<Instant>,
}

/// The pace of a show's pictures.
#[derive(Clone, Debug)]
pub struct FramePacer {
    due: Instant,
    /// As asked for, and as the display can show it.
    asked: Duration,
    nominal: Duration,
    halvings: u32,
    window: Instant,
    pictures: u32,
    /// Windows since the show began, and poor ones in a row.
    windows: u32,
    strikes: u32,
    patience: Duration,
    changed: Instant,
}

impl FramePacer {
    /// A pace of so long from picture to picture, the first one now.
    pub fn new(nominal: Duration, now: Instant) -> Self {
        Self {
            due: now,
            asked: nominal,
            nominal,
            halvings: 0,
            window: now,
            pictures: 0,
            windows: 0,
            strikes: 0,
            patience: PATIENCE.0,
            changed: now,
        }
    }

    /// From one picture to the next.
    pub fn interval(&self) -> Duration {
        self.nominal * (1 << self.halvings)
    }

    /// The show begins now.
    pub fn begin(&mut self, now: Instant) {
        self.due = now;
    }

    /// When the next picture is due, after one that was done at `now`.
    pub fn next(&mut self, now: Instant, display: DisplayTiming) -> Due {
        let interval = self.interval();
        self.due += interval;
        // Where the display sets the pace, or time was lost, the grid begins anew: the display's rate is never quite the
        // show's, and pictures that were due are counted by their absence.
        let by_display = is_paced_by(display, interval);
        if by_display {
            self.due = now + interval;
        } else if now > self.due + interval {
            self.due = now;
        }
        Due {
            at: self.due,
            display_until: by_display.then_some(self.due + interval / 2),
        }
    }

    /// Shows no more pictures than a display does; true where the pace has changed.
    pub fn follow(&mut self, display: Option<Duration>) -> bool {
        let slower = display.filter(|display| *display <= SLOWEST);
        let nominal = slower.map_or(self.asked, |display| self.asked.max(display));
        std::mem::replace(&mut self.nominal, nominal) != nominal
    }

    /// Counts a picture that has reached the audience.
    pub fn presented(&mut self) {
        self.pictures += 1;
    }

    /// Looks back, where it is time; true where the pace has changed. Hidden windows and the time before the first picture
    /// tell nothing.
    pub fn look(&mut self, now: Instant, tells: bool) -> bool {
        if !tells {
            (self.window, self.pictures, self.strikes) = (now, 0, 0);
            return false;
        }
        let took = now.saturating_duration_since(self.window);
        if took < WINDOW {
            return false;
        }
        let due = took.as_secs_f64() / self.interval().as_secs_f64();
        let is_poor = f64::from(self.pictures) < due * (1.0 - MISSING) - 1.0;
        (self.window, self.pictures) = (now, 0);
        self.windows += 1;
        if self.windows <= FIRST {
            return false;
        }
        self.strikes = if is_poor { self.strikes + 1 } else { 0 };
        let before = self.halvings;
        let age = now.saturating_duration_since(self.changed);
        if self.strikes >= STRIKES && before < HALVINGS && self.interval() * 2 <= LONGEST {
            self.halvings += 1;
            self.patience = (self.patience * 2).min(PATIENCE.1);
        } else if self.strikes == 0 && before > 0 && age >= self.patience {
            self.halvings -= 1;
        } else if before == 0 && age >= KEPT {
            self.patience = PATIENCE.0;
        }
        if self.halvings != before {
            (self.changed, self.strikes) = (now, 0);
        }
        self.halvings != before
    }
}

/// Whether a display itself sets the pace: its rate is the show's, and its waiting was seen.
fn is_paced_by(display: DisplayTiming, interval: Duration) -> bool {
    let is_close = display.refresh.is_some_and(|refresh| {
        let ratio = interval.as_secs_f64() / refresh.as_secs_f64();
        (ratio - 1.0).abs() < SAME_RATE
    });
    is_close && display.waited > interval / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a machine play that takes at least so long for a picture; gives the changes of pace and when they came.
    fn play(nominal_ms: f64, secs: u64, takes_ms: impl Fn(f64) -> f64) -> Vec<(u64, f64)> {
        let start = Instant::now();
        let mut pace = FramePacer::new(Duration::from_secs_f64(nominal_ms / 1e3), start);
        let (mut at, mut changes) = (0.0, Vec::new());
        while at < secs as f64 {
            at += (takes_ms(at) / 1e3).max(pace.interval().as_secs_f64());
            pace.presented();
            if pace.look(start + Duration::from_secs_f64(at), true) {
                let fps = pace.interval().as_secs_f64().recip();
                changes.push((at as u64, (fps * 10.0).round() / 10.0));
            }
        }
        changes
    }

    #[test]
    fn a_machine_that_keeps_up_is_left_alone() {
        assert_eq!(play(1000.0 / 60.0, 600, |_| 16.0), []);
        // A hiccup of a second is no reason either.
        let hiccup = |at: f64| {
            if (20.0..21.0).contains(&at) {
                40.0
            } else {
                5.0
            }
        };
        assert_eq!(play(1000.0 / 60.0, 60, hiccup), []);
    }

    #[test]
    fn a_slow_machine_shows_half_as_many_and_tries_more_ever_more_seldom() {
        let changes = play(1000.0 / 60.0, 600, |_| 20.0);
        assert_eq!(changes[0].1, 30.0);
        assert!(changes[0].0 <= 5, "{changes:?}");
        let trials = changes.iter().filter(|(_, fps)| *fps == 60.0).count();
        assert!((2..=6).contains(&trials), "{changes:?}");
        assert_eq!(changes.last().map(|(_, fps)| *fps), Some(30.0));
        let slowest = play(1000.0 / 60.0, 10, |_| 60.0);
        assert_eq!(
            slowest.iter().map(|(_, fps)| *fps).collect::<Vec<_>>(),
            [30.0, 15.0]
        );
        // Less than twelve pictures a second would be a slide show.
        assert_eq!(play(1000.0 / 15.0, 20, |_| 300.0), []);
    }

    #[test]
    fn a_display_shows_no_more_than_it_can() {
        let ms = Duration::from_millis;
        let mut pace = FramePacer::new(ms(16), Instant::now());
        assert!(!pace.follow(None) && !pace.follow(Some(ms(7))));
        assert!(pace.follow(Some(ms(20))));
        assert_eq!(pace.interval(), ms(20));
        assert!(!pace.follow(Some(ms(20))));
        assert!(pace.follow(Some(ms(1000))));
        assert_eq!(pace.interval(), ms(16));
    }

    #[test]
    fn what_slowed_it_passes() {
        let busy = |at: f64| if at < 12.0 { 25.0 } else { 5.0 };
        let changes = play(1000.0 / 60.0, 120, busy);
        assert_eq!(changes.last().map(|(_, fps)| *fps), Some(60.0));
        assert!(changes.len() <= 4, "{changes:?}");
    }

    #[test]
    fn pictures_are_due_on_a_grid_that_begins_anew_where_time_is_lost() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let mut pace = FramePacer::new(ms(20), start);
        let mut due = |after: u64| {
            let due = pace.next(start + ms(after), DisplayTiming::default());
            assert_eq!(due.display_until, None);
            due.at - start
        };
        assert_eq!(due(3), ms(20));
        assert_eq!(due(39), ms(40));
        assert_eq!(due(75), ms(60), "a late one is made up for");
        assert_eq!(due(130), ms(130), "two are not");
        assert_eq!(due(131), ms(150));
    }

    #[test]
    fn a_display_of_the_same_rate_that_is_seen_to_wait_sets_the_pace() {
        let ms = Duration::from_millis;
        let start = Instant::now();
        for (refresh, waited, paces) in [
            (Some(ms(20)), ms(9), true),
            (Some(Duration::from_micros(19_500)), ms(9), true),
            (Some(ms(20)), ms(1), false),
            (Some(ms(16)), ms(9), false),
            (None, ms(9), false),
        ] {
            let mut pace = FramePacer::new(ms(20), start);
            let due = pace.next(start + ms(7), DisplayTiming { refresh, waited });
            let (at, until) = if paces {
                (ms(27), Some(start + ms(37)))
            } else {
                (ms(20), None)
            };
            assert_eq!((due.at - start, due.display_until), (at, until));
        }
    }
}
