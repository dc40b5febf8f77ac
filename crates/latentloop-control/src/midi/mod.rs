//! MIDI 1.0: every port of the platform, and JACK beside it.
//!
//! Bytes become messages ([`Parser`]), messages the moves of controls, and these, by the map of their device ([`Map`]), actions;
//! [`Reader`] does all three for one port. The [`Hub`] finds the ports, gives each its map and tells the devices what they show.

mod event;
mod feedback;
mod folder;
mod hub;
mod jack_ports;
mod learning;
mod listener;
mod map;
mod output;
mod packet;
mod parser;
mod platform;
mod port;
mod reader;
mod sheet;
mod shelf;
mod spread;
mod watch;

#[cfg(test)]
mod tests;

pub use hub::{Ends, Hub, PortState, Settings, ports};
pub use map::Map;
pub use output::ClockOut;
pub use parser::{Fault, Message, Parser};
pub use port::Port;
pub use reader::{Given, Reader, Wiring};
pub use sheet::{Sheet, SheetError};
pub use shelf::{Learnt, SHIPPED, parse_own};
