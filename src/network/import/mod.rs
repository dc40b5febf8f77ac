//! Generators that others trained: PyTorch's state dicts made into models to play.
//!
//! A state dict is a list of named tensors. Kinds and order of the modules are found from names and shapes; activations,
//! strides and paddings leave no trace in it and are asked for where custom does not settle them. Taken for granted are
//! square pictures, batch norm's usual epsilon of 1e-5, a latent of 1 x 1 under a transposed stem, and a tanh at the end.
//!
//! Files are read as data: whatever a pickle would have Python call stays a name.

mod pickle;

mod archive;
mod state;

mod module;

mod chain;
mod filter;
mod stem;

mod family;

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

pub use self::filter::Step;
use super::checkpoint::{CheckpointError, Content, Precision, write_whole};
use super::weights::{Architecture, GeneratorWeights, LayerShape};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 30;
/// Stack of the reading thread, in bytes.
const STACK_BYTES: usize = 8 << 20;
/// Largest number in half precision.
const MAX_HALF: f32 = 65504.0;

/// The activation of all layers but the last, which has tanh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Activation {
    /// Negative numbers become 0
    #[value(name = "relu")]
    Relu,
    /// Negative numbers are multiplied by 0.2
    #[value(name = "leaky_relu", alias = "leaky-relu")]
    LeakyRelu,
}

/// What a state dict does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Which of several nested state dicts is meant, the keys that lead to it joined by dots; at the end, what the names
    /// of its tensors begin with.
    pub key: Option<String>,
    /// The activation; only the studies architecture can do without.
    pub activation: Option<Activation>,
    /// Stride and padding of each convolution, a stem that is one included.
    pub steps: Option<Vec<Step>>,
}

/// Why a file was not imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no generator that can be played, or more must be said of it.
    #[error("cannot import {path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
    /// The model could not be written.
    #[error("cannot write the model {path}: {source}; what stood there before is untouched")]
    Write {
        /// The model.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What an imported model says of itself.
#[derive(Debug, Serialize)]
struct Card<'a> {
    version: u32,
    architecture: Architecture,
    source: &'a str,
}

/// Reads the generator of a PyTorch or safetensors state dict. One that draws grey pictures keeps its one channel.
///
/// # Errors
/// When the file is unreadable or damaged, holds something else, or a choice is missing or does not fit.
pub fn read(path: &Path, choices: &Choices) -> Result<GeneratorWeights, ImportError> {
    let unread = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let content = |reason| ImportError::Content {
        path: path.to_owned(),
        reason,
    };
    let length = std::fs::metadata(path).map_err(unread)?.len();
    if length > MAX_BYTES {
        return Err(content(format!("it has {length} bytes, more than any state dict")));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    // The zip reader is not ours: should it panic over a hostile file, its thread ends and nothing else.
    let parsed = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("import".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || parse(&bytes, choices))
            .map_err(unread)?
            .join()
            .map_err(|_panic| content("its reader failed on it; copy it again".to_owned()))
    })?;
    parsed.map_err(content)
}

fn parse(bytes: &[u8], choices: &Choices) -> Result<GeneratorWeights, String> {
    let tensors = state::read(bytes, choices.key.as_deref())?;
    family::generator(tensors, choices)
}

/// Writes a generator as a model to play, whole or not at all; `source` is what the model's card names as its origin. The
/// same generator gives the same bytes.
///
/// # Errors
/// When the generator is larger than any that can be played, a number is too large for `precision`, or the disk refuses.
pub fn write(
    weights: &GeneratorWeights,
    source: &str,
    path: &Path,
    precision: Precision,
) -> Result<(), ImportError> {
    let content = |reason| ImportError::Content {
        path: PathBuf::from(source),
        reason,
    };
    let layers = weights.layers.iter().map(|layer| LayerShape {
        norm: layer.norm.is_some(),
        slope: layer.slope,
        filter: layer.filter,
        transposed: layer.transposed,
    });
    let card = Card {
        version: 1,
        architecture: Architecture {
            layers: layers.collect(),
        },
        source,
    };
    let matrices = weights.layers.iter().map(|layer| &layer.weight);
    let mut numbers = matrices.chain([&weights.stem_weight]).flatten();
    if precision == Precision::F16 && numbers.any(|v| v.abs() > MAX_HALF) {
        return Err(content(
            "it has weights beyond the range of half precision: take --precision f32".to_owned(),
        ));
    }
    let bytes = tensors(weights).and_then(|tensors| tensors.serialize(&card, precision));
    let bytes = bytes.map_err(|error| content(error.to_string()))?;
    // What is written is held to what will be asked of it when it is played.
    GeneratorWeights::parse(&bytes).map_err(content)?;
    write_whole(path, &bytes).map_err(|source| ImportError::Write {
        path: path.to_owned(),
        source,
    })
}

/// The tensors of a model under the names of the studies architecture.
fn tensors(weights: &GeneratorWeights) -> Result<Content, CheckpointError> {
    let mut content = Content::default();
    let rows = weights.stem_bias.len();
    content.put_numbers("input.weight".into(), &[rows, weights.latent], &weights.stem_weight);
    content.put_numbers("input.bias".into(), &[rows], &weights.stem_bias);
    for (place, layer) in weights.layers.iter().enumerate() {
        let (norm, convolution) = (3 * place, 3 * place + 2);
        if let Some(numbers) = &layer.norm {
            for (part, numbers) in [
                ("weight", &numbers.weight),
                ("bias", &numbers.bias),
                ("running_mean", &numbers.mean),
                ("running_var", &numbers.variance),
            ] {
                content.put_numbers(format!("net.{norm}.{part}"), &[layer.inputs], numbers);
            }
        }
        let channels = if layer.transposed {
            [layer.inputs, layer.outputs]
        } else {
            [layer.outputs, layer.inputs]
        };
        let shape = [channels, [layer.filter.kernel; 2]].concat();
        content.put_numbers(format!("net.{convolution}.weight"), &shape, &layer.weight);
        content.put_numbers(format!("net.{convolution}.bias"), &[layer.outputs], &layer.bias);
    }
    Ok(content)
}
