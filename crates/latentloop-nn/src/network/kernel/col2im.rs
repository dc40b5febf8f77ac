//! Col2im: a transposed convolution, 4 x 4, stride 2, padding 1, to a few channels. All taps of a coarse pixel in one product,
//! then each filter row's four pixels added where they fall.
//!
//! A product over output channels would leave most of a vector empty where they are three.

use std::cell::RefCell;

use rayon::prelude::*;

use super::feature_map::FeatureMap;
use super::implicit_gemm::{self, Epilogue, Grid, ImplicitGemm, Panels, Strides};
use super::microkernel::{Instructions, Window};

/// Coarse rows whose taps a task holds, beside one more on either side.
const BAND_ROWS: usize = 16;

/// Whether so few output channels are better made by [`Col2Im`].
pub(crate) fn prefers_col2im(instructions: Instructions, channels: usize) -> bool {
    2 * channels <= instructions.panel_channels()
}

/// A transposed convolution by col2im, its weights packed.
#[derive(Clone, Debug)]
pub(crate) struct Col2Im {
    instructions: Instructions,
    panels: Panels,
    channels: usize,
}

thread_local! {
    /// Taps of a band and one row of pixels, kept from call to call: drawing a frame allocates nothing.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

impl Col2Im {
    /// Packs `weight(in, out, ky, kx)`.
    pub(crate) fn new(
        instructions: Instructions,
        inputs: usize,
        outputs: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let mut panels = Panels::odd(instructions, 16 * outputs);
        panels.pack(instructions, inputs, 16 * outputs, |input, place| {
            let (tap, output) = (place / outputs, place % outputs);
            weight(input, output, tap / 4, tap % 4)
        });
        Self {
            instructions,
            panels,
            channels: outputs,
        }
    }

    /// Calls `finish(picture, row, numbers)` with every row of the fine map, `2 width x channels`.
    pub(crate) fn run(
        &self,
        from: &FeatureMap,
        coarse: &[f32],
        finish: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) {
        assert_eq!(coarse.len(), from.len(), "the coarse map's length");
        let bands = from.height.div_ceil(BAND_ROWS);
        (0..from.batch * bands).into_par_iter().for_each(|task| {
            let (picture, band) = (task / bands, task % bands);
            let (top, bottom) = (band * BAND_ROWS, ((band + 1) * BAND_ROWS).min(from.height));
            SCRATCH.with_borrow_mut(|(taps, line)| {
                self.band(from, coarse, picture, [top, bottom], taps, line, &finish);
            });
        });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one task's place and its scratch"
    )]
    fn band(
        &self,
        from: &FeatureMap,
        coarse: &[f32],
        picture: usize,
        [top, bottom]: [usize; 2],
        taps: &mut Vec<f32>,
        line: &mut Vec<f32>,
        finish: &impl Fn(usize, usize, &mut [f32]),
    ) {
        let (first, last) = (top.saturating_sub(1), (bottom + 1).min(from.height));
        let each = 16 * self.channels;
        let grid = Grid {
            pictures: 1,
            height: last - first,
            width: from.width,
        };
        taps.resize(grid.len() * each, 0.0);
        let gemm = ImplicitGemm {
            grid,
            window: Window {
                rows: 1,
                run: from.channels,
                row_stride: 0,
            },
            input: Strides {
                offset: from.start(picture, first),
                picture: 0,
                row: from.row(),
                column: from.channels,
            },
            output: Strides {
                offset: 0,
                picture: 0,
                row: from.width * each,
                column: each,
            },
            panels: &self.panels,
            epilogue: Epilogue::bias(None),
        };
        implicit_gemm::run_here(self.instructions, &gemm, coarse, taps);
        // One pixel more on either side: the outer taps reach over.
        line.resize((2 * from.width + 2) * self.channels, 0.0);
        for fine_y in 2 * top..2 * bottom {
            let y = fine_y / 2;
            let reach = if fine_y.is_multiple_of(2) {
                [(1, Some(y)), (3, y.checked_sub(1))]
            } else {
                [(2, Some(y)), (0, Some(y + 1))]
            };
            line.fill(0.0);
            for (ky, y) in reach {
                let Some(y) = y.filter(|&y| y < from.height) else {
                    continue;
                };
                let row = &taps[(y - first) * from.width * each..][..from.width * each];
                self.instructions.run_plain(|| match self.channels {
                    3 => add_taps::<6>(line, row, ky),
                    1 => add_taps::<2>(line, row, ky),
                    channels => add_any_taps(line, row, ky, 2 * channels),
                });
            }
            let pixels = self.channels..line.len() - self.channels;
            finish(picture, fine_y, &mut line[pixels]);
        }
    }
}

/// Adds one filter row's taps of a row of coarse pixels to the fine row: every two fine pixels, `TWO` numbers, meet the last two
/// taps of one coarse pixel and the first two of the next.
#[inline(always)]
fn add_taps<const TWO: usize>(line: &mut [f32], row: &[f32], ky: usize) {
    let (line, _) = line.as_chunks_mut::<TWO>();
    let (taps, _) = row.as_chunks::<TWO>();
    let taps = taps
        .chunks_exact(8)
        .map(|pixel| [pixel[2 * ky], pixel[2 * ky + 1]]);
    let mut last = [0.0; TWO];
    let mut pairs = line.iter_mut();
    for ([left, right], out) in taps.zip(&mut pairs) {
        for at in 0..TWO {
            out[at] += last[at] + left[at];
        }
        last = right;
    }
    if let Some(out) = pairs.next() {
        for at in 0..TWO {
            out[at] += last[at];
        }
    }
}

/// [`add_taps`] of any number of channels.
fn add_any_taps(line: &mut [f32], row: &[f32], ky: usize, two: usize) {
    for (x, pixel) in row.chunks_exact(8 * two).enumerate() {
        let out = &mut line[x * two..][..2 * two];
        for (out, &tap) in out.iter_mut().zip(&pixel[2 * ky * two..][..2 * two]) {
            *out += tap;
        }
    }
}
