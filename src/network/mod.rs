//! The DCGAN: its shape, its operations, generator, discriminator and checkpoint files.

pub mod spec;

pub mod ops;

pub mod discriminator;
pub mod generator;
pub mod parameters;

pub mod checkpoint;
pub mod weights;
