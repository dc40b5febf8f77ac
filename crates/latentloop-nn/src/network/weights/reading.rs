//! A generator's numbers out of the bytes of a safetensors file.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};

use super::{Architecture, GeneratorWeights, LayerShape, LayerWeights, MAX_SIDE, NormWeights};
use crate::network::checkpoint::METADATA_KEY;
use crate::network::kernel::{Curve, Filter};
use crate::network::model_file::is_safetensors;
use crate::network::spec::{BATCH_NORM_EPS, STEM_SIDE};
use crate::palette::Palette;

/// Longest row of any weight: wider networks are refused.
const MAX_CHANNELS: usize = 8192;
/// Most convolutions.
const MAX_LAYERS: usize = 32;
/// Largest filter, in taps a side.
const MAX_KERNEL: usize = 16;
/// Largest alpha of an ELU.
const MAX_ALPHA: f32 = 100.0;

/// Why a file that begins so is none that can be played, where that shows.
pub(super) fn refusal(head: &[u8]) -> Option<String> {
    if head.starts_with(b"PK") || head.starts_with(b"\x80\x02") {
        return Some(
            "it is a file of PyTorch's: make a model of it with `latentloop import`".to_owned(),
        );
    }
    (!is_safetensors(head)).then(|| "it is no whole safetensors file; copy it again".to_owned())
}

/// Reads a generator; the error says what was found and what was expected.
pub(super) fn parse(bytes: &[u8]) -> Result<GeneratorWeights, String> {
    if let Some(reason) = refusal(bytes) {
        return Err(reason);
    }
    let broken = |error| format!("it is no whole safetensors file ({error}); copy it again");
    let file = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    let Metadata {
        architecture,
        palette,
    } = metadata(bytes)?;
    let stem = shape(&file, "input.weight")?;
    let &[rows, latent] = &stem[..] else {
        return Err(format!(
            "its tensor input.weight has shape {stem:?} where two dimensions were expected"
        ));
    };
    let count = architecture.as_ref().map_or_else(
        || (0..).take_while(|layer| has(&file, *layer)).count(),
        |architecture| architecture.layers.len(),
    );
    if count > MAX_LAYERS {
        return Err(format!("it has {count} layers, more than can be played"));
    }
    let mut layers: Vec<LayerWeights> = Vec::with_capacity(count);
    for index in 0..count.max(1) {
        let shape = match &architecture {
            Some(architecture) => architecture.layers.get(index).cloned(),
            None => Some(LayerShape::STUDIES),
        };
        let inputs = layers.last().map(|layer| layer.outputs);
        let shape = shape.ok_or("its metadata names no layers")?;
        layers.push(layer(&file, index, &shape, inputs)?);
    }
    let stem_channels = layers[0].inputs;
    let area = rows / stem_channels;
    let stem_side = area.isqrt();
    if latent == 0
        || latent > 4096
        || stem_side == 0
        || stem_side * stem_side * stem_channels != rows
        || (architecture.is_none() && stem_side != STEM_SIDE)
    {
        return Err(format!(
            "its tensor input.weight has shape {stem:?} where [{stem_channels} x side x side, latent] was expected"
        ));
    }
    if let Some(last) = layers.last_mut() {
        match last.outputs {
            3 => {}
            // Grey is red, green and blue alike.
            1 => colour(last),
            outputs => {
                return Err(format!(
                    "its last layer net.{}.weight gives {outputs} channels where 3 (red, green, blue) or 1 (grey) were expected",
                    3 * count.max(1) - 1
                ));
            }
        }
    }
    let end = architecture.map_or_else(<_>::default, |architecture| architecture.end);
    let weights = GeneratorWeights {
        latent,
        stem_side,
        stem_weight: numbers(&file, "input.weight", &stem)?,
        stem_bias: numbers(&file, "input.bias", &[rows])?,
        layers,
        end,
        palette,
    };
    match weights
        .sides()
        .iter()
        .position(|&side| side == 0 || side > MAX_SIDE)
    {
        Some(place) => Err(format!(
            "its maps have sides of {:?} pixels; number {place} is none that can be played (1 to {MAX_SIDE})",
            weights.sides()
        )),
        None => Ok(weights),
    }
}

/// What the metadata says, if anything.
#[derive(Default)]
struct Metadata {
    architecture: Option<Architecture>,
    palette: Option<Palette>,
}

fn metadata(bytes: &[u8]) -> Result<Metadata, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = header.metadata().as_ref();
    let Some(text) = metadata.and_then(|metadata| metadata.get(METADATA_KEY)) else {
        return Ok(Metadata::default());
    };
    let faulty = |error: serde_json::Error| format!("its metadata: {error}");
    let mut value: serde_json::Value = serde_json::from_str(text).map_err(faulty)?;
    let mut part = |name| value.get_mut(name).map(serde_json::Value::take);
    let (architecture, palette) = (part("architecture"), part("palette"));
    Ok(Metadata {
        architecture: serde_json::from_value(architecture.unwrap_or_default()).map_err(faulty)?,
        // A model can be played without its colours.
        palette: serde_json::from_value(palette.unwrap_or_default()).unwrap_or_default(),
    })
}

fn has(file: &SafeTensors, layer: usize) -> bool {
    file.tensor(&format!("net.{}.weight", 3 * layer + 2))
        .is_ok()
}

