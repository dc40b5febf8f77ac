//! A generator's numbers read from a safetensors file: ours or any that bears the same PyTorch names.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::checkpoint::METADATA_KEY;
use super::kernel::Filter;
use super::parameters::uniform;
use super::spec::{LEAKY_SLOPE, STEM_SIDE, Spec};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 30;
/// Longest row of any weight: wider networks are refused.
const MAX_CHANNELS: usize = 8192;
/// Most convolutions.
const MAX_LAYERS: usize = 32;
/// Largest filter, in taps a side.
const MAX_KERNEL: usize = 16;
/// Largest map, in pixels a side.
const MAX_SIDE: usize = 4096;

/// The numbers of a generator of the DCGAN family: a linear stem, then batch norm, activation and convolution over and over, then
/// tanh.
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
    /// What follows the stem; the last one gives red, green and blue.
    pub layers: Vec<LayerWeights>,
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
    /// What the activation multiplies negative numbers by: 0.2 is the studies' leaky ReLU, 0 a ReLU, 1 none.
    pub slope: f32,
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
}

/// What the tensors of a file do not tell of its layers, as its metadata has it. Without it they are the studies'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The layers after the stem, in order.
    pub layers: Vec<LayerShape>,
}

/// What the tensors of a file do not tell of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerShape {
    /// Whether a batch norm comes first.
    pub norm: bool,
    /// What the activation multiplies negative numbers by, 0 to 1.
    pub slope: f32,
    /// The convolution's filter.
    pub filter: Filter,
    /// Whether it is a transposed one.
    pub transposed: bool,
}

impl LayerShape {
    /// A layer of the studies architecture.
    pub const STUDIES: Self = Self {
        norm: true,
        slope: LEAKY_SLOPE,
        filter: Filter::STUDIES,
        transposed: true,
    };
}

impl LayerWeights {
    /// Side of the square map that it gives for one of `side`; none where the filter does not fit.
    pub fn side(&self, side: usize) -> Option<usize> {
        if self.transposed {
            self.filter.up_side(side)
        } else {
            self.filter.down_side(side)
        }
    }

    /// Where the weight of these channels and this tap stands in [`LayerWeights::weight`].
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

/// Why a file gives no generator.
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
        let read = |source| WeightsError::Read {
            path: path.to_owned(),
            source,
        };
        let content = |reason| WeightsError::Content {
            path: path.to_owned(),
            reason,
        };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_BYTES {
            return Err(content(format!(
                "it has {length} bytes, more than any model"
            )));
        }
        Self::parse(&std::fs::read(path).map_err(read)?).map_err(content)
    }

    /// Sides in pixels of the stem's map and of what each layer gives; the last one is the picture's.
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
        let layers = self.layers.iter().zip(sides.windows(2)).map(|(layer, sides)| {
            let positions = if layer.transposed { sides[0] } else { sides[1] };
            positions * positions * layer.weight.len()
        });
        (self.stem_weight.len() + layers.sum::<usize>()) as u64
    }

    /// Trainable numbers.
    pub fn parameters(&self) -> u64 {
        let layers = self.layers.iter().map(|layer| {
            let norm = layer.norm.as_ref().map_or(0, |norm| 2 * norm.weight.len());
            norm + layer.weight.len() + layer.bias.len()
        });
        (self.stem_weight.len() + self.stem_bias.len() + layers.sum::<usize>()) as u64
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let broken =
            |error| format!("it is no whole safetensors file ({error}); copy it again");
        let file = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
        let architecture = architecture(bytes)?;
        let stem = shape(&file, "input.weight")?;
        let &[rows, latent] = &stem[..] else {
            return Err(format!(
                "its tensor input.weight has shape {stem:?} where two dimensions were expected"
            ));
        };
        let count = architecture.as_ref().map_or_else(
            || (0..).take_while(|layer| has(&file, *layer)).count(),
            |architecture| architecture.layers.len(),
        );
        if count > MAX_LAYERS {
            return Err(format!("it has {count} layers, more than can be played"));
        }
        let mut layers: Vec<LayerWeights> = Vec::with_capacity(count);
        for index in 0..count.max(1) {
            let shape = match &architecture {
                Some(architecture) => architecture.layers.get(index).cloned(),
                None => Some(LayerShape::STUDIES),
            };
            let inputs = layers.last().map(|layer| layer.outputs);
            let shape = shape.ok_or("its metadata names no layers")?;
            layers.push(layer(&file, index, &shape, inputs)?);
        }
        let stem_channels = layers[0].inputs;
        let area = rows / stem_channels;
        let stem_side = area.isqrt();
        if latent == 0
            || latent > 4096
            || stem_side == 0
            || stem_side * stem_side * stem_channels != rows
            || (architecture.is_none() && stem_side != STEM_SIDE)
        {
            return Err(format!(
                "its tensor input.weight has shape {stem:?} where [{stem_channels} x side x side, latent] was expected"
            ));
        }
        if let Some(last) = layers.last_mut() {
            match last.outputs {
                3 => {}
                // Grey is red, green and blue alike.
                1 => colour(last),
                outputs => {
                    return Err(format!(
                        "its last layer net.{}.weight gives {outputs} channels where 3 (red, green, blue) or 1 (grey) were expected",
                        3 * count.max(1) - 1
                    ));
                }
            }
        }
        let weights = Self {
            latent,
            stem_side,
            stem_weight: numbers(&file, "input.weight", &stem)?,
            stem_bias: numbers(&file, "input.bias", &[rows])?,
            layers,
        };
        match weights.sides().iter().position(|&side| side == 0 || side > MAX_SIDE) {
            Some(place) => Err(format!(
                "its maps have sides of {:?} pixels; number {place} is none that can be played (1 to {MAX_SIDE})",
                weights.sides()
            )),
            None => Ok(weights),
        }
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
                }),
                slope: LEAKY_SLOPE,
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
        }
    }
}

