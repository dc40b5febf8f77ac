//! The instrument: parameter table, actions, transport, presets. Pure: no clock, port, thread or file.

pub mod action;
pub mod param;

pub use action::Action;
pub use param::{Curve, Kind, ParamId, Row, Scope, Table};

/// Steps of the instrument's own clock in a second.
pub const TICKS_PER_SEC: u64 = 480;
