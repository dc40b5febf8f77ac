//! Why an instrument cannot be made.

use thiserror::Error;

use super::params::UnknownParam;
use super::preset::PresetError;

/// Why a preset cannot be played with a model, or a state be taken up.
#[derive(Debug, Error, PartialEq)]
pub enum InstrumentError {
    /// The preset itself.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// Given latents of another length than the model's.
    #[error(
        "keyframe {number} of the preset has rows of {found} latents, the model takes {latent}"
    )]
    Latents {
        /// Counted from 1.
        number: usize,
        /// Numbers in a row of the preset.
        found: usize,
        /// Numbers in a row that the model takes.
        latent: usize,
    },
    /// A state that no instrument can be in.
    #[error("the instrument's state is damaged: {0}")]
    State(&'static str),
}

impl From<UnknownParam> for InstrumentError {
    fn from(unknown: UnknownParam) -> Self {
        Self::Preset(unknown.into())
    }
}
