//! Convolution and transposed convolution, 4 x 4, stride 2, padding 1, forward and backward.
//!
//! PyTorch lays out the weights of `Conv2d` (fine to coarse) and of `ConvTranspose2d` (coarse to fine) alike, as
//! `[coarse, fine, 4, 4]`, so three kernels serve both: [`strided`] (fine to coarse), [`transposed`] (coarse to fine) and
//! [`weight_gradient`]. Every number is summed by one task in a fixed order: the result is the same for any number of threads.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::col2im::{Col2Im, prefers_col2im};
use super::feature_map::FeatureMap;
use super::filter::{Axis, Filter, Phases};
use super::implicit_gemm::Epilogue;
use super::microkernel::{
    Instructions, PixelRow, VECTORS, add_outer_products, load_vectors, store_vectors,
};
use super::unsafe_slice::UnsafeSlice;
use super::winograd::{self, Direction, Winograd};

/// Zeros around every map of the studies networks.
pub const BORDER: usize = 1;

/// Channels, batch and coarse side of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the coarse map.
    pub coarse: usize,
    /// Channels of the fine map.
    pub fine: usize,
    /// Pictures in the batch.
    pub batch: usize,
    /// Height of the coarse map; the fine one has twice as many rows.
    pub height: usize,
    /// Width of the coarse map.
    pub width: usize,
}

/// Taps of the filter.
const TAPS: usize = 16;

impl ConvShape {
    /// The coarse map.
    pub fn coarse_map(&self) -> FeatureMap {
        FeatureMap {
            batch: self.batch,
            height: self.height,
            width: self.width,
            channels: self.coarse,
            border: BORDER,
        }
    }

    /// The fine map.
    pub fn fine_map(&self) -> FeatureMap {
        FeatureMap {
            batch: self.batch,
            height: 2 * self.height,
            width: 2 * self.width,
            channels: self.fine,
            border: BORDER,
        }
    }

    /// Numbers in the weights.
    pub fn weight_len(&self) -> usize {
        self.coarse * self.fine * TAPS
    }

    fn weight(&self, coarse: usize, fine: usize, ky: usize, kx: usize) -> usize {
        ((coarse * self.fine + fine) * 4 + ky) * 4 + kx
    }
}

/// Fine map to coarse map: the forward pass of a convolution, the input gradient of a transposed one.
pub fn strided(shape: &ConvShape, fine: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let instructions = Instructions::Best;
    let (from, to) = (shape.fine_map(), shape.coarse_map());
    let mut coarse = vec![0.0f32; to.len()];
    let epilogue = Epilogue::bias(bias);
    if let Some(tile) = tile(&to).filter(|_| shape.fine >= FEW) {
        let channels = [shape.fine, shape.coarse];
        let weight = |f, c, ky, kx| weight[shape.weight(c, f, ky, kx)];
        let winograd = Winograd::new(instructions, Direction::Strided, tile, channels, weight);
        winograd.run([&from, &to], fine, &mut coarse, epilogue);
        return coarse;
    }
    let phases = Phases::new(
        instructions,
        [
            &[Axis::strided(Filter::STUDIES, from.height)],
            &[Axis::strided(Filter::STUDIES, from.width)],
        ],
        [shape.fine, shape.coarse],
        |fine, coarse, ky, kx| weight[shape.weight(coarse, fine, ky, kx)],
    );
    phases.run([&from, &to], fine, &mut coarse, epilogue);
    coarse
}

/// Coarse map to fine map: the forward pass of a transposed convolution, the input gradient of a plain one.
pub fn transposed(
    shape: &ConvShape,
    coarse: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let instructions = Instructions::Best;
    let (from, to) = (shape.coarse_map(), shape.fine_map());
    let mut fine = vec![0.0f32; to.len()];
    if prefers_col2im(instructions, shape.fine) {
        let few = Col2Im::new(instructions, shape.coarse, shape.fine, |c, f, ky, kx| {
            weight[shape.weight(c, f, ky, kx)]
        });
        let out = UnsafeSlice::new(&mut fine);
        few.run(&from, coarse, |picture, y, line| {
            // SAFETY: this row of the fine map is written by this call alone.
            let row = unsafe { out.slice(to.start(picture, y), line.len()) };
            match bias {
                Some(bias) => {
                    for (out, line) in row
                        .chunks_exact_mut(shape.fine)
                        .zip(line.chunks(shape.fine))
                    {
                        for ((out, &sum), &bias) in out.iter_mut().zip(line).zip(bias) {
                            *out = sum + bias;
                        }
                    }
                }
                None => row.copy_from_slice(line),
            }
        });
        return fine;
    }
    let epilogue = Epilogue::bias(bias);
    if let Some(tile) = tile(&from) {
        let channels = [shape.coarse, shape.fine];
        let weight = |c, f, ky, kx| weight[shape.weight(c, f, ky, kx)];
        let winograd = Winograd::new(instructions, Direction::Transposed, tile, channels, weight);
        winograd.run([&from, &to], coarse, &mut fine, epilogue);
        return fine;
    }
    let phases = Phases::new(
        instructions,
        [
            &Axis::transposed(Filter::STUDIES, from.height),
            &Axis::transposed(Filter::STUDIES, from.width),
        ],
        [shape.coarse, shape.fine],
        |coarse, fine, ky, kx| weight[shape.weight(coarse, fine, ky, kx)],
    );
    phases.run([&from, &to], coarse, &mut fine, epilogue);
    fine
}

