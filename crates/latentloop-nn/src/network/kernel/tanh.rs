//! The hyperbolic tangent of many numbers.

use std::f32::consts::{LN_2, LOG2_E};

use super::microkernel::Instructions;

/// Adds 1.5 * 2^23: what is left of a small number's fraction is rounded off.
const ROUND: f32 = 12_582_912.0;

/// tanh of every number, to within 3e-7, absolutely.
pub fn tanh_in_place(instructions: Instructions, numbers: &mut [f32]) {
    instructions.run_plain(|| numbers.iter_mut().for_each(|x| *x = tanh(*x)));
}

/// 1 - 2 / (1 + e^2x), the exponential a power of two by bits times the rest by its series: no branch, so that a loop of it
/// becomes vectors.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let power = x.clamp(-10.0, 10.0) * (2.0 * LOG2_E);
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
    // The whole part is within 30 of zero.
    let two = f32::from_bits(((whole as i32 + 127) << 23) as u32);
    1.0 - 2.0 / (1.0 + two * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_near_the_librarys() {
        let given: Vec<f32> = (-3000..=3000).map(|step| step as f32 / 150.0).collect();
        for instructions in [Instructions::Best, Instructions::Portable] {
            let mut found = given.clone();
            tanh_in_place(instructions, &mut found);
            for (&x, &y) in given.iter().zip(&found) {
                assert!((y - x.tanh()).abs() < 3e-7, "tanh({x}) = {y}");
            }
        }
    }
}
