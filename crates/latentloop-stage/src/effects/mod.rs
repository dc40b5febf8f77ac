//! Effects: what is done to a picture between the engine and the limiter, in an order that presets choose. The parameters and the
//! performer know them as the look.

mod builtin;
mod effect;
mod values;

mod binding;
mod compiler;
mod encoder;
mod fused;
mod renderer;
mod shader;
mod texture;
pub mod user;
mod watchdog;

#[cfg(test)]
mod tests;

pub use effect::EffectGroup;
pub use renderer::EffectRenderer;
pub use values::{EffectValues, user_slot};
