//! OSC 1.0 (<https://opensoundcontrol.stanford.edu/spec-1_0.html>) over UDP and TCP: addresses are parameter names.

mod addresses;
mod answer;
mod askers;
mod change_tracker;
mod decode_error;
mod decoder;
mod dropped_packets;
mod encoder;
mod framing;
mod message;
mod packet;
mod pattern;
mod receiver;
mod schedule;
mod server;
mod socket;
mod subscribers;
mod tcp;

pub(crate) use addresses::AddressMap;
pub use addresses::address;
pub(crate) use change_tracker::{ChangeTracker, has_value};
pub use decode_error::DecodeError;
pub use decoder::{Decoder, Request, Scale, Subscription};
pub(crate) use encoder::{OscValue, encode};
pub use message::{Argument, Message, MessageError};
pub use packet::{PacketError, TimeTag, messages};
pub use pattern::PatternError;
pub(crate) use receiver::{Receiver, SenderRequest};
pub(crate) use server::FEEDBACK_INTERVAL;
pub use server::{OscError, Server};

#[cfg(test)]
mod tests;
