//! Sound: a capture device heard while the show runs.
//!
//! A [`Capture`] holds one input device open. Its callback does nothing but fill two rings: one feeds the thread
//! `analysis`, which turns sound into [`Features`] that modulate parameters; the other is for the recording.
//! A device that vanishes is named once, stands in as silence, and is taken up again when it returns.

mod analysis;
mod capture;
mod connection;
mod device;
mod state;

pub use analysis::{Analyser, Features};
pub use capture::Capture;
pub use device::{Input, inputs};
pub use state::Format;

/// An error of opening a capture device.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// No input bears the name that was asked for.
    #[error(
        "no sound input matches \"{asked}\": {}; name one of these, or a part of its name",
        device::listing(.there)
    )]
    NotFound {
        /// The name as it was asked for.
        asked: String,
        /// The inputs that this machine has.
        there: Vec<Input>,
    },
    /// The input is there but gives no sound.
    #[error("opening the sound input {device}: {reason}; check that no other program holds it")]
    Open {
        /// The input, by host and name.
        device: String,
        /// What the sound system said.
        reason: String,
    },
    /// The sound system did not answer.
    #[error(
        "opening the sound input \"{asked}\": the sound system gave no sound within {waited_secs} seconds; restart it or name another input"
    )]
    Silent {
        /// The name as it was asked for.
        asked: String,
        /// How long it was given.
        waited_secs: u64,
    },
    /// The operating system refused a thread.
    #[error("starting a thread for the sound input: {0}")]
    Thread(#[from] std::io::Error),
}
