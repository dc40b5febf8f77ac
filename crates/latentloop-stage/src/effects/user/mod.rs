//! Users' shaders: WGSL files in the folder `looks`, checked, watched, and handed to the renderer.

mod check;
mod folder;
mod header;
mod loops;
mod registry;

use std::fmt;

pub use folder::FolderWatcher;
pub(super) use folder::STACK;
pub use header::{Header, Knob};
pub use registry::{ShaderLoaded, ShaderRegistry, UserShader};

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShaderError {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in bytes.
    pub column: u32,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for ShaderError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.reason)
    }
}
