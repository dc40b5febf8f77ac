//! The engine on a Metal device, or any other of candle's, through candle's own operations.

use candle_core::{Device, Result, Tensor};

use super::{Engine, EngineError, EngineShape, Norm, Rounding};
use crate::network::kernel::{Curve, Filter};
use crate::network::weights::{End, GeneratorWeights};

/// The scale and the alpha of SELU.
const SELU: [f64; 2] = [1.050_700_987_355_480_5, 1.673_263_242_354_377_2];

/// The engine on any candle device.
pub struct DeviceEngine {
    name: String,
    device: Device,
    stem: (Tensor, Tensor),
    layers: Vec<Layer>,
    stem_side: usize,
    end: End,
    shape: EngineShape,
}

struct Layer {
    norm: Option<LayerNorm>,
    slope: f64,
    curve: Option<Curve>,
    filter: Filter,
    transposed: bool,
    weight: Tensor,
    bias: Tensor,
}

/// Batch norm's numbers, `[1, channels, 1, 1]` each.
struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: f64,
}

pub(super) fn metal(
    weights: &GeneratorWeights,
) -> std::result::Result<Box<dyn Engine>, EngineError> {
    let refuse = |reason: String| {
        EngineError::Device(format!("--engine metal: {reason}; take --engine cpu"))
    };
    if !cfg!(feature = "metal") {
        return Err(refuse(
            "this build has no Metal (build it with --features metal)".into(),
        ));
    }
    let device = Device::new_metal(0)
        .map_err(|error| refuse(format!("no Metal device could be opened ({error})")))?;
    Ok(Box::new(
        DeviceEngine::new(weights, device, "metal").map_err(|error| refuse(error.to_string()))?,
    ))
}

impl DeviceEngine {
    /// Copies the weights to the device.
    ///
    /// # Errors
    /// When it has no memory for them.
    pub fn new(weights: &GeneratorWeights, device: Device, name: &str) -> Result<Self> {
        let vector =
            |numbers: &[f32]| Tensor::from_slice(numbers, (1, numbers.len(), 1, 1), &device);
        let stem_rows = weights.stem_bias.len();
        let stem = (
            Tensor::from_slice(&weights.stem_weight, (stem_rows, weights.latent), &device)?
                .t()?
                .contiguous()?,
            Tensor::from_slice(&weights.stem_bias, (1, stem_rows), &device)?,
        );
        let layers = weights.layers.iter().map(|layer| {
            let kernel = layer.filter.kernel;
            let channels = match layer.transposed {
                true => (layer.inputs, layer.outputs),
                false => (layer.outputs, layer.inputs),
            };
            let shape = (channels.0, channels.1, kernel, kernel);
            let norm = match &layer.norm {
                Some(norm) => Some(LayerNorm {
                    weight: vector(&norm.weight)?,
                    bias: vector(&norm.bias)?,
                    mean: vector(&norm.mean)?,
                    variance: vector(&norm.variance)?,
                    eps: f64::from(norm.eps),
                }),
                None => None,
            };
            Ok(Layer {
                norm,
                slope: f64::from(layer.slope),
                curve: layer.curve,
                filter: layer.filter,
                transposed: layer.transposed,
                weight: Tensor::from_slice(&layer.weight, shape, &device)?,
                bias: vector(&layer.bias)?,
            })
        });
        let layers = layers.collect::<Result<_>>()?;
        Ok(Self {
            name: name.to_owned(),
            stem,
            layers,
            stem_side: weights.stem_side,
            end: weights.end,
            shape: EngineShape {
                latent: weights.latent,
                size: weights.size(),
            },
            device,
        })
    }

