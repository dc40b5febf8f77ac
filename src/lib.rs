//! latentloop: a real-time audiovisual performance instrument.
//!
//! A film clip goes in, a DCGAN trained on its frames comes out, and a performer plays that network:
//! keyframes in its latent space on a closed loop, and a play head that hands, clocks and sound move along it.
//!
//! The modules stand in the order in which data flows.

#[cfg(feature = "live")]
pub mod app;
pub mod cli;
pub mod config;
#[cfg(feature = "live")]
pub mod control;
#[cfg(any(feature = "cuda", test))]
mod cuda;
pub mod engine;
#[cfg(feature = "video")]
pub mod footage;
pub mod instrument;
pub mod latent;
pub mod library;
pub mod network;
pub mod record;
pub mod render;
pub mod score;
pub mod sheet;
#[cfg(feature = "live")]
pub mod sound;
pub mod stage;
pub mod take;
pub mod train;
#[cfg(feature = "video")]
mod video;
