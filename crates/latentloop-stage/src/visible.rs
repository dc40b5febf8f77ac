//! The part of a picture that is seen: what the fit of an output cuts off is not.

use super::Fit;
use super::fit::Placement;

/// Cells of the limiter's grid along a side.
pub(super) const SIDE: usize = 16;

/// How much of what is seen each column and each row of the limiter's grid is, 0..=1; a cell is as much as its column times its row.
/// Where outputs show different parts each counts by the one that shows it largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visible {
    pub(super) columns: [f32; SIDE],
    pub(super) rows: [f32; SIDE],
}

impl Default for Visible {
    /// All of the picture.
    fn default() -> Self {
        let even = [1.0 / SIDE as f32; SIDE];
        Self {
            columns: even,
            rows: even,
        }
    }
}

impl Visible {
    /// What is seen of a picture of that size on outputs, each with its fit and its size in pixels. All of it where there are none.
    pub fn on(picture: (u32, u32), outputs: impl IntoIterator<Item = (Fit, (u32, u32))>) -> Self {
        let mut visible: Option<Self> = None;
        for (fit, frame) in outputs {
            if picture.0.min(picture.1) == 0 || frame.0.min(frame.1) == 0 {
                continue;
            }
            let place = Placement::of(fit, picture, frame);
            let columns = along(place.offset.0, place.extent.0, frame.0);
            let rows = along(place.offset.1, place.extent.1, frame.1);
            visible = Some(match visible {
                None => Self { columns, rows },
                Some(other) => Self {
                    columns: larger(other.columns, columns),
                    rows: larger(other.rows, rows),
                },
            });
        }
        visible.unwrap_or_default()
    }

    /// How much of what is seen a cell is, counted line by line.
    pub(super) fn weight(&self, cell: usize) -> f32 {
        self.columns[cell % SIDE] * self.rows[cell / SIDE]
    }
}

fn larger(one: [f32; SIDE], other: [f32; SIDE]) -> [f32; SIDE] {
    std::array::from_fn(|at| one[at].max(other[at]))
}

/// The share of each part of a side of the picture in what of it lies within the frame.
fn along(offset: f64, extent: f64, frame: u32) -> [f32; SIDE] {
    let from = (-offset / extent).clamp(0.0, 1.0);
    let to = ((f64::from(frame) - offset) / extent).clamp(0.0, 1.0);
    let side = SIDE as f64;
    std::array::from_fn(|at| {
        let (begin, end) = (at as f64 / side, (at + 1) as f64 / side);
        let seen = (end.min(to) - begin.max(from)).max(0.0);
        (seen / (to - from)) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_the_frame_counts_nothing_and_bars_beside_the_picture_change_nothing() {
        let all = Visible::default();
        assert_eq!(Visible::on((64, 64), []), all);
        assert_eq!(Visible::on((64, 64), [(Fit::Fit, (1920, 1080))]), all);
        assert_eq!(Visible::on((64, 64), [(Fit::Stretch, (1920, 1080))]), all);
        assert_eq!(Visible::on((64, 64), [(Fit::OneToOne, (70, 80))]), all);
        // Twice as wide as high: the middle half of the rows is seen.
        let wide = Visible::on((64, 64), [(Fit::Fill, (128, 64))]);
        assert_eq!(wide.columns, all.columns);
        assert_eq!(wide.rows[..4], [0.0; 4]);
        assert_eq!(wide.rows[4..12], [0.125; 8]);
        assert_eq!(wide.rows[12..], [0.0; 4]);
        assert_eq!(wide.weight(16 * 5 + 3), 0.125 / 16.0);
        let cut = Visible::on((64, 64), [(Fit::OneToOne, (32, 64))]);
        assert_eq!((cut.columns[3], cut.columns[4]), (0.0, 0.125));
    }

    #[test]
    fn of_two_outputs_the_one_that_shows_a_part_larger_counts() {
        let both = Visible::on((64, 64), [(Fit::Fit, (64, 64)), (Fit::Fill, (128, 64))]);
        assert_eq!(both.rows[..4], [1.0 / 16.0; 4]);
        assert_eq!(both.rows[4..12], [0.125; 8]);
        let hidden = [(Fit::Fill, (0, 0)), (Fit::Fit, (64, 64))];
        assert_eq!(Visible::on((64, 64), hidden), Visible::default());
    }
}