/// Tiles of a coarse map that are worth the transformation of weights that change with every step; a rule and no measurement,
/// so that a run can go on elsewhere as it began.
fn tile(coarse: &FeatureMap) -> Option<winograd::Tile> {
    let whole =
        |side: usize| coarse.height.is_multiple_of(side) && coarse.width.is_multiple_of(side);
    match coarse.pixels() {
        FOUR_PIXELS.. if whole(4) => Some(winograd::Tile::Four),
        TWO_PIXELS.. if whole(2) => Some(winograd::Tile::Two),
        _ => None,
    }
}

/// Fewer channels leave most of a vector empty where the input is transformed.
const FEW: usize = 8;
/// Pixels of all pictures from which on tiles of 4 x 4 results pay.
const FOUR_PIXELS: usize = 4096;
/// Pixels of all pictures from which on tiles of 2 x 2 results pay.
const TWO_PIXELS: usize = 512;

/// Numbers of both maps that a tile's rows may hold, so that they stay in a core's cache while all its tiles pass over them.
const CHUNK_NUMBERS: usize = 1 << 17;

/// The gradient of the weights, `[coarse, fine, 4, 4]`.
pub fn weight_gradient(shape: &ConvShape, coarse: &[f32], fine: &[f32]) -> Vec<f32> {
    let instructions = Instructions::Best;
    let (coarse_map, fine_map) = (shape.coarse_map(), shape.fine_map());
    assert_eq!(coarse.len(), coarse_map.len(), "the coarse map's length");
    assert_eq!(fine.len(), fine_map.len(), "the fine map's length");
    if tile(&coarse_map) == Some(winograd::Tile::Four) && shape.fine >= FEW {
        return winograd::weight_gradient(instructions, [&coarse_map, &fine_map], coarse, fine);
    }
    let panel = instructions.panel_channels();
    // The four taps of a filter's row meet 4 x fine neighbouring numbers.
    let across = 4 * shape.fine;
    let tiles_across = across.div_ceil(GradientTile::ACROSS);
    let tiles = shape.coarse.div_ceil(panel) * 4 * tiles_across;
    let groups = tiles.min(4 * rayon::current_num_threads());
    let chunk = (CHUNK_NUMBERS / (coarse_map.row() + 2 * fine_map.row())).clamp(1, shape.height);
    let mut gradient = vec![0.0f32; shape.weight_len()];
    let out = UnsafeSlice::new(&mut gradient);
    (0..groups).into_par_iter().for_each(|group| {
        SUMS.with_borrow_mut(|sums| {
            let mine = tiles * group / groups..tiles * (group + 1) / groups;
            let each = GradientTile::ACROSS * panel;
            sums.clear();
            sums.resize(mine.len() * each, 0.0);
            let tile = |index: usize| GradientTile {
                shape,
                coarse,
                fine,
                channel: index / (4 * tiles_across) * panel,
                ky: index / tiles_across % 4,
                first: index % tiles_across * GradientTile::ACROSS,
            };
            for picture in 0..shape.batch {
                for top in (0..shape.height).step_by(chunk) {
                    let rows = [picture, top, (top + chunk).min(shape.height)];
                    for (index, sums) in mine.clone().zip(sums.chunks_exact_mut(each)) {
                        let tile = tile(index);
                        instructions.run(GradientRows { tile, rows, sums });
                    }
                }
            }
            for (index, sums) in mine.zip(sums.chunks_exact(each)) {
                let tile = tile(index);
                for (place, row) in sums.chunks_exact(panel).enumerate() {
                    let place = tile.first + place;
                    if place >= across {
                        break;
                    }
                    let (kx, fine) = (place / shape.fine, place % shape.fine);
                    let channels = panel.min(shape.coarse - tile.channel);
                    for (lane, &sum) in row[..channels].iter().enumerate() {
                        let at = shape.weight(tile.channel + lane, fine, tile.ky, kx);
                        // SAFETY: each weight belongs to one tile, and each tile to one group.
                        unsafe { *out.at(at) = sum };
                    }
                }
            }
        });
    });
    gradient
}

