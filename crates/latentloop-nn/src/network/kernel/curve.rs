//! Activations that no slope makes: ELU, SELU and SiLU, in place.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::exp::exp;
use super::microkernel::Instructions;

/// Beyond it on either side of zero the exponential is as there.
const LARGEST: f32 = 87.0;
/// Numbers that a thread takes at once: they stay in its core's cache.
const CHUNK: usize = 1 << 14;
/// The scale and the alpha of SELU (Klambauer et al. 2017, <https://arxiv.org/abs/1706.02515>).
const SELU: [f32; 2] = [1.050_701, 1.673_263_2];

/// An activation that is curved below zero. All of them leave zero where it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// The exponential linear unit with its alpha: `alpha (e^x - 1)` below zero (Clevert et al. 2015,
    /// <https://arxiv.org/abs/1511.07289>).
    Elu(f32),
    /// The scaled exponential linear unit (Klambauer et al. 2017, <https://arxiv.org/abs/1706.02515>).
    Selu,
    /// `x / (1 + e^-x)`, also called swish (Elfwing et al. 2017, <https://arxiv.org/abs/1702.03118>).
    Silu,
}

/// The activation of every number, to within 1e-6 of the larger of 1 and what it is of. Borders of zeros stay zeros.
pub fn bend_in_place(instructions: Instructions, numbers: &mut [f32], curve: Curve) {
    let bend = |numbers: &mut [f32]| match curve {
        Curve::Elu(alpha) => each(instructions, numbers, |x| elu(x, alpha)),
        Curve::Selu => each(instructions, numbers, |x| SELU[0] * elu(x, SELU[1])),
        Curve::Silu => each(instructions, numbers, |x| {
            x / (1.0 + exp((-x).clamp(-LARGEST, LARGEST)))
        }),
    };
    numbers.par_chunks_mut(CHUNK).for_each(bend);
}

#[inline(always)]
fn each(instructions: Instructions, numbers: &mut [f32], f: impl Fn(f32) -> f32) {
    instructions.run_plain(|| numbers.iter_mut().for_each(|x| *x = f(*x)));
}

#[inline(always)]
fn elu(x: f32, alpha: f32) -> f32 {
    x.max(0.0) + alpha * (exp(x.clamp(-LARGEST, 0.0)) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_near_their_formulas_and_leave_zero() {
        let given: Vec<f32> = (-3000..=3000).map(|step| step as f32 / 25.0).collect();
        type Formula = fn(f64) -> f64;
        let formulas: [(Curve, Formula); 4] = [
            (Curve::Elu(1.0), |x| if x > 0.0 { x } else { x.exp_m1() }),
            (
                Curve::Elu(0.5),
                |x| {
                    if x > 0.0 { x } else { 0.5 * x.exp_m1() }
                },
            ),
            (Curve::Selu, |x| {
                let bent = if x > 0.0 {
                    x
                } else {
                    1.673_263_242_354_377_2 * x.exp_m1()
                };
                1.050_700_987_355_480_5 * bent
            }),
            (Curve::Silu, |x| x / (1.0 + (-x).exp())),
        ];
        for instructions in [Instructions::Best, Instructions::Portable] {
            for (curve, formula) in formulas {
                let mut found = given.clone();
                bend_in_place(instructions, &mut found, curve);
                for (&x, &y) in given.iter().zip(&found) {
                    let expected = formula(f64::from(x));
                    let off = (f64::from(y) - expected).abs();
                    assert!(
                        off < 1e-6 * expected.abs().max(1.0),
                        "{curve:?} of {x}: {y} where {expected} was expected"
                    );
                }
                assert_eq!(found[3000], 0.0, "{curve:?} of zero");
            }
        }
    }
}
