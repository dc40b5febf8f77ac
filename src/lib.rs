//! latentloop: a real-time audiovisual performance instrument.
//!
//! A film clip goes in, a DCGAN trained on its frames comes out, and a performer plays that network:
//! keyframes in its latent space on a closed loop, and a play head that hands, clocks and sound move along it.
//!
//! The modules stand in the order in which data flows.

// What every room may use.
pub mod report;
pub mod worker;

// The studio: a clip becomes pictures, pictures a model.
#[cfg(feature = "video")]
mod video;

#[cfg(feature = "video")]
pub mod footage;

mod light;
pub mod palette;

pub mod network;

#[cfg(any(feature = "cuda", test))]
mod cuda;

pub mod train;

pub mod score;

// The hands: what a performer does becomes latents.
#[cfg(feature = "live")]
pub mod control;
#[cfg(feature = "live")]
pub mod sound;

pub mod latent;

pub mod instrument;

pub mod take;

// The stage: latents become pictures that are seen and recorded.
pub mod engine;

pub mod stage;

pub mod record;

pub mod render;

pub mod sheet;

// The program around them.
pub mod library;

pub mod config;

#[cfg(feature = "live")]
pub mod app;

pub mod cli;
