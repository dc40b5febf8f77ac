//! The look: what is done to a picture between the engine and the screen, and the limiter after it.

mod values;

mod fused;
pub mod own;
mod pass;
mod pipeline;
mod plane;

mod workshop;

mod card;
mod draw;
#[cfg(test)]
mod tests;

pub use card::Look;
pub use values::{LookIds, LookValues, OwnIds, OwnValues};
