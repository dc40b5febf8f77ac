//! The time of a training step.

use std::time::Instant;

use candle_core::{Device, Result, Tensor};

use super::Trainer;
use super::rng::step_rng;
use crate::network::parameters::normals;
use crate::network::recipe::Recipe;
use crate::network::spec::Spec;

/// Steps run before the clock is read.
const WARM_UP: u64 = 2;

/// Trains fresh networks on noise: milliseconds of each of `runs` steps of `batch` pictures, after two that do not count.
///
/// # Errors
/// When the device fails.
pub fn bench(spec: &Spec, batch: usize, runs: u64, device: &Device) -> Result<Vec<f64>> {
    let size = spec.size();
    let mut trainer = Trainer::new(spec, &Recipe::study(), 0, device)?;
    let noise = normals(&mut step_rng(0, 0), 3 * batch * size * size);
    let real = Tensor::from_vec(noise, (batch, 3, size, size), device)?.tanh()?;
    let mut times_ms = Vec::new();
    for step in 1..=WARM_UP + runs {
        let start = Instant::now();
        trainer.step(&real, step, &mut step_rng(0, step))?;
        if step > WARM_UP {
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times_ms)
}
