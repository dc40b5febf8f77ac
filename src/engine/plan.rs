//! A generator compiled for the processor: every layer's weights packed in the order in which its kernel reads them.

#![allow(unsafe_code, reason = "rows of one map written from several threads")]

use rayon::prelude::*;

use super::EngineError;
use crate::network::kernel::{
    Axis, Columns, Filter, Finish, Grid, Instructions, Map, Panels, Phase, Shared, Sweep, Walk,
    Window, run_sweeps, worth_columns,
};
use crate::network::weights::{GeneratorWeights, LayerWeights, NormWeights};

/// Most numbers of all maps of one picture: 4 GiB of them.
const MAX_NUMBERS: usize = 1 << 30;

/// A generator ready to be drawn by.
pub(super) struct Plan {
    pub(super) instructions: Instructions,
    pub(super) latent: usize,
    /// Side of the picture in pixels.
    pub(super) size: usize,
    stem: Vec<Panels>,
    stem_bias: Vec<f32>,
    pub(super) layers: Vec<Layer>,
}

/// One layer: the map that it takes, and how it makes the next one.
pub(super) struct Layer {
    /// What it takes, for one picture.
    pub(super) map: Map,
    pub(super) norm: Option<NormWeights>,
    pub(super) slope: f32,
    pub(super) bias: Vec<f32>,
    form: Form,
}

/// How a convolution is computed.
enum Form {
    /// A product over output channels at every position.
    Sweeps(Vec<Phase>),
    /// All taps of a coarse pixel in one product: for few channels.
    Columns(Columns),
}

/// Scale and shift of every map's numbers as they are written: batch norm with running statistics, and the bias before it.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    maps: Vec<(Vec<f32>, Vec<f32>)>,
    /// The first map's, number by number as the stem writes them.
    stem: (Vec<f32>, Vec<f32>),
}

impl Plan {
    /// Packs the weights.
    ///
    /// # Errors
    /// When the maps would take absurdly much memory.
    pub(super) fn new(
        weights: &GeneratorWeights,
        instructions: Instructions,
    ) -> Result<Self, EngineError> {
        let sides = weights.sides();
        let numbers: usize = weights
            .layers
            .iter()
            .zip(&sides)
            .map(|(layer, side)| layer.inputs * side * side)
            .sum();
        if numbers > MAX_NUMBERS {
            return Err(EngineError::Device(format!(
                "a picture of this model takes {numbers} numbers in between, more than the processor's engine holds"
            )));
        }
        let layers: Vec<Layer> = weights
            .layers
            .iter()
            .zip(sides.windows(2))
            .map(|(layer, sides)| Layer::new(layer, [sides[0], sides[1]], instructions))
            .collect();
        let (side, channels) = (weights.stem_side, weights.layers[0].inputs);
        let (latent, area) = (weights.latent, side * side);
        let stem = (0..side).map(|y| {
            let mut panels = Panels::default();
            panels.pack(instructions, latent, side * channels, |place, at| {
                let (x, channel) = (at / channels, at % channels);
                weights.stem_weight[(channel * area + y * side + x) * latent + place]
            });
            panels
        });
        let units = (0..area * channels).map(|at| at % channels * area + at / channels);
        Ok(Self {
            instructions,
            latent,
            size: weights.size(),
            stem: stem.collect(),
            stem_bias: units.map(|unit| weights.stem_bias[unit]).collect(),
            layers,
        })
    }

    /// Makes the first map of every row of latents.
    pub(super) fn stem(&self, z: &[f32], rows: usize, to: &mut [f32], affine: Option<&Affine>) {
        let map = self.layers[0].map;
        let width = map.width * map.channels;
        let slope = self.layers[0].slope;
        let sweep = |y: usize| {
            let span = y * width..(y + 1) * width;
            Sweep {
                grid: Grid {
                    pictures: rows,
                    height: 1,
                    width: 1,
                },
                window: Window {
                    rows: 1,
                    run: self.latent,
                    row_stride: 0,
                },
                from: Walk {
                    start: 0,
                    picture: self.latent,
                    row: 0,
                    column: 0,
                },
                to: Walk {
                    start: map.start(0, y),
                    picture: map.picture(),
                    row: 0,
                    column: 0,
                },
                panels: &self.stem[y],
                finish: match affine {
                    Some(affine) => Finish {
                        scale: Some(&affine.stem.0[span.clone()]),
                        shift: Some(&affine.stem.1[span]),
                        slope,
                    },
                    None => Finish::bias(Some(&self.stem_bias[span])),
                },
            }
        };
        run_sweeps(self.instructions, self.stem.len(), sweep, z, to);
    }

    /// Makes the map that layer `index` + 1 takes from the one that `index` takes.
    pub(super) fn layer(
        &self,
        index: usize,
        rows: usize,
        from: &[f32],
        to: &mut [f32],
        affine: Option<&Affine>,
    ) {
        let (layer, next) = (&self.layers[index], &self.layers[index + 1]);
        let finish = match affine {
            Some(affine) => {
                let (scale, shift) = &affine.maps[index + 1];
                Finish {
                    scale: Some(scale),
                    shift: Some(shift),
                    slope: next.slope,
                }
            }
            None => Finish::bias(Some(&layer.bias)),
        };
        let maps = [layer.map, next.map].map(|map| Map { batch: rows, ..map });
        match &layer.form {
            Form::Sweeps(phases) => {
                let sweep = |index: usize| phases[index].sweep(&maps[0], &maps[1], finish);
                run_sweeps(self.instructions, phases.len(), sweep, from, to);
            }
            Form::Columns(columns) => {
                let out = Shared::new(to);
                columns.run(&maps[0], from, |picture, y, line| {
                    finish_line(line, finish);
                    // SAFETY: this row of the map is written by this call alone.
                    let row = unsafe { out.slice(maps[1].start(picture, y), line.len()) };
                    row.copy_from_slice(line);
                });
            }
        }
    }

