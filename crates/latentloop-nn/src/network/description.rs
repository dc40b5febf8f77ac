//! The description of a model, for people and for programs.

use std::fmt;
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checkpoint::METADATA_KEY;
use super::kernel::Curve;
use super::recipe::Recipe;
use super::weights::{End, GeneratorWeights, LayerShape, WeightsError};
use crate::palette::Palette;

/// A model's description: what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// Side of the square picture in pixels.
    pub size: usize,
    /// Whether it draws in colour, or in grey.
    pub colour: bool,
    /// Length of a latent.
    pub latent: usize,
    /// Output of the linear stem.
    pub stem: MapShape,
    /// The layers after the stem, in order.
    pub layers: Vec<Layer>,
    /// What brings the pictures into -1..1.
    pub end: End,
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiply-adds of one picture, as they are computed: grey is drawn as three channels alike.
    pub multiply_adds: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Type of the weights, such as `f16`.
    pub precision: String,
    /// The file's metadata, its layers left out: the settings of its training, or where it comes from.
    pub card: Option<serde_json::Value>,
}

/// The shape of a square feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MapShape {
    /// Their number.
    pub channels: usize,
    /// Their side in pixels.
    pub side: usize,
}

/// A batch norm, an activation and a convolution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// What they are.
    #[serde(flatten)]
    pub shape: LayerShape,
    /// Output of the convolution.
    pub gives: MapShape,
}

impl Description {
    /// Describes the model of a file.
    ///
    /// # Errors
    /// Those of [`GeneratorWeights::load`].
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let (weights, bytes) = GeneratorWeights::with_bytes(path)?;
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| WeightsError::Content {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        let sides = weights.sides();
        let last = weights.layers.len().saturating_sub(1);
        // Grey weights are read as three channels alike; the file still tells.
        let outputs = header.info(&format!("net.{}.bias", 3 * last + 2));
        let colour = outputs.is_none_or(|outputs| outputs.shape != [1]);
        let layers: Vec<Layer> = weights
            .layers
            .iter()
            .enumerate()
            .map(|(place, layer)| Layer {
                shape: layer.shape(),
                gives: MapShape {
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
            stem: MapShape {
                channels: weights.layers.first().map_or(0, |layer| layer.inputs),
                side: weights.stem_side,
            },
            layers,
            end: weights.end,
            parameters,
            multiply_adds: weights.multiply_adds(),
            bytes: bytes.len() as u64,
            precision: precision.unwrap_or_default(),
            card,
        })
    }

    /// The colours of its footage, where the file tells any that can be read.
    pub fn palette(&self) -> Option<Palette> {
        let palette = self.card.as_ref()?.get("palette")?;
        serde_json::from_value(palette.clone()).ok()
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
        if self.end == End::Tanh {
            writeln!(f, "               tanh")?;
        }
        writeln!(f, "parameters     {}", grouped(self.parameters))?;
        writeln!(f, "multiply-adds  {} a frame", grouped(self.multiply_adds))?;
        write!(
            f,
            "file           {} bytes, {}",
            grouped(self.bytes),
            self.precision
        )?;
        for (name, value) in self
            .card
            .iter()
            .filter_map(|card| card.as_object())
            .flatten()
        {
            // A file may say what it likes of itself, but not to the terminal.
            let text = match name.as_str() {
                "recipe" => told::<Recipe>(value),
                "palette" => told::<Palette>(value),
                _ => None,
            };
            let plain = || value.as_str().map_or(value.to_string(), str::to_owned);
            let text = text.unwrap_or_else(plain);
            let [name, text] = [name, &text].map(|text| text.replace(char::is_control, "\u{fffd}"));
            write!(f, "\n{name:<14} {text}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MapShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0} x {1} x {1}", self.channels, self.side)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, gives } = self;
        if shape.norm {
            write!(f, "batch norm, ")?;
        }
        if let Some(eps) = shape.eps.filter(|_| shape.norm) {
            write!(f, "epsilon {eps}, ")?;
        }
        match shape.curve {
            Some(Curve::Elu(alpha)) => write!(f, "ELU {alpha}, ")?,
            Some(Curve::Selu) => write!(f, "SELU, ")?,
            Some(Curve::Silu) => write!(f, "SiLU, ")?,
            None => {}
        }
        if shape.slope == 0.0 {
            write!(f, "ReLU, ")?;
        } else if shape.slope < 1.0 {
            write!(f, "leaky ReLU {}, ", shape.slope)?;
        }
        if shape.transposed {
            write!(f, "transposed ")?;
        }
        let filter = shape.filter;
        write!(
            f,
            "conv {0} x {0} stride {1} padding {2}: {gives}",
            filter.kernel, filter.stride, filter.padding
        )
    }
}

/// A part of the card as people read it, where it can be read.
fn told<T: DeserializeOwned + fmt::Display>(value: &serde_json::Value) -> Option<String> {
    let part: T = serde_json::from_value(value.clone()).ok()?;
    Some(part.to_string())
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
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
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (22_705_795, "22,705,795"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
