//! Filters that work along rows, then along columns.

use super::super::fit::Placement;
use super::super::projection::{Filter, Resampling};

/// Values of a row that are summed at once.
const BLOCK: usize = 32;
/// A place this near to the border of two pixels is on it, so that the card and the processor agree.
const BORDER: f64 = 1.0 / 4096.0;

/// The taps of every column and line of a frame.
pub(super) struct Separable {
    from_width: usize,
    across: Vec<Taps>,
    down: Vec<Taps>,
    /// Rows of the picture, scaled across: from height x width x 4.
    rows: Vec<f32>,
}

/// Which of the picture's pixels make up one of the frame's, and by how much; none outside the picture.
#[derive(Clone, Debug)]
pub(super) struct Taps {
    pub(super) first: usize,
    pub(super) weights: Vec<f32>,
}

impl Separable {
    pub(super) fn new(
        from: (u32, u32),
        to: (u32, u32),
        place: &Placement,
        way: Resampling,
    ) -> Self {
        Self {
            from_width: from.0 as usize,
            across: taps(from.0, to.0, place.offset.0, place.extent.0, way),
            down: taps(from.1, to.1, place.offset.1, place.extent.1, way),
            rows: vec![0.0; from.1 as usize * to.0 as usize * 4],
        }
    }

    /// Scales a picture across.
    pub(super) fn take(&mut self, rgba: &[u8]) {
        let lines = rgba.chunks_exact(self.from_width * 4);
        let rows = self.rows.chunks_exact_mut(self.across.len() * 4);
        for (line, row) in lines.zip(rows) {
            for (taps, out) in self.across.iter().zip(row.chunks_exact_mut(4)) {
                let mut sum = [0.0f32; 4];
                let pixels = line[taps.first * 4..].chunks_exact(4);
                for (&weight, pixel) in taps.weights.iter().zip(pixels) {
                    for (sum, &byte) in sum.iter_mut().zip(pixel) {
                        *sum += weight * f32::from(byte);
                    }
                }
                out.copy_from_slice(&sum);
            }
        }
    }

    /// Scales down into a line of the frame; false where the picture does not reach it.
    pub(super) fn line(&self, y: usize, line: &mut [f32]) -> bool {
        let (taps, stride) = (&self.down[y], line.len());
        let row = |tap: usize| &self.rows[(taps.first + tap) * stride..][..stride];
        for (block, out) in line.chunks_mut(BLOCK).enumerate() {
            let mut sums = [0.0f32; BLOCK];
            for (tap, &weight) in taps.weights.iter().enumerate() {
                let values = &row(tap)[block * BLOCK..][..out.len()];
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            out.copy_from_slice(&sums[..out.len()]);
        }
        !taps.weights.is_empty()
    }
}

/// The taps of each of `frame` pixels, the picture's `picture` pixels lying over `extent` of them from `offset` on.
pub(super) fn taps(
    picture: u32,
    frame: u32,
    offset: f64,
    extent: f64,
    way: Resampling,
) -> Vec<Taps> {
    let factor = f64::from(picture) / extent;
    let tap = |at: u32| {
        let place = f64::from(at) + 0.5 - offset;
        if place < 0.0 || place >= extent {
            return Taps {
                first: 0,
                weights: Vec::new(),
            };
        }
        match way {
            Resampling::Enlarge(Filter::Nearest) => Taps {
                first: ((place * factor + BORDER) as usize).min(picture as usize - 1),
                weights: vec![1.0],
            },
            Resampling::Enlarge(Filter::Bilinear) => {
                weighed(picture, place * factor, 1.0, 1.0, tent)
            }
            Resampling::Enlarge(Filter::Lanczos) => {
                weighed(picture, place * factor, 3.0, 1.0, lanczos)
            }
            Resampling::Enlarge(Filter::CatmullRom | Filter::Edge) => {
                weighed(picture, place * factor, 2.0, 1.0, catmull_rom)
            }
            Resampling::Reduce => {
                weighed(picture, place * factor, 2.0, factor.max(1.0), catmull_rom)
            }
        }
    };
    (0..frame).map(tap).collect()
}

/// The weights of a kernel that reaches so many pixels, stretched by `stretch`, around a place on the picture.
fn weighed(picture: u32, place: f64, reach: f64, stretch: f64, kernel: fn(f64) -> f64) -> Taps {
    let last = picture as isize - 1;
    let centre = place - 0.5;
    let begin = (centre - reach * stretch).floor() as isize + 1;
    let end = (centre + reach * stretch).ceil() as isize - 1;
    // Pixels beyond the edge are those at the edge.
    let (first, until) = (begin.clamp(0, last), end.clamp(0, last));
    let mut weights = vec![0.0; (until - first + 1) as usize];
    for place in begin..=end {
        let weight = kernel((place as f64 - centre) / stretch);
        weights[(place.clamp(0, last) - first) as usize] += weight;
    }
    let sum: f64 = weights.iter().sum();
    Taps {
        first: first as usize,
        weights: weights.iter().map(|weight| (weight / sum) as f32).collect(),
    }
}

fn tent(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    let turn = std::f64::consts::PI * x;
    if turn.abs() < 1e-6 {
        1.0
    } else if x.abs() < 3.0 {
        3.0 * libm::sin(turn) * libm::sin(turn / 3.0) / (turn * turn)
    } else {
        0.0
    }
}
