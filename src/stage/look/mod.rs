//! The look: what is done to a picture between the engine and the screen, and the limiter after it.

mod values;

#[cfg(feature = "live")]
mod fused;
#[cfg(feature = "live")]
pub mod own;
#[cfg(feature = "live")]
mod pass;
#[cfg(feature = "live")]
mod pipeline;
#[cfg(feature = "live")]
mod plane;

#[cfg(feature = "live")]
mod workshop;

#[cfg(feature = "live")]
mod card;
#[cfg(feature = "live")]
mod draw;
#[cfg(feature = "live")]
#[cfg(test)]
mod tests;

#[cfg(feature = "live")]
pub use card::Look;
pub use values::{LookIds, LookValues, OwnIds, OwnValues};
