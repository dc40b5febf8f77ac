//! Adam with moments that can be saved (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>).

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::network::kernel::Instructions;
use crate::network::ops::with_slice;
use crate::network::parameters::Parameters;

/// Numbers that a task updates.
const CHUNK: usize = 1 << 14;

/// The optimiser's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for AdamSettings {
    /// The reference work's: rate 2e-4, betas 0.5 and 0.999, eps 1e-8.
    fn default() -> Self {
        Self {
            rate: 2e-4,
            beta1: 0.5,
            beta2: 0.999,
            eps: 1e-8,
        }
    }
}

/// Adam over the tensors of one network, moments in their order.
#[derive(Debug)]
pub struct Adam {
    settings: AdamSettings,
    /// First and second moment of each tensor, shaped like it.
    pub moments: Vec<(Tensor, Tensor)>,
}

impl Adam {
    /// Moments of zero.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(parameters: &Parameters, settings: AdamSettings) -> Result<Self> {
        let moments = parameters
            .iter()
            .map(|(_, var)| Ok((var.zeros_like()?, var.zeros_like()?)))
            .collect::<Result<_>>()?;
        Ok(Self { settings, moments })
    }

    /// Moves the parameters by their gradients; `step` counts from 1. A tensor without a gradient is left alone.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &GradStore,
        step: u64,
    ) -> Result<()> {
        let AdamSettings {
            rate,
            beta1,
            beta2,
            eps,
        } = self.settings;
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let step_size = rate / (1.0 - beta1.powi(exponent));
        let root = (1.0 - beta2.powi(exponent)).sqrt();
        for ((_, var), (first, second)) in parameters.iter().zip(&mut self.moments) {
            let Some(gradient) = gradients.get(var) else {
                continue;
            };
            #[cfg(feature = "cuda")]
            if var.device().is_cuda() {
                let step = crate::network::ops::cuda::AdamStep {
                    rate: step_size as f32,
                    beta1: beta1 as f32,
                    beta2: beta2 as f32,
                    root: root as f32,
                    eps: eps as f32,
                };
                let moments = [&*first, &*second];
                crate::network::ops::cuda::adam(&step, var, moments, gradient)?;
                continue;
            }
            if var.device().is_cpu() {
                let update = |m: &[f32], v: &[f32], p: &[f32], g: &[f32]| {
                    let (b1, b2, root) = (beta1 as f32, beta2 as f32, root as f32);
                    let (eps, step_size) = (eps as f32, step_size as f32);
                    let (mut new_m, mut new_v, mut new_p) = (m.to_vec(), v.to_vec(), p.to_vec());
                    let moments = new_m.par_chunks_mut(CHUNK).zip(new_v.par_chunks_mut(CHUNK));
                    let numbers = new_p.par_chunks_mut(CHUNK).zip(g.par_chunks(CHUNK));
                    moments.zip(numbers).for_each(|((m, v), (p, g))| {
                        Instructions::Best.run_plain(|| {
                            for (((m, v), p), &g) in m.iter_mut().zip(v).zip(p).zip(g) {
                                *m = b1 * *m + (1.0 - b1) * g;
                                *v = b2 * *v + (1.0 - b2) * g * g;
                                *p -= step_size * (*m / (v.sqrt() / root + eps));
                            }
                        });
                    });
                    (new_m, new_v, new_p)
                };
                let (m, v, p) = with_slice(first, |m| {
                    with_slice(second, |v| {
                        with_slice(var, |p| with_slice(gradient, |g| Ok(update(m, v, p, g))))
                    })
                })?;
                *first = Tensor::from_vec(m, var.shape(), var.device())?;
                *second = Tensor::from_vec(v, var.shape(), var.device())?;
                var.set(&Tensor::from_vec(p, var.shape(), var.device())?)?;
            } else {
                *first = ((&*first * beta1)? + (gradient * (1.0 - beta1))?)?;
                *second = ((&*second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
                let divisor = ((second.sqrt()? / root)? + eps)?;
                var.set(&(var.as_detached_tensor() - ((&*first / divisor)? * step_size)?)?)?;
            }
        }
        Ok(())
    }
}
