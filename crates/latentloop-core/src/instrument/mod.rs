//! The instrument: parameter table, actions, transport, presets. Pure: no clock, port, thread or file.

pub mod action;
mod look_order;
mod look_rows;
pub mod param;
mod rows;
mod stage_rows;

mod beat;
mod closed_loop;
mod gestures;
mod glide;
mod ids;
mod lookup;
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

pub use action::Action;
pub use look_order::{LookOrder, OWN_PASSES, PASSES};
pub use look_rows::{MIRRORS, OWN_KNOBS, SEGMENTS, TRANSITIONS};
pub use param::{Curve, Kind, ParamId, Row, Scope, Table};
pub use performer::{Instrument, InstrumentError};
pub use preset::Preset;
pub use recall::Recall;
pub use rows::{
    ARMS, BANK, BEAT_SOURCES, BEAT_UNITS, FITS, MAX_KEYFRAMES, MODES, NORMS, OUTPUTS, PAGES, QUANTA,
};
pub use stage_rows::UPSCALINGS;
pub use state::State;

/// Steps of the instrument's own clock in a second.
pub const TICKS_PER_SEC: u64 = 480;

/// Ticks in that many seconds, to the nearest.
pub fn ticks(secs: f64) -> u64 {
    libm::round(secs.max(0.0) * TICKS_PER_SEC as f64) as u64
}
