//! Generators that others trained: PyTorch's state dicts made into models to play.
//!
//! A state dict is a list of named tensors. Kinds and order of the modules are found from names and shapes; activations,
//! strides and paddings leave no trace in it and are asked for where custom does not settle them. Taken for granted are
//! square pictures, batch norm's usual epsilon of 1e-5, a latent of 1 x 1 under a transposed stem, and a tanh at the end.
//!
//! Files are read as data: whatever a pickle would have Python call stays a name.

mod pickle;

mod archive;
mod view;

mod state;

mod module;

mod chain;
mod filter;
mod stem;

mod family;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::filter::Step;
use super::checkpoint::Precision;
use super::weights::GeneratorWeights;
use crate::files::write_atomic;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 30;
/// Longest reason for a refusal, in characters.
const MAX_REASON: usize = 1500;

/// The activation of all layers but the last, which has tanh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Negative numbers become 0
    Relu,
    /// Negative numbers are multiplied by 0.2
    LeakyRelu,
}

/// Import options: what a state dict does not tell.
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

/// The error of an import: why a file was not imported.
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

/// Makes a model to play out of the generator of a PyTorch or safetensors state dict; what stood at `output` is replaced
/// whole or not at all. A generator that draws grey pictures keeps its one channel.
///
/// # Errors
/// When the file is unreadable or damaged, holds something else, a choice is missing or does not fit, or the model cannot be
/// written.
pub fn convert(
    path: &Path,
    choices: &Choices,
    output: &Path,
    precision: Precision,
) -> Result<(), ImportError> {
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
        return Err(content(format!(
            "it has {length} bytes, more than any state dict"
        )));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    // The zip reader is not ours: should it panic over a hostile file, its thread ends and nothing else.
    let parsed = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("import".to_owned())
            .spawn_scoped(scope, || parse(&bytes, choices))
            .map_err(unread)?
            .join()
            .map_err(|_panic| content("its reader failed on it; copy it again".to_owned()))
    })?;
    let source = path.file_name().unwrap_or_default().to_string_lossy();
    let model = parsed
        .and_then(|weights| weights.serialize(&source, precision))
        .map_err(content)?;
    write_atomic(output, &model).map_err(|source| ImportError::Write {
        path: output.to_owned(),
        source,
    })
}

/// The generator of a state dict's bytes. The memory that it takes is in proportion to theirs.
///
/// # Errors
/// What was found and what was expected, in one printable line.
pub fn parse(bytes: &[u8], choices: &Choices) -> Result<GeneratorWeights, String> {
    let tensors = state::read(bytes, choices.key.as_deref());
    let weights = tensors.and_then(|tensors| family::generator(tensors, choices));
    // Names come from the file, and may be long or made to upset a terminal.
    weights.map_err(|reason| {
        let printable = reason
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c });
        let mut line: String = printable.take(MAX_REASON).collect();
        if line.len() < reason.len() {
            line.push('…');
        }
        line
    })
}
