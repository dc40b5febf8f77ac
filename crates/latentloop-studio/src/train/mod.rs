//! The training run: one seeded loop of batches, losses, optimiser, log, scores and sheets.
//!
//! Every random number follows from the seed and the step, so a run that was stopped and resumed is the run that was not.

mod rng;

mod data;

mod adam;
mod loss;
mod penalty;
mod trainer;

mod bench;
mod log;
mod memory;
mod run;
mod scoring;

pub use adam::{Adam, AdamSettings};
pub use bench::bench;
pub use data::{DataError, Dataset};
pub use loss::binary_cross_entropy;
pub use memory::{available as available_memory, estimate as memory, keep_freed_memory};
pub use run::{Length, Outcome, Progress, Settings, TrainError, inference_path, run};
pub use scoring::Warning;
pub use trainer::{Losses, StepRandomness, Trainer};
