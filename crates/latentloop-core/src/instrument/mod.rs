//! The instrument: parameter table, actions, transport, presets. Pure: no clock, port, thread or file.

pub mod params;

mod beat;
mod glide;
mod keyframe_loop;
mod modulation;
mod transport;
mod undo;

pub mod preset;

mod error;
mod performer;
mod recall;
mod scratch;
mod state;

#[cfg(test)]
mod tests;

pub use error::InstrumentError;
pub use params::{
    Action, BANK, Choice, Curve, Kind, LookOrder, MAX_KEYFRAMES, OUTPUTS, OWN_KNOBS, OWN_PASSES,
    PAGES, PASSES, ParamId, Row, SOURCES, Scope, Table, UnknownParam,
};
pub use performer::Instrument;
pub use preset::Preset;
pub use recall::Recall;
pub use state::State;

/// Steps of the instrument's own clock in a second.
pub const TICKS_PER_SEC: u64 = 480;

/// Ticks in that many seconds, to the nearest.
pub fn ticks(secs: f64) -> u64 {
    libm::round(secs.max(0.0) * TICKS_PER_SEC as f64) as u64
}
