//! The pure half of latentloop: latents, parameters, the instrument, takes.
//!
//! Reads no clock, opens no port, starts no thread: the same actions at the same ticks give the same latents, bit for bit, on
//! every machine. Only [`files`] touches the disk, and
//! only [`worker`] starts threads, for the rooms above.
//!
//! A performance, written down and played:
//!
//! ```
//! use std::sync::Arc;
//!
//! use latentloop_core::instrument::{Instrument, Preset, Table, ticks};
//! use latentloop_core::take::{Player, Script};
//!
//! let table = Arc::new(Table::standard());
//! let script = "\
//! latentloop take 1
//! preset first.toml
//! length 3
//! 0.0  loop.speed  0.5          # keyframes a second
//! 1.5  loop.glide  0.25         # seconds in which a jump melts into place
//! 1.5  keyframe.4.jump
//! ";
//! let script = Script::parse(script, &table)?;
//!
//! // Eight keyframes of the seeds 1 to 8, latents of 100 numbers.
//! let instrument = Instrument::new(&Preset::of_seeds(1..=8), Arc::clone(&table), 100)?;
//! let mut player = Player::script(&script, instrument);
//! player.advance(ticks(1.0))?;
//! assert!((player.instrument().position() - 0.5).abs() < 1e-9);
//! player.advance(ticks(2.0))?;
//! assert!((player.instrument().position() - 3.25).abs() < 1e-9);
//!
//! // What the network draws from.
//! let mut latents = vec![0.0; 100];
//! player.instrument().latents(&mut latents);
//! assert!(latents.iter().any(|&number| number != 0.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod files;
pub mod fnv;
pub mod instrument;
pub mod latent;
pub mod light;
pub mod names;
pub mod palette;
pub mod quote;
pub mod report;
pub mod take;
pub mod worker;
