//! Stems: what makes the first map out of a latent.

use super::filter::Step;
use super::module::Module;

/// A linear stem.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stem {
    /// Length of a latent.
    pub(super) latent: usize,
    /// Side of the map that it gives.
    pub(super) side: usize,
    /// `[channels * side^2, latent]`
    pub(super) weight: Vec<f32>,
    /// `[channels * side^2]`
    pub(super) bias: Vec<f32>,
}

impl Stem {
    /// A linear module as it is; missing biases are zeros.
    pub(super) fn of_linear(module: Module, latent: usize, side: usize) -> Self {
        let rows = module.weight.len() / latent.max(1);
        Self {
            latent,
            side,
            weight: module.weight,
            bias: module.bias.unwrap_or_else(|| vec![0.0; rows]),
        }
    }

    /// A transposed convolution of a latent of 1 x 1, `[latent, channels, kernel, kernel]`: each pixel of its map is one
    /// tap, the padding cuts taps off at every edge, and an output padding adds pixels that are bias alone.
    ///
    /// # Errors
    /// When the padding leaves no pixel.
    pub(super) fn of_transposed(
        module: Module,
        [latent, channels]: [usize; 2],
        kernel: usize,
        step: Step,
    ) -> Result<Self, String> {
        let side = step
            .filter(kernel)
            .transposed_side(1)
            .ok_or_else(|| format!("the padding of its stem {} leaves nothing", module.name))?;
        let area = side * side;
        let mut weight = vec![0.0; channels * area * latent];
        for (row, weights) in weight.chunks_exact_mut(latent).enumerate() {
            let (channel, y, x) = (row / area, row % area / side, row % side);
            let (y, x) = (y + step.padding, x + step.padding);
            if y >= kernel || x >= kernel {
                continue;
            }
            for (z, weight) in weights.iter_mut().enumerate() {
                *weight = module.weight[((z * channels + channel) * kernel + y) * kernel + x];
            }
        }
        let bias = module.bias.unwrap_or_else(|| vec![0.0; channels]);
        Ok(Self {
            latent,
            side,
            weight,
            bias: bias.into_iter().flat_map(|v| vec![v; area]).collect(),
        })
    }

    /// Puts a batch norm of every single row, as `BatchNorm1d` before the reshape is, into weights and biases, with its
    /// running statistics.
    pub(super) fn fold(&mut self, norm: &Module, eps: f32) {
        let [means, variances] = &norm.statistics;
        let shifts = norm.bias.as_deref().unwrap_or_default();
        let rows = self
            .weight
            .chunks_exact_mut(self.latent)
            .zip(&mut self.bias);
        let numbers = norm
            .weight
            .iter()
            .zip(shifts)
            .zip(means.iter().zip(variances));
        for ((weights, bias), ((scale, shift), (mean, variance))) in rows.zip(numbers) {
            let scale = scale / (variance + eps).sqrt();
            for weight in weights {
                *weight *= scale;
            }
            *bias = (*bias - mean) * scale + shift;
        }
    }
}
