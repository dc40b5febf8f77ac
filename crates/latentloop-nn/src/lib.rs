//! The network of latentloop: convolution kernels, generator and discriminator, checkpoints, and engines that draw latents.

use latentloop_core::{files, latent, palette};

#[cfg(any(feature = "cuda", test))]
mod cuda;
#[cfg(feature = "cuda")]
pub use cuda::{CardError, training_device};

pub mod engine;
pub mod network;