    /// `z`, rows x latent, to `[rows, 3, size, size]` in -1..1.
    fn forward_tensor(&self, z: &[f32], norm: Norm) -> Result<Tensor> {
        let latent = self.shape.latent;
        let rows = z.len() / latent;
        let z = Tensor::from_slice(z, (rows, latent), &self.device)?;
        let x = z.matmul(&self.stem.0)?.broadcast_add(&self.stem.1)?;
        let side = self.stem_side;
        let channels = x.dim(1)? / (side * side);
        let mut x = x.reshape((rows, channels, side, side))?;
        for layer in &self.layers {
            if let Some(of) = &layer.norm {
                let (mean, variance) = match norm {
                    Norm::Running => (of.mean.clone(), of.variance.clone()),
                    Norm::Batch => {
                        let mean = x.mean_keepdim((0, 2, 3))?;
                        let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
                        (mean, variance)
                    }
                };
                let scale = (&of.weight / (variance + of.eps)?.sqrt()?)?;
                let shift = (&of.bias - (mean * &scale)?)?;
                x = x.broadcast_mul(&scale)?.broadcast_add(&shift)?;
            }
            let y = match layer.curve {
                None => (x.relu()? - (x.neg()?.relu()? * layer.slope)?)?,
                Some(Curve::Elu(alpha)) => x.elu(f64::from(alpha))?,
                Some(Curve::Selu) => (x.elu(SELU[1])? * SELU[0])?,
                Some(Curve::Silu) => x.silu()?,
            };
            let Filter {
                stride, padding, ..
            } = layer.filter;
            x = match layer.transposed {
                true => y.conv_transpose2d(&layer.weight, padding, 0, stride, 1)?,
                false => y.conv2d(&layer.weight, padding, stride, 1, 1)?,
            }
            .broadcast_add(&layer.bias)?;
        }
        match self.end {
            End::Tanh => x.tanh(),
            End::None => x.clamp(-1.0, 1.0),
        }
    }

    fn numbers(&self, z: &[f32], norm: Norm) -> std::result::Result<Vec<f32>, EngineError> {
        self.forward_tensor(z, norm)
            .and_then(|pictures| pictures.flatten_all()?.to_vec1())
            .map_err(|error| EngineError::Device(format!("{} could not draw: {error}", self.name)))
    }
}

impl Engine for DeviceEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn latent(&self) -> usize {
        self.shape.latent
    }

    fn size(&self) -> (u32, u32) {
        self.shape.sides()
    }

    fn forward(
        &mut self,
        z: &[f32],
        norm: Norm,
        pictures: &mut [f32],
    ) -> std::result::Result<(), EngineError> {
        self.shape.check_pictures(z, pictures)?;
        pictures.copy_from_slice(&self.numbers(z, norm)?);
        Ok(())
    }

    fn render_rgba(
        &mut self,
        z: &[f32],
        norm: Norm,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> std::result::Result<(), EngineError> {
        self.shape.check_rgba(z, norm.rows(), rgba)?;
        let numbers = self.numbers(z, norm)?;
        let plane = self.shape.size * self.shape.size;
        for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
            let byte = |channel: usize| rounding.byte(numbers[channel * plane + at]);
            pixel.copy_from_slice(&[byte(0), byte(1), byte(2), 255]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CpuEngine, ROWS, Winograd};
    use crate::network::spec::Spec;

    #[test]
    fn candles_operations_and_the_plan_draw_the_same_pictures() {
        let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 2);
        let z: Vec<f32> = (0..ROWS * 20)
            .map(|i| ((i * 29 % 89) as f32 - 44.0) / 25.0)
            .collect();
        let mut plan = CpuEngine::new(&weights, Some(2), Winograd::Off).unwrap();
        let mut plain = DeviceEngine::new(&weights, Device::Cpu, "candle").unwrap();
        for norm in [Norm::Running, Norm::Batch] {
            let (mut a, mut b) = (vec![0.0; ROWS * 3 * 64 * 64], vec![0.0; ROWS * 3 * 64 * 64]);
            plan.forward(&z, norm, &mut a).unwrap();
            plain.forward(&z, norm, &mut b).unwrap();
            let worst = a
                .iter()
                .zip(&b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 5e-5, "{norm:?}: pictures differ by {worst}");
        }
    }
}
