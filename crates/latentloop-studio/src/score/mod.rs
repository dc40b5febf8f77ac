//! Judging a model: six numbers that say how its pictures compare with the footage that it was trained on.
//!
//! Both sides are looked at once and boiled down to what the numbers need: thumbnails, colours, gradient energy.

mod colour;
mod earth_mover;
mod thumbnail;

mod picture_stats;

mod footage;
mod sampling;

mod scores;
mod signature;

pub use footage::{Footage, ScoreError};
pub use picture_stats::PictureStats;
pub use sampling::{Sampler, Sampling};
pub use scores::{COLLAPSE, Scores, score};
