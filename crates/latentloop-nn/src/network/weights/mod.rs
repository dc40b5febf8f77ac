//! A generator's numbers read from a safetensors file: ours or any that bears the same PyTorch names.

mod reading;
mod writing;

use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::kernel::{Curve, Filter, Moments, fold};
use super::model_file::{self, Unread};
use super::parameters::uniform;
use super::spec::{BATCH_NORM_EPS, LEAKY_SLOPE, STEM_SIDE, Spec};
use crate::palette::Palette;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 30;
/// Largest map, in pixels a side.
const MAX_SIDE: usize = 4096;

/// The numbers of a generator of the DCGAN family: a linear stem, then batch norm, activation and convolution over and over, then
/// its end.
///
/// A stem that is a transposed convolution of a latent of 1 x 1 is a linear one as well: each of its taps is one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorWeights {
    /// Length of a latent.
    pub latent: usize,
    /// Side in pixels of the stem's square map.
    pub stem_side: usize,
    /// Stem weights, `[channels * stem_side^2, latent]`.
    pub stem_weight: Vec<f32>,
    /// Stem biases, `[channels * stem_side^2]`.
    pub stem_bias: Vec<f32>,
    /// The layers after the stem; the last one gives red, green and blue.
    pub layers: Vec<LayerWeights>,
    /// What brings the pictures into -1..1.
    pub end: End,
    /// The colours of its footage, where its file tells any that can be read.
    pub palette: Option<Palette>,
}

/// What brings the last layer's numbers into a picture's -1..1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The hyperbolic tangent.
    #[default]
    Tanh,
    /// Nothing: what lies outside goes to the nearest end.
    None,
}

impl End {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A batch norm, an activation and the convolution after them.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerWeights {
    /// Channels that it takes.
    pub inputs: usize,
    /// Channels that it gives.
    pub outputs: usize,
    /// The batch norm of what it takes, where there is one.
    pub norm: Option<NormWeights>,
    /// Slope of the activation below zero: 0.2 is the studies' leaky ReLU, 0 a ReLU, 1 none.
    pub slope: f32,
    /// The activation where no slope makes it; the slope is 1 then.
    pub curve: Option<Curve>,
    /// The convolution's filter.
    pub filter: Filter,
    /// Whether it is a transposed one.
    pub transposed: bool,
    /// `[in, out, kernel, kernel]` where it is transposed, else `[out, in, kernel, kernel]`.
    pub weight: Vec<f32>,
    /// Its biases, `[out]`.
    pub bias: Vec<f32>,
}

/// A batch norm's numbers, one a channel each.
#[derive(Clone, Debug, PartialEq)]
pub struct NormWeights {
    /// Scales.
    pub weight: Vec<f32>,
    /// Shifts.
    pub bias: Vec<f32>,
    /// Running means.
    pub mean: Vec<f32>,
    /// Running variances.
    pub variance: Vec<f32>,
    /// What is added to every variance.
    pub eps: f32,
}

impl NormWeights {
    /// Scale and shift that a channel of this mean and (biased) variance gets.
    pub fn fold(&self, channel: usize, mean: f32, variance: f32) -> (f32, f32) {
        let (weight, bias) = (self.weight[channel], self.bias[channel]);
        fold(weight, bias, mean, variance, self.eps)
    }

    /// [`NormWeights::fold`] of every channel.
    pub fn fold_all(&self, seen: &Moments, scale: &mut Vec<f32>, shift: &mut Vec<f32>) {
        scale.clear();
        shift.clear();
        for (channel, (&mean, &variance)) in seen.mean.iter().zip(&seen.variance).enumerate() {
            let (factor, offset) = self.fold(channel, mean, variance);
            scale.push(factor);
            shift.push(offset);
        }
    }
}

/// The architecture of a model, as its metadata has it: what its tensors do not tell of its layers. Without it they are the studies'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The layers after the stem, in order.
    pub layers: Vec<LayerShape>,
    /// What brings the pictures into -1..1; a tanh where nothing is said.
    #[serde(default, skip_serializing_if = "End::is_default")]
    pub end: End,
}

/// The shape of a layer: what its tensors do not tell of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerShape {
    /// Whether a batch norm comes first.
    pub norm: bool,
    /// What the batch norm adds to every variance, where it is not 1e-5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps: Option<f32>,
    /// Slope of the activation below zero, 0 to 1.
    pub slope: f32,
    /// The activation where no slope makes it; the slope is 1 then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// The convolution's filter.
    pub filter: Filter,
    /// Whether it is a transposed one.
    pub transposed: bool,
}

impl LayerShape {
    /// A layer of the studies architecture.
    pub const STUDIES: Self = Self {
        norm: true,
        eps: None,
        slope: LEAKY_SLOPE,
        curve: None,
        filter: Filter::STUDIES,
        transposed: true,
    };
}

