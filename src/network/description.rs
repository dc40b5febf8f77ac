//! What a model is made of, for people and for programs.

use std::fmt;
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde::Serialize;

use super::checkpoint::METADATA_KEY;
use super::weights::{GeneratorWeights, WeightsError};

/// What a model is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Side of the square picture in pixels.
    pub size: usize,
    /// Whether it draws in colour, or in grey.
    pub colour: bool,
    /// Length of a latent.
    pub latent: usize,
    /// What the linear stem gives.
    pub stem: Map,
    /// What follows the stem, in order.
    pub layers: Vec<Layer>,
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiply-adds of one picture, as they are computed: grey is drawn as three channels alike.
    pub multiply_adds: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Type of the weights, such as `f16`.
    pub precision: String,
    /// What the file says of itself, its layers left out: the settings of its training, or where it comes from.
    pub card: Option<serde_json::Value>,
}

/// Channels of a square map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Map {
    /// Their number.
    pub channels: usize,
    /// Their side in pixels.
    pub side: usize,
}

/// A batch norm, an activation and a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Whether a batch norm comes first.
    pub norm: bool,
    /// What the activation multiplies negative numbers by.
    pub slope: f32,
    /// Whether the convolution is a transposed one.
    pub transposed: bool,
    /// Rows and columns of its filter.
    pub kernel: usize,
    /// Its stride.
    pub stride: usize,
    /// Its padding.
    pub padding: usize,
    /// What it gives.
    pub gives: Map,
}

impl Description {
    /// Describes the model of a file.
    ///
    /// # Errors
    /// Those of [`GeneratorWeights::load`].
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let weights = GeneratorWeights::load(path)?;
        let bytes = std::fs::read(path).map_err(|source| WeightsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let content = |error: String| WeightsError::Content {
            path: path.to_owned(),
            reason: error,
        };
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| content(error.to_string()))?;
        let shape = |name: String| header.info(&name).map(|info| info.shape.clone());
        let sides = weights.sides();
        let last = weights.layers.len().saturating_sub(1);
        // Grey weights are read as three channels alike; the file still tells.
        let outputs = shape(format!("net.{}.bias", 3 * last + 2));
        let colour = outputs.is_none_or(|outputs| outputs != [1]);
        let layers: Vec<Layer> = weights
            .layers
            .iter()
            .enumerate()
            .map(|(place, layer)| Layer {
                norm: layer.norm.is_some(),
                slope: layer.slope,
                transposed: layer.transposed,
                kernel: layer.filter.kernel,
                stride: layer.filter.stride,
                padding: layer.filter.padding,
                gives: Map {
                    channels: match place == last && !colour {
                        true => 1,
                        false => layer.outputs,
                    },
                    side: sides[place + 1],
                },
            })
            .collect();
        let trained = |name: &str| {
            (name.starts_with("input.") || name.starts_with("net.")) && !name.contains(".running_")
        };
        let parameters = header
            .tensors()
            .iter()
            .filter(|(name, _)| trained(name))
            .map(|(_, info)| info.shape.iter().product::<usize>() as u64)
            .sum();
        let precision = header
            .info("input.weight")
            .map(|info| format!("{:?}", info.dtype).to_lowercase());
        let card = header
            .metadata()
            .as_ref()
            .and_then(|metadata| serde_json::from_str(metadata.get(METADATA_KEY)?).ok())
            .map(|mut card: serde_json::Value| {
                if let Some(card) = card.as_object_mut() {
                    card.remove("architecture");
                }
                card
            });
        Ok(Self {
            size: weights.size(),
            colour,
            latent: weights.latent,
            stem: Map {
                channels: weights.layers.first().map_or(0, |layer| layer.inputs),
                side: weights.stem_side,
            },
            layers,
            parameters,
            multiply_adds: weights.multiply_adds(),
            bytes: bytes.len() as u64,
            precision: precision.unwrap_or_default(),
            card,
        })
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colours = if self.colour { "colour" } else { "grey" };
        writeln!(f, "picture        {0} x {0}, {colours}", self.size)?;
        writeln!(f, "latent         {} numbers", self.latent)?;
        writeln!(f, "stem           linear: {}", self.stem)?;
        for (place, layer) in self.layers.iter().enumerate() {
            writeln!(f, "layer {:<9}{layer}", place + 1)?;
        }
        writeln!(f, "               tanh")?;
        writeln!(f, "parameters     {}", grouped(self.parameters))?;
        writeln!(f, "multiply-adds  {} a frame", grouped(self.multiply_adds))?;
        write!(f, "file           {} bytes, {}", grouped(self.bytes), self.precision)?;
        for (name, value) in self.card.iter().filter_map(|card| card.as_object()).flatten() {
            match value.as_str() {
                Some(text) => write!(f, "\n{name:<14} {text}")?,
                None => write!(f, "\n{name:<14} {value}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0} x {1} x {1}", self.channels, self.side)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.norm {
            write!(f, "batch norm, ")?;
        }
        if self.slope == 0.0 {
            write!(f, "ReLU, ")?;
        } else if self.slope < 1.0 {
            write!(f, "leaky ReLU {}, ", self.slope)?;
        }
        if self.transposed {
            write!(f, "transposed ")?;
        }
        write!(
            f,
            "conv {0} x {0} stride {1} padding {2}: {3}",
            self.kernel, self.stride, self.padding, self.gives
        )
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (22_705_795, "22,705,795")] {
            assert_eq!(grouped(number), text);
        }
    }
}
