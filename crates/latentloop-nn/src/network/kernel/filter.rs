//! Where the taps of a convolution and of a transposed convolution fall.

use serde::{Deserialize, Serialize};

use super::map::Map;
use super::product::{Instructions, Window};
use super::sweep::{Finish, Grid, Panels, Sweep, Walk};

/// A square filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Rows and columns of taps.
    pub kernel: usize,
    /// Step of a convolution's input, or of a transposed convolution's output, from one position to the next.
    pub stride: usize,
    /// Rows and columns of zeros around a convolution's input; those that a transposed convolution leaves away.
    pub padding: usize,
}

impl Filter {
    /// The filter of both studies networks: 4 x 4, stride 2, padding 1.
    pub const STUDIES: Self = Self {
        kernel: 4,
        stride: 2,
        padding: 1,
    };

    /// Side of a convolution's output.
    pub fn down_side(&self, side: usize) -> Option<usize> {
        Some((side + 2 * self.padding).checked_sub(self.kernel)? / self.stride + 1)
    }

    /// Side of a transposed convolution's output.
    pub fn up_side(&self, side: usize) -> Option<usize> {
        ((side.checked_sub(1)?) * self.stride + self.kernel)
            .checked_sub(2 * self.padding)
            .filter(|&side| side > 0)
    }
}

/// The positions of one output phase along one side, and what they see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// First output, and the step to the next.
    first: usize,
    step: usize,
    positions: usize,
    /// First input that the first position sees, counted from the map's edge, and the step to the next position's.
    input: isize,
    input_step: usize,
    /// Places in the filter, in the order of the inputs they meet.
    taps: Vec<usize>,
}

impl Axis {
    /// A convolution has one phase.
    pub(crate) fn down(filter: Filter, side: usize) -> Self {
        Self {
            first: 0,
            step: 1,
            positions: filter.down_side(side).unwrap_or(0),
            input: -(filter.padding as isize),
            input_step: filter.stride,
            taps: (0..filter.kernel).collect(),
        }
    }

    /// A transposed convolution has as many phases as its stride: output o sums the taps k for which o + padding - k is a
    /// multiple of the stride. Phases without outputs are left out.
    pub(crate) fn up(filter: Filter, side: usize) -> Vec<Self> {
        let outputs = filter.up_side(side).unwrap_or(0);
        let phase = |first: usize| {
            let lowest = (first + filter.padding) % filter.stride;
            let mut taps: Vec<usize> = (lowest..filter.kernel).step_by(filter.stride).collect();
            taps.reverse();
            let nearest = (first + filter.padding - lowest) / filter.stride;
            Self {
                first,
                step: filter.stride,
                positions: outputs.saturating_sub(first).div_ceil(filter.stride),
                input: nearest as isize + 1 - taps.len() as isize,
                input_step: 1,
                taps,
            }
        };
        (0..filter.stride)
            .map(phase)
            .filter(|axis| axis.positions > 0)
            .collect()
    }

    /// Zeros that must stand on each side of a map of `side`.
    pub(crate) fn border(&self, side: usize) -> usize {
        let last = self.input
            + ((self.positions.max(1) - 1) * self.input_step + self.taps.len().max(1) - 1) as isize;
        (-self.input).max(last - (side as isize - 1)).max(0) as usize
    }
}

/// One phase in both directions, its weights packed.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    rows: Axis,
    columns: Axis,
    panels: Panels,
}

impl Phase {
    /// Every phase of rows with every phase of columns; `weight(in, out, ky, kx)`.
    pub(crate) fn all(
        instructions: Instructions,
        rows: &[Axis],
        columns: &[Axis],
        [inputs, outputs]: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Vec<Self> {
        let mut phases = Vec::with_capacity(rows.len() * columns.len());
        for rows in rows {
            for columns in columns {
                let taps = rows
                    .taps
                    .iter()
                    .flat_map(|&ky| columns.taps.iter().map(move |&kx| (ky, kx)));
                let taps: Vec<_> = taps.collect();
                let mut panels = Panels::default();
                let depth = taps.len() * inputs;
                panels.fill(instructions, depth, outputs, |first, panel| {
                    let width = panel.len() / depth;
                    let lanes = width.min(outputs - first);
                    // Taps innermost: they lie side by side in the weights.
                    for input in 0..inputs {
                        for lane in 0..lanes {
                            for (place, &(ky, kx)) in taps.iter().enumerate() {
                                panel[(place * inputs + input) * width + lane] =
                                    weight(input, first + lane, ky, kx);
                            }
                        }
                    }
                });
                phases.push(Self {
                    rows: rows.clone(),
                    columns: columns.clone(),
                    panels,
                });
            }
        }
        phases
    }

    /// The sweep that makes this phase of `to` from `from`.
    pub(crate) fn sweep<'a>(&'a self, from: &Map, to: &Map, finish: Finish<'a>) -> Sweep<'a> {
        let edge = |axis: &Axis| {
            usize::try_from(from.border as isize + axis.input).expect("the border holds the taps")
        };
        Sweep {
            grid: Grid {
                pictures: from.batch,
                height: self.rows.positions,
                width: self.columns.positions,
            },
            window: Window {
                rows: self.rows.taps.len(),
                run: self.columns.taps.len() * from.channels,
                row_stride: from.row(),
            },
            from: Walk {
                start: edge(&self.rows) * from.row() + edge(&self.columns) * from.channels,
                picture: from.picture(),
                row: self.rows.input_step * from.row(),
                column: self.columns.input_step * from.channels,
            },
            to: Walk {
                start: to.start(0, 0)
                    + self.rows.first * to.row()
                    + self.columns.first * to.channels,
                picture: to.picture(),
                row: self.rows.step * to.row(),
                column: self.columns.step * to.channels,
            },
            panels: &self.panels,
            finish,
        }
    }
}
