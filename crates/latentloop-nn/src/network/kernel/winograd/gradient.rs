//! The gradient of the weights: what tiles of results are multiplied by goes the other way through the same transformations.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Direction, Tile, input_at_points};
use crate::network::kernel::cache_line::CacheLine;
use crate::network::kernel::feature_map::FeatureMap;
use crate::network::kernel::microkernel::{
    Instructions, PixelRow, VECTORS, add_outer_products, load, load_vectors, store, store_vectors,
};
use crate::network::kernel::unsafe_slice::UnsafeSlice;

/// Tiles whose points are held at a time.
const TILES: usize = 64;
/// Points of a tile of 4 x 4 results.
const POINTS: usize = 25;

/// Numbers from a point to the next: a line more than the tiles take, or all points of a tile would meet in one set of the cache.
fn point_step(channels: usize) -> usize {
    TILES * channels + 16
}

/// The gradient of the weights, `[coarse, fine, 4, 4]`, over tiles of 4 x 4 coarse pixels. The coarse map's sides are multiples of
/// 4, the fine one's border is one pixel at least.
pub(crate) fn weight_gradient(
    instructions: Instructions,
    [coarse_map, fine_map]: [&FeatureMap; 2],
    coarse: &[f32],
    fine: &[f32],
) -> Vec<f32> {
    let side = Tile::Four.side();
    assert_eq!(coarse.len(), coarse_map.len(), "the coarse map's length");
    assert_eq!(fine.len(), fine_map.len(), "the fine map's length");
    assert_eq!(
        [fine_map.batch, fine_map.height, fine_map.width],
        [
            coarse_map.batch,
            2 * coarse_map.height,
            2 * coarse_map.width
        ],
        "the maps' sides"
    );
    assert!(fine_map.border >= 1, "a pixel of border");
    assert!(
        coarse_map.height.is_multiple_of(side) && coarse_map.width.is_multiple_of(side),
        "whole tiles"
    );
    let (coarse_channels, seen) = (coarse_map.channels, 4 * fine_map.channels);
    let tiles = coarse_map.pixels() / (side * side);
    let lines = || [Vec::new(), Vec::new(), Vec::new()];
    let [mut given, mut taken, mut sums] = lines();
    let given = CacheLine::numbers(&mut given, POINTS * point_step(coarse_channels));
    let taken = CacheLine::numbers(&mut taken, POINTS * point_step(seen));
    let sums = CacheLine::numbers(&mut sums, POINTS * seen * coarse_channels);
    let panel = instructions.panel_channels();
    let blocks = coarse_channels.div_ceil(panel);
    for first in (0..tiles).step_by(TILES) {
        let count = TILES.min(tiles - first);
        let places = [UnsafeSlice::new(given), UnsafeSlice::new(taken)];
        (0..count).into_par_iter().for_each(|tile| {
            instructions.run(Points {
                maps: [coarse_map, fine_map],
                coarse: coarse.as_ptr(),
                fine: fine.as_ptr(),
                number: first + tile,
                given: places[0].at(tile * coarse_channels),
                taken: places[1].at(tile * seen),
            });
        });
        let totals = UnsafeSlice::new(sums);
        let (given, taken) = (&*given, &*taken);
        (0..POINTS * blocks).into_par_iter().for_each(|task| {
            let (point, channel) = (task / blocks, task % blocks * panel);
            instructions.run(Products {
                given: given[point * point_step(coarse_channels)..]
                    .as_ptr()
                    .wrapping_add(channel),
                taken: taken[point * point_step(seen)..].as_ptr(),
                sums: totals.at(point * seen * coarse_channels + channel),
                count,
                coarse: coarse_channels,
                seen,
                channels: panel.min(coarse_channels - channel),
            });
        });
    }
    taps(instructions, sums, coarse_channels, fine_map.channels)
}

/// One tile at every point: `given` of the coarse map, `taken` of the four phases of the fine one, `[points, tiles, channels]`.
struct Points<'a> {
    maps: [&'a FeatureMap; 2],
    coarse: *const f32,
    fine: *const f32,
    number: usize,
    given: *mut f32,
    taken: *mut f32,
}

impl WithSimd for Points<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [coarse, fine] = self.maps;
        let (down, across) = (coarse.height / 4, coarse.width / 4);
        let picture = self.number / (down * across);
        let (y, x) = (self.number / across % down * 4, self.number % across * 4);
        // SAFETY: `weight_gradient` held the maps to the buffers; the places are this tile's alone.
        unsafe {
            let corner = coarse.start(picture, y) + x * coarse.channels;
            let steps = [coarse.row(), coarse.channels];
            let corner = self.coarse.wrapping_add(corner);
            results_at_points(simd, corner, steps, coarse.channels, self.given);
            let seen = 4 * fine.channels;
            for phase in 0..4 {
                let corner = fine.start(picture, 2 * y) + 2 * x * fine.channels;
                let corner = corner + phase / 2 * fine.row() + phase % 2 * fine.channels;
                let corner = self.fine.wrapping_add(corner - fine.row() - fine.channels);
                let steps = [2 * fine.row(), 2 * fine.channels];
                let to = self.taken.wrapping_add(phase * fine.channels);
                input_at_points::<S, 5>(simd, corner, steps, fine.channels, to, point_step(seen));
            }
        }
    }
}

