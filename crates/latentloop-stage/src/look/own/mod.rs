//! A performer's own passes: WGSL files in the folder `looks`, checked, watched, and handed to whatever draws looks.

mod check;
mod folder;
mod header;
mod loops;
mod shelf;

use std::fmt;

pub(super) use folder::STACK;
pub use folder::Watch;
pub use header::{Header, Knob};
pub use shelf::{Arrival, Shelf, Source};

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in bytes.
    pub column: u32,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.reason)
    }
}
