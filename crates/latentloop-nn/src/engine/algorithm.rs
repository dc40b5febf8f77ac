//! The convolution algorithm of each layer of a plan: autotuned once on this machine, and cached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::{read_limited, write_atomic};
use crate::network::kernel::{Filter, Instructions, Tile};
use crate::network::weights::{GeneratorWeights, LayerWeights};

/// Most bytes of a cache file that are read.
const MAX_BYTES: u64 = 1 << 20;

/// Winograd's minimal filtering of layers, which takes fewer products and rounds otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Winograd {
    /// Wherever it is faster on this machine: measured when a model is first played, and kept.
    Auto,
    /// As [`Winograd::Auto`], but nothing is measured: the algorithms of a model that was not measured before are guessed. For models
    /// that are opened while another one is playing.
    Cached,
    /// Nowhere: every layer as it is written, the same numbers on every run.
    #[default]
    Off,
}

/// The algorithm of a layer's convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConvAlgorithm {
    /// The convolution as it is written, an implicit GEMM.
    #[serde(rename = "plain")]
    Direct,
    /// By tiles of 2 x 2 results.
    Winograd2,
    /// By tiles of 4 x 4 results.
    Winograd4,
}

impl ConvAlgorithm {
    pub(super) const ALL: [Self; 3] = [Self::Direct, Self::Winograd2, Self::Winograd4];

    pub(super) fn tile(self) -> Option<Tile> {
        match self {
            Self::Direct => None,
            Self::Winograd2 => Some(Tile::Two),
            Self::Winograd4 => Some(Tile::Four),
        }
    }

    /// Whether a layer that takes a map of that side can be computed so.
    fn suits(self, layer: &LayerWeights, side: usize) -> bool {
        self.tile().is_none_or(|tile| {
            let whole = side.is_multiple_of(tile.side());
            layer.transposed && layer.filter == Filter::STUDIES && whole
        })
    }
}

/// The algorithm of every layer, for one picture and for several at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayerAlgorithms(Vec<[ConvAlgorithm; 2]>);

impl LayerAlgorithms {
    /// The same algorithm everywhere that it can be taken.
    pub(super) fn all(weights: &GeneratorWeights, algorithm: ConvAlgorithm) -> Self {
        let layers = weights.layers.iter().zip(weights.sides());
        let of = |layer, side| match algorithm.suits(layer, side) {
            true => [algorithm; 2],
            false => [ConvAlgorithm::Direct; 2],
        };
        Self(layers.map(|(layer, side)| of(layer, side)).collect())
    }

    /// Whether every layer can be computed so.
    fn suit(&self, weights: &GeneratorWeights) -> bool {
        let layers = weights.layers.iter().zip(weights.sides());
        self.0.len() == weights.layers.len()
            && layers.zip(&self.0).all(|((layer, side), algorithms)| {
                algorithms
                    .iter()
                    .all(|algorithm| algorithm.suits(layer, side))
            })
    }

    /// What is the fastest on most machines: tiles that grow with the map.
    pub(super) fn usual(weights: &GeneratorWeights) -> Self {
        let [plain, two, four] = ConvAlgorithm::ALL.map(|algorithm| Self::all(weights, algorithm));
        let algorithms = weights
            .sides()
            .into_iter()
            .enumerate()
            .map(|(layer, side)| {
                let [one, several] = match side {
                    16.. => [&four, &four],
                    8.. => [&two, &four],
                    _ => [&plain, &plain],
                };
                [one.0[layer][0], several.0[layer][1]]
            });
        Self(algorithms.take(weights.layers.len()).collect())
    }

    /// The fastest of several for every layer, by the least times seen, for one picture and for several.
    pub(super) fn fastest(measured: &[(Self, [Vec<Duration>; 2])]) -> Self {
        let layers = measured
            .first()
            .map_or(0, |(algorithms, _)| algorithms.0.len());
        let of = |layer: usize, several: usize| {
            let times = measured.iter().filter_map(|(algorithms, times)| {
                let time = times[several].get(layer)?;
                Some((time, algorithms.0[layer][several]))
            });
            times
                .min_by_key(|(time, _)| *time)
                .map_or(ConvAlgorithm::Direct, |(_, algorithm)| algorithm)
        };
        Self(
            (0..layers)
                .map(|layer| [of(layer, 0), of(layer, 1)])
                .collect(),
        )
    }

