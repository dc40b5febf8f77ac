//! The exponential, for activations.

use std::f32::consts::{LN_2, LOG2_E};

/// Adds 1.5 * 2^23: what is left of a small number's fraction is rounded off.
const ROUND: f32 = 12_582_912.0;

/// e^x for x of -87..=87, a power of two by bits times the rest by its series: no branch, so that a loop of it becomes vectors.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let power = x * LOG2_E;
    let whole = (power + ROUND) - ROUND;
    let rest = (power - whole) * LN_2;
    let mut series = 1.0 / 5040.0;
    for term in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        series = series * rest + term;
    }
    // The whole part is within 126 of zero.
    f32::from_bits(((whole as i32 + 127) << 23) as u32) * series
}
