//! Both networks and their optimisers, and the step that trains them.

use candle_core::{Device, Result, Tensor};
use rand_chacha::rand_core::RngCore;

use super::adam::{Adam, AdamSettings};
use super::loss::binary_cross_entropy;
use super::penalty::gradient_penalty;
use super::rng::recalibration_rng;
use crate::network::checkpoint::{Checkpoint, CheckpointError, StateDict};
use crate::network::discriminator::Discriminator;
use crate::network::generator::Generator;
use crate::network::ops::{Augmentation, augment, from_maps, to_maps};
use crate::network::parameters::{Parameters, Tracking, normals, uniform};
use crate::network::recipe::{Augment, Recipe};
use crate::network::spec::Spec;

/// Probability that an example's labels are swapped.
const SWAP: f32 = 0.03;
/// Steps between penalties, each of which then weighs as many times as much (lazily: Karras et al. 2020,
/// <https://arxiv.org/abs/1912.04958>).
const PENALTY_EVERY: u64 = 16;
/// Passes that the running statistics of the average are taken over, and rows of each.
const RECALIBRATION_PASSES: usize = 16;
const RECALIBRATION_ROWS: usize = 8;

/// The losses of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// Binary cross-entropy of the discriminator, real and generated summed.
    pub discriminator: f32,
    /// Binary cross-entropy of the generator.
    pub generator: f32,
}

/// The randomness of a step: what chance decides in it.
#[derive(Clone, Debug)]
pub struct StepRandomness {
    /// Targets of the real pictures' logits, `[batch, 1]` in 0..=1.1.
    pub real_labels: Tensor,
    /// Targets of the generated pictures' logits, `[batch, 1]` in 0..=1.
    pub fake_labels: Tensor,
    /// Standard normals that the discriminator's generated pictures are drawn from, `[batch, latent]`.
    pub discriminator_latents: Tensor,
    /// Those that the generator's step draws from, `[batch, latent]`.
    pub generator_latents: Tensor,
    /// What is done to the real pictures, to the generated ones of the discriminator's step and to those of the generator's;
    /// nothing where the recipe has no augmentation.
    pub augmentations: Option<[Vec<Augmentation>; 3]>,
}

impl StepRandomness {
    /// Labels that are noisy and sometimes swapped: real 1 ± 0.1, generated 0..0.2, one draw each for the batch; with
    /// probability 0.03 an example's two labels become 0 and 1. Fresh latents for either step, and the recipe's augmentations.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(
        batch: usize,
        spec: &Spec,
        augment: &Augment,
        rng: &mut impl RngCore,
        device: &Device,
    ) -> Result<Self> {
        let latent = spec.latent;
        let swaps: Vec<bool> = (0..batch).map(|_| uniform(rng) < SWAP).collect();
        let real_label = 1.0 + (uniform(rng) - 0.5) * 0.2;
        let fake_label = uniform(rng) * 0.2;
        let labels = |usual: f32, swapped: f32| {
            let labels: Vec<f32> = swaps
                .iter()
                .map(|&swap| if swap { swapped } else { usual })
                .collect();
            Tensor::from_vec(labels, (batch, 1), device)
        };
        let mut latents =
            || Tensor::from_vec(normals(rng, batch * latent), (batch, latent), device);
        let (discriminator_latents, generator_latents) = (latents()?, latents()?);
        let augmentations = (!augment.is_none()).then(|| {
            [(); 3].map(|()| {
                (0..batch)
                    .map(|_| Augmentation::draw(augment, spec.size(), rng))
                    .collect()
            })
        });
        Ok(Self {
            real_labels: labels(real_label, 0.0)?,
            fake_labels: labels(fake_label, 1.0)?,
            discriminator_latents,
            generator_latents,
            augmentations,
        })
    }
}

/// A run's networks and optimisers.
#[derive(Debug)]
pub struct Trainer {
    spec: Spec,
    recipe: Recipe,
    seed: u64,
    generator: Generator,
    /// The moving average of the generator, where the recipe keeps one.
    averaged: Option<Generator>,
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
    pub fn new(spec: &Spec, recipe: &Recipe, seed: u64, device: &Device) -> Result<Self> {
        let generator = Generator::new(spec, recipe, seed, device)?;
        let averaged = (recipe.average > 0.0)
            .then(|| Generator::new(spec, recipe, seed, device))
            .transpose()?;
        let discriminator = Discriminator::new(spec, recipe, seed, device)?;
        let adam = |parameters, rate| {
            let settings = AdamSettings {
                rate,
                ..AdamSettings::default()
            };
            Adam::new(parameters, settings)
        };
        Ok(Self {
            spec: spec.clone(),
            recipe: *recipe,
            seed,
            generator_adam: adam(&generator.parameters, recipe.generator_rate)?,
            discriminator_adam: adam(&discriminator.parameters, recipe.discriminator_rate)?,
            generator,
            averaged,
            discriminator,
            device: device.clone(),
        })
    }

