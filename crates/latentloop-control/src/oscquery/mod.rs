//! OSCQuery (<https://github.com/Vidvox/OSCQueryProposal>): the parameters as a tree of JSON over HTTP, and their changes over
//! WebSocket.

mod announcement;
mod connection;
mod origin;
mod reply;
mod request;
mod server;
mod tree;
mod web_socket;

pub use request::{Head, HeadError, Target};
pub use server::{QueryError, QueryServer};
