//! A keyframe: eight rows of latents, from a seed or given.

use super::{ROWS, seed_row};

/// Greatest seed: it fits TOML, an OSC int32 and a hand.
pub const MAX_SEED: u32 = 0x7fff_ffff;

/// The source of a keyframe's latents.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// From a seed.
    Seed(u32),
    /// Given, [`ROWS`] x latent.
    Given(Vec<f64>),
}

/// A keyframe: a point of the loop.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyframe {
    /// The seed of its latents, or nothing where they were given or captured.
    pub seed: Option<u32>,
    /// Left alone by re-rolls.
    pub locked: bool,
    /// Its latents, [`ROWS`] x latent.
    pub latents: Vec<f64>,
}

impl Keyframe {
    /// A keyframe of these rows; `latent` is the length of a row. Given rows fewer than [`ROWS`] are filled up from seed 0.
    pub fn new(rows: &Rows, latent: usize) -> Self {
        let mut keyframe = Self {
            seed: None,
            locked: false,
            latents: vec![0.0; ROWS * latent],
        };
        match rows {
            Rows::Seed(seed) => keyframe.roll(*seed),
            Rows::Given(numbers) => {
                keyframe.roll(0);
                keyframe.seed = None;
                let count = numbers.len().min(keyframe.latents.len());
                keyframe.latents[..count].copy_from_slice(&numbers[..count]);
            }
        }
        keyframe
    }

    /// Takes the latents of a seed.
    pub fn roll(&mut self, seed: u32) {
        self.seed = Some(seed);
        let latent = self.latents.len() / ROWS;
        for (row, out) in self.latents.chunks_exact_mut(latent).enumerate() {
            seed_row(seed, row, out);
        }
    }
}
