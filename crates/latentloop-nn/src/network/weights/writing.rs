//! A generator's numbers as a safetensors file to play.

use serde::Serialize;

use super::{Architecture, GeneratorWeights, LayerWeights, reading};
use crate::network::checkpoint::{Precision, StateDict};

/// Largest number in half precision.
const MAX_HALF: f32 = 65504.0;

/// The metadata of a model that was not trained here.
#[derive(Debug, Serialize)]
struct Metadata<'a> {
    version: u32,
    architecture: Architecture,
    source: &'a str,
}

impl GeneratorWeights {
    /// The bytes of a model to play, its architecture in the metadata; `source` is what its metadata names as its origin. The same
    /// generator gives the same bytes.
    ///
    /// # Errors
    /// When the generator is larger than any that can be played, or a weight too large for `precision`.
    pub fn serialize(&self, source: &str, precision: Precision) -> Result<Vec<u8>, String> {
        let matrices = self.layers.iter().map(|layer| &layer.weight);
        let mut numbers = matrices.chain([&self.stem_weight]).flatten();
        if precision == Precision::F16 && numbers.any(|v| v.abs() > MAX_HALF) {
            return Err(
                "it has weights beyond the range of half precision: take --precision f32"
                    .to_owned(),
            );
        }
        let metadata = Metadata {
            version: 1,
            architecture: Architecture {
                layers: self.layers.iter().map(LayerWeights::shape).collect(),
                end: self.end,
            },
            source,
        };
        let bytes = self.state_dict().serialize(&metadata, precision)?;
        // What is written is held to what will be asked of it when it is played.
        reading::parse(&bytes)?;
        Ok(bytes)
    }

    /// Its tensors, under the names of the studies architecture.
    fn state_dict(&self) -> StateDict {
        let mut content = StateDict::default();
        let rows = self.stem_bias.len();
        let stem = [rows, self.latent];
        content.put_numbers("input.weight".into(), &stem, &self.stem_weight);
        content.put_numbers("input.bias".into(), &[rows], &self.stem_bias);
        for (place, layer) in self.layers.iter().enumerate() {
            let (norm, convolution) = (3 * place, 3 * place + 2);
            if let Some(numbers) = &layer.norm {
                for (part, numbers) in [
                    ("weight", &numbers.weight),
                    ("bias", &numbers.bias),
                    ("running_mean", &numbers.mean),
                    ("running_var", &numbers.variance),
                ] {
                    let name = format!("net.{norm}.{part}");
                    content.put_numbers(name, &[layer.inputs], numbers);
                }
            }
            let channels = if layer.transposed {
                [layer.inputs, layer.outputs]
            } else {
                [layer.outputs, layer.inputs]
            };
            let shape = [channels, [layer.filter.kernel; 2]].concat();
            let name = format!("net.{convolution}");
            content.put_numbers(format!("{name}.weight"), &shape, &layer.weight);
            content.put_numbers(format!("{name}.bias"), &[layer.outputs], &layer.bias);
        }
        content
    }
}
