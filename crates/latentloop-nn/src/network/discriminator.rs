//! The discriminator in training mode.

use candle_core::{Device, Result, Tensor};

use super::ops::{conv, from_maps, leaky_relu, normalised_leaky};
use super::parameters::{Initialiser, Parameters, Tracking};
use super::recipe::Recipe;
use super::spec::{STEM_SIDE, Spec};

/// Pictures to logits: convolutions with leaky ReLU, batch norm before it on all but the first, then a linear layer.
#[derive(Debug)]
pub struct Discriminator {
    /// Trainable tensors under PyTorch's names: `net.N.weight`, `net.N.bias`, `output.weight`, `output.bias`.
    pub parameters: Parameters,
    layers: usize,
    minibatch_deviation: bool,
}

impl Discriminator {
    /// A discriminator with the recipe's starting values.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(spec: &Spec, recipe: &Recipe, seed: u64, device: &Device) -> Result<Self> {
        let mut start = Initialiser::new(recipe.initial, seed, 2, device);
        let mut parameters = Parameters::default();
        let mut inputs = 3;
        for (layer, &outputs) in spec.discriminator.iter().enumerate() {
            // Convolution 0, activation 1; then convolution, batch norm, activation: 2 3 4, 5 6 7, …
            let conv = if layer == 0 { 0 } else { 3 * layer - 1 };
            let fan_in = inputs * 16;
            parameters.add(
                format!("net.{conv}.weight"),
                &start.weights(&[outputs, inputs, 4, 4], fan_in)?,
            )?;
            parameters.add(format!("net.{conv}.bias"), &start.biases(outputs, fan_in)?)?;
            if layer > 0 {
                let (weight, bias) = start.norm(outputs)?;
                parameters.add(format!("net.{}.weight", conv + 1), &weight)?;
                parameters.add(format!("net.{}.bias", conv + 1), &bias)?;
            }
            inputs = outputs;
        }
        let channels = inputs + usize::from(recipe.minibatch_deviation);
        let fan_in = channels * STEM_SIDE * STEM_SIDE;
        parameters.add(
            "output.weight".into(),
            &start.weights(&[1, fan_in], fan_in)?,
        )?;
        parameters.add("output.bias".into(), &start.biases(1, fan_in)?)?;
        Ok(Self {
            parameters,
            layers: spec.discriminator.len(),
            minibatch_deviation: recipe.minibatch_deviation,
        })
    }

    /// Judges pictures, maps of three channels: logits `[batch, 1]`.
    ///
    /// # Errors
    /// When the shape does not fit or the device fails.
    pub fn forward(&self, pictures: &Tensor, tracking: Tracking) -> Result<Tensor> {
        let mut place = 0;
        let mut next = || {
            place += 1;
            self.parameters.get(place - 1, tracking)
        };
        let mut x = leaky_relu(&conv(pictures, &next(), &next())?)?;
        for _ in 1..self.layers {
            x = conv(&x, &next(), &next())?;
            x = normalised_leaky(&x, &next(), &next())?;
        }
        let mut flat = from_maps(&x)?.flatten_from(1)?;
        if self.minibatch_deviation {
            let deviation = minibatch_deviation(&flat)?;
            let plane = deviation.broadcast_as((flat.dim(0)?, STEM_SIDE * STEM_SIDE))?;
            flat = Tensor::cat(&[&flat, &plane.contiguous()?], 1)?;
        }
        flat.matmul(&next().t()?)?.broadcast_add(&next())
    }
}

/// Standard deviation of each feature over the batch, `[batch, features]`, averaged to one number, `[1, 1]`.
///
/// Karras et al. 2018, <https://arxiv.org/abs/1710.10196>, with the whole batch as one group.
fn minibatch_deviation(features: &Tensor) -> Result<Tensor> {
    let centred = features.broadcast_sub(&features.mean_keepdim(0)?)?;
    let variance = centred.sqr()?.mean(0)?;
    (variance + 1e-8)?.sqrt()?.mean_all()?.reshape((1, 1))
}
