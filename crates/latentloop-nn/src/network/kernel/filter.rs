//! Strided and transposed convolutions by phases: where the taps of a filter fall.

use serde::{Deserialize, Serialize};

use super::feature_map::FeatureMap;
use super::implicit_gemm::{self, Epilogue, Grid, ImplicitGemm, Panels, Strides};
use super::microkernel::{Instructions, Window};

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
    pub fn strided_side(&self, side: usize) -> Option<usize> {
        Some((side + 2 * self.padding).checked_sub(self.kernel)? / self.stride + 1)
    }

    /// Side of a transposed convolution's output.
    pub fn transposed_side(&self, side: usize) -> Option<usize> {
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
    /// A strided convolution has one phase.
    pub(crate) fn strided(filter: Filter, side: usize) -> Self {
        Self {
            first: 0,
            step: 1,
            positions: filter.strided_side(side).unwrap_or(0),
            input: -(filter.padding as isize),
            input_step: filter.stride,
            taps: (0..filter.kernel).collect(),
        }
    }

    /// A transposed convolution has as many phases as its stride: output o sums the taps k for which o + padding - k is a
    /// multiple of the stride. Phases without outputs are left out.
    pub(crate) fn transposed(filter: Filter, side: usize) -> Vec<Self> {
        let outputs = filter.transposed_side(side).unwrap_or(0);
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

    /// One more than the last output.
    fn end(&self) -> usize {
        match self.positions.checked_sub(1) {
            Some(last) => self.first + last * self.step + 1,
            None => 0,
        }
    }

    /// Whether they have no output in common.
    fn are_disjoint(&self, other: &Self) -> bool {
        self.step == other.step
            && self.step > 0
            && self.first % self.step != other.first % self.step
    }
}

/// A convolution of any filter, its weights packed: every phase of its rows with every phase of its columns.
#[derive(Clone, Debug)]
pub(crate) struct Phases {
    instructions: Instructions,
    phases: Vec<Phase>,
    channels: [usize; 2],
}

/// One phase in both directions, its weights packed.
#[derive(Clone, Debug)]
struct Phase {
    rows: Axis,
    columns: Axis,
    panels: Panels,
}

impl Phases {
    /// Packs `weight(in, out, ky, kx)`. Panics where two phases have an output in common.
    pub(crate) fn new(
        instructions: Instructions,
        [rows, columns]: [&[Axis]; 2],
        channels: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        for axes in [rows, columns] {
            for (at, axis) in axes.iter().enumerate() {
                let later = &axes[at + 1..];
                let is_apart = axis.step > 0 && later.iter().all(|other| axis.are_disjoint(other));
                assert!(is_apart, "phases write the same outputs: {axes:?}");
            }
        }
        let [inputs, outputs] = channels;
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
                phases.push(Phase {
                    rows: rows.clone(),
                    columns: columns.clone(),
                    panels,
                });
            }
        }
        Self {
            instructions,
            phases,
            channels,
        }
    }

    /// Makes one map from another.
    pub(crate) fn run(
        &self,
        [from, to]: [&FeatureMap; 2],
        input: &[f32],
        output: &mut [f32],
        epilogue: Epilogue,
    ) {
        assert_eq!(input.len(), from.len(), "the input's length");
        assert_eq!(output.len(), to.len(), "the output's length");
        assert_eq!(from.batch, to.batch, "the maps' pictures");
        let channels = [from.channels, to.channels];
        assert_eq!(channels, self.channels, "the maps' channels");
        let is_inside =
            |phase: &Phase| phase.rows.end() <= to.height && phase.columns.end() <= to.width;
        assert!(self.phases.iter().all(is_inside), "a phase leaves its map");
        let gemm = |index: usize| self.phases[index].gemm(from, to, epilogue);
        // SAFETY: every position is a pixel of the map, `new` saw to it that no pixel belongs to two phases, and within a phase
        // rows and columns are at least one apart.
        unsafe {
            implicit_gemm::run(self.instructions, self.phases.len(), gemm, input, output);
        }
    }
}

impl Phase {
    /// The GEMM that makes this phase of `to` from `from`.
    fn gemm<'a>(
        &'a self,
        from: &FeatureMap,
        to: &FeatureMap,
        epilogue: Epilogue<'a>,
    ) -> ImplicitGemm<'a> {
        let edge = |axis: &Axis| {
            usize::try_from(from.border as isize + axis.input).expect("the border holds the taps")
        };
        ImplicitGemm {
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
            input: Strides {
                offset: edge(&self.rows) * from.row() + edge(&self.columns) * from.channels,
                picture: from.picture(),
                row: self.rows.input_step * from.row(),
                column: self.columns.input_step * from.channels,
            },
            output: Strides {
                offset: to.start(0, 0)
                    + self.rows.first * to.row()
                    + self.columns.first * to.channels,
                picture: to.picture(),
                row: self.rows.step * to.row(),
                column: self.columns.step * to.channels,
            },
            panels: &self.panels,
            epilogue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to_one(axes: &[Axis]) -> Phases {
        Phases::new(
            Instructions::Portable,
            [axes, axes],
            [1, 1],
            |_, _, _, _| 1.0,
        )
    }

    #[test]
    fn every_output_of_a_filter_belongs_to_one_phase() {
        for stride in 1..4 {
            let filter = Filter {
                kernel: 4,
                stride,
                padding: 1,
            };
            let axes = Axis::transposed(filter, 5);
            let mut outputs: Vec<usize> = axes
                .iter()
                .flat_map(|axis| (0..axis.positions).map(|at| axis.first + at * axis.step))
                .collect();
            outputs.sort_unstable();
            let side = filter.transposed_side(5).unwrap();
            assert_eq!(outputs, (0..side).collect::<Vec<_>>());
            assert_eq!(axes.iter().map(Axis::end).max(), Some(side));
            assert_eq!(one_to_one(&axes).phases.len(), stride * stride);
        }
    }

    #[test]
    #[should_panic(expected = "phases write the same outputs")]
    fn phases_that_write_the_same_outputs_are_refused() {
        let mut axes = Axis::transposed(Filter::STUDIES, 4);
        axes[1].first = axes[0].first + 2;
        one_to_one(&axes);
    }

    #[test]
    #[should_panic(expected = "phases write the same outputs")]
    fn a_phase_that_stands_still_is_refused() {
        let mut axis = Axis::strided(Filter::STUDIES, 8);
        axis.step = 0;
        one_to_one(&[axis]);
    }

    #[test]
    #[should_panic(expected = "a phase leaves its map")]
    fn a_map_too_narrow_for_its_phases_is_refused() {
        let phases = one_to_one(&Axis::transposed(Filter::STUDIES, 4));
        let map = |height, width, border| FeatureMap {
            batch: 1,
            height,
            width,
            channels: 1,
            border,
        };
        // As many numbers as the right map, so that nothing lies outside the buffer.
        let (from, to) = (map(4, 4, 1), map(16, 4, 0));
        let (input, mut output) = (vec![0.0; from.len()], vec![0.0; to.len()]);
        phases.run([&from, &to], &input, &mut output, Epilogue::bias(None));
    }
}