thread_local! {
    /// Sums of a group of tiles, kept from call to call.
    static SUMS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A panel of coarse channels by some of the numbers that one row of the filter meets.
#[derive(Clone, Copy)]
struct GradientTile<'a> {
    shape: &'a ConvShape,
    coarse: &'a [f32],
    fine: &'a [f32],
    channel: usize,
    ky: usize,
    first: usize,
}

impl GradientTile<'_> {
    /// Numbers of the fine map that a tile takes; the last one of a row may have half of them.
    const ACROSS: usize = 8;
}

struct GradientRows<'a> {
    tile: GradientTile<'a>,
    rows: [usize; 3],
    sums: &'a mut [f32],
}

impl WithSimd for GradientRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let first = self.tile.first;
        let half = 4 * VECTORS * S::F32_LANES;
        let left = 4 * self.tile.shape.fine - first;
        if left >= 8 && S::REGISTER_COUNT >= 32 {
            self.sums::<S, 8>(simd, first, 0);
        } else {
            let Self { tile, rows, sums } = self;
            GradientRows {
                tile,
                rows,
                sums: &mut *sums,
            }
            .sums::<S, 4>(simd, first, 0);
            if left >= 8 {
                GradientRows { tile, rows, sums }.sums::<S, 4>(simd, first + 4, half);
            }
        }
    }
}

impl GradientRows<'_> {
    #[inline(always)]
    fn sums<S: Simd, const N: usize>(self, simd: S, first: usize, at: usize) {
        let Self {
            tile,
            rows: [picture, top, bottom],
            sums,
        } = self;
        let (coarse_map, fine_map) = (tile.shape.coarse_map(), tile.shape.fine_map());
        let width = VECTORS * S::F32_LANES;
        let channels = (tile.shape.coarse - tile.channel).min(width);
        let sums = &mut sums[at..at + N * width];
        let mut now = [[simd.splat_f32s(0.0); VECTORS]; N];
        for (now, kept) in now.iter_mut().zip(sums.chunks_exact(width)) {
            // SAFETY: the kept sums are that many.
            *now = unsafe { load_vectors(simd, kept.as_ptr(), width) };
        }
        for y in top..bottom {
            let coarse = coarse_map.start(picture, y) + tile.channel;
            let fine = picture * fine_map.picture() + (2 * y + tile.ky) * fine_map.row() + first;
            let row = PixelRow {
                coarse: tile.coarse.as_ptr().wrapping_add(coarse),
                fine: tile.fine.as_ptr().wrapping_add(fine),
            };
            // SAFETY: the map's lengths were held to the shape's; row y of the coarse map has `width` pixels, and the filter's
            // row 2 y + ky of the fine one has two for each and two more.
            unsafe {
                add_outer_products::<S, N>(
                    simd,
                    row,
                    tile.shape.width,
                    [tile.shape.coarse, 2 * tile.shape.fine],
                    channels,
                    &mut now,
                );
            }
        }
        for (now, kept) in now.iter().zip(sums.chunks_exact_mut(width)) {
            // SAFETY: as above, and they are this group's own.
            unsafe { store_vectors(simd, kept.as_mut_ptr(), width, *now) };
        }
    }
}

/// The sum of every channel over a map: the gradient of a bias.
pub fn channel_sums(map: &FeatureMap, numbers: &[f32]) -> Vec<f32> {
    let mut total = vec![0.0f64; map.channels];
    let rows: Vec<Vec<f32>> = (0..map.batch * map.height)
        .into_par_iter()
        .with_min_len(8)
        .map(|row| {
            let start = map.start(row / map.height, row % map.height);
            let mut sums = vec![0.0f32; map.channels];
            for pixel in numbers[start..start + map.width * map.channels].chunks_exact(map.channels)
            {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            sums
        })
        .collect();
    for row in &rows {
        for (total, &sum) in total.iter_mut().zip(row) {
            *total += f64::from(sum);
        }
    }
    total.into_iter().map(|sum| sum as f32).collect()
}
