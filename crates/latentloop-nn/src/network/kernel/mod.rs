//! Convolutions on the processor: maps channels last, weights in panels, one inner product under all of it.

#![allow(
    unsafe_code,
    reason = "vector loads from computed places, and disjoint places of one buffer written from several threads"
)]

mod line;
mod map;
mod product;
mod sweep;

mod backward;
mod columns;
mod conv;
mod filter;
mod norm;
mod tanh;
mod winograd;

pub use backward::Backward;
pub(crate) use columns::{Columns, worth as worth_columns};
pub use conv::{BORDER, ConvShape, channel_sums, down, up, weight_gradient};
pub use filter::Filter;
pub(crate) use filter::{Axis, Phase};
pub use map::{Map, interleave, planes};
pub use norm::{Moments, activate, activate_in_place, fold, moments, moments_scratch};
pub use product::Instructions;
pub(crate) use product::Window;
pub use sweep::Finish;
pub(crate) use sweep::{Grid, Panels, Shared, Sweep, Walk, run as run_sweeps};
pub use tanh::tanh_in_place;
pub(crate) use winograd::{Direction, Tile, Winograd};
