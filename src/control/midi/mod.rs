//! MIDI 1.0: every port of the platform, and JACK beside it.

mod hub;
mod jack_input;
mod map;
mod parser;

pub use hub::{Hub, Port, ports};
pub use map::Map;
pub use parser::{Message, Parser};
