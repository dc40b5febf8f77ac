//! A generator compiled for the processor: every layer's weights packed in the order in which its kernel reads them.

#![allow(unsafe_code, reason = "rows of one map written from several threads")]

use rayon::prelude::*;

use super::EngineError;
use super::algorithm::{ConvAlgorithm, LayerAlgorithms};
use crate::network::kernel::{
    Axis, Col2Im, Curve, Direction, Epilogue, FeatureMap, Filter, Grid, ImplicitGemm, Instructions,
    Moments, Panels, Phases, Strides, UnsafeSlice, Window, Winograd, bend_in_place, prefers_col2im,
    run_gemms, tanh_in_place,
};
use crate::network::weights::{End, GeneratorWeights, LayerWeights, NormWeights};

/// Most numbers of all maps of one picture: 4 GiB of them.
const MAX_NUMBERS: usize = 1 << 30;

/// A generator compiled for the processor.
pub(super) struct Plan {
    pub(super) instructions: Instructions,
    pub(super) latent: usize,
    /// Side of the picture in pixels.
    pub(super) size: usize,
    stem: Vec<Panels>,
    stem_bias: Vec<f32>,
    end: End,
    pub(super) layers: Vec<Layer>,
}

/// A layer of the plan: the feature map that it takes, and how it makes the next one.
pub(super) struct Layer {
    /// What it takes, for one picture.
    pub(super) map: FeatureMap,
    pub(super) norm: Option<NormWeights>,
    pub(super) slope: f32,
    pub(super) curve: Option<Curve>,
    pub(super) bias: Vec<f32>,
    convolution: Convolution,
    /// The one for several pictures, where it is another.
    several: Option<Convolution>,
}

