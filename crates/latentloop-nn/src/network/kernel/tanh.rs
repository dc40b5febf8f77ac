//! The hyperbolic tangent of many numbers.

use super::exp::exp;
use super::microkernel::Instructions;

/// tanh of every number, to within 3e-7, absolutely.
pub fn tanh_in_place(instructions: Instructions, numbers: &mut [f32]) {
    instructions.run_plain(|| numbers.iter_mut().for_each(|x| *x = tanh(*x)));
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x.clamp(-10.0, 10.0)))
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