    /// One step of the discriminator, then one of the generator, on a batch of real pictures `[batch, 3, size, size]` in -1..1,
    /// with labels and latents as [`StepRandomness::new`] draws them; `step` counts from 1.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, real: &Tensor, step: u64, rng: &mut impl RngCore) -> Result<Losses> {
        let augment = &self.recipe.augment;
        let randomness = StepRandomness::new(real.dim(0)?, &self.spec, augment, rng, &self.device)?;
        self.step_with(real, step, &randomness)
    }

    /// The same with labels and latents that are given.
    ///
    /// # Errors
    /// When their shapes do not fit the pictures, or the device fails.
    pub fn step_with(
        &mut self,
        real: &Tensor,
        step: u64,
        randomness: &StepRandomness,
    ) -> Result<Losses> {
        let augmented = |pictures: Tensor, of: usize| match &randomness.augmentations {
            Some(augmentations) => augment(&pictures, &augmentations[of]),
            None => Ok(pictures),
        };
        let real = augmented(to_maps(real)?, 0)?;
        let (fake, seen) = self
            .generator
            .forward(&randomness.discriminator_latents, Tracking::Frozen)?;
        self.generator.follow(&seen);
        let fake = augmented(fake, 1)?;
        let real_loss = binary_cross_entropy(
            &self.discriminator.forward(&real, Tracking::Trained)?,
            &randomness.real_labels,
        )?;
        let fake_loss = binary_cross_entropy(
            &self.discriminator.forward(&fake, Tracking::Trained)?,
            &randomness.fake_labels,
        )?;
        let loss = (real_loss + fake_loss)?;
        let discriminator = loss.to_scalar()?;
        let loss = match self.recipe.r1 > 0.0 && step.is_multiple_of(PENALTY_EVERY) {
            true => {
                let weight = self.recipe.r1 * PENALTY_EVERY as f64;
                (loss + gradient_penalty(&self.discriminator, &real, weight)?)?
            }
            false => loss,
        };
        self.discriminator_adam
            .step(&self.discriminator.parameters, &loss.backward()?, step)?;

        let (fake, seen) = self
            .generator
            .forward(&randomness.generator_latents, Tracking::Trained)?;
        self.generator.follow(&seen);
        let fake = augmented(fake, 2)?;
        let logits = self.discriminator.forward(&fake, Tracking::Frozen)?;
        let loss = binary_cross_entropy(&logits, &logits.ones_like()?)?;
        self.generator_adam
            .step(&self.generator.parameters, &loss.backward()?, step)?;
        self.generator.constrain()?;
        if let Some(averaged) = &self.averaged {
            // The first steps are forgotten sooner.
            let decay = self
                .recipe
                .average
                .min((1 + step) as f64 / (10 + step) as f64);
            averaged
                .parameters
                .update_average(&self.generator.parameters, decay)?;
        }
        Ok(Losses {
            discriminator,
            generator: loss.to_scalar()?,
        })
    }

    /// The network that draws.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// The network that judges.
    pub fn discriminator(&self) -> &Discriminator {
        &self.discriminator
    }

    /// Samples `z`, rows x latent, in training mode, with the average where one is kept: pictures `[rows, 3, size, size]`.
    /// Nothing is learnt from it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sample(&self, z: &Tensor) -> Result<Tensor> {
        let generator = self.averaged.as_ref().unwrap_or(&self.generator);
        from_maps(&generator.forward(z, Tracking::Frozen)?.0)
    }

    /// The state dict of a whole checkpoint: that of the inference file, and what a resumed run needs besides.
    ///
    /// # Errors
    /// When they cannot be copied from the device.
    pub fn state_dict(&self) -> std::result::Result<StateDict, CheckpointError> {
        let mut tensors = self.inference_state_dict()?;
        let prefix = self.trained_prefix();
        if self.averaged.is_some() {
            put_generator(&mut tensors, prefix, &self.generator)?;
        }
        for (name, var) in self.discriminator.parameters.iter() {
            tensors.put(format!("discriminator.{name}"), var)?;
        }
        let optimisers = [
            (
                "generator",
                &self.generator.parameters,
                &self.generator_adam,
            ),
            (
                "discriminator",
                &self.discriminator.parameters,
                &self.discriminator_adam,
            ),
        ];
        for (network, parameters, adam) in optimisers {
            for ((name, _), (first, second)) in parameters.iter().zip(&adam.moments) {
                tensors.put(format!("adam.{network}.{name}.first"), first)?;
                tensors.put(format!("adam.{network}.{name}.second"), second)?;
            }
        }
        Ok(tensors)
    }

    /// The state dict of the inference file: the generator alone, or its average where one is kept, under PyTorch's names.
    ///
    /// # Errors
    /// When the device fails or they cannot be copied from it.
    pub fn inference_state_dict(&self) -> std::result::Result<StateDict, CheckpointError> {
        let mut tensors = StateDict::default();
        match &self.averaged {
            Some(averaged) => put_generator(&mut tensors, "", &self.recalibrated(averaged)?)?,
            None => put_generator(&mut tensors, "", &self.generator)?,
        }
        Ok(tensors)
    }

    /// The average with running statistics of its own, from pictures that it draws.
    fn recalibrated(&self, averaged: &Generator) -> Result<Generator> {
        let mut rng = recalibration_rng(self.seed);
        let shape = (RECALIBRATION_ROWS, self.spec.latent);
        let passes: Vec<_> = (0..RECALIBRATION_PASSES)
            .map(|_| {
                let z = normals(&mut rng, shape.0 * shape.1);
                let z = Tensor::from_vec(z, shape, &self.device)?;
                Ok(averaged.forward(&z, Tracking::Frozen)?.1)
            })
            .collect::<Result<_>>()?;
        let mut recalibrated = averaged.clone();
        recalibrated.recalibrate(&passes);
        Ok(recalibrated)
    }

    /// What stands before the names of the generator that is trained.
    fn trained_prefix(&self) -> &'static str {
        match self.averaged {
            Some(_) => "trained.",
            None => "",
        }
    }

    /// Takes every tensor from a checkpoint of the same shape.
    ///
    /// # Errors
    /// When one is missing, has another shape or is not finite.
    pub fn restore(&mut self, file: &Checkpoint) -> std::result::Result<(), CheckpointError> {
        let device = &self.device;
        let prefix = self.trained_prefix();
        let load = |prefix: &str, parameters: &Parameters| {
            for (name, var) in parameters.iter() {
                var.set(&file.tensor(&format!("{prefix}{name}"), var.dims(), device)?)?;
            }
            Ok::<(), CheckpointError>(())
        };
        let load_moments = |network: &str, parameters: &Parameters, adam: &mut Adam| {
            for ((name, var), (first, second)) in parameters.iter().zip(&mut adam.moments) {
                let name = format!("adam.{network}.{name}");
                *first = file.tensor(&format!("{name}.first"), var.dims(), device)?;
                *second = file.tensor(&format!("{name}.second"), var.dims(), device)?;
            }
            Ok::<(), CheckpointError>(())
        };
        load(prefix, &self.generator.parameters)?;
        load("discriminator.", &self.discriminator.parameters)?;
        if let Some(averaged) = &self.averaged {
            load("", &averaged.parameters)?;
        }
        let (generator, discriminator) = (&self.generator, &self.discriminator);
        load_moments("generator", &generator.parameters, &mut self.generator_adam)?;
        load_moments(
            "discriminator",
            &discriminator.parameters,
            &mut self.discriminator_adam,
        )?;
        for (layer, running) in self.generator.running.iter_mut().enumerate() {
            let shape = [running.mean.len()];
            let name = |what| format!("{prefix}net.{}.{what}", 3 * layer);
            running.mean = file.numbers(&name("running_mean"), &shape)?;
            running.variance = file.numbers(&name("running_var"), &shape)?;
        }
        Ok(())
    }
}

/// Adds a generator's tensors, each name after the prefix.
fn put_generator(
    tensors: &mut StateDict,
    prefix: &str,
    generator: &Generator,
) -> std::result::Result<(), CheckpointError> {
    for (name, var) in generator.parameters.iter() {
        tensors.put(format!("{prefix}{name}"), var)?;
    }
    for (layer, running) in generator.running.iter().enumerate() {
        for (part, numbers) in [("mean", &running.mean), ("var", &running.variance)] {
            let name = format!("{prefix}net.{}.running_{part}", 3 * layer);
            tensors.put_numbers(name, &[numbers.len()], numbers);
        }
    }
    Ok(())
}
