//! The parameter table: every knob is declared once, in `standard`, and is found there by a typed constant or by its name.
//!
//! Code that knows at compile time which parameter it means uses the constants: [`LOOP_PAUSE`] is a `Param<bool>`, and
//! [`Instrument::get`](super::Instrument::get) of it is a `bool`. Names are looked up only where they come from outside: OSC, presets, keys and
//! controller maps.

mod action;
mod choice;
mod declaration;
mod look_order;
mod lookup;
mod standard;
mod table;

pub use action::Action;
pub use choice::{
    ArmMode, BeatSource, BeatUnit, Choice, Fit, LoopMode, Mirror, Quantise, Segments, Transition,
    Upscaling,
};
pub use declaration::is_same_name;
pub use look_order::{LookOrder, PASSES};
pub use lookup::{UnknownParam, ValueError, nearest};
pub use standard::*;
pub use table::{
    Curve, Family, Kind, Param, ParamId, PresetUse, Row, Scope, Table, Text, Trigger, Value,
};

/// Modulation sources, which drive parameters beside a hand: sound features, 0..1.
pub const SOURCES: [&str; 4] = ["sound.level", "sound.low", "sound.mid", "sound.high"];
