//! The filter that follows edges.
//!
//! Where the picture has an edge is seen by its structure tensor (Bigun and Granlund 1987): the products of Scharr's derivatives,
//! smoothed by a binomial. The kernel is turned along the edge, as in steering kernel regression (Takeda, Farsiu and Milanfar, IEEE
//! TIP 16(2), 2007), in one pass over few taps, as in FSR 1 (Lottes, AMD, 2021): across the edge Keys's cubic, along it a bump. What
//! comes out lies within the four nearest pixels, so that edges have no rings. Where nothing has a direction it is Catmull-Rom.
//! The same numbers are in `upscale/analyse.wgsl` and `upscale/upscale.wgsl`.

mod source;

use super::super::fit::Placement;
use source::{PAD, Source};

/// A derivative of this size, in parts of the range, is taken for noise.
const NOISE: f32 = 0.02;
/// From where on, and from where on wholly, what is coherent is an edge.
const COHERENT: (f32, f32) = (0.2, 0.6);
/// Keys's parameter across the edge: sharper than Catmull-Rom, for the bump softens.
const SHARP: f32 = -0.75;

/// What a frame's pixels see of the picture.
pub(super) struct Edge {
    source: Source,
    columns: Vec<Spot>,
    lines: Vec<Spot>,
    /// Of every column, each a list of its own.
    behind: Vec<f32>,
    bumps: [Vec<f32>; 4],
}

/// Where a column of the frame, or a line, lies on the picture.
struct Spot {
    is_inside: bool,
    /// The first of the four taps, counted with the pad, and how far the second is behind.
    first: usize,
    behind: f32,
    plain: [f32; 4],
    bump: [f32; 4],
}

/// What a line is made in: the picture at the line's height, then what there is of an edge at every column. Each is a list of its own,
/// so that the processor works on several columns at once.
#[derive(Default)]
pub(super) struct Scratch {
    /// With the pad at both ends.
    pixels: Vec<[f32; 4]>,
    tensors: Vec<[f32; 3]>,
    /// The tensor's values at every column.
    across: Vec<f32>,
    both: Vec<f32>,
    down: Vec<f32>,
    /// How much of an edge there is, 0..=1.
    share: Vec<f32>,
    /// One tap of every column after the other.
    weights: [Vec<f32>; 16],
}

impl Edge {
    pub(super) fn new(from: (u32, u32), to: (u32, u32), place: &Placement) -> Self {
        let columns = spots(from.0, to.0, place.offset.0, place.extent.0);
        let bump = |tap: usize| columns.iter().map(|column| column.bump[tap]).collect();
        Self {
            source: Source::new(from),
            lines: spots(from.1, to.1, place.offset.1, place.extent.1),
            behind: columns.iter().map(|column| column.behind).collect(),
            bumps: std::array::from_fn(bump),
            columns,
        }
    }

    /// Takes a picture, RGBA, and finds its edges.
    pub(super) fn take(&mut self, rgba: &[u8]) {
        self.source.take(rgba);
    }

    /// Draws a line of the frame; false where the picture does not reach it.
    pub(super) fn line(&self, y: usize, out: &mut [f32], scratch: &mut Scratch) -> bool {
        let line = &self.lines[y];
        if !line.is_inside {
            return false;
        }
        self.scale_down(line, scratch);
        self.find_edges(scratch);
        self.weigh(line, scratch);
        for (x, (column, out)) in self.columns.iter().zip(out.chunks_exact_mut(4)).enumerate() {
            if !column.is_inside {
                out.fill(0.0);
                continue;
            }
            let share = scratch.share[x];
            let mut colour = [0.0; 4];
            if share < 1.0 {
                let taps = &scratch.pixels[column.first..][..4];
                for (pixel, weight) in taps.iter().zip(column.plain) {
                    for (sum, value) in colour.iter_mut().zip(pixel) {
                        *sum += weight * value;
                    }
                }
            }
            if share > 0.0 {
                let along = self.along(column, line, |tap| scratch.weights[tap][x]);
                for (plain, along) in colour.iter_mut().zip(along) {
                    *plain += (along - *plain) * share;
                }
            }
            out.copy_from_slice(&colour);
        }
        true
    }

    /// Brings pixels and tensors to the height of a line.
    fn scale_down(&self, line: &Spot, scratch: &mut Scratch) {
        let rows: [&[[f32; 4]]; 4] = std::array::from_fn(|tap| self.source.row(line.first + tap));
        let [a, b, c, d] = line.plain;
        scratch.pixels.clear();
        scratch.pixels.extend((0..rows[0].len()).map(|x| {
            let [p, q, r, s] = [rows[0][x], rows[1][x], rows[2][x], rows[3][x]];
            std::array::from_fn(|n| a * p[n] + b * q[n] + c * r[n] + d * s[n])
        }));
        let pairs = self.source.tensors(line.first + 1).iter();
        let pairs = pairs.zip(self.source.tensors(line.first + 2));
        scratch.tensors.clear();
        scratch
            .tensors
            .extend(pairs.map(|(a, b)| mixed(a, b, line.behind)));
    }

