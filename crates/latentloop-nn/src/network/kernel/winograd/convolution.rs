//! Convolution and transposed convolution.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{Direction, Tile, input_at_points, of_products};
use crate::network::kernel::cache_line::CacheLine;
use crate::network::kernel::feature_map::FeatureMap;
use crate::network::kernel::implicit_gemm::{Epilogue, Panels};
use crate::network::kernel::microkernel::{
    Instructions, VECTORS, Window, load, store, window_products,
};
use crate::network::kernel::unsafe_slice::UnsafeSlice;

/// Tasks that a layer is cut into at least, where it can be: enough for eight threads.
const TASKS: usize = 16;

/// Tiles of a task, where there are many: so often is a block of weights used once it is in the cache.
const TILES: usize = 16;

/// Output channels of a block at most.
const MOST_LANES: usize = VECTORS * 16;

/// The weights at every point, packed.
#[derive(Clone, Debug)]
pub(crate) struct Winograd {
    instructions: Instructions,
    direction: Direction,
    tile: Tile,
    /// One a phase of the output, row phases first. The window's depth is points² x phases of the input x inputs.
    phases: Vec<Panels>,
    inputs: usize,
    outputs: usize,
}

/// A 2 x 2 filter of many channels at every point.
#[inline(always)]
fn at_points<'a>(
    factors: &[[f32; 2]],
    window: &[[f32; MOST_LANES]; 4],
    width: usize,
    mut places: impl Iterator<Item = &'a mut [f32]>,
) {
    for down in factors {
        for across in factors {
            let weights = [
                down[0] * across[0],
                down[0] * across[1],
                down[1] * across[0],
                down[1] * across[1],
            ];
            let Some(place) = places.next() else {
                return;
            };
            for (lane, number) in place[..width].iter_mut().enumerate() {
                let taps = [0, 1, 2, 3].map(|tap: usize| weights[tap] * window[tap][lane]);
                *number = (taps[0] + taps[1]) + (taps[2] + taps[3]);
            }
        }
    }
}

