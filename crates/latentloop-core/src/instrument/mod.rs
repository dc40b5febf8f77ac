//! The instrument: parameter table, actions, transport, presets. Pure: no clock, port, thread or file.

pub mod params;

mod beat;
mod closed_loop;
mod gestures;
mod glide;
mod modulation;
mod performer;
mod recall;
mod saving;
mod state;
mod transport;
mod undo;

pub mod preset;

#[cfg(test)]
mod tests;

pub use params::{
    Action, BANK, Choice, Curve, Kind, LookOrder, MAX_KEYFRAMES, OUTPUTS, OWN_KNOBS, OWN_PASSES,
    PAGES, PASSES, ParamId, Row, SOURCES, Scope, Table, UnknownParam,
};
pub use performer::{Instrument, InstrumentError};
pub use preset::Preset;
pub use recall::Recall;
pub use state::State;

/// Steps of the instrument's own clock in a second.
pub const TICKS_PER_SEC: u64 = 480;

/// Ticks in that many seconds, to the nearest.
pub fn ticks(secs: f64) -> u64 {
    libm::round(secs.max(0.0) * TICKS_PER_SEC as f64) as u64
}
