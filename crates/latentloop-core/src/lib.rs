//! The pure half of latentloop: latents, parameters, the instrument, takes.
//!
//! Reads no clock, opens no port, starts no thread: the same actions at the same ticks give the same latents, bit for bit, on
//! every machine. Only [`files`] touches the disk.
#![forbid(unsafe_code)]

pub mod files;
pub mod instrument;
pub mod latent;
pub mod light;
pub mod palette;
pub mod take;
