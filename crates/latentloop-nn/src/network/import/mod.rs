//! Generators that others trained: PyTorch's state dicts made into models to play.
//!
//! A state dict is a list of named tensors. Kinds and order of the modules are found from names and shapes. Which activation
//! there is, strides and paddings leave no trace in it and are asked for where custom does not settle them; where one stands
//! is told by gaps in a Sequential's numbers, or by hand. What was taken for granted is told. Always taken for granted are
//! square pictures and a latent of 1 x 1 under a transposed stem.
//!
//! Files are read as data: whatever a pickle would have Python call stays a name.

mod pickle;

mod archive;
mod view;

mod state;

mod module;
mod reparametrised;

mod between;
mod chain;
mod filter;
mod stem;

mod activation;
mod family;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::activation::Activation;
pub use self::filter::Step;
use super::checkpoint::Precision;
use super::model_file::{self, Unread};
use super::weights::GeneratorWeights;
use crate::files::write_atomic;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 30;
/// Longest reason for a refusal, in characters.
const MAX_REASON: usize = 1500;

/// The activation behind the last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastActivation {
    /// The hyperbolic tangent: pictures in -1..1.
    Tanh,
    /// The logistic function: pictures in 0..1, which are stretched to -1..1.
    Sigmoid,
    /// Nothing: pictures in -1..1, and what lies outside goes to the nearest end.
    None,
}

/// Import options: what a state dict does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// Which of several nested state dicts is meant, the keys that lead to it joined by dots; at the end, what the names
    /// of its tensors begin with.
    pub key: Option<String>,
    /// The activation behind every layer but the last, or one for each of them; only the studies architecture can do without.
    pub activations: Option<Vec<Activation>>,
    /// The activation behind the last one; a tanh where nothing is said.
    pub end: Option<LastActivation>,
    /// What batch norms add to every variance, above 0 and up to 1; 1e-5 where nothing is said.
    pub eps: Option<f32>,
    /// Stride and padding of each convolution, a stem that is one included.
    pub steps: Option<Vec<Step>>,
}

/// A generator that was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Its numbers.
    pub weights: GeneratorWeights,
    /// What was assumed and what was found out where nothing was said, a line each, for people.
    pub notes: Vec<String>,
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
/// whole or not at all. A generator that draws grey pictures keeps its one channel. Gives what was assumed where neither the
/// file nor a choice told, a line each.
///
/// # Errors
/// When the file is unreadable or damaged, holds something else, a choice is missing or does not fit, or the model cannot be
/// written.
pub fn convert(
    path: &Path,
    choices: &Choices,
    output: &Path,
    precision: Precision,
) -> Result<Vec<String>, ImportError> {
    let unread = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let content = |reason| ImportError::Content {
        path: path.to_owned(),
        reason,
    };
    // The zip reader is not ours: should it panic over a hostile file, its thread ends and nothing else.
    let parsed = std::thread::scope(|scope| {
        let read_and_parse = || {
            archive::check(path).map_err(content)?;
            let bytes = model_file::read(path, MAX_BYTES, "state dict", state::refusal);
            let bytes = bytes.map_err(|error| match error {
                Unread::System(source) => unread(source),
                Unread::Content(reason) => content(reason),
            })?;
            parse(&bytes, choices).map_err(content)
        };
        std::thread::Builder::new()
            .name("import".to_owned())
            .spawn_scoped(scope, read_and_parse)
            .map_err(unread)?
            .join()
            .map_err(|_panic| content("its reader failed on it; copy it again".to_owned()))
    });
    let source = path.file_name().unwrap_or_default().to_string_lossy();
    let Imported { weights, notes } = parsed.flatten()?;
    let model = weights.serialize(&source, precision).map_err(content)?;
    write_atomic(output, &model).map_err(|source| ImportError::Write {
        path: output.to_owned(),
        source,
    })?;
    Ok(notes)
}

/// The generator of a state dict's bytes. The memory that it takes is in proportion to theirs.
///
/// # Errors
/// What was found and what was expected, in one printable line.
pub fn parse(bytes: &[u8], choices: &Choices) -> Result<Imported, String> {
    let state = state::read(bytes, choices.key.as_deref());
    let imported = state.and_then(|state| family::generator(state, choices));
    let imported = imported.map_err(|reason| printable(&reason))?;
    Ok(Imported {
        notes: imported.notes.iter().map(|note| printable(note)).collect(),
        ..imported
    })
}

/// A line for people. Names come from the file, and may be long or made to upset a terminal.
fn printable(text: &str) -> String {
    let printable = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut line: String = printable.take(MAX_REASON).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}
