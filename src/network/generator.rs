//! The generator in training mode: batch norm uses the statistics of the rows drawn together.

use candle_core::{Device, Result, Tensor};

use super::ops::{BatchStatistics, batch_norm_leaky, conv_transposed, tanh, to_maps};
use super::parameters::{Initialiser, Parameters, Tracking};
use super::spec::{STEM_SIDE, Spec};

/// How far running statistics move towards a batch's.
const MOMENTUM: f32 = 0.1;

/// Running mean and unbiased variance of one batch norm.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningStatistics {
    /// A mean a channel.
    pub mean: Vec<f32>,
    /// A variance a channel.
    pub variance: Vec<f32>,
}

impl RunningStatistics {
    fn new(channels: usize) -> Self {
        Self {
            mean: vec![0.0; channels],
            variance: vec![1.0; channels],
        }
    }

    fn follow(&mut self, batch: &BatchStatistics) {
        let unbias = batch.count as f32 / (batch.count as f32 - 1.0);
        for (running, &now) in self.mean.iter_mut().zip(&batch.mean) {
            *running += MOMENTUM * (now - *running);
        }
        for (running, &now) in self.variance.iter_mut().zip(&batch.variance) {
            *running += MOMENTUM * (now * unbias - *running);
        }
    }
}

/// Latents to pictures: linear stem, then batch norm, leaky ReLU and transposed convolution, over and over, then tanh.
#[derive(Debug)]
pub struct Generator {
    /// Trainable tensors under PyTorch's names: `input.weight`, `input.bias`, `net.N.weight`, `net.N.bias`.
    pub parameters: Parameters,
    /// Running statistics of the batch norms, in order.
    pub running: Vec<RunningStatistics>,
    channels: Vec<usize>,
    latent: usize,
}

impl Generator {
    /// A generator with PyTorch's default starting values.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(spec: &Spec, seed: u64, device: &Device) -> Result<Self> {
        let mut start = Initialiser::new(seed, 1, device);
        let mut parameters = Parameters::default();
        let stem = STEM_SIDE * STEM_SIDE * spec.channels[0];
        parameters.add(
            "input.weight".into(),
            &start.uniform(&[stem, spec.latent], spec.latent)?,
        )?;
        parameters.add("input.bias".into(), &start.uniform(&[stem], spec.latent)?)?;
        for (layer, &inputs) in spec.channels.iter().enumerate() {
            let outputs = spec.out_channels(layer);
            let (norm, conv) = (3 * layer, 3 * layer + 2);
            parameters.add(format!("net.{norm}.weight"), &start.constant(1.0, inputs)?)?;
            parameters.add(format!("net.{norm}.bias"), &start.constant(0.0, inputs)?)?;
            let fan_in = outputs * 16;
            parameters.add(
                format!("net.{conv}.weight"),
                &start.uniform(&[inputs, outputs, 4, 4], fan_in)?,
            )?;
            parameters.add(
                format!("net.{conv}.bias"),
                &start.uniform(&[outputs], fan_in)?,
            )?;
        }
        let running = spec
            .channels
            .iter()
            .map(|&c| RunningStatistics::new(c))
            .collect();
        Ok(Self {
            parameters,
            running,
            channels: spec.channels.clone(),
            latent: spec.latent,
        })
    }

    /// Length of a latent.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Draws `z`, `[batch, latent]`: pictures in -1..1 as maps of three channels, and what the batch norms saw.
    ///
    /// # Errors
    /// When the shape does not fit or the device fails.
    pub fn forward(
        &self,
        z: &Tensor,
        tracking: Tracking,
    ) -> Result<(Tensor, Vec<BatchStatistics>)> {
        let parameter = |place| self.parameters.get(place, tracking);
        let batch = z.dim(0)?;
        let mut x = z
            .matmul(&parameter(0).t()?)?
            .broadcast_add(&parameter(1))?
            .reshape((batch, self.channels[0], STEM_SIDE, STEM_SIDE))?;
        x = to_maps(&x)?;
        let mut seen = Vec::with_capacity(self.channels.len());
        for layer in 0..self.channels.len() {
            let at = 2 + 4 * layer;
            let (active, statistics) = batch_norm_leaky(&x, &parameter(at), &parameter(at + 1))?;
            x = conv_transposed(&active, &parameter(at + 2), &parameter(at + 3))?;
            seen.push(statistics);
        }
        Ok((tanh(&x)?, seen))
    }

    /// Moves the running statistics towards what a forward pass saw.
    pub fn follow(&mut self, seen: &[BatchStatistics]) {
        for (running, batch) in self.running.iter_mut().zip(seen) {
            running.follow(batch);
        }
    }
}
