//! A generator's numbers read from a safetensors file: ours or any that bears the same PyTorch names.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::tensor::{Dtype, SafeTensors};
use thiserror::Error;

use super::parameters::uniform;
use super::spec::{STEM_SIDE, Spec};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 30;
/// Longest row of any weight: wider networks are refused.
const MAX_CHANNELS: usize = 8192;
/// Most transposed convolutions: 4096 pixels.
const MAX_LAYERS: usize = 10;

/// The numbers of a generator of the studies architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorWeights {
    /// Its shape.
    pub spec: Spec,
    /// Stem weights, `[16 * channels[0], latent]`.
    pub stem_weight: Vec<f32>,
    /// Stem biases, `[16 * channels[0]]`.
    pub stem_bias: Vec<f32>,
    /// Batch norm and transposed convolution, over and over.
    pub layers: Vec<LayerWeights>,
}

/// One batch norm and the transposed convolution after it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerWeights {
    /// Batch norm weights, one an input channel, like the next three.
    pub norm_weight: Vec<f32>,
    /// Batch norm biases.
    pub norm_bias: Vec<f32>,
    /// Running means.
    pub mean: Vec<f32>,
    /// Running variances.
    pub variance: Vec<f32>,
    /// Transposed convolution, `[in, out, 4, 4]`.
    pub weight: Vec<f32>,
    /// Its biases, `[out]`.
    pub bias: Vec<f32>,
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
    /// Reads a model: a playing file, a whole training checkpoint, or a bare generator without metadata, its shape taken from
    /// its tensors. Numbers may be f32, f16 or bf16.
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

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| format!("it is no whole safetensors file ({error}); copy it again"))?;
        let stem = shape(&file, "input.weight")?;
        let [rows, latent] = stem[..] else {
            return Err(format!(
                "its tensor input.weight has shape {stem:?} where two dimensions were expected"
            ));
        };
        if latent == 0 || latent > 4096 || rows == 0 || !rows.is_multiple_of(STEM_SIDE * STEM_SIDE)
        {
            return Err(format!(
                "its tensor input.weight has shape {stem:?} where [16 x channels, latent] was expected"
            ));
        }
        let mut channels = vec![rows / (STEM_SIDE * STEM_SIDE)];
        let mut layers = Vec::new();
        loop {
            let (norm, conv) = (3 * layers.len(), 3 * layers.len() + 2);
            let inputs = channels[channels.len() - 1];
            if inputs > MAX_CHANNELS || layers.len() == MAX_LAYERS {
                return Err(format!(
                    "it has {} layers of up to {inputs} channels, more than can be played",
                    layers.len()
                ));
            }
            let name = format!("net.{conv}.weight");
            let found = shape(&file, &name)?;
            let &[first, outputs, 4, 4] = &found[..] else {
                return Err(format!(
                    "its tensor {name} has shape {found:?} where [{inputs}, out, 4, 4] was expected"
                ));
            };
            if first != inputs || outputs == 0 {
                return Err(format!(
                    "its tensor {name} has shape {found:?} where [{inputs}, out, 4, 4] was expected"
                ));
            }
            layers.push(LayerWeights {
                norm_weight: numbers(&file, &format!("net.{norm}.weight"), &[inputs])?,
                norm_bias: numbers(&file, &format!("net.{norm}.bias"), &[inputs])?,
                mean: numbers(&file, &format!("net.{norm}.running_mean"), &[inputs])?,
                variance: numbers(&file, &format!("net.{norm}.running_var"), &[inputs])?,
                weight: numbers(&file, &name, &found)?,
                bias: numbers(&file, &format!("net.{conv}.bias"), &[outputs])?,
            });
            if file.tensor(&format!("net.{}.weight", conv + 3)).is_err() {
                if outputs != 3 {
                    return Err(format!(
                        "its last layer {name} gives {outputs} channels where 3 (red, green, blue) were expected"
                    ));
                }
                break;
            }
            channels.push(outputs);
        }
        if let Some(norm) = layers
            .iter()
            .position(|layer| layer.variance.iter().any(|&v| v < 0.0))
        {
            return Err(format!(
                "its tensor net.{}.running_var holds a negative variance",
                3 * norm
            ));
        }
        Ok(Self {
            stem_weight: numbers(&file, "input.weight", &stem)?,
            stem_bias: numbers(&file, "input.bias", &[rows])?,
            spec: Spec {
                latent,
                channels,
                discriminator: Vec::new(),
            },
            layers,
        })
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
                norm_weight: vec![1.0; inputs],
                norm_bias: vec![0.0; inputs],
                mean: vec![0.0; inputs],
                variance: vec![0.1; inputs],
                weight: draw(inputs * outputs * 16, outputs * 16),
                bias: draw(outputs, outputs * 16),
            }
        });
        let layers = layers.collect();
        let spec = Spec {
            discriminator: Vec::new(),
            ..spec.clone()
        };
        Self {
            spec,
            stem_weight,
            stem_bias,
            layers,
        }
    }
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