thread_local! {
    /// Transformed input and products of a task, kept from call to call: drawing a frame allocates nothing.
    static SCRATCH: RefCell<[Vec<CacheLine>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

impl Winograd {
    /// Packs `weight(in, out, ky, kx)`.
    pub(crate) fn new(
        instructions: Instructions,
        direction: Direction,
        tile: Tile,
        [inputs, outputs]: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let factors = tile.factors();
        let taps = direction.taps();
        let [made, seen] = direction.phases();
        let depth = factors.len().pow(2) * seen * inputs;
        let phases = (0..made).into_par_iter().map(|phase| {
            let mut panels = Panels::default();
            panels.fill(instructions, depth, outputs, |first, panel| {
                let width = panel.len() / depth;
                let lanes = width.min(outputs - first);
                let mut window = [[0.0; MOST_LANES]; 4];
                for place in 0..seen * inputs {
                    let (phase, input) = (phase + place / inputs, place % inputs);
                    let (rows, columns) = (taps[phase / 2], taps[phase % 2]);
                    for lane in 0..lanes {
                        for (at, tap) in window.iter_mut().enumerate() {
                            tap[lane] = weight(input, first + lane, rows[at / 2], columns[at % 2]);
                        }
                    }
                    let places = panel[place * width..].chunks_mut(seen * inputs * width);
                    instructions.run_plain(|| at_points(factors, &window, width, places));
                }
            });
            panels
        });
        Self {
            instructions,
            direction,
            tile,
            phases: phases.collect(),
            inputs,
            outputs,
        }
    }

    /// Numbers that a result sees at every point.
    fn seen(&self) -> usize {
        self.direction.phases()[1] * self.inputs
    }

    /// Makes one map from another, the coarser one's sides being multiples of the tile's, and the border of what is read one pixel
    /// at least.
    pub(crate) fn run(
        &self,
        [from, to]: [&FeatureMap; 2],
        input: &[f32],
        output: &mut [f32],
        epilogue: Epilogue,
    ) {
        let side = self.tile.side();
        let (coarse, fine) = match self.direction {
            Direction::Transposed => (from, to),
            Direction::Strided => (to, from),
        };
        assert_eq!(input.len(), from.len(), "the input's length");
        assert_eq!(output.len(), to.len(), "the output's length");
        assert_eq!(
            [from.channels, to.channels],
            [self.inputs, self.outputs],
            "the maps' channels"
        );
        assert_eq!(
            [fine.batch, fine.height, fine.width],
            [coarse.batch, 2 * coarse.height, 2 * coarse.width],
            "the maps' sides"
        );
        assert!(from.border >= 1, "a pixel of border");
        assert!(
            coarse.height.is_multiple_of(side) && coarse.width.is_multiple_of(side),
            "whole tiles"
        );
        epilogue.check(self.outputs);
        let points = self.tile.points().pow(2);
        let tiles = coarse.pixels() / (side * side);
        let each = if tiles < 16 * TILES { TILES / 2 } else { TILES };
        let chunks = tiles.div_ceil(each);
        let blocks = self.phases[0].blocks();
        let phases = self.phases.len();
        let groups = TASKS.div_ceil(phases * chunks).min(blocks);
        let out = UnsafeSlice::new(output);
        (0..phases * groups * chunks)
            .into_par_iter()
            .for_each(|task| {
                let (phase, group, chunk) = (
                    task / chunks / groups,
                    task / chunks % groups,
                    task % chunks,
                );
                let task = Task {
                    winograd: self,
                    maps: [from, to],
                    coarse,
                    input: input.as_ptr(),
                    output: out,
                    epilogue,
                    phase,
                    blocks: [group * blocks / groups, (group + 1) * blocks / groups],
                    first: chunk * each,
                    count: each.min(tiles - chunk * each),
                };
                SCRATCH.with_borrow_mut(|[input, products]| {
                    let tiles = points * task.count;
                    let input = CacheLine::numbers(input, tiles * self.seen());
                    let width = self.instructions.panel_channels();
                    let products = CacheLine::numbers(products, tiles * width);
                    match self.tile {
                        Tile::Two => self.instructions.run(Run::<3, 2> {
                            task,
                            input,
                            products,
                        }),
                        Tile::Four => self.instructions.run(Run::<5, 4> {
                            task,
                            input,
                            products,
                        }),
                    }
                });
            });
    }
}

/// Some tiles of one phase of the output, and some blocks of output channels.
struct Task<'a> {
    winograd: &'a Winograd,
    maps: [&'a FeatureMap; 2],
    coarse: &'a FeatureMap,
    input: *const f32,
    output: UnsafeSlice<'a, f32>,
    epilogue: Epilogue<'a>,
    phase: usize,
    blocks: [usize; 2],
    first: usize,
    count: usize,
}

/// A task and its scratch: `P` points, `M` results along a side.
struct Run<'a, const P: usize, const M: usize> {
    task: Task<'a>,
    input: &'a mut [f32],
    products: &'a mut [f32],
}

impl<const P: usize, const M: usize> WithSimd for Run<'_, P, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            task,
            input,
            products,
        } = self;
        let (input, products) = (input.as_mut_ptr(), products.as_mut_ptr());
        // SAFETY: `Winograd::run` held the maps to the buffers and made the scratch long enough.
        unsafe {
            task.transform::<S, P, M>(simd, input);
            for block in task.blocks[0]..task.blocks[1] {
                if S::REGISTER_COUNT >= 32 {
                    task.multiply::<S, 8>(simd, P * P, block, input, products);
                } else {
                    task.multiply::<S, 6>(simd, P * P, block, input, products);
                }
                task.results::<S, P, M>(simd, block, products);
            }
        }
    }
}

