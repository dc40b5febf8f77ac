//! Takes: what reached the instrument, and when, kept and played again. Pure: bytes in and out.
//!
//! There are two kinds. A [`Script`] is written by hand, as a text. A [`Take`] is logged while somebody plays: it opens
//! with the instrument's whole state, so that it needs nothing beside it but the model, and it can be cut anywhere.

pub mod log;
mod script;

mod player;
mod trim;

pub use log::{Ended, Event, Model, Snapshot, Take};
pub use player::{Player, PlayerError, Verification};
pub use script::{Script, ScriptError};
pub use trim::trim;

/// Seconds of that many ticks.
pub fn secs(ticks: u64) -> f64 {
    ticks as f64 / crate::instrument::TICKS_PER_SEC as f64
}