/// Reads one layer; `inputs` are the channels that the one before it gives.
fn layer(
    file: &SafeTensors,
    index: usize,
    layer: &LayerShape,
    inputs: Option<usize>,
) -> Result<LayerWeights, String> {
    let (norm, conv) = (3 * index, 3 * index + 2);
    let name = format!("net.{conv}.weight");
    let Filter { kernel, stride, .. } = layer.filter;
    if !(1..=MAX_KERNEL).contains(&kernel)
        || !(1..=kernel).contains(&stride)
        || layer.filter.padding >= kernel
    {
        return Err(format!(
            "its metadata gives {name} the filter {:?}, which cannot be played",
            layer.filter
        ));
    }
    if !(0.0..=1.0).contains(&layer.slope) {
        return Err(format!(
            "its metadata gives {name} the slope {} where 0 to 1 was expected",
            layer.slope
        ));
    }
    let bends = match layer.curve {
        Some(Curve::Elu(alpha)) => layer.slope == 1.0 && (0.0..=MAX_ALPHA).contains(&alpha),
        Some(Curve::Selu | Curve::Silu) => layer.slope == 1.0,
        None => true,
    };
    if !bends {
        return Err(format!(
            "its metadata gives {name} the activation {:?} with the slope {} where the slope 1 and an alpha of 0 to {MAX_ALPHA} were expected",
            layer.curve, layer.slope
        ));
    }
    let eps = layer.eps.unwrap_or(BATCH_NORM_EPS);
    if !(eps > 0.0 && eps <= 1.0) {
        return Err(format!(
            "its metadata gives the batch norm before {name} the epsilon {eps} where a number above 0, up to 1, was expected"
        ));
    }
    let found = shape(file, &name)?;
    let expected = || {
        let inputs = inputs.map_or("in".to_owned(), |inputs| inputs.to_string());
        match layer.transposed {
            true => format!("[{inputs}, out, {kernel}, {kernel}]"),
            false => format!("[out, {inputs}, {kernel}, {kernel}]"),
        }
    };
    let channels = match (&found[..], layer.transposed) {
        (&[inputs, outputs, y, x], true) | (&[outputs, inputs, y, x], false)
            if y == kernel && x == kernel =>
        {
            Some((inputs, outputs))
        }
        _ => None,
    };
    let fits = |&(found, outputs): &(usize, usize)| {
        found > 0
            && outputs > 0
            && found.max(outputs) <= MAX_CHANNELS
            && inputs.is_none_or(|inputs| inputs == found)
    };
    let Some((inputs, outputs)) = channels.filter(fits) else {
        return Err(format!(
            "its tensor {name} has shape {found:?} where {} was expected",
            expected()
        ));
    };
    let of_norm = |part: &str| numbers(file, &format!("net.{norm}.{part}"), &[inputs]);
    let norm = match layer.norm {
        true => Some(NormWeights {
            weight: of_norm("weight")?,
            bias: of_norm("bias")?,
            mean: of_norm("running_mean")?,
            variance: of_norm("running_var")?,
            eps,
        }),
        false => None,
    };
    if norm
        .as_ref()
        .is_some_and(|norm| norm.variance.iter().any(|&v| v < 0.0))
    {
        return Err(format!(
            "its tensor net.{}.running_var holds a negative variance",
            3 * index
        ));
    }
    Ok(LayerWeights {
        inputs,
        outputs,
        norm,
        slope: layer.slope,
        curve: layer.curve,
        filter: layer.filter,
        transposed: layer.transposed,
        weight: numbers(file, &name, &found)?,
        bias: numbers(file, &format!("net.{conv}.bias"), &[outputs])?,
    })
}

/// Makes a layer of one output channel one of three alike.
fn colour(layer: &mut LayerWeights) {
    let taps = layer.filter.kernel * layer.filter.kernel;
    layer.weight = if layer.transposed {
        layer
            .weight
            .chunks_exact(taps)
            .flat_map(|taps| [taps; 3])
            .flatten()
            .copied()
            .collect()
    } else {
        layer.weight.repeat(3)
    };
    layer.bias = layer.bias.repeat(3);
    layer.outputs = 3;
}

fn shape(file: &SafeTensors, name: &str) -> Result<Vec<usize>, String> {
    match file.tensor(name) {
        Ok(view) => Ok(view.shape().to_vec()),
        Err(_) => {
            let mut names = file.names();
            names.sort_unstable();
            let found = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
            Err(format!(
                "it has no tensor {name}; it holds {} tensors: {found} …",
                names.len()
            ))
        }
    }
}

fn numbers(file: &SafeTensors, name: &str, expected: &[usize]) -> Result<Vec<f32>, String> {
    let found = shape(file, name)?;
    if found != expected {
        return Err(format!(
            "its tensor {name} has shape {found:?} where {expected:?} was expected"
        ));
    }
    let view = file.tensor(name).map_err(|error| error.to_string())?;
    let data = view.data();
    let numbers: Vec<f32> = match view.dtype() {
        Dtype::F32 => data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => data
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        Dtype::BF16 => data
            .chunks_exact(2)
            .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        other => {
            return Err(format!(
                "its tensor {name} holds {other:?} where f32, f16 or bf16 was expected"
            ));
        }
    };
    match numbers.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(format!(
            "number {at} of its tensor {name} is {}: the training run diverged",
            numbers[at]
        )),
        None => Ok(numbers),
    }
}

#[cfg(test)]
mod tests;
