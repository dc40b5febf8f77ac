//! The look: what is done to a picture between the engine and the screen, and the limiter after it.

mod limiter;
mod values;

mod finish;
mod fused;
pub mod own;
mod pass;
mod pipeline;
mod plane;
mod readback;

mod workshop;

mod card;
mod draw;
#[cfg(test)]
mod tests;

pub use card::Look;
pub use finish::{Finish, LookFrame};
pub use limiter::Limiter;
pub use values::{LookIds, LookValues, OwnIds, OwnValues};
