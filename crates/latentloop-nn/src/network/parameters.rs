//! Named trainable tensors in a fixed order, and how they start.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::recipe::Initial;

/// Trainable tensors under PyTorch's names, in the order in which they were made.
///
/// candle's own `VarMap` has no fixed order, and a seeded run needs one.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    entries: Vec<(String, Var)>,
}

/// Gradient tracking of the parameters in a forward pass.
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

    /// The variable at a place that [`Parameters::add`] gave.
    pub fn var(&self, place: usize) -> &Var {
        &self.entries[place].1
    }

    /// Names and tensors, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// An exponential moving average: moves every tensor towards another network's of the same shape, to `decay` times itself and 1 - `decay` times the other.
    ///
    /// # Errors
    /// When the shapes differ or the device fails.
    pub fn update_average(&self, other: &Self, decay: f64) -> Result<()> {
        for ((_, var), (_, other)) in self.iter().zip(other.iter()) {
            let moved = ((var.as_detached_tensor() * decay)?
                + (other.as_detached_tensor() * (1.0 - decay))?)?;
            var.set(&moved)?;
        }
        Ok(())
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

/// Deviation of the DCGAN paper's starting weights.
const DCGAN_DEVIATION: f32 = 0.02;

/// Taps of a doubling by linear interpolation.
const BILINEAR: [f32; 4] = [0.25, 0.75, 0.75, 0.25];

/// Draws the starting values of an [`Initial`].
pub struct Initialiser<'a> {
    rng: ChaCha8Rng,
    initial: Initial,
    device: &'a Device,
}

impl<'a> Initialiser<'a> {
    /// Seeded; `stream` keeps the networks of one seed apart.
    pub fn new(initial: Initial, seed: u64, stream: u64, device: &'a Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self {
            rng,
            initial,
            device,
        }
    }

    /// Weights of a layer, each output of which sums `fan_in` products.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn weights(&mut self, shape: &[usize], fan_in: usize) -> Result<Tensor> {
        match self.initial {
            Initial::Pytorch | Initial::Bilinear => self.uniform(shape, fan_in),
            Initial::Dcgan => self.normal(shape, 0.0),
        }
    }

    /// Weights of a transposed convolution, 4 x 4, stride 2, from `inputs` to `outputs` channels.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn doublings(&mut self, [inputs, outputs]: [usize; 2], fan_in: usize) -> Result<Tensor> {
        if self.initial != Initial::Bilinear {
            return self.weights(&[inputs, outputs, 4, 4], fan_in);
        }
        let rows = Tensor::from_slice(&BILINEAR, (4, 1), self.device)?;
        let taps = rows.broadcast_mul(&rows.t()?)?;
        self.uniform(&[inputs, outputs, 1, 1], fan_in)?
            .broadcast_mul(&taps)
    }

    /// Biases of such a layer.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn biases(&mut self, length: usize, fan_in: usize) -> Result<Tensor> {
        match self.initial {
            Initial::Pytorch | Initial::Bilinear => self.uniform(&[length], fan_in),
            Initial::Dcgan => Tensor::zeros(length, DType::F32, self.device),
        }
    }

    /// Weight and bias of a batch norm.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn norm(&mut self, channels: usize) -> Result<(Tensor, Tensor)> {
        let weight = match self.initial {
            Initial::Pytorch | Initial::Bilinear => {
                Tensor::ones(channels, DType::F32, self.device)?
            }
            Initial::Dcgan => self.normal(&[channels], 1.0)?,
        };
        Ok((weight, Tensor::zeros(channels, DType::F32, self.device)?))
    }

    fn uniform(&mut self, shape: &[usize], fan_in: usize) -> Result<Tensor> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let numbers: Vec<f32> = (0..shape.iter().product())
            .map(|_| (uniform(&mut self.rng) * 2.0 - 1.0) * bound)
            .collect();
        Tensor::from_vec(numbers, shape, self.device)
    }

    fn normal(&mut self, shape: &[usize], mean: f32) -> Result<Tensor> {
        let numbers: Vec<f32> = normals(&mut self.rng, shape.iter().product())
            .into_iter()
            .map(|v| mean + DCGAN_DEVIATION * v)
            .collect();
        Tensor::from_vec(numbers, shape, self.device)
    }
}

/// Standard normals, two from each pair of uniforms (Box and Muller 1958).
pub fn normals(rng: &mut impl RngCore, count: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count + 1);
    while numbers.len() < count {
        // In (0, 1], so that the logarithm is finite.
        let u = f64::from(1.0 - uniform(rng));
        let angle = std::f64::consts::TAU * f64::from(uniform(rng));
        let radius = libm::sqrt(-2.0 * libm::log(u));
        numbers.push((radius * libm::cos(angle)) as f32);
        numbers.push((radius * libm::sin(angle)) as f32);
    }
    numbers.truncate(count);
    numbers
}

/// Uniform in 0..1, a multiple of 2^-24.
pub fn uniform(rng: &mut impl RngCore) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}