/// Writes 4 x 4 results at every point.
///
/// # Safety
/// They must lie in live memory, and so must the places, `[points, tiles, channels]`.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "bounds known at compile time keep the numbers in registers"
)]
unsafe fn results_at_points<S: Simd>(
    simd: S,
    corner: *const f32,
    [down, across]: [usize; 2],
    channels: usize,
    to: *mut f32,
) {
    let mut channel = 0;
    while channel < channels {
        let count = S::F32_LANES.min(channels - channel);
        let mut rows = [[simd.splat_f32s(0.0); 4]; 5];
        for x in 0..4 {
            let mut column = [simd.splat_f32s(0.0); 4];
            for (y, number) in column.iter_mut().enumerate() {
                let at = y * down + x * across + channel;
                // SAFETY: the caller vouches for the results.
                *number = unsafe { load(simd, corner.wrapping_add(at), count) };
            }
            let column = of_results(simd, column);
            for y in 0..5 {
                rows[y][x] = column[y];
            }
        }
        for (y, row) in rows.into_iter().enumerate() {
            for (x, number) in of_results(simd, row).into_iter().enumerate() {
                let at = (y * 5 + x) * point_step(channels) + channel;
                // SAFETY: the caller vouches for the places.
                unsafe { store(simd, to.wrapping_add(at), count, number) };
            }
        }
        channel += count;
    }
}

/// Neighbouring results at every point: the transpose of what makes results out of products.
#[inline(always)]
fn of_results<S: Simd>(simd: S, r: [S::f32s; 4]) -> [S::f32s; 5] {
    let (even, odd) = (simd.add_f32s(r[0], r[2]), simd.add_f32s(r[1], r[3]));
    let times = |factor, x, rest| simd.mul_add_e_f32s(simd.splat_f32s(factor), x, rest);
    let third = times(8.0, r[3], times(4.0, r[2], times(2.0, r[1], r[0])));
    [
        r[0],
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        third,
        r[3],
    ]
}

/// Adds the products of one point and one block of coarse channels over some tiles: `[fine, coarse]`.
struct Products {
    given: *const f32,
    taken: *const f32,
    sums: *mut f32,
    count: usize,
    coarse: usize,
    seen: usize,
    channels: usize,
}

impl WithSimd for Products {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut at = 0;
        // There are four phases: what is seen is a multiple of 4.
        while at < self.seen {
            if S::REGISTER_COUNT >= 32 && at + 8 <= self.seen {
                self.add::<S, 8>(simd, at);
                at += 8;
            } else {
                self.add::<S, 4>(simd, at);
                at += 4;
            }
        }
    }
}

impl Products {
    #[inline(always)]
    fn add<S: Simd, const N: usize>(&self, simd: S, at: usize) {
        let place = |n: usize| self.sums.wrapping_add((at + n) * self.coarse);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; N];
        for (n, sums) in sums.iter_mut().enumerate() {
            // SAFETY: these sums are this task's alone.
            *sums = unsafe { load_vectors(simd, place(n), self.channels) };
        }
        let row = PixelRow {
            coarse: self.given,
            fine: self.taken.wrapping_add(at),
        };
        // SAFETY: so many tiles were written.
        unsafe {
            let steps = [self.coarse, self.seen];
            add_outer_products::<S, N>(simd, row, self.count, steps, self.channels, &mut sums);
        }
        for (n, sums) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { store_vectors(simd, place(n), self.channels, sums) };
        }
    }
}

/// The taps' gradients out of the points' sums, `[points, phases x fine, coarse]`.
fn taps(instructions: Instructions, sums: &[f32], coarse: usize, fine: usize) -> Vec<f32> {
    let (factors, places) = (Tile::Four.factors(), Direction::Strided.taps());
    let mut gradient = vec![0.0f32; coarse * fine * 16];
    let out = UnsafeSlice::new(&mut gradient);
    (0..fine).into_par_iter().for_each(|channel| {
        let mut totals = vec![0.0f32; coarse];
        for tap in 0..16 {
            let (ky, kx) = (tap / 4, tap % 4);
            // Which phase a tap belongs to, and which of its two taps it is.
            let find = |k: usize| {
                let phase = places
                    .iter()
                    .position(|taps| taps.contains(&k))
                    .unwrap_or(0);
                (phase, usize::from(places[phase][1] == k))
            };
            let ((down, i), (right, j)) = (find(ky), find(kx));
            let row = (2 * down + right) * fine + channel;
            totals.fill(0.0);
            instructions.run_plain(|| {
                for point in 0..POINTS {
                    let factor = factors[point / 5][i] * factors[point % 5][j];
                    if factor == 0.0 {
                        continue;
                    }
                    let sums = &sums[(point * 4 * fine + row) * coarse..][..coarse];
                    for (total, sum) in totals.iter_mut().zip(sums) {
                        *total += factor * sum;
                    }
                }
            });
            for (at, &total) in totals.iter().enumerate() {
                // SAFETY: this tap of this pair of channels is written by this call alone.
                unsafe { *out.at((at * fine + channel) * 16 + tap) = total };
            }
        }
    });
    gradient
}
