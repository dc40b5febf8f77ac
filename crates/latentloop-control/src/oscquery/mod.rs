//! OSCQuery (<https://github.com/Vidvox/OSCQueryProposal>): the parameters as a tree of JSON over HTTP, and their changes over
//! WebSocket.

mod announcement;
mod connection;
mod listener;
mod origin;
mod reply;
mod request;
mod server;
mod tree;

pub use request::{Head, HeadError, Target};
pub use server::{QueryError, QueryServer};
