//! latentloop: a real-time audiovisual performance instrument.
//!
//! A film clip goes in, a DCGAN trained on its frames comes out, and a performer plays that network:
//! keyframes in its latent space on a closed loop, and a play head that hands, clocks and sound move along it.
//!
//! The rooms below are crates of their own; this package is the program around them.

// The studio: a clip becomes pictures, pictures a model.
pub use latentloop_nn::network;
#[cfg(feature = "video")]
pub use latentloop_studio::footage;
pub use latentloop_studio::{photosensitivity, pictures, score, sheet, train};

// The hands: what a performer does becomes latents.
#[cfg(feature = "live")]
pub use latentloop_control as control;
#[cfg(feature = "live")]
pub use latentloop_control::sound;
pub use latentloop_core::{
    files, fnv, instrument, latent, names, palette, quote, report, take, worker,
};

// The stage: latents become pictures that are seen and recorded.
pub use latentloop_nn::engine;
pub use latentloop_stage as stage;
pub use latentloop_stage::record;
pub mod render;

// The program around them.
pub mod config;
pub mod library;

#[cfg(feature = "live")]
pub mod app;

pub mod cli;
pub mod interrupt;
#[cfg(feature = "live")]
mod memory;
