//! Convolution and batch-norm kernels for the processor: feature maps channels last (NHWC), weights in panels, one inner product under all of it.

#![allow(
    unsafe_code,
    reason = "vector loads from computed places, and disjoint places of one buffer written from several threads"
)]

mod cache_line;
mod feature_map;
mod implicit_gemm;
mod microkernel;
mod unsafe_slice;

mod col2im;
mod conv;
mod curve;
mod exp;
mod filter;
mod norm;
mod norm_backward;
mod tanh;
mod winograd;

pub(crate) use col2im::{Col2Im, prefers_col2im};
pub use conv::{BORDER, ConvShape, channel_sums, strided, transposed, weight_gradient};
pub use curve::{Curve, bend_in_place};
pub use feature_map::{FeatureMap, interleave, planes};
pub use filter::Filter;
pub(crate) use filter::{Axis, Phases};
pub use implicit_gemm::Epilogue;
pub(crate) use implicit_gemm::{Grid, ImplicitGemm, Panels, Strides, run as run_gemms};
pub use microkernel::Instructions;
pub(crate) use microkernel::Window;
pub use norm::{Moments, activate, activate_in_place, fold, moments, moments_scratch};
pub use norm_backward::NormBackward;
pub use tanh::tanh_in_place;
pub(crate) use unsafe_slice::UnsafeSlice;
pub(crate) use winograd::{Direction, Tile, Winograd};
