//! One filter over all positions of a map: products of windows and weights, packed so that both are read in order.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::line::Line;
use super::product::{
    Instructions, ODD_VECTORS, VECTORS, Window, along_window, load_vectors, store_vectors,
};

/// Positions that a task takes at least, where there are as many: so often is a panel of weights used once it is in the
/// cache.
const TASK_POSITIONS: usize = 128;

/// A buffer that several threads write in disjoint places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared(*mut f32);

impl Shared {
    pub(crate) fn new(buffer: &mut [f32]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    /// A buffer that is only read.
    pub(crate) fn reading(buffer: *const f32) -> Self {
        Self(buffer.cast_mut())
    }

    /// Numbers `start..start + length`.
    ///
    /// # Safety
    /// They must lie in the buffer, and nobody else may touch them meanwhile.
    pub(crate) unsafe fn slice<'a>(self, start: usize, length: usize) -> &'a mut [f32] {
        // SAFETY: the caller vouches for them.
        unsafe { std::slice::from_raw_parts_mut(self.at(start), length) }
    }

    pub(crate) fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

// SAFETY: every user writes places that no other task writes, and the buffer outlives the parallel loop.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Where a position lies in a buffer: numbers from its start, and steps from picture to picture, row to row, column to
/// column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) start: usize,
    pub(crate) picture: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// How many positions there are.
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

/// Weights in panels: for each block of output channels the window's numbers in order, each with the block's channels side by
/// side; zeros where the channels end.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    lines: Vec<Line>,
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
        Line::numbers(&mut self.lines, count)
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

/// What becomes of a sum before it is written: `max(v, slope v)` for `v = sum * scale + shift`, scale and shift one an output
/// channel.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'a> {
    /// 1 where there is none.
    pub scale: Option<&'a [f32]>,
    /// 0 where there is none.
    pub shift: Option<&'a [f32]>,
    /// What negative results are multiplied by: 1 leaves them, 0.2 is a leaky ReLU, 0 a ReLU.
    pub slope: f32,
}

impl<'a> Finish<'a> {
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

/// One filter over all positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep<'a> {
    pub(crate) grid: Grid,
    pub(crate) window: Window,
    pub(crate) from: Walk,
    pub(crate) to: Walk,
    pub(crate) panels: &'a Panels,
    pub(crate) finish: Finish<'a>,
}

impl Sweep<'_> {
    /// Panics where a window or a result would lie outside the buffers.
    fn check(&self, input: usize, output: usize) {
        let far = |walk: &Walk| {
            walk.start
                + (self.grid.pictures - 1) * walk.picture
                + (self.grid.height - 1) * walk.row
                + (self.grid.width - 1) * walk.column
        };
        let window = (self.window.rows - 1) * self.window.row_stride + self.window.run;
        assert!(far(&self.from) + window <= input, "a window leaves its map");
        assert!(
            far(&self.to) + self.panels.channels <= output,
            "a result leaves its map"
        );
        assert_eq!(self.panels.depth, self.window.depth(), "the weights' depth");
        self.finish.check(self.panels.channels);
    }
}

/// Runs `count` sweeps over one input into one output, in parallel. No two of them may write the same number.
pub(crate) fn run<'a>(
    instructions: Instructions,
    count: usize,
    sweep: impl Fn(usize) -> Sweep<'a> + Sync,
    input: &[f32],
    output: &mut [f32],
) {
    let chunks = |sweep: &Sweep| sweep.grid.len().div_ceil(TASK_POSITIONS);
    let tasks = |sweep: &Sweep| chunks(sweep) * sweep.panels.blocks();
    let mut total = 0;
    for index in 0..count {
        let sweep = sweep(index);
        sweep.check(input.len(), output.len());
        total += tasks(&sweep);
    }
    let out = Shared::new(output);
    (0..total).into_par_iter().for_each(|mut task| {
        for index in 0..count {
            let sweep = sweep(index);
            let here = tasks(&sweep);
            if task < here {
                let chunks = chunks(&sweep);
                return block(
                    instructions,
                    &sweep,
                    input,
                    out,
                    task / chunks,
                    task % chunks,
                );
            }
            task -= here;
        }
    });
}

/// Runs one sweep on this thread.
pub(crate) fn run_here(
    instructions: Instructions,
    sweep: &Sweep,
    input: &[f32],
    output: &mut [f32],
) {
    sweep.check(input.len(), output.len());
    let output = Shared::new(output);
    for index in 0..sweep.panels.blocks() {
        for chunk in 0..sweep.grid.len().div_ceil(TASK_POSITIONS) {
            block(instructions, sweep, input, output, index, chunk);
        }
    }
}

/// One block of output channels over one chunk of positions.
fn block(
    instructions: Instructions,
    sweep: &Sweep,
    input: &[f32],
    output: Shared,
    block: usize,
    chunk: usize,
) {
    let first = chunk * TASK_POSITIONS;
    instructions.run(Block {
        sweep,
        input: input.as_ptr(),
        output,
        block,
        first,
        last: (first + TASK_POSITIONS).min(sweep.grid.len()),
    });
}

struct Block<'a> {
    sweep: &'a Sweep<'a>,
    input: *const f32,
    output: Shared,
    block: usize,
    first: usize,
    last: usize,
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers for, beside the weights.
        match (self.sweep.panels.vectors, S::REGISTER_COUNT) {
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
            sweep,
            input,
            output,
            block,
            first,
            last,
        } = self;
        let lanes = S::F32_LANES;
        let panel = sweep.panels.block(block).as_ptr();
        let channel = block * V * lanes;
        let channels = (sweep.panels.channels - channel).min(V * lanes);
        let [scale, shift]: [[S::f32s; V]; 2] = sweep.finish.vectors(simd, channel, channels);
        let slope = simd.splat_f32s(sweep.finish.slope);
        let (width, height) = (sweep.grid.width, sweep.grid.height);
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
                    let walk = |walk: &Walk| {
                        walk.start + picture * walk.picture + y * walk.row + x * walk.column
                    };
                    from[n] = input.wrapping_add(walk(&sweep.from));
                    to[n] = output.at(walk(&sweep.to) + channel);
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
            let sums = unsafe { along_window::<S, N, V>(simd, sweep.window, panel, from) };
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
