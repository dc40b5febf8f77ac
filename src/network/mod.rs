//! The DCGAN: its shape, its operations, generator, discriminator and checkpoint files.

pub mod spec;
