//! The shape of a network: everything that follows from picture size, width and latent length.
//!
//! The "studies" architecture is a DCGAN (Radford et al. 2015, <https://arxiv.org/abs/1511.06434>) with a linear
//! stem, batch norm before each transposed convolution and leaky ReLU.

use thiserror::Error;

/// Slope of the leaky ReLU for negative inputs, in both networks.
pub const LEAKY_SLOPE: f32 = 0.2;
/// The `eps` of every batch norm.
pub const BATCH_NORM_EPS: f32 = 1e-5;
/// The side in pixels of the generator's first feature map.
pub const STEM_SIDE: usize = 4;

/// The shape of the studies generator and its mirrored discriminator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Length of a latent (one row of standard normals).
    pub latent: usize,
    /// Channels before each transposed convolution, from the 4 x 4 feature map on; the last one gives 3.
    pub channels: Vec<usize>,
    /// Channels after each convolution of the discriminator, from the picture down to its 4 x 4 map.
    pub discriminator: Vec<usize>,
}

/// Why a shape was refused.
#[derive(Debug, Error, PartialEq)]
pub enum SpecError {
    /// The picture size is none of those the studies architecture has.
    #[error("no network for pictures of {0} pixels: --size takes 64, 128, 256 or 512")]
    Size(usize),
    /// The width leaves a layer without channels, or is not a number to multiply by.
    #[error(
        "--width {0}: must be above 0 and at most 4, and leave every layer at least one channel"
    )]
    Width(f64),
    /// The latent is empty or absurdly long.
    #[error("--latent {0}: must be from 1 to 4096")]
    Latent(usize),
}

impl Spec {
    /// The studies architecture for square pictures of `size` pixels, every channel count but the picture's three
    /// multiplied by `width`.
    ///
    /// # Errors
    /// A size other than 64, 128, 256 or 512; a width that leaves a layer empty; a latent outside 1..=4096.
    pub fn studies(size: usize, width: f64, latent: usize) -> Result<Self, SpecError> {
        let (channels, discriminator): (&[usize], &[usize]) = match size {
            64 => (&[1024, 512, 256, 128], &[128, 256, 512, 1024]),
            128 => (&[1024, 512, 512, 256, 128], &[128, 256, 512, 512, 1024]),
            256 => (
                &[1024, 512, 512, 512, 256, 128],
                &[128, 256, 512, 512, 512, 1024],
            ),
            512 => (
                &[1024, 512, 512, 512, 256, 128, 64],
                &[64, 128, 256, 512, 512, 512, 1024],
            ),
            _ => return Err(SpecError::Size(size)),
        };
        if !(1..=4096).contains(&latent) {
            return Err(SpecError::Latent(latent));
        }
        if !(width > 0.0 && width <= 4.0) {
            return Err(SpecError::Width(width));
        }
        let scaled = |counts: &[usize]| -> Result<Vec<usize>, SpecError> {
            counts
                .iter()
                .map(|&n| match (n as f64 * width) as usize {
                    0 => Err(SpecError::Width(width)),
                    n => Ok(n),
                })
                .collect()
        };
        Ok(Self {
            latent,
            channels: scaled(channels)?,
            discriminator: scaled(discriminator)?,
        })
    }

    /// Side of the square picture in pixels.
    pub fn size(&self) -> usize {
        STEM_SIDE << self.channels.len()
    }

    /// Output channels of transposed convolution `layer`, counted from 0.
    pub fn out_channels(&self, layer: usize) -> usize {
        self.channels.get(layer + 1).copied().unwrap_or(3)
    }

    /// Multiply-adds of one generated picture, transposed convolutions and stem together.
    pub fn multiply_adds(&self) -> u64 {
        let stem = self.latent * STEM_SIDE * STEM_SIDE * self.channels[0];
        let layers: usize = (0..self.channels.len())
            .map(|layer| {
                let side = STEM_SIDE << layer;
                side * side * self.channels[layer] * self.out_channels(layer) * 16
            })
            .sum();
        (stem + layers) as u64
    }

    /// Trainable numbers of the generator.
    pub fn parameters(&self) -> u64 {
        let stem = (self.latent + 1) * STEM_SIDE * STEM_SIDE * self.channels[0];
        let layers: usize = (0..self.channels.len())
            .map(|layer| {
                let (inputs, outputs) = (self.channels[layer], self.out_channels(layer));
                2 * inputs + inputs * outputs * 16 + outputs
            })
            .sum();
        (stem + layers) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_width_network_has_the_reference_cost() {
        let spec = Spec::studies(256, 1.0, 200).unwrap();
        assert_eq!(spec.size(), 256);
        assert_eq!(spec.multiply_adds() / 10_000_000, 587);
        assert_eq!(spec.parameters(), 22_705_795);
    }

    #[test]
    fn widths_that_empty_a_layer_are_refused() {
        assert_eq!(Spec::studies(256, 0.001, 200), Err(SpecError::Width(0.001)));
        assert!(Spec::studies(256, f64::NAN, 200).is_err());
        assert_eq!(Spec::studies(100, 1.0, 200), Err(SpecError::Size(100)));
    }
}