impl LayerWeights {
    /// Its shape: what its tensors do not tell of it.
    pub fn shape(&self) -> LayerShape {
        LayerShape {
            norm: self.norm.is_some(),
            eps: self
                .norm
                .as_ref()
                .map(|norm| norm.eps)
                .filter(|&eps| eps != BATCH_NORM_EPS),
            slope: self.slope,
            curve: self.curve,
            filter: self.filter,
            transposed: self.transposed,
        }
    }

    /// Side of the square map that it gives for one of `side`; none where the filter does not fit, or the map would be larger than
    /// any that is played.
    pub fn side(&self, side: usize) -> Option<usize> {
        let given = if self.transposed {
            self.filter.transposed_side(side)
        } else {
            self.filter.strided_side(side)
        };
        given.filter(|&side| side <= MAX_SIDE)
    }

    /// Index of the weight of these channels and this tap in [`LayerWeights::weight`].
    pub fn place(&self, input: usize, output: usize, ky: usize, kx: usize) -> usize {
        let kernel = self.filter.kernel;
        let channels = if self.transposed {
            input * self.outputs + output
        } else {
            output * self.inputs + input
        };
        (channels * kernel + ky) * kernel + kx
    }
}

/// The error of loading a model: why a file gives no generator.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read.
    #[error("cannot read the model {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no generator of ours.
    #[error("cannot play the model {path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
}

impl GeneratorWeights {
    /// Reads a model: a playing file, a whole training checkpoint, an imported generator, or a bare one of the studies
    /// architecture without metadata, its shape taken from its tensors. Numbers may be f32, f16 or bf16.
    ///
    /// # Errors
    /// When the file is unreadable, cut short, not safetensors, lacks a tensor, or a tensor has another shape than its
    /// neighbours ask for or holds a number that is not finite.
    pub fn load(path: &Path) -> Result<Self, WeightsError> {
        Self::with_bytes(path).map(|(weights, _)| weights)
    }

    /// As [`GeneratorWeights::load`]; also the bytes of the file.
    pub(super) fn with_bytes(path: &Path) -> Result<(Self, Vec<u8>), WeightsError> {
        let read = |source| WeightsError::Read {
            path: path.to_owned(),
            source,
        };
        let content = |reason| WeightsError::Content {
            path: path.to_owned(),
            reason,
        };
        let bytes =
            model_file::read(path, MAX_BYTES, "model", reading::refusal).map_err(|error| {
                match error {
                    Unread::System(source) => read(source),
                    Unread::Content(reason) => content(reason),
                }
            })?;
        let weights = reading::parse(&bytes).map_err(content)?;
        Ok((weights, bytes))
    }

    /// Sides in pixels of the stem's map and of what each layer gives; the last one is the picture's. 0 stands where a filter does
    /// not fit.
    pub fn sides(&self) -> Vec<usize> {
        let mut sides = vec![self.stem_side];
        for layer in &self.layers {
            let side = sides[sides.len() - 1];
            sides.push(layer.side(side).unwrap_or(0));
        }
        sides
    }

    /// Side of the square picture in pixels.
    pub fn size(&self) -> usize {
        self.sides().last().copied().unwrap_or(0)
    }

    /// Multiply-adds of one picture, stem and convolutions together.
    pub fn multiply_adds(&self) -> u64 {
        let sides = self.sides();
        let layers = self
            .layers
            .iter()
            .zip(sides.windows(2))
            .map(|(layer, sides)| {
                let positions = if layer.transposed { sides[0] } else { sides[1] };
                (positions * positions * layer.weight.len()) as u64
            });
        self.stem_weight.len() as u64 + layers.sum::<u64>()
    }

    /// An untrained generator with PyTorch's default starting values, for measuring and tests.
    pub fn random(spec: &Spec, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |count: usize, fan_in: usize| -> Vec<f32> {
            let bound = 1.0 / (fan_in as f32).sqrt();
            (0..count)
                .map(|_| (uniform(&mut rng) * 2.0 - 1.0) * bound)
                .collect()
        };
        let stem = STEM_SIDE * STEM_SIDE * spec.channels[0];
        let (stem_weight, stem_bias) = (
            draw(stem * spec.latent, spec.latent),
            draw(stem, spec.latent),
        );
        let layers = spec.channels.iter().enumerate().map(|(layer, &inputs)| {
            let outputs = spec.out_channels(layer);
            LayerWeights {
                inputs,
                outputs,
                norm: Some(NormWeights {
                    weight: vec![1.0; inputs],
                    bias: vec![0.0; inputs],
                    mean: vec![0.0; inputs],
                    variance: vec![0.1; inputs],
                    eps: BATCH_NORM_EPS,
                }),
                slope: LEAKY_SLOPE,
                curve: None,
                filter: Filter::STUDIES,
                transposed: true,
                weight: draw(inputs * outputs * 16, outputs * 16),
                bias: draw(outputs, outputs * 16),
            }
        });
        let layers = layers.collect();
        Self {
            latent: spec.latent,
            stem_side: STEM_SIDE,
            stem_weight,
            stem_bias,
            layers,
            end: End::Tanh,
            palette: None,
        }
    }
}
