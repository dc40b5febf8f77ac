//! Random numbers of a run, each drawn from the seed and the step alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::network::parameters::uniform;

/// The generator for one step's draws.
pub(super) fn step_rng(seed: u64, step: u64) -> ChaCha8Rng {
    stream(seed, 1, step)
}

/// A permutation of `0..count` for one epoch (Fisher and Yates).
pub(super) fn epoch_order(seed: u64, epoch: u64, count: usize) -> Vec<usize> {
    let mut rng = stream(seed, 2, epoch);
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
    order
}

fn stream(seed: u64, kind: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(kind << 48 | index);
    rng
}

/// Standard normals, two from each pair of uniforms (Box and Muller 1958).
pub(super) fn normals(rng: &mut impl RngCore, count: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count + 1);
    while numbers.len() < count {
        // In (0, 1], so that the logarithm is finite.
        let u = f64::from(1.0 - uniform(rng));
        let angle = std::f64::consts::TAU * f64::from(uniform(rng));
        let radius = libm::sqrt(-2.0 * libm::log(u));
        numbers.push((radius * libm::cos(angle)) as f32);
        numbers.push((radius * libm::sin(angle)) as f32);
    }
    numbers.truncate(count);
    numbers
}
