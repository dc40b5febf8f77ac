//! The discriminator in training mode.

use candle_core::{Device, Result, Tensor};

use super::ops::{conv, from_maps, leaky_relu, normalised_leaky};
use super::parameters::{Initialiser, Parameters, Tracking};
use super::spec::{STEM_SIDE, Spec};

/// Pictures to logits: convolutions with leaky ReLU, batch norm before it on all but the first, then a linear layer.
#[derive(Debug)]
pub struct Discriminator {
    /// Trainable tensors under PyTorch's names: `net.N.weight`, `net.N.bias`, `output.weight`, `output.bias`.
    pub parameters: Parameters,
    layers: usize,
}

impl Discriminator {
    /// A discriminator with PyTorch's default starting values.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(spec: &Spec, seed: u64, device: &Device) -> Result<Self> {
        let mut start = Initialiser::new(seed, 2, device);
        let mut parameters = Parameters::default();
        let mut inputs = 3;
        for (layer, &outputs) in spec.discriminator.iter().enumerate() {
            // Convolution 0, activation 1; then convolution, batch norm, activation: 2 3 4, 5 6 7, …
            let conv = if layer == 0 { 0 } else { 3 * layer - 1 };
            let fan_in = inputs * 16;
            parameters.add(
                format!("net.{conv}.weight"),
                &start.uniform(&[outputs, inputs, 4, 4], fan_in)?,
            )?;
            parameters.add(
                format!("net.{conv}.bias"),
                &start.uniform(&[outputs], fan_in)?,
            )?;
            if layer > 0 {
                parameters.add(
                    format!("net.{}.weight", conv + 1),
                    &start.constant(1.0, outputs)?,
                )?;
                parameters.add(
                    format!("net.{}.bias", conv + 1),
                    &start.constant(0.0, outputs)?,
                )?;
            }
            inputs = outputs;
        }
        let fan_in = inputs * STEM_SIDE * STEM_SIDE;
        parameters.add(
            "output.weight".into(),
            &start.uniform(&[1, fan_in], fan_in)?,
        )?;
        parameters.add("output.bias".into(), &start.uniform(&[1], fan_in)?)?;
        Ok(Self {
            parameters,
            layers: spec.discriminator.len(),
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
        let flat = from_maps(&x)?.flatten_from(1)?;
        flat.matmul(&next().t()?)?.broadcast_add(&next())
    }
}