/// A convolution by its algorithm.
enum Convolution {
    /// A product over output channels at every position.
    Direct(Phases),
    /// All taps of a coarse pixel in one product: for few channels.
    Col2Im(Col2Im),
    /// Tiles of results by fewer products.
    Winograd(Winograd),
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
        algorithms: &LayerAlgorithms,
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
            .enumerate()
            .map(|(index, (layer, sides))| {
                Layer::new(
                    layer,
                    [sides[0], sides[1]],
                    instructions,
                    algorithms.of(index),
                )
            })
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
            end: weights.end,
            layers,
        })
    }

    /// Channels of all batch norms together.
    pub(super) fn norm_channels(&self) -> usize {
        let normed = self.layers.iter().filter(|layer| layer.norm.is_some());
        normed.map(|layer| layer.map.channels).sum()
    }

    /// Brings a row of a picture into -1..1.
    pub(super) fn end(&self, line: &mut [f32]) {
        match self.end {
            End::Tanh => tanh_in_place(self.instructions, line),
            End::None => line.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0)),
        }
    }

    /// What no slope makes of the activation before layer `index`, once its batch norm is done.
    pub(super) fn bend(&self, index: usize, map: &mut [f32]) {
        if let Some(curve) = self.layers[index].curve {
            bend_in_place(self.instructions, map, curve);
        }
    }

    /// Makes the first map of every row of latents.
    pub(super) fn stem(&self, z: &[f32], rows: usize, to: &mut [f32], affine: Option<&Affine>) {
        let map = self.layers[0].map;
        let width = map.width * map.channels;
        let slope = self.layers[0].slope;
        let gemm = |y: usize| {
            let span = y * width..(y + 1) * width;
            ImplicitGemm {
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
                input: Strides {
                    offset: 0,
                    picture: self.latent,
                    row: 0,
                    column: 0,
                },
                output: Strides {
                    offset: map.start(0, y),
                    picture: map.picture(),
                    row: 0,
                    column: 0,
                },
                panels: &self.stem[y],
                epilogue: match affine {
                    Some(affine) => Epilogue {
                        scale: Some(&affine.stem.0[span.clone()]),
                        shift: Some(&affine.stem.1[span]),
                        slope,
                    },
                    None => Epilogue::bias(Some(&self.stem_bias[span])),
                },
            }
        };
        // SAFETY: each makes a row of the map, as long as its biases are many, and rows of a map do not overlap.
        unsafe { run_gemms(self.instructions, self.stem.len(), gemm, z, to) };
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
        let epilogue = match affine {
            Some(affine) => {
                let (scale, shift) = &affine.maps[index + 1];
                Epilogue {
                    scale: Some(scale),
                    shift: Some(shift),
                    slope: next.slope,
                }
            }
            None => Epilogue::bias(Some(&layer.bias)),
        };
        let maps = [layer.map, next.map].map(|map| FeatureMap { batch: rows, ..map });
        match layer.convolution(rows) {
            Convolution::Winograd(winograd) => {
                winograd.run([&maps[0], &maps[1]], from, to, epilogue);
            }
            Convolution::Direct(phases) => phases.run([&maps[0], &maps[1]], from, to, epilogue),
            Convolution::Col2Im(col2im) => {
                let numbers = maps[1].width * maps[1].channels;
                let out = UnsafeSlice::new(to);
                col2im.run(&maps[0], from, |picture, y, line| {
                    assert_eq!(line.len(), numbers, "a row's length");
                    apply_epilogue(line, epilogue);
                    // SAFETY: this row of the map is written by this call alone.
                    let row = unsafe { out.slice(maps[1].start(picture, y), numbers) };
                    row.copy_from_slice(line);
                });
            }
        }
    }

    /// Numbers of scratch that [`Plan::picture`] takes for so many rows.
    pub(super) fn picture_scratch(&self, rows: usize) -> usize {
        match self.layers.last().map(|layer| &layer.convolution) {
            None | Some(Convolution::Col2Im(_)) => 0,
            Some(_) => rows * 3 * self.size * self.size,
        }
    }

    /// Makes the pictures from what the last layer takes, and calls `finish(picture, row, sums)` with every row of red, green
    /// and blue, biases added: once with each, in parallel.
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
        let bias = Epilogue::bias(Some(&layer.bias));
        let map = FeatureMap {
            batch: rows,
            ..layer.map
        };
        match layer.convolution(rows) {
            Convolution::Col2Im(col2im) => {
                assert_eq!(2 * map.height, self.size, "the picture's side");
                col2im.run(&map, from, |picture, y, line| {
                    apply_epilogue(line, bias);
                    finish(picture, y, line);
                });
            }
            convolution => {
                let to = FeatureMap {
                    batch: rows,
                    height: self.size,
                    width: self.size,
                    channels: 3,
                    border: 0,
                };
                let scratch = &mut scratch[..to.len()];
                match convolution {
                    Convolution::Winograd(winograd) => {
                        winograd.run([&map, &to], from, scratch, bias);
                    }
                    Convolution::Direct(phases) => {
                        phases.run([&map, &to], from, scratch, bias);
                    }
                    Convolution::Col2Im(_) => {}
                }
                let lines = UnsafeSlice::new(scratch);
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
    fn new(
        layer: &LayerWeights,
        sides: [usize; 2],
        instructions: Instructions,
        [one, several]: [ConvAlgorithm; 2],
    ) -> Self {
        let axes = Self::axes(layer, sides[0]);
        let border = axes.iter().map(|axis| axis.border(sides[0])).max();
        let weight = |input, output, ky, kx| layer.weight[layer.place(input, output, ky, kx)];
        let channels = [layer.inputs, layer.outputs];
        let few = layer.transposed
            && layer.filter == Filter::STUDIES
            && prefers_col2im(instructions, layer.outputs);
        let convolution = |algorithm: ConvAlgorithm| match algorithm.tile() {
            _ if few => Convolution::Col2Im(Col2Im::new(
                instructions,
                layer.inputs,
                layer.outputs,
                weight,
            )),
            Some(tile) => Convolution::Winograd(Winograd::new(
                instructions,
                Direction::Transposed,
                tile,
                channels,
                weight,
            )),
            None => {
                Convolution::Direct(Phases::new(instructions, [&axes, &axes], channels, weight))
            }
        };
        Self {
            map: FeatureMap {
                batch: 1,
                height: sides[0],
                width: sides[0],
                channels: layer.inputs,
                border: border.unwrap_or(0),
            },
            norm: layer.norm.clone(),
            slope: layer.slope,
            curve: layer.curve,
            bias: layer.bias.clone(),
            convolution: convolution(one),
            several: (several != one && !few).then(|| convolution(several)),
        }
    }

    fn axes(layer: &LayerWeights, side: usize) -> Vec<Axis> {
        match layer.transposed {
            true => Axis::transposed(layer.filter, side),
            false => vec![Axis::strided(layer.filter, side)],
        }
    }

    fn convolution(&self, rows: usize) -> &Convolution {
        match &self.several {
            Some(several) if rows > 1 => several,
            _ => &self.convolution,
        }
    }
}

impl Affine {
    /// Folds the running statistics of every batch norm, and the bias before it, into one scale and one shift.
    pub(super) fn running(plan: &Plan) -> Self {
        let running: Vec<Moments> = plan
            .layers
            .iter()
            .filter_map(|layer| layer.norm.as_ref())
            .map(|norm| Moments {
                mean: norm.mean.clone(),
                variance: norm.variance.clone(),
            })
            .collect();
        let mut affine = Self {
            maps: vec![<_>::default(); plan.layers.len()],
            stem: <_>::default(),
        };
        affine.fold(plan, |norm| &running[norm]);
        affine
    }

    /// Folds the statistics of every norm, counted from 0. Allocates the first time only.
    pub(super) fn fold<'a>(&mut self, plan: &Plan, statistics: impl Fn(usize) -> &'a Moments) {
        let mut number = 0;
        for (index, layer) in plan.layers.iter().enumerate() {
            let (scale, shift) = &mut self.maps[index];
            match &layer.norm {
                Some(norm) => {
                    norm.fold_all(statistics(number), scale, shift);
                    number += 1;
                }
                None => {
                    scale.resize(layer.map.channels, 1.0);
                    shift.clear();
                    shift.resize(layer.map.channels, 0.0);
                }
            }
            // The stem's biases are one a number, not one a channel: they are folded in below.
            if let Some(before) = index.checked_sub(1) {
                let bias = &plan.layers[before].bias;
                for (shift, (scale, bias)) in shift.iter_mut().zip(scale.iter().zip(bias)) {
                    *shift += scale * bias;
                }
            }
        }
        let (scale, shift) = &self.maps[0];
        let channels = scale.len();
        self.stem.0.clear();
        self.stem.1.clear();
        for (at, &bias) in plan.stem_bias.iter().enumerate() {
            let channel = at % channels;
            self.stem.0.push(scale[channel]);
            self.stem.1.push(shift[channel] + bias * scale[channel]);
        }
    }
}

/// [`Epilogue`] on a row of pixels.
fn apply_epilogue(line: &mut [f32], epilogue: Epilogue) {
    let channels = epilogue.shift.map_or(1, <[f32]>::len);
    for pixel in line.chunks_exact_mut(channels) {
        for (channel, v) in pixel.iter_mut().enumerate() {
            let scale = epilogue.scale.map_or(1.0, |scale| scale[channel]);
            let shift = epilogue.shift.map_or(0.0, |shift| shift[channel]);
            *v = *v * scale + shift;
            *v = v.max(*v * epilogue.slope);
        }
    }
}
