//! The generator in training mode: batch norm uses the statistics of the rows drawn together.

use candle_core::{Device, Result, Tensor};

use super::ops::{BatchStatistics, batch_norm_leaky, conv_transposed, tanh, to_maps};
use super::parameters::{Initialiser, Parameters, Tracking};
use super::recipe::Recipe;
use super::spec::{STEM_SIDE, Spec};

/// Momentum of the running statistics: how far they move towards a batch's.
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

    fn follow(&mut self, batch: &BatchStatistics, momentum: f32) {
        let unbias = batch.count as f32 / (batch.count as f32 - 1.0);
        for (running, &now) in self.mean.iter_mut().zip(&batch.mean) {
            *running += momentum * (now - *running);
        }
        for (running, &now) in self.variance.iter_mut().zip(&batch.variance) {
            *running += momentum * (now * unbias - *running);
        }
    }
}

/// Latents to pictures: linear stem, then batch norm, leaky ReLU and transposed convolution, over and over, then tanh.
///
/// A clone shares its parameters with the original, and has running statistics of its own.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Trainable tensors under PyTorch's names: `input.weight`, `input.bias`, `net.N.weight`, `net.N.bias`.
    pub parameters: Parameters,
    /// Running statistics of the batch norms, in order.
    pub running: Vec<RunningStatistics>,
    channels: Vec<usize>,
    latent: usize,
    resize_convolutions: usize,
}

/// The projection of a filter's 16 taps that leaves out what alternates along either axis, `[16, 16]`.
fn even_filters(device: &Device) -> Result<Tensor> {
    // Identity less the alternating direction (1, -1, 1, -1) / 2 with itself.
    let along = |a: usize, b: usize| {
        let alternating = if (a + b).is_multiple_of(2) {
            0.25
        } else {
            -0.25
        };
        f32::from(a == b) - alternating
    };
    let numbers: Vec<f32> = (0..256)
        .map(|at| {
            let (row, column) = (at / 16, at % 16);
            along(row / 4, column / 4) * along(row % 4, column % 4)
        })
        .collect();
    Tensor::from_vec(numbers, (16, 16), device)
}

impl Generator {
    /// A generator with the recipe's starting values.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(spec: &Spec, recipe: &Recipe, seed: u64, device: &Device) -> Result<Self> {
        let mut start = Initialiser::new(recipe.initial, seed, 1, device);
        let mut parameters = Parameters::default();
        let stem = STEM_SIDE * STEM_SIDE * spec.channels[0];
        parameters.add(
            "input.weight".into(),
            &start.weights(&[stem, spec.latent], spec.latent)?,
        )?;
        parameters.add("input.bias".into(), &start.biases(stem, spec.latent)?)?;
        for (layer, &inputs) in spec.channels.iter().enumerate() {
            let outputs = spec.out_channels(layer);
            let (norm, conv) = (3 * layer, 3 * layer + 2);
            let (weight, bias) = start.norm(inputs)?;
            parameters.add(format!("net.{norm}.weight"), &weight)?;
            parameters.add(format!("net.{norm}.bias"), &bias)?;
            let fan_in = outputs * 16;
            parameters.add(
                format!("net.{conv}.weight"),
                &start.doublings([inputs, outputs], fan_in)?,
            )?;
            parameters.add(format!("net.{conv}.bias"), &start.biases(outputs, fan_in)?)?;
        }
        let running = spec
            .channels
            .iter()
            .map(|&c| RunningStatistics::new(c))
            .collect();
        let generator = Self {
            parameters,
            running,
            channels: spec.channels.clone(),
            latent: spec.latent,
            resize_convolutions: recipe.resize_convolutions,
        };
        generator.constrain()?;
        Ok(generator)
    }

    /// Brings the filters of the recipe's resize convolutions back to what these can do, after a step of the optimiser.
    ///
    /// A map doubled by nearest neighbour and convolved by 3 taps is a transposed convolution of stride 2 by 4 taps without the
    /// component (1, -1, 1, -1): the component is removed along both axes. It alone turns an even map into a checkerboard.
    ///
    /// # Errors
    /// When the device fails.
    pub fn constrain(&self) -> Result<()> {
        if self.resize_convolutions == 0 {
            return Ok(());
        }
        let even = even_filters(self.parameters.var(0).device())?;
        let layers = self.channels.len();
        for layer in layers - self.resize_convolutions.min(layers)..layers {
            let weight = self.parameters.var(2 + 4 * layer + 2);
            let (inputs, outputs, _, _) = weight.dims4()?;
            let taps = weight.reshape((inputs * outputs, 16))?.detach();
            let held = taps.matmul(&even)?;
            weight.set(&held.reshape((inputs, outputs, 4, 4))?)?;
        }
        Ok(())
    }

    /// Batch-norm recalibration: takes the mean and variance of every batch norm from what several forward passes saw, each counting alike, as
    /// stochastic weight averaging does (Izmailov et al. 2018, <https://arxiv.org/abs/1803.05407>).
    pub fn recalibrate(&mut self, passes: &[Vec<BatchStatistics>]) {
        for (layer, running) in self.running.iter_mut().enumerate() {
            for (pass, seen) in passes.iter().enumerate() {
                running.follow(&seen[layer], 1.0 / (pass + 1) as f32);
            }
        }
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
            running.follow(batch, MOMENTUM);
        }
    }
}
