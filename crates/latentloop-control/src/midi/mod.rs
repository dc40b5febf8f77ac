//! MIDI 1.0: every port of the platform, and JACK beside it.
//!
//! Bytes become messages ([`Parser`]), messages the events of controls ([`Reader`]), and these, by the map of their device
//! ([`BoundMap`]), actions. The [`Hub`] finds the ports, gives each its map and sends the devices their feedback.

mod packet;
mod parser;
mod port;

mod event;
mod learning;
mod reader;

mod feedback;
mod map_file;

mod bound_map;
mod map;
mod map_library;
mod sent_state;

mod input_handler;
mod jack_ports;
mod output;
mod platform;

mod hub;
mod watcher;

#[cfg(test)]
mod tests;

pub use bound_map::BoundMap;
pub use event::{ControlEvent, ControlId, ControlType, EventKind};
pub use hub::{Hub, HubHandle, PortState, Settings, ports};
pub use map::ControllerMap;
pub use map_file::{MapError, MapFile};
pub use map_library::{LearnResult, SHIPPED, parse_user_map};
pub use output::ClockOut;
pub use parser::{Message, Messages, ParseError, Parser};
pub use port::Port;
pub use reader::{Input, Inputs, Reader};
