//! Implicit GEMM: one filter over all positions of a feature map, windows read where they lie and weights packed, so that both
//! are read in order.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::cache_line::CacheLine;
use super::microkernel::{
    Instructions, ODD_VECTORS, VECTORS, Window, load_vectors, store_vectors, window_products,
};
use super::unsafe_slice::UnsafeSlice;

/// Positions that a task takes at least, where there are as many: so often is a panel of weights used once it is in the
/// cache.
const TASK_POSITIONS: usize = 128;

/// Offset and strides of the positions in a buffer, in numbers: from picture to picture, row to row, column to column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strides {
    pub(crate) offset: usize,
    pub(crate) picture: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// Output positions: their number along each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) pictures: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Grid {
    pub(crate) fn len(&self) -> usize {
        self.pictures * self.height * self.width
    }
}

/// Packed weights, in panels: for each block of output channels the window's numbers in order, each with the block's channels side by
/// side; zeros where the channels end.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    lines: Vec<CacheLine>,
    /// Vectors of a block.
    vectors: usize,
    width: usize,
    depth: usize,
    channels: usize,
}

impl Default for Panels {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            vectors: VECTORS,
            width: 0,
            depth: 0,
            channels: 0,
        }
    }
}

impl Panels {
    /// Panels that leave no vector empty where the channels are an odd number of vectors.
    pub(crate) fn odd(instructions: Instructions, channels: usize) -> Self {
        let lanes = instructions.panel_channels() / VECTORS;
        let vectors = if channels.is_multiple_of(ODD_VECTORS * lanes) {
            ODD_VECTORS
        } else {
            VECTORS
        };
        Self {
            vectors,
            ..Self::default()
        }
    }

    /// Packs `weight(place in the window, output channel)`.
    pub(crate) fn pack(
        &mut self,
        instructions: Instructions,
        depth: usize,
        channels: usize,
        weight: impl Fn(usize, usize) -> f32 + Sync,
    ) {
        self.fill(instructions, depth, channels, |first, panel| {
            let width = panel.len() / depth;
            for (place, row) in panel.chunks_exact_mut(width).enumerate() {
                for (channel, number) in (first..channels).zip(row) {
                    *number = weight(place, channel);
                }
            }
        });
    }

    /// Has `fill(first channel, panel)` write every panel, zeros before.
    pub(crate) fn fill(
        &mut self,
        instructions: Instructions,
        depth: usize,
        channels: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let lanes = instructions.panel_channels() / VECTORS;
        let width = self.vectors * lanes;
        (self.width, self.depth, self.channels) = (width, depth, channels);
        self.lines.clear();
        let count = self.blocks() * depth * width;
        CacheLine::numbers(&mut self.lines, count)
            .par_chunks_exact_mut(depth * width)
            .enumerate()
            .for_each(|(block, panel)| fill(block * width, panel));
    }

    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.width)
    }

    pub(crate) fn block(&self, block: usize) -> &[f32] {
        let numbers: &[f32] = bytemuck::cast_slice(&self.lines);
        &numbers[block * self.depth * self.width..][..self.depth * self.width]
    }
}

/// The epilogue of a product, done before a sum is written: `max(v, slope v)` for `v = sum * scale + shift`, scale and shift one an output
/// channel.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// 1 where there is none.
    pub scale: Option<&'a [f32]>,
    /// 0 where there is none.
    pub shift: Option<&'a [f32]>,
    /// Slope of negative results: 1 leaves them, 0.2 is a leaky ReLU, 0 a ReLU.
    pub slope: f32,
}

impl<'a> Epilogue<'a> {
    /// Adds a bias, if any.
    pub fn bias(bias: Option<&'a [f32]>) -> Self {
        Self {
            scale: None,
            shift: bias,
            slope: 1.0,
        }
    }

    pub(crate) fn check(&self, channels: usize) {
        for numbers in [self.scale, self.shift].into_iter().flatten() {
            assert_eq!(numbers.len(), channels, "a scale or a shift a channel");
        }
    }