    /// Finds how much of an edge there is at every column, and its normal, which takes the tensor's place.
    fn find_edges(&self, scratch: &mut Scratch) {
        let Scratch {
            tensors,
            across,
            both,
            down,
            share,
            ..
        } = scratch;
        let last = tensors.len() - 1;
        for list in [&mut *across, &mut *both, &mut *down, &mut *share] {
            list.clear();
        }
        for column in &self.columns {
            let at = |tap: usize| (column.first + tap).saturating_sub(PAD).min(last);
            let tensor = mixed(&tensors[at(1)], &tensors[at(2)], column.behind);
            across.push(tensor[0]);
            both.push(tensor[1]);
            down.push(tensor[2]);
        }
        share.resize(across.len(), 0.0);
        let lists = across.iter_mut().zip(both.iter()).zip(down).zip(share);
        for (((across, &both), down), share) in lists {
            let difference = *across - *down;
            let length = (difference * difference + 4.0 * both * both).sqrt();
            let coherence = length / (*across + *down + NOISE * NOISE);
            let part = ((coherence - COHERENT.0) / (COHERENT.1 - COHERENT.0)).clamp(0.0, 1.0);
            *share = part * part * (3.0 - 2.0 * part);
            // The tensor has twice the angle. Where it has none nothing is made of it.
            let cosine = (difference / (length + f32::MIN_POSITIVE)).clamp(-1.0, 1.0);
            *across = (0.5 + 0.5 * cosine).sqrt();
            *down = (0.5 - 0.5 * cosine).sqrt().copysign(both);
        }
    }

    /// Weighs the sixteen taps of every column.
    fn weigh(&self, line: &Spot, scratch: &mut Scratch) {
        let normals = scratch.across.iter().zip(&scratch.down);
        for (tap, weights) in scratch.weights.iter_mut().enumerate() {
            let (x, y) = (tap % 4, tap / 4);
            let (before, down) = (x as f32 - 1.0, y as f32 - 1.0 - line.behind);
            let columns = self.behind.iter().zip(&self.bumps[x]);
            weights.clear();
            weights.extend(
                columns
                    .zip(normals.clone())
                    .map(|((behind, bump), normal)| {
                        let far = (before - behind) * normal.0 + down * normal.1;
                        cubic(far, SHARP) * bump * line.bump[y]
                    }),
            );
        }
    }

    /// The colour at a place along an edge.
    fn along(&self, column: &Spot, line: &Spot, weight: impl Fn(usize) -> f32) -> [f32; 4] {
        let taps = |row: usize| self.source.row(line.first + row)[column.first..].first_chunk();
        let [Some(a), Some(b), Some(c), Some(d)] = [taps(0), taps(1), taps(2), taps(3)] else {
            return [0.0; 4];
        };
        let rows: [&[[f32; 4]; 4]; 4] = [a, b, c, d];
        // The fourth value of a pixel is 1: it sums the weights.
        let mut sum = [0.0f32; 4];
        for (row, pixels) in rows.into_iter().enumerate() {
            for (tap, pixel) in pixels.iter().enumerate() {
                let weight = weight(row * 4 + tap);
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * value;
                }
            }
        }
        let whole = 1.0 / sum[3];
        std::array::from_fn(|n| {
            let (p, q, r, s) = (b[1][n], b[2][n], c[1][n], c[2][n]);
            let least = lesser(lesser(p, q), lesser(r, s));
            let most = greater(greater(p, q), greater(r, s));
            lesser(greater(sum[n] * whole, least), most)
        })
    }
}

/// As `f32::min`, but for NaN, which these never are.
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn mixed(a: &[f32; 3], b: &[f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|n| a[n] + (b[n] - a[n]) * share)
}

fn spots(picture: u32, frame: u32, offset: f64, extent: f64) -> Vec<Spot> {
    let spot = |at: u32| {
        let place = f64::from(at) + 0.5 - offset;
        let centre = place * f64::from(picture) / extent - 0.5;
        let behind = (centre - centre.floor()) as f32;
        let is_inside = place >= 0.0 && place < extent;
        Spot {
            is_inside,
            // From -1 to one less than there are pixels; one tap lies before.
            first: if is_inside {
                (centre.floor() + 1.0) as usize
            } else {
                0
            },
            behind,
            plain: std::array::from_fn(|tap| cubic(tap as f32 - 1.0 - behind, -0.5)),
            bump: std::array::from_fn(|tap| {
                let far = tap as f32 - 1.0 - behind;
                (1.0 - far * far / 4.0).powi(2)
            }),
        }
    };
    (0..frame).map(spot).collect()
}

/// Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE TASSP 29(6), 1981.
fn cubic(far: f32, a: f32) -> f32 {
    // Each part is nothing where the other one holds. Without a branch, several are computed at once.
    let far = far.abs();
    let (near, away) = (lesser(far, 1.0), lesser(greater(far, 1.0), 2.0));
    let inner = ((a + 2.0) * near - (a + 3.0)) * near * near + 1.0;
    let outer = ((a * away - 5.0 * a) * away + 8.0 * a) * away - 4.0 * a;
    inner + outer
}
