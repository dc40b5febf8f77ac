//! OSC 1.0 (<https://opensoundcontrol.stanford.edu/spec-1_0.html>) over UDP: addresses are parameter names.

mod addresses;
mod decoder;
mod drops;
mod encoder;
mod fault;
mod feed;
mod message;
mod packet;
mod pattern;
mod receiver;
mod schedule;
mod server;
mod socket;
mod subscribers;

pub(crate) use addresses::Addresses;
pub use addresses::address;
pub use decoder::{Decoder, Request, Scale, Subscription};
pub(crate) use encoder::{Sent, write};
pub use fault::Fault;
pub(crate) use feed::{Feed, lasts};
pub use message::{Argument, Message, MessageError};
pub use packet::{PacketError, TimeTag, messages};
pub use pattern::PatternError;
pub(crate) use receiver::{Ask, Receiver};
pub(crate) use server::FEEDBACK_INTERVAL;
pub use server::{OscError, Server, World};

#[cfg(test)]
mod tests;