/// What the metadata says of the layers, if anything.
fn architecture(bytes: &[u8]) -> Result<Option<Architecture>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = header.metadata().as_ref();
    let Some(text) = metadata.and_then(|metadata| metadata.get(METADATA_KEY)) else {
        return Ok(None);
    };
    let faulty = |error: serde_json::Error| format!("its metadata: {error}");
    let mut card: serde_json::Value = serde_json::from_str(text).map_err(faulty)?;
    match card.get_mut("architecture").map(serde_json::Value::take) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(architecture) => serde_json::from_value(architecture).map(Some).map_err(faulty),
    }
}

fn has(file: &SafeTensors, layer: usize) -> bool {
    file.tensor(&format!("net.{}.weight", 3 * layer + 2)).is_ok()
}

/// Reads one layer; `inputs` are the channels that the one before it gives.
fn layer(
    file: &SafeTensors,
    index: usize,
    layer: &LayerShape,
    inputs: Option<usize>,
) -> Result<LayerWeights, String> {
    let (norm, conv) = (3 * index, 3 * index + 2);
    let name = format!("net.{conv}.weight");
    let Filter { kernel, stride, .. } = layer.filter;
    if !(1..=MAX_KERNEL).contains(&kernel) || !(1..=kernel).contains(&stride) || layer.filter.padding >= kernel {
        return Err(format!(
            "its metadata gives {name} the filter {:?}, which cannot be played",
            layer.filter
        ));
    }
    if !(0.0..=1.0).contains(&layer.slope) {
        return Err(format!("its metadata gives {name} the slope {} where 0 to 1 was expected", layer.slope));
    }
    let found = shape(file, &name)?;
    let expected = || {
        let inputs = inputs.map_or("in".to_owned(), |inputs| inputs.to_string());
        match layer.transposed {
            true => format!("[{inputs}, out, {kernel}, {kernel}]"),
            false => format!("[out, {inputs}, {kernel}, {kernel}]"),
        }
    };
    let channels = match (&found[..], layer.transposed) {
        (&[inputs, outputs, y, x], true) | (&[outputs, inputs, y, x], false) if y == kernel && x == kernel => {
            Some((inputs, outputs))
        }
        _ => None,
    };
    let fits = |&(found, outputs): &(usize, usize)| {
        found > 0 && outputs > 0 && found.max(outputs) <= MAX_CHANNELS && inputs.is_none_or(|inputs| inputs == found)
    };
    let Some((inputs, outputs)) = channels.filter(fits) else {
        return Err(format!(
            "its tensor {name} has shape {found:?} where {} was expected",
            expected()
        ));
    };
    let of_norm = |part: &str| numbers(file, &format!("net.{norm}.{part}"), &[inputs]);
    let norm = match layer.norm {
        true => Some(NormWeights {
            weight: of_norm("weight")?,
            bias: of_norm("bias")?,
            mean: of_norm("running_mean")?,
            variance: of_norm("running_var")?,
        }),
        false => None,
    };
    if norm.as_ref().is_some_and(|norm| norm.variance.iter().any(|&v| v < 0.0)) {
        return Err(format!(
            "its tensor net.{}.running_var holds a negative variance",
            3 * index
        ));
    }
    Ok(LayerWeights {
        inputs,
        outputs,
        norm,
        slope: layer.slope,
        filter: layer.filter,
        transposed: layer.transposed,
        weight: numbers(file, &name, &found)?,
        bias: numbers(file, &format!("net.{conv}.bias"), &[outputs])?,
    })
}

/// Makes a layer of one output channel one of three alike.
fn colour(layer: &mut LayerWeights) {
    let taps = layer.filter.kernel * layer.filter.kernel;
    layer.weight = if layer.transposed {
        layer.weight.chunks_exact(taps).flat_map(|taps| [taps; 3]).flatten().copied().collect()
    } else {
        layer.weight.repeat(3)
    };
    layer.bias = layer.bias.repeat(3);
    layer.outputs = 3;
}

fn shape(file: &SafeTensors, name: &str) -> Result<Vec<usize>, String> {
    match file.tensor(name) {
        Ok(view) => Ok(view.shape().to_vec()),
        Err(_) => {
            let mut names = file.names();
            names.sort_unstable();
            let found = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
            Err(format!(
                "it has no tensor {name}; it holds {} tensors: {found} …",
                names.len()
            ))
        }
    }
}

fn numbers(file: &SafeTensors, name: &str, expected: &[usize]) -> Result<Vec<f32>, String> {
    let found = shape(file, name)?;
    if found != expected {
        return Err(format!(
            "its tensor {name} has shape {found:?} where {expected:?} was expected"
        ));
    }
    let view = file.tensor(name).map_err(|error| error.to_string())?;
    let data = view.data();
    let numbers: Vec<f32> = match view.dtype() {
        Dtype::F32 => data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => data
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        Dtype::BF16 => data
            .chunks_exact(2)
            .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        other => {
            return Err(format!(
                "its tensor {name} holds {other:?} where f32, f16 or bf16 was expected"
            ));
        }
    };
    match numbers.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(format!(
            "number {at} of its tensor {name} is {}: the training run diverged",
            numbers[at]
        )),
        None => Ok(numbers),
    }
}
