//! Convolutions on the processor: maps channels last, weights in panels, one inner product under all of it.

#![allow(
    unsafe_code,
    reason = "vector loads from computed places, and disjoint places of one buffer written from several threads"
)]

mod map;
mod product;
mod sweep;

mod columns;
mod conv;
mod filter;

pub use conv::{BORDER, ConvShape, channel_sums, down, up, weight_gradient};
pub use filter::Filter;
pub use map::Map;
pub use product::Instructions;
