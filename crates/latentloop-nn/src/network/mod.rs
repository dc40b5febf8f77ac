//! The DCGAN: its shape, its kernels and operations, generator, discriminator, checkpoint files, those of others, and what
//! is said of them.

pub mod recipe;
pub mod spec;

pub mod kernel;

pub mod ops;

pub mod discriminator;
pub mod generator;
pub mod parameters;

mod impostor;
mod model_file;

pub mod checkpoint;
pub mod weights;

pub mod import;

pub mod description;
