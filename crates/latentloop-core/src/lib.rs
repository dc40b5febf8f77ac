//! The pure half of latentloop: latents, parameters, the instrument, takes.
//!
//! Reads no clock, opens no port, starts no thread: the same actions at the same ticks give the same latents, bit for bit, on
//! every machine. Only [`files`] touches the disk, and
//! only [`worker`] starts threads, for the rooms above.
#![forbid(unsafe_code)]

pub mod files;
pub mod instrument;
pub mod latent;
pub mod light;
pub mod palette;
pub mod report;
pub mod take;
pub mod worker;