    /// Scale and shift of some vectors of channels from `channel` on.
    #[inline(always)]
    pub(crate) fn vectors<S: Simd, const V: usize>(
        &self,
        simd: S,
        channel: usize,
        channels: usize,
    ) -> [[S::f32s; V]; 2] {
        let load = |numbers: Option<&[f32]>, otherwise: f32| match numbers {
            Some(numbers) => {
                let numbers = &numbers[channel..channel + channels];
                // SAFETY: the slice is that long.
                unsafe { load_vectors(simd, numbers.as_ptr(), channels) }
            }
            None => [simd.splat_f32s(otherwise); V],
        };
        [load(self.scale, 1.0), load(self.shift, 0.0)]
    }
}

/// A convolution as an implicit GEMM: one filter over all positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImplicitGemm<'a> {
    pub(crate) grid: Grid,
    pub(crate) window: Window,
    pub(crate) input: Strides,
    pub(crate) output: Strides,
    pub(crate) panels: &'a Panels,
    pub(crate) epilogue: Epilogue<'a>,
}

impl ImplicitGemm<'_> {
    /// Panics where a window or a result would lie outside the buffers, or the weights were packed for another window or for
    /// other instructions.
    fn check(&self, instructions: Instructions, input: usize, output: usize) {
        let lanes = instructions.panel_channels() / VECTORS;
        assert_eq!(
            self.panels.width,
            self.panels.vectors * lanes,
            "the weights' width"
        );
        assert_eq!(self.panels.depth, self.window.depth(), "the weights' depth");
        self.epilogue.check(self.panels.channels);
        if self.grid.len() == 0 {
            return;
        }
        // Wide enough not to wrap around, whatever the strides.
        let far = |strides: &Strides| {
            let steps = [
                (self.grid.pictures, strides.picture),
                (self.grid.height, strides.row),
                (self.grid.width, strides.column),
            ];
            let steps = steps.map(|(count, stride)| (count as u128 - 1) * stride as u128);
            strides.offset as u128 + steps.iter().sum::<u128>()
        };
        let rows = (self.window.rows as u128).saturating_sub(1) * self.window.row_stride as u128;
        let window = rows + self.window.run as u128;
        assert!(
            far(&self.input) + window <= input as u128,
            "a window leaves its map"
        );
        assert!(
            far(&self.output) + self.panels.channels as u128 <= output as u128,
            "a result leaves its map"
        );
    }

    /// Chunks that the positions are cut into.
    fn chunks(&self) -> usize {
        self.grid.len().div_ceil(TASK_POSITIONS)
    }
}

/// Runs `count` GEMMs over one input into one output, in parallel.
///
/// # Safety
/// No two of them, and no two positions of one, may write the same number.
pub(crate) unsafe fn run<'a>(
    instructions: Instructions,
    count: usize,
    gemm: impl Fn(usize) -> ImplicitGemm<'a> + Sync,
    input: &[f32],
    output: &mut [f32],
) {
    let tasks = |gemm: &ImplicitGemm| gemm.chunks() * gemm.panels.blocks();
    let mut total = 0;
    for index in 0..count {
        let gemm = gemm(index);
        gemm.check(instructions, input.len(), output.len());
        total += tasks(&gemm);
    }
    let out = UnsafeSlice::new(output);
    (0..total).into_par_iter().for_each(|mut task| {
        for index in 0..count {
            let gemm = gemm(index);
            let here = tasks(&gemm);
            if task < here {
                let chunks = gemm.chunks();
                // SAFETY: it was checked, and the caller vouches for the places being this task's alone.
                return unsafe {
                    block(
                        instructions,
                        &gemm,
                        input,
                        out,
                        task / chunks,
                        task % chunks,
                    );
                };
            }
            task -= here;
        }
    });
}

