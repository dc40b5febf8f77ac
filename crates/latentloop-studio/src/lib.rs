//! The studio of latentloop: film becomes footage, footage a trained model, and both are scored.

use latentloop_core::{files, latent, light, palette};
use latentloop_nn::{engine, network};
#[cfg(feature = "video")]
use latentloop_video as video;

#[cfg(feature = "video")]
pub mod footage;
pub mod photosensitivity;
pub mod pictures;
pub mod score;
pub mod sheet;
pub mod train;
