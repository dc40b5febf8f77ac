//! Both networks and their optimisers, and the step that trains them.

use candle_core::{Device, Result, Tensor};
use rand_chacha::rand_core::RngCore;

use super::adam::{Adam, AdamSettings};
use super::loss::binary_cross_entropy;
use super::noise::normals;
use crate::network::checkpoint::{Checkpoint, CheckpointError, Content};
use crate::network::discriminator::Discriminator;
use crate::network::generator::Generator;
use crate::network::ops::{from_maps, to_maps};
use crate::network::parameters::{Parameters, Tracking, uniform};
use crate::network::spec::Spec;

/// Probability that an example's labels are swapped.
const SWAP: f32 = 0.03;

/// The losses of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// Binary cross-entropy of the discriminator, real and generated summed.
    pub discriminator: f32,
    /// Binary cross-entropy of the generator.
    pub generator: f32,
}

/// A run's networks and optimisers.
#[derive(Debug)]
pub struct Trainer {
    generator: Generator,
    discriminator: Discriminator,
    generator_adam: Adam,
    discriminator_adam: Adam,
    device: Device,
}

impl Trainer {
    /// Fresh networks.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(spec: &Spec, seed: u64, device: &Device) -> Result<Self> {
        let generator = Generator::new(spec, seed, device)?;
        let discriminator = Discriminator::new(spec, seed, device)?;
        let generator_adam = Adam::new(&generator.parameters, AdamSettings::default())?;
        let discriminator_adam = Adam::new(&discriminator.parameters, AdamSettings::default())?;
        Ok(Self {
            generator,
            discriminator,
            generator_adam,
            discriminator_adam,
            device: device.clone(),
        })
    }

    /// One step of the discriminator, then one of the generator, on a batch of real pictures `[batch, 3, size, size]` in -1..1;
    /// `step` counts from 1.
    ///
    /// Labels are noisy and sometimes swapped: real 1 ± 0.1, generated 0..0.2, one draw each for the batch; with
    /// probability 0.03 an example's two labels become 0 and 1.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, real: &Tensor, step: u64, rng: &mut impl RngCore) -> Result<Losses> {
        let batch = real.dim(0)?;
        let real = to_maps(real)?;
        let swaps: Vec<bool> = (0..batch).map(|_| uniform(rng) < SWAP).collect();
        let real_label = 1.0 + (uniform(rng) - 0.5) * 0.2;
        let fake_label = uniform(rng) * 0.2;
        let labels = |usual: f32, swapped: f32| {
            let labels: Vec<f32> = swaps
                .iter()
                .map(|&swap| if swap { swapped } else { usual })
                .collect();
            Tensor::from_vec(labels, (batch, 1), &self.device)
        };
        let (real_labels, fake_labels) = (labels(real_label, 0.0)?, labels(fake_label, 1.0)?);

        let (fake, seen) = self
            .generator
            .forward(&self.latents(batch, rng)?, Tracking::Frozen)?;
        self.generator.follow(&seen);
        let real_loss = binary_cross_entropy(
            &self.discriminator.forward(&real, Tracking::Trained)?,
            &real_labels,
        )?;
        let fake_loss = binary_cross_entropy(
            &self.discriminator.forward(&fake, Tracking::Trained)?,
            &fake_labels,
        )?;
        let loss = (real_loss + fake_loss)?;
        self.discriminator_adam
            .step(&self.discriminator.parameters, &loss.backward()?, step)?;
        let discriminator = loss.to_scalar()?;

        let (fake, seen) = self
            .generator
            .forward(&self.latents(batch, rng)?, Tracking::Trained)?;
        self.generator.follow(&seen);
        let logits = self.discriminator.forward(&fake, Tracking::Frozen)?;
        let loss = binary_cross_entropy(&logits, &logits.ones_like()?)?;
        self.generator_adam
            .step(&self.generator.parameters, &loss.backward()?, step)?;
        Ok(Losses {
            discriminator,
            generator: loss.to_scalar()?,
        })
    }

    /// Draws `z`, rows x latent, in training mode: pictures `[rows, 3, size, size]`. Nothing is learnt from it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn draw(&self, z: &Tensor) -> Result<Tensor> {
        from_maps(&self.generator.forward(z, Tracking::Frozen)?.0)
    }

    /// The tensors of a whole checkpoint.
    ///
    /// # Errors
    /// When they cannot be copied from the device.
    pub fn content(&self) -> std::result::Result<Content, CheckpointError> {
        let mut content = self.playing()?;
        let networks = [
            (
                "discriminator.",
                "adam.discriminator.",
                &self.discriminator.parameters,
                &self.discriminator_adam,
            ),
            (
                "",
                "adam.generator.",
                &self.generator.parameters,
                &self.generator_adam,
            ),
        ];
        for (prefix, adam_prefix, parameters, adam) in networks {
            for ((name, var), (first, second)) in parameters.iter().zip(&adam.moments) {
                if !prefix.is_empty() {
                    content.put(format!("{prefix}{name}"), var)?;
                }
                content.put(format!("{adam_prefix}{name}.first"), first)?;
                content.put(format!("{adam_prefix}{name}.second"), second)?;
            }
        }
        Ok(content)
    }

    /// The tensors of the playing file: the generator alone, under PyTorch's names.
    ///
    /// # Errors
    /// When they cannot be copied from the device.
    pub fn playing(&self) -> std::result::Result<Content, CheckpointError> {
        let mut content = Content::default();
        for (name, var) in self.generator.parameters.iter() {
            content.put(name.to_owned(), var)?;
        }
        for (layer, running) in self.generator.running.iter().enumerate() {
            for (part, numbers) in [("mean", &running.mean), ("var", &running.variance)] {
                let name = format!("net.{}.running_{part}", 3 * layer);
                content.put_numbers(name, &[numbers.len()], numbers);
            }
        }
        Ok(content)
    }

    /// Takes every tensor from a checkpoint of the same shape.
    ///
    /// # Errors
    /// When one is missing, has another shape or is not finite.
    pub fn restore(&mut self, file: &Checkpoint) -> std::result::Result<(), CheckpointError> {
        let device = &self.device;
        let load = |prefix: &str, adam_prefix: &str, parameters: &Parameters, adam: &mut Adam| {
            for ((name, var), (first, second)) in parameters.iter().zip(&mut adam.moments) {
                let shape = var.dims();
                var.set(&file.tensor(&format!("{prefix}{name}"), shape, device)?)?;
                *first = file.tensor(&format!("{adam_prefix}{name}.first"), shape, device)?;
                *second = file.tensor(&format!("{adam_prefix}{name}.second"), shape, device)?;
            }
            Ok::<(), CheckpointError>(())
        };
        load(
            "",
            "adam.generator.",
            &self.generator.parameters,
            &mut self.generator_adam,
        )?;
        let discriminator = &self.discriminator.parameters;
        load(
            "discriminator.",
            "adam.discriminator.",
            discriminator,
            &mut self.discriminator_adam,
        )?;
        for (layer, running) in self.generator.running.iter_mut().enumerate() {
            let shape = [running.mean.len()];
            running.mean = file.numbers(&format!("net.{}.running_mean", 3 * layer), &shape)?;
            running.variance = file.numbers(&format!("net.{}.running_var", 3 * layer), &shape)?;
        }
        Ok(())
    }

    fn latents(&self, batch: usize, rng: &mut impl RngCore) -> Result<Tensor> {
        let latent = self.generator.latent();
        Tensor::from_vec(normals(rng, batch * latent), (batch, latent), &self.device)
    }
}
