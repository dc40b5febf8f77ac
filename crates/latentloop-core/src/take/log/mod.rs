//! The log: the bytes of a take, written as it is played.
//!
//! A file is [`MAGIC`], a version, and then records to its end, each on its own:
//!
//! ```text
//! length u32 | kind u8 | payload, `length` bytes of postcard | CRC-32 of all of that, u32
//! ```
//!
//! Everything is little endian. The first record names the parameters, the second is the whole state; the state comes
//! again every ten seconds. Other records hold their tick as the difference to the record before, a state holds its own,
//! so that a file can begin at any state. What is cut off or damaged ends the reading there, and what came before counts.

mod frame;
mod names;
mod record;
mod ring;
mod take;
mod writer;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use frame::Reader;
pub use names::Names;
pub use record::{Model, Record, Snapshot, fingerprint};
pub use ring::Ring;
pub use take::{Event, Take};
pub use writer::Writer;

/// The magic bytes that a log begins with. Its first byte is in no text, and its last is lost where line ends are changed.
pub const MAGIC: [u8; 8] = *b"\x89lltake\n";
/// Version of the format.
pub const VERSION: u32 = 1;
/// Bytes before the first record.
const HEADER: usize = MAGIC.len() + 4;
/// Longest payload, in bytes.
const MAX_RECORD: usize = 16 << 20;
/// Seconds from one state to the next.
pub const STATE_SECS: u64 = 10;

/// The end of a log: how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was closed.
    Whole,
    /// It breaks off at that byte: whoever wrote it did not come to its end.
    Cut(usize),
    /// What stands at that byte was not written by this program.
    Damaged(usize),
}

/// Why a log could not be read or written at all.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogError {
    /// It is something else.
    #[error("it is no logged take: it does not begin as one")]
    Magic,
    /// A later version.
    #[error(
        "its version is {0}, this program reads version {VERSION}: a newer latentloop wrote it"
    )]
    Version(u32),
    /// The system refused a read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Nothing to start from.
    #[error(
        "it holds no state to start from: it was cut off or damaged at its beginning (byte {0})"
    )]
    NoState(usize),
    /// Time went backwards.
    #[error("tick {tick} comes after tick {last}")]
    Backwards {
        /// The tick.
        tick: u64,
        /// The one before.
        last: u64,
    },
    /// A record that is too long, or has no bytes.
    #[error("the record cannot be encoded: {0}")]
    Encoding(String),
}