    /// Those of one layer.
    pub(super) fn of(&self, layer: usize) -> [ConvAlgorithm; 2] {
        self.0[layer]
    }
}

/// The autotuning cache: a file of what was measured, of this program on this machine.
#[derive(Clone, Debug)]
pub(super) struct AlgorithmCache {
    file: PathBuf,
}

impl AlgorithmCache {
    /// In the platform's folder for such files; nothing where it has none.
    pub(super) fn here() -> Option<Self> {
        let file = dirs::cache_dir()?.join("latentloop").join("forms.json");
        Some(Self { file })
    }

    #[cfg(test)]
    pub(super) fn at(file: PathBuf) -> Self {
        Self { file }
    }

    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    /// What is kept under `key`, if those layers can be computed so.
    pub(super) fn get(&self, key: &str, weights: &GeneratorWeights) -> Option<LayerAlgorithms> {
        let mut kept = self.read();
        kept.remove(key)
            .filter(|algorithms| algorithms.suit(weights))
    }

    /// Keeps `algorithms` under `key`; where that fails they are measured again next time.
    pub(super) fn put(&self, key: String, algorithms: LayerAlgorithms) {
        let mut kept = self.read();
        kept.retain(|key, _| key.starts_with(&version()));
        kept.insert(key, algorithms);
        let written = serde_json::to_vec_pretty(&kept)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                if let Some(folder) = self.file.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                write_atomic(&self.file, &text)
            });
        if let Err(error) = written {
            tracing::warn!(
                "cannot keep what was measured in {}: {error}; it is measured again next time",
                self.file.display()
            );
        }
    }

    /// A file that is not there, or not ours, holds nothing.
    fn read(&self) -> BTreeMap<String, LayerAlgorithms> {
        read_limited(&self.file, MAX_BYTES, "cache")
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }
}

fn version() -> String {
    format!("{} | ", env!("CARGO_PKG_VERSION"))
}

/// What the fastest algorithms depend on: the program, the machine, and the model's shape.
pub(super) fn key(
    weights: &GeneratorWeights,
    instructions: Instructions,
    threads: usize,
) -> String {
    let mut system = sysinfo::System::new();
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    let brand = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    let layers = weights.layers.iter().zip(weights.sides());
    let layers: Vec<String> = layers
        .map(|(layer, side)| {
            let Filter {
                kernel,
                stride,
                padding,
            } = layer.filter;
            let way = if layer.transposed { "up" } else { "down" };
            format!(
                "{}-{}@{side}{way}{kernel}s{stride}p{padding}",
                layer.inputs, layer.outputs
            )
        })
        .collect();
    format!(
        "{}{brand} | {} | {threads} threads | {}",
        version(),
        instructions.name(),
        layers.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::spec::Spec;

    #[test]
    fn algorithms_of_another_model_are_not_taken() {
        let spec = Spec::studies(64, 1.0 / 32.0, 20).unwrap();
        let mut weights = GeneratorWeights::random(&spec, 1);
        let algorithms = LayerAlgorithms::all(&weights, ConvAlgorithm::Winograd4);
        assert!(algorithms.suit(&weights) && LayerAlgorithms::usual(&weights).suit(&weights));
        let folder = tempfile::tempdir().unwrap();
        let cache = AlgorithmCache::at(folder.path().join("forms.json"));
        cache.put(version() + "a", algorithms.clone());
        assert_eq!(
            cache.get(&(version() + "a"), &weights),
            Some(algorithms.clone())
        );
        assert_eq!(cache.get("a", &weights), None);
        // Other filters, and maps that tiles do not divide, cannot be computed by tiles.
        weights.layers[1].filter.padding = 0;
        assert!(!algorithms.suit(&weights));
        assert_eq!(cache.get(&(version() + "a"), &weights), None);
        weights.layers[1].filter.padding = 1;
        weights.stem_side = 6;
        assert!(!algorithms.suit(&weights));
        assert!(LayerAlgorithms::all(&weights, ConvAlgorithm::Winograd2).suit(&weights));
        weights.layers.pop();
        assert!(!algorithms.suit(&weights));
    }
}