/// Runs one GEMM on this thread.
pub(crate) fn run_here(
    instructions: Instructions,
    gemm: &ImplicitGemm,
    input: &[f32],
    output: &mut [f32],
) {
    gemm.check(instructions, input.len(), output.len());
    let output = UnsafeSlice::new(output);
    for index in 0..gemm.panels.blocks() {
        for chunk in 0..gemm.chunks() {
            // SAFETY: it was checked, and one block is written after the other.
            unsafe { block(instructions, gemm, input, output, index, chunk) };
        }
    }
}

/// One block of output channels over one chunk of positions.
///
/// # Safety
/// [`ImplicitGemm::check`] must have held the GEMM to both buffers, and nobody else may touch the results meanwhile.
unsafe fn block(
    instructions: Instructions,
    gemm: &ImplicitGemm,
    input: &[f32],
    output: UnsafeSlice<f32>,
    block: usize,
    chunk: usize,
) {
    let first = chunk * TASK_POSITIONS;
    instructions.run(Block {
        gemm,
        input: input.as_ptr(),
        output,
        block,
        first,
        last: (first + TASK_POSITIONS).min(gemm.grid.len()),
    });
}

struct Block<'a> {
    gemm: &'a ImplicitGemm<'a>,
    input: *const f32,
    output: UnsafeSlice<'a, f32>,
    block: usize,
    first: usize,
    last: usize,
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers for, beside the weights.
        match (self.gemm.panels.vectors, S::REGISTER_COUNT) {
            (ODD_VECTORS, 32..) => self.sums::<S, 8, ODD_VECTORS>(simd),
            (ODD_VECTORS, _) => self.sums::<S, 4, ODD_VECTORS>(simd),
            (_, 32..) => self.sums::<S, 8, VECTORS>(simd),
            _ => self.sums::<S, 6, VECTORS>(simd),
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn sums<S: Simd, const N: usize, const V: usize>(self, simd: S) {
        let Self {
            gemm,
            input,
            output,
            block,
            first,
            last,
        } = self;
        let lanes = S::F32_LANES;
        let panel = gemm.panels.block(block).as_ptr();
        let channel = block * V * lanes;
        let channels = (gemm.panels.channels - channel).min(V * lanes);
        let [scale, shift]: [[S::f32s; V]; 2] = gemm.epilogue.vectors(simd, channel, channels);
        let slope = simd.splat_f32s(gemm.epilogue.slope);
        let (width, height) = (gemm.grid.width, gemm.grid.height);
        let (mut x, mut y, mut picture) = (
            first % width,
            first / width % height,
            first / width / height,
        );
        let mut at = first;
        while at < last {
            let count = N.min(last - at);
            let mut from = [input; N];
            let mut to = [output.at(0); N];
            for n in 0..N {
                if n < count {
                    let place = |strides: &Strides| {
                        strides.offset
                            + picture * strides.picture
                            + y * strides.row
                            + x * strides.column
                    };
                    from[n] = input.wrapping_add(place(&gemm.input));
                    to[n] = output.at(place(&gemm.output) + channel);
                    x += 1;
                    if x == width {
                        (x, y) = (0, y + 1);
                        if y == height {
                            (y, picture) = (0, picture + 1);
                        }
                    }
                } else {
                    // What is left of a group of positions repeats one: its sums are dropped.
                    from[n] = from[0];
                }
            }
            // SAFETY: `check` held every window and every result to the buffers; the panel is of the window's depth.
            let sums = unsafe { window_products::<S, N, V>(simd, gemm.window, panel, from) };
            // What follows picks sums by number, which would keep them out of the registers while they are summed.
            let mut room = [[simd.splat_f32s(0.0); V]; N];
            let kept = std::hint::black_box(&mut room);
            *kept = sums;
            for n in 0..count {
                let mut results = kept[n];
                for v in 0..V {
                    let value = simd.mul_add_e_f32s(results[v], scale[v], shift[v]);
                    results[v] = simd.max_f32s(value, simd.mul_f32s(value, slope));
                }
                // SAFETY: these channels of this position are this task's alone.
                unsafe { store_vectors(simd, to[n], channels, results) };
            }
            at += count;
        }
    }
}
