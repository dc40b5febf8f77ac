//! A generator's weights on the card, and what happens to each map before it goes into a layer.

use std::fmt::Display;
use std::sync::Arc;

use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream};
use half::f16;

use super::Norm;
use crate::network::kernel::Filter;
use crate::network::weights::{End, GeneratorWeights, LayerWeights, NormWeights};

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
    pub(super) eps: f32,
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

/// Whether this engine draws the generator, and whether its numbers have the lengths that the kernels will read.
///
/// # Errors
/// What does not fit.
pub(super) fn check(weights: &GeneratorWeights) -> Result<(), Failure> {
    let foreign = |layer: &LayerWeights| !layer.transposed || layer.filter != Filter::STUDIES;
    let mut layers = weights.layers.iter().zip(1..);
    if let Some((layer, number)) = layers.find(|(layer, _)| foreign(layer)) {
        let Filter {
            kernel,
            stride,
            padding,
        } = layer.filter;
        let kind = if layer.transposed { "transposed " } else { "" };
        return Err(Failure(format!(
            "layer {number} of the network is a {kind}convolution of {kernel} x {kernel} taps, stride {stride} and \
             padding {padding}, and the card draws transposed ones of 4 x 4, stride 2 and padding 1 alone"
        )));
    }
    let bent = |layer: &LayerWeights| layer.curve.is_some();
    if let Some(number) = weights.layers.iter().position(bent) {
        return Err(Failure(format!(
            "the activation before layer {} of the network is none of ReLU, leaky ReLU and nothing, which the card draws alone",
            number + 1
        )));
    }
    if weights.end != End::Tanh {
        return Err(Failure(
            "the network ends in no tanh, and the card draws a tanh alone".into(),
        ));
    }
    let whole = |layer: &LayerWeights| {
        let norm = layer.norm.as_ref().is_none_or(|norm| {
            let NormWeights {
                weight,
                bias,
                mean,
                variance,
                eps: _,
            } = norm;
            [weight, bias, mean, variance].map(Vec::len) == [layer.inputs; 4]
        });
        let numbers = [layer.weight.len(), layer.bias.len()];
        norm && layer.inputs > 0 && numbers == [16 * layer.inputs * layer.outputs, layer.outputs]
    };
    let chained = |pair: &[LayerWeights]| pair[0].outputs == pair[1].inputs;
    let (first, last) = match weights.layers.as_slice() {
        [first, .., last] => (first, last),
        [only] => (only, only),
        [] => return Err(Failure("the network has no convolution".into())),
    };
    let units = first.inputs * weights.stem_side * weights.stem_side;
    let stem = [weights.stem_bias.len(), weights.stem_weight.len()];
    let fits = stem == [units, units * weights.latent]
        && weights.latent > 0
        && weights.size() > 0
        && weights.layers.iter().all(whole)
        && weights.layers.windows(2).all(chained);
    match fits {
        true if last.outputs == 3 => Ok(()),
        true => Err(Failure(format!(
            "the network ends in {} channels, not in three colours",
            last.outputs
        ))),
        false => Err(Failure(
            "the network's layers do not fit one another".into(),
        )),
    }
}

impl Plan {
    pub(super) fn new(
        weights: &GeneratorWeights,
        stream: &Arc<CudaStream>,
    ) -> Result<Self, Failure> {
        check(weights)?;
        let side = weights.stem_side;
        let mut layers = Vec::with_capacity(weights.layers.len());
        // The stem adds its biases, one a unit, itself.
        let mut bias = vec![0.0; weights.layers[0].inputs];
        for (index, layer) in weights.layers.iter().enumerate() {
            layers.push(Layer {
                inputs: layer.inputs,
                outputs: layer.outputs,
                side: side << index,
                entry: entry(layer, &bias, stream)?,
                weight: halves(&layer.weight, stream)?,
            });
            bias.clone_from(&layer.bias);
        }
        Ok(Self {
            latent: weights.latent,
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
fn entry(layer: &LayerWeights, bias: &[f32], stream: &Arc<CudaStream>) -> Result<Entry, Failure> {
    let epilogue = |affine: &[f32], slope: f32| -> Result<Epilogue, Failure> {
        let affine = stream.clone_htod(affine)?;
        Ok(Epilogue { affine, slope })
    };
    let plain: Vec<f32> = bias.iter().flat_map(|&bias| [1.0, bias]).collect();
    let Some(norm) = &layer.norm else {
        return Ok(Entry {
            running: epilogue(&plain, layer.slope)?,
            batch: epilogue(&plain, layer.slope)?,
            norm: None,
        });
    };
    let folded = bias.iter().enumerate().flat_map(|(channel, bias)| {
        let (scale, shift) = norm.fold(channel, norm.mean[channel], norm.variance[channel]);
        [scale, bias * scale + shift]
    });
    let folded: Vec<f32> = folded.collect();
    Ok(Entry {
        running: epilogue(&folded, layer.slope)?,
        batch: epilogue(&plain, 1.0)?,
        norm: Some(EntryNorm {
            weight: stream.clone_htod(&norm.weight)?,
            bias: stream.clone_htod(&norm.bias)?,
            eps: norm.eps,
            slope: layer.slope,
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
