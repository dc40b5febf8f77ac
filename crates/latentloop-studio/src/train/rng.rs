//! Random number generators of a run, each seeded from the run's seed and the step alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

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

/// The generator for the latents that running statistics are taken from.
pub(super) fn recalibration_rng(seed: u64) -> ChaCha8Rng {
    stream(seed, 3, 0)
}

fn stream(seed: u64, kind: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(kind << 48 | index);
    rng
}