    /// Numbers of scratch that [`Plan::picture`] takes for so many rows.
    pub(super) fn picture_scratch(&self, rows: usize) -> usize {
        match self.layers.last().map(|layer| &layer.form) {
            Some(Form::Sweeps(_)) => rows * 3 * self.size * self.size,
            _ => 0,
        }
    }

    /// Makes the pictures from what the last layer takes, and calls `finish(picture, row, sums)` with every row of red, green
    /// and blue, biases added.
    pub(super) fn picture(
        &self,
        rows: usize,
        from: &[f32],
        scratch: &mut [f32],
        finish: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) {
        let Some(layer) = self.layers.last() else {
            return;
        };
        let bias = Finish::bias(Some(&layer.bias));
        let map = Map {
            batch: rows,
            ..layer.map
        };
        match &layer.form {
            Form::Columns(columns) => columns.run(&map, from, |picture, y, line| {
                finish_line(line, bias);
                finish(picture, y, line);
            }),
            Form::Sweeps(phases) => {
                let to = Map {
                    batch: rows,
                    height: self.size,
                    width: self.size,
                    channels: 3,
                    border: 0,
                };
                let scratch = &mut scratch[..to.len()];
                let sweep = |index: usize| phases[index].sweep(&map, &to, bias);
                run_sweeps(self.instructions, phases.len(), sweep, from, scratch);
                let lines = Shared::new(scratch);
                (0..rows * self.size).into_par_iter().for_each(|row| {
                    let (picture, y) = (row / self.size, row % self.size);
                    // SAFETY: every row is this call's alone.
                    finish(picture, y, unsafe {
                        lines.slice(to.start(picture, y), to.row())
                    });
                });
            }
        }
    }
}

impl Layer {
    fn new(layer: &LayerWeights, sides: [usize; 2], instructions: Instructions) -> Self {
        let axes = |side| match layer.transposed {
            true => Axis::up(layer.filter, side),
            false => vec![Axis::down(layer.filter, side)],
        };
        let axes = axes(sides[0]);
        let border = axes.iter().map(|axis| axis.border(sides[0])).max();
        let weight = |input, output, ky, kx| layer.weight[layer.place(input, output, ky, kx)];
        let channels = [layer.inputs, layer.outputs];
        let few = layer.transposed
            && layer.filter == Filter::STUDIES
            && worth_columns(instructions, layer.outputs);
        Self {
            map: Map {
                batch: 1,
                height: sides[0],
                width: sides[0],
                channels: layer.inputs,
                border: border.unwrap_or(0),
            },
            norm: layer.norm.clone(),
            slope: layer.slope,
            bias: layer.bias.clone(),
            form: if few {
                Form::Columns(Columns::new(
                    instructions,
                    layer.inputs,
                    layer.outputs,
                    weight,
                ))
            } else {
                Form::Sweeps(Phase::all(instructions, &axes, &axes, channels, weight))
            },
        }
    }
}

impl Affine {
    /// Folds the running statistics of every batch norm, and the bias before it, into one scale and one shift.
    pub(super) fn running(plan: &Plan) -> Self {
        let maps = plan.layers.iter().enumerate().map(|(index, layer)| {
            let channels = layer.map.channels;
            let (scale, mut shift) = match &layer.norm {
                Some(norm) => (0..channels)
                    .map(|channel| norm.fold(channel, norm.mean[channel], norm.variance[channel]))
                    .unzip(),
                None => (vec![1.0; channels], vec![0.0; channels]),
            };
            // The stem's biases are one a number, not one a channel: they are folded in below.
            if let Some(before) = index.checked_sub(1) {
                let bias = &plan.layers[before].bias;
                for (shift, (scale, bias)) in shift.iter_mut().zip(scale.iter().zip(bias)) {
                    *shift += scale * bias;
                }
            }
            (scale, shift)
        });
        let maps: Vec<(Vec<f32>, Vec<f32>)> = maps.collect();
        let (scale, shift) = &maps[0];
        let channels = scale.len();
        let stem = plan.stem_bias.iter().enumerate().map(|(at, &bias)| {
            let channel = at % channels;
            (scale[channel], shift[channel] + bias * scale[channel])
        });
        Self {
            stem: stem.unzip(),
            maps,
        }
    }
}

/// [`Finish`] on a row of pixels.
fn finish_line(line: &mut [f32], finish: Finish) {
    let channels = finish.shift.map_or(1, <[f32]>::len);
    for pixel in line.chunks_exact_mut(channels) {
        for (channel, v) in pixel.iter_mut().enumerate() {
            let scale = finish.scale.map_or(1.0, |scale| scale[channel]);
            let shift = finish.shift.map_or(0.0, |shift| shift[channel]);
            *v = *v * scale + shift;
            *v = v.max(*v * finish.slope);
        }
    }
}