impl Task<'_> {
    /// Picture, row and column of a tile on the coarse map.
    #[inline(always)]
    fn place(&self, tile: usize, side: usize) -> [usize; 3] {
        let (down, across) = (self.coarse.height / side, self.coarse.width / side);
        [
            tile / (down * across),
            tile / across % down * side,
            tile % across * side,
        ]
    }

    /// Writes what the tiles see, at every point: `[tiles, points, phases, inputs]`.
    ///
    /// # Safety
    /// The tiles must lie in the map, and the scratch must be that long.
    #[inline(always)]
    unsafe fn transform<S: Simd, const P: usize, const M: usize>(&self, simd: S, to: *mut f32) {
        let map = self.maps[0];
        let (inputs, seen) = (self.winograd.inputs, self.winograd.seen());
        let step = self.winograd.direction.steps()[0];
        for place in 0..self.count * (seen / inputs) {
            let (tile, phase) = (
                place / (seen / inputs),
                self.phase + place % (seen / inputs),
            );
            let [picture, y, x] = self.place(self.first + tile, M);
            let corner = map.start(picture, step * y) + step * x * inputs;
            let corner = corner + phase / 2 * map.row() + phase % 2 * inputs;
            let corner = self.input.wrapping_add(corner - map.row() - inputs);
            let to = to.wrapping_add(tile * P * P * seen + place % (seen / inputs) * inputs);
            // SAFETY: the caller vouches for the tile and the scratch.
            unsafe {
                let steps = [step * map.row(), step * inputs];
                input_at_points::<S, P>(simd, corner, steps, inputs, to, seen);
            }
        }
    }

    /// Multiplies with one block of weights at every point: `[tiles, points, block]`.
    ///
    /// # Safety
    /// Both scratches must be of those shapes.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const N: usize>(
        &self,
        simd: S,
        points: usize,
        block: usize,
        input: *const f32,
        products: *mut f32,
    ) {
        let seen = self.winograd.seen();
        let width = VECTORS * S::F32_LANES;
        let panel = self.winograd.phases[self.phase].block(block).as_ptr();
        let window = Window {
            rows: 1,
            run: seen,
            row_stride: 0,
        };
        for point in 0..points {
            let weights = panel.wrapping_add(point * seen * width);
            let mut tile = 0;
            while tile < self.count {
                let count = N.min(self.count - tile);
                // What is left of a group of tiles repeats one: its products are dropped.
                let positions: [*const f32; N] = std::array::from_fn(|n| {
                    let n = if n < count { n } else { 0 };
                    input.wrapping_add(((tile + n) * points + point) * seen)
                });
                // SAFETY: the caller vouches for the scratch; the panel is of that depth.
                let sums =
                    unsafe { window_products::<S, N, VECTORS>(simd, window, weights, positions) };
                for (n, sums) in sums.into_iter().enumerate() {
                    // A bound known at compile time keeps the sums in registers.
                    if n >= count {
                        break;
                    }
                    for (v, sum) in sums.into_iter().enumerate() {
                        let at = ((tile + n) * points + point) * width + v * S::F32_LANES;
                        // SAFETY: the caller vouches for the scratch.
                        unsafe { store(simd, products.wrapping_add(at), S::F32_LANES, sum) };
                    }
                }
                tile += count;
            }
        }
    }

    /// Makes one block of results out of its products.
    ///
    /// # Safety
    /// The tiles must lie in the map, and the scratch must be of its shape.
    #[expect(
        clippy::needless_range_loop,
        reason = "bounds known at compile time keep the numbers in registers"
    )]
    #[inline(always)]
    unsafe fn results<S: Simd, const P: usize, const M: usize>(
        &self,
        simd: S,
        block: usize,
        products: *const f32,
    ) {
        let to = self.maps[1];
        let step = self.winograd.direction.steps()[1];
        let lanes = S::F32_LANES;
        let width = VECTORS * lanes;
        let channel = block * width;
        let channels = (to.channels - channel).min(width);
        let [scale, shift]: [[S::f32s; VECTORS]; 2] =
            self.epilogue.vectors(simd, channel, channels);
        let slope = simd.splat_f32s(self.epilogue.slope);
        let (down, right) = (self.phase / 2, self.phase % 2);
        for tile in 0..self.count {
            let [picture, y, x] = self.place(self.first + tile, M);
            let corner =
                to.start(picture, step * y + down) + (step * x + right) * to.channels + channel;
            for v in 0..VECTORS {
                let count = channels.saturating_sub(v * lanes).min(lanes);
                if count == 0 {
                    break;
                }
                let mut half = [[simd.splat_f32s(0.0); P]; M];
                for x in 0..P {
                    let mut column = [simd.splat_f32s(0.0); P];
                    for (y, number) in column.iter_mut().enumerate() {
                        let at = ((tile * P + y) * P + x) * width + v * lanes;
                        // SAFETY: the caller vouches for the scratch.
                        *number = unsafe { load(simd, products.wrapping_add(at), lanes) };
                    }
                    let column: [S::f32s; M] = of_products(simd, column);
                    for y in 0..M {
                        half[y][x] = column[y];
                    }
                }
                for (y, row) in half.into_iter().enumerate() {
                    let row: [S::f32s; M] = of_products(simd, row);
                    for (x, sum) in row.into_iter().enumerate() {
                        let value = simd.mul_add_e_f32s(sum, scale[v], shift[v]);
                        let value = simd.max_f32s(value, simd.mul_f32s(value, slope));
                        let at = corner + step * (y * to.row() + x * to.channels) + v * lanes;
                        // SAFETY: these channels of this pixel are this task's alone.
                        unsafe { store(simd, self.output.at(at), count, value) };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
