//! Named trainable tensors in a fixed order, and how they start.

use candle_core::{Device, Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Trainable tensors under PyTorch's names, in the order in which they were made.
///
/// candle's own `VarMap` has no fixed order, and a seeded run needs one.
#[derive(Debug, Default)]
pub struct Parameters {
    entries: Vec<(String, Var)>,
}

/// How a forward pass sees the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// Gradients flow into them.
    Trained,
    /// They are constants: no work is done for their gradients.
    Frozen,
}

impl Parameters {
    /// Adds a tensor; returns its place.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn add(&mut self, name: String, value: &Tensor) -> Result<usize> {
        self.entries.push((name, Var::from_tensor(value)?));
        Ok(self.entries.len() - 1)
    }

    /// The tensor at a place that [`Parameters::add`] gave.
    pub fn get(&self, place: usize, tracking: Tracking) -> Tensor {
        let var = &self.entries[place].1;
        match tracking {
            Tracking::Trained => var.as_tensor().clone(),
            Tracking::Frozen => var.as_detached_tensor(),
        }
    }

    /// Names and tensors, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Draws starting values as PyTorch does by default: uniform in ±1/sqrt(fan in), weights and biases alike.
pub struct Initialiser<'a> {
    rng: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Initialiser<'a> {
    /// Seeded; `stream` keeps the networks of one seed apart.
    pub fn new(seed: u64, stream: u64, device: &'a Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { rng, device }
    }

    /// Uniform in ±1/sqrt(`fan_in`).
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn uniform(&mut self, shape: &[usize], fan_in: usize) -> Result<Tensor> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let numbers: Vec<f32> = (0..shape.iter().product())
            .map(|_| (uniform(&mut self.rng) * 2.0 - 1.0) * bound)
            .collect();
        Tensor::from_vec(numbers, shape, self.device)
    }

    /// The same number everywhere.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn constant(&self, value: f32, length: usize) -> Result<Tensor> {
        Tensor::full(value, length, self.device)
    }
}

/// Uniform in 0..1, a multiple of 2^-24.
pub fn uniform(rng: &mut impl RngCore) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}
