//! One filter over all positions of a map: products of windows and weights, packed so that both are read in order.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::product::{Instructions, VECTORS, Window, along_window};

/// Positions that a task takes at least, where there are as many: so often is a panel of weights used once it is in the
/// cache.
const TASK_POSITIONS: usize = 128;

/// A buffer that several threads write in disjoint places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared(*mut f32);

impl Shared {
    pub(super) fn new(buffer: &mut [f32]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    pub(super) fn at(self, offset: usize) -> *mut f32 {
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
pub(super) struct Walk {
    pub(super) start: usize,
    pub(super) picture: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// How many positions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) pictures: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Grid {
    pub(super) fn len(&self) -> usize {
        self.pictures * self.height * self.width
    }
}

/// Weights in panels: for each block of output channels the window's numbers in order, each with the block's channels side by
/// side; zeros where the channels end.
#[derive(Clone, Debug, Default)]
pub(super) struct Panels {
    numbers: Vec<f32>,
    width: usize,
    depth: usize,
    channels: usize,
}

impl Panels {
    /// Packs `weight(place in the window, output channel)`.
    pub(super) fn pack(
        &mut self,
        instructions: Instructions,
        depth: usize,
        channels: usize,
        weight: impl Fn(usize, usize) -> f32 + Sync,
    ) {
        let width = instructions.panel_channels();
        let blocks = channels.div_ceil(width);
        self.numbers.resize(blocks * depth * width, 0.0);
        (self.width, self.depth, self.channels) = (width, depth, channels);
        self.numbers
            .par_chunks_exact_mut(depth * width)
            .enumerate()
            .for_each(|(block, panel)| {
                for (place, row) in panel.chunks_exact_mut(width).enumerate() {
                    for (lane, number) in row.iter_mut().enumerate() {
                        let channel = block * width + lane;
                        *number = if channel < channels {
                            weight(place, channel)
                        } else {
                            0.0
                        };
                    }
                }
            });
    }

    pub(super) fn blocks(&self) -> usize {
        self.channels.div_ceil(self.width)
    }

    fn block(&self, block: usize) -> &[f32] {
        &self.numbers[block * self.depth * self.width..][..self.depth * self.width]
    }
}

/// One filter over all positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep<'a> {
    pub(super) grid: Grid,
    pub(super) window: Window,
    pub(super) from: Walk,
    pub(super) to: Walk,
    pub(super) panels: &'a Panels,
    /// Added to every position's sums, one an output channel.
    pub(super) bias: Option<&'a [f32]>,
    /// What negative results are multiplied by: 1 leaves them, 0.2 is a leaky ReLU, 0 a ReLU.
    pub(super) slope: f32,
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
        assert!(self.bias.is_none_or(|bias| bias.len() == self.panels.channels));
    }
}

/// Runs several sweeps over one input into one output, in parallel. No two of them may write the same number.
pub(super) fn run(instructions: Instructions, sweeps: &[Sweep], input: &[f32], output: &mut [f32]) {
    for sweep in sweeps {
        sweep.check(input.len(), output.len());
    }
    let out = Shared::new(output);
    let tasks = |sweep: &Sweep| sweep.grid.len().div_ceil(TASK_POSITIONS) * sweep.panels.blocks();
    let total: usize = sweeps.iter().map(tasks).sum();
    (0..total).into_par_iter().for_each(|mut task| {
        let Some(sweep) = sweeps.iter().find(|sweep| {
            let here = tasks(sweep);
            let found = task < here;
            if !found {
                task -= here;
            }
            found
        }) else {
            return;
        };
        let chunks = sweep.grid.len().div_ceil(TASK_POSITIONS);
        block(instructions, sweep, input, out, task / chunks, task % chunks);
    });
}

/// Runs one sweep on this thread.
pub(super) fn run_here(
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
        if S::REGISTER_COUNT >= 32 {
            self.sums::<S, 8>(simd);
        } else {
            self.sums::<S, 6>(simd);
        }
    }
}

impl Block<'_> {
    #[inline(always)]
    fn sums<S: Simd, const N: usize>(self, simd: S) {
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
        let channel = block * VECTORS * lanes;
        let channels = (sweep.panels.channels - channel).min(VECTORS * lanes);
        let mut start = [simd.splat_f32s(0.0); VECTORS];
        if let Some(bias) = sweep.bias {
            let bias = &bias[channel..channel + channels];
            start[0] = simd.partial_load_f32s(&bias[..channels.min(lanes)]);
            start[1] = simd.partial_load_f32s(&bias[channels.min(lanes)..]);
        }
        let slope = simd.splat_f32s(sweep.slope);
        let (width, height) = (sweep.grid.width, sweep.grid.height);
        let (mut x, mut y, mut picture) =
            (first % width, first / width % height, first / width / height);
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
            let sums = unsafe { along_window::<S, N>(simd, sweep.window, panel, from, start) };
            for n in 0..count {
                let results = sums[n].map(|v| simd.max_f32s(v, simd.mul_f32s(v, slope)));
                // SAFETY: these channels of this position are this task's alone.
                let out = unsafe { std::slice::from_raw_parts_mut(to[n], channels) };
                store(simd, results, out);
            }
            at += count;
        }
    }
}

/// Writes two vectors, or as much of them as `out` is long.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, results: [S::f32s; VECTORS], out: &mut [f32]) {
    let lanes = S::F32_LANES;
    if out.len() == VECTORS * lanes {
        // SAFETY: `out` is that long.
        unsafe {
            let out = out.as_mut_ptr().cast::<S::f32s>();
            out.write_unaligned(results[0]);
            out.add(1).write_unaligned(results[1]);
        }
    } else {
        let (head, tail) = out.split_at_mut(out.len().min(lanes));
        simd.partial_store_f32s(head, results[0]);
        simd.partial_store_f32s(tail, results[1]);
    }
}
