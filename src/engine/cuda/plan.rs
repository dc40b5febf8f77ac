//! A generator's weights on the card, and what happens to each map before it goes into a layer.

use std::fmt::Display;
use std::sync::Arc;

use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream};
use half::f16;

use super::Norm;
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE, STEM_SIDE};
use crate::network::weights::GeneratorWeights;

/// What the card, its driver or cuBLAS said.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A generator on the card.
pub(super) struct Plan {
    pub(super) latent: usize,
    /// Side of the stem's map in pixels.
    pub(super) side: usize,
    /// Side of the picture in pixels.
    pub(super) size: usize,
    pub(super) stem: Stem,
    /// One transposed convolution after the other; there is at least one.
    pub(super) layers: Vec<Layer>,
    /// Biases of the last one, added after it.
    pub(super) bias: CudaSlice<f32>,
}

/// The linear stem.
pub(super) struct Stem {
    /// `[channels * side * side, latent]`.
    pub(super) weight: CudaSlice<f16>,
    pub(super) bias: CudaSlice<f32>,
}

/// A transposed convolution and what comes before it.
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Side of its input in pixels.
    pub(super) side: usize,
    pub(super) entry: Entry,
    /// `[inputs, outputs, 4, 4]`, as PyTorch stores it.
    pub(super) weight: CudaSlice<f16>,
}

/// What makes of the sums of the layer before the input of this one.
pub(super) struct Entry {
    running: Epilogue,
    batch: Epilogue,
    /// With the statistics of the rows drawn together there is one more pass.
    pub(super) norm: Option<EntryNorm>,
}

/// leaky(v * scale + shift).
pub(super) struct Epilogue {
    /// Scale and shift of one channel after the other.
    pub(super) affine: CudaSlice<f32>,
    /// Slope of the leaky ReLU; 1 is none.
    pub(super) slope: f32,
}

/// Batch norm, and the slope of the leaky ReLU after it.
pub(super) struct EntryNorm {
    pub(super) weight: CudaSlice<f32>,
    pub(super) bias: CudaSlice<f32>,
    pub(super) slope: f32,
}

impl Entry {
    pub(super) fn of(&self, norm: Norm) -> &Epilogue {
        match norm {
            Norm::Running => &self.running,
            Norm::Batch => &self.batch,
        }
    }
}

/// A layer in host memory.
struct Source<'a> {
    inputs: usize,
    outputs: usize,
    norm: Option<SourceNorm<'a>>,
    /// Slope of the leaky ReLU after the norm.
    slope: f32,
    weight: &'a [f32],
    bias: &'a [f32],
}

struct SourceNorm<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
}

/// The layers of a generator, and the side of its stem; nothing else here knows how weights are kept.
fn sources(weights: &GeneratorWeights) -> Result<(usize, Vec<Source<'_>>), Failure> {
    let spec = &weights.spec;
    let layers = weights
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| Source {
            inputs: spec.channels[index],
            outputs: spec.out_channels(index),
            norm: Some(SourceNorm {
                weight: &layer.norm_weight,
                bias: &layer.norm_bias,
                mean: &layer.mean,
                variance: &layer.variance,
            }),
            slope: LEAKY_SLOPE,
            weight: &layer.weight,
            bias: &layer.bias,
        });
    let layers: Vec<_> = layers.collect();
    match layers.last() {
        Some(last) if last.outputs == 3 => Ok((STEM_SIDE, layers)),
        _ => Err(Failure("the network does not end in three colours".into())),
    }
}

impl Plan {
    pub(super) fn new(
        weights: &GeneratorWeights,
        stream: &Arc<CudaStream>,
    ) -> Result<Self, Failure> {
        let (side, sources) = sources(weights)?;
        let units = weights.stem_bias.len();
        let mut layers = Vec::with_capacity(sources.len());
        // The stem adds its biases, one a unit, itself.
        let mut bias = vec![0.0; sources[0].inputs];
        for (index, source) in sources.iter().enumerate() {
            layers.push(Layer {
                inputs: source.inputs,
                outputs: source.outputs,
                side: side << index,
                entry: entry(source, &bias, stream)?,
                weight: halves(source.weight, stream)?,
            });
            bias = source.bias.to_vec();
        }
        Ok(Self {
            latent: weights.stem_weight.len() / units,
            side,
            size: side << layers.len(),
            stem: Stem {
                weight: halves(&weights.stem_weight, stream)?,
                bias: stream.clone_htod(&weights.stem_bias)?,
            },
            layers,
            bias: stream.clone_htod(&bias)?,
        })
    }

    /// Numbers of the largest map that goes into a layer, for one row.
    pub(super) fn largest_map(&self) -> usize {
        let maps = self.layers.iter().map(|l| l.inputs * l.side * l.side);
        maps.max().unwrap_or(0)
    }

    /// Numbers of the largest columns, for one row.
    pub(super) fn largest_columns(&self) -> usize {
        let columns = self.layers.iter().map(|l| 16 * l.outputs * l.side * l.side);
        columns.max().unwrap_or(0)
    }
}

/// `bias` is that of the layer before.
fn entry(source: &Source, bias: &[f32], stream: &Arc<CudaStream>) -> Result<Entry, Failure> {
    let epilogue = |affine: Vec<f32>, slope: f32| -> Result<Epilogue, Failure> {
        let affine = stream.clone_htod(&affine)?;
        Ok(Epilogue { affine, slope })
    };
    let plain: Vec<f32> = bias.iter().flat_map(|&bias| [1.0, bias]).collect();
    let Some(norm) = &source.norm else {
        return Ok(Entry {
            running: epilogue(plain.clone(), source.slope)?,
            batch: epilogue(plain, source.slope)?,
            norm: None,
        });
    };
    let folded = bias.iter().enumerate().flat_map(|(channel, bias)| {
        let scale = norm.weight[channel] / (norm.variance[channel] + BATCH_NORM_EPS).sqrt();
        [
            scale,
            (bias - norm.mean[channel]) * scale + norm.bias[channel],
        ]
    });
    Ok(Entry {
        running: epilogue(folded.collect(), source.slope)?,
        batch: epilogue(plain, 1.0)?,
        norm: Some(EntryNorm {
            weight: stream.clone_htod(norm.weight)?,
            bias: stream.clone_htod(norm.bias)?,
            slope: source.slope,
        }),
    })
}

fn halves(numbers: &[f32], stream: &Arc<CudaStream>) -> Result<CudaSlice<f16>, Failure> {
    let halves: Vec<f16> = numbers
        .iter()
        .map(|&number| f16::from_f32(number))
        .collect();
    Ok(stream.clone_htod(&halves)?)
}
