//! OSC 1.0 (<https://opensoundcontrol.stanford.edu/spec-1_0.html>) over UDP: addresses are parameter names.

mod decoder;
mod packet;
mod server;

pub use decoder::{Decoder, Request};
pub use packet::{PacketError, messages};
pub use server::{OscError, Server};
