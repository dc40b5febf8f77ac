//! Sampling: what a model is asked to draw so that it can be judged.

use super::{PictureStats, ScoreError};
use crate::engine::{Norm, Rounding};
use crate::latent::{Keyframe, Path, ROWS, Rows, interpolate, seed_row};

/// A sampler: latents, rows x latent, become pictures, rows x 3 x size x size in -1..1.
pub type Sampler<'a, E> = dyn FnMut(&[f32]) -> Result<Vec<f32>, E> + 'a;

/// Most samples.
pub(super) const MAX_SAMPLES: usize = 4096;
/// Keyframes of the loop that is walked, of seeds 1, 2 and so on.
const KEYFRAMES: u32 = 8;

/// A sampling plan: samples, and a walk along the loop of the keyframes 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    samples: usize,
    seed: u32,
    norm: Norm,
    /// Pictures from one keyframe of the walk to the next.
    steps: usize,
}

impl Sampling {
    /// This many samples, the latents of sample i being row i of the seed, and sixteen pictures a segment of the loop.
    ///
    /// With [`Norm::Batch`], samples are drawn eight together, and each picture of the walk with its seven companions, as
    /// they are when played.
    ///
    /// # Errors
    /// When there are not 2 to 4096 samples.
    pub fn new(samples: usize, seed: u32, norm: Norm) -> Result<Self, ScoreError> {
        if !(2..=MAX_SAMPLES).contains(&samples) {
            return Err(ScoreError::Samples(samples));
        }
        Ok(Self {
            samples,
            seed,
            norm,
            steps: 16,
        })
    }

    /// What a training run can spare the time for: 64 samples of seed 0 and four pictures a segment, in training mode.
    pub fn in_training() -> Self {
        Self {
            samples: 64,
            seed: 0,
            norm: Norm::Batch,
            steps: 4,
        }
    }

    /// Draws the samples, by `draw` as [`super::score`] has it.
    pub(super) fn samples<E>(
        &self,
        latent: usize,
        size: usize,
        draw: &mut Sampler<E>,
    ) -> Result<PictureStats, E> {
        let mut stats = PictureStats::default();
        let mut row = vec![0.0; latent];
        for first in (0..self.samples).step_by(ROWS) {
            let mut z = Vec::with_capacity(ROWS * latent);
            for number in first..first + ROWS {
                seed_row(self.seed, number, &mut row);
                z.extend(row.iter().map(|&v| v as f32));
            }
            let pictures = draw(&z)?;
            let kept = ROWS.min(self.samples - first);
            for picture in pictures.chunks_exact(3 * size * size).take(kept) {
                let bytes: Vec<u8> = picture.iter().map(|&v| Rounding::Nearest.byte(v)).collect();
                stats.add(&bytes, size);
            }
        }
        Ok(stats)
    }

    /// Walks the loop: the distances of each picture to the next, in levels, at full size and not rounded to bytes.
    pub(super) fn walk<E>(
        &self,
        latent: usize,
        size: usize,
        draw: &mut Sampler<E>,
    ) -> Result<Vec<f64>, E> {
        let keyframes: Vec<Keyframe> = (1..=KEYFRAMES)
            .map(|seed| Keyframe::new(&Rows::Seed(seed), latent))
            .collect();
        let mut distances = Vec::new();
        let (mut first, mut last) = (None::<Vec<f32>>, Vec::new());
        let mut row = vec![0.0; latent];
        for (number, from) in keyframes.iter().enumerate() {
            let to = &keyframes[(number + 1) % keyframes.len()];
            for step in 0..self.steps {
                let weight = step as f64 / self.steps as f64;
                let rows = from.latents.chunks_exact(latent);
                let mut z = Vec::new();
                for (b, c) in rows
                    .zip(to.latents.chunks_exact(latent))
                    .take(self.norm.rows())
                {
                    interpolate(Path::Lerp, [b, b, c, c], weight, &mut row);
                    z.extend(row.iter().map(|&v| v as f32));
                }
                let mut picture = draw(&z)?;
                picture.truncate(3 * size * size);
                if first.is_some() {
                    distances.push(distance(&last, &picture));
                } else {
                    first = Some(picture.clone());
                }
                last = picture;
            }
        }
        distances.extend(first.map(|first| distance(&last, &first)));
        Ok(distances)
    }
}

/// Root mean square difference of two pictures in -1..1, in levels of 0..255.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from((a - b) * (a - b)));
    127.5 * (squares.sum::<f64>() / a.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Draws grey pictures of one pixel, each as light as the first number of its latents, and counts rows.
    fn grey(z: &[f32], latent: usize, drawn: &mut Vec<usize>) -> Result<Vec<f32>, Infallible> {
        drawn.push(z.len() / latent);
        let lights = z.chunks_exact(latent).map(|row| row[0] / 8.0);
        Ok(lights.flat_map(|light| [light; 3]).collect())
    }

    #[test]
    fn as_many_samples_are_kept_as_were_asked_for() {
        for (samples, draws) in [(2, 1), (8, 1), (9, 2), (64, 8)] {
            let sampling = Sampling::new(samples, 5, Norm::Running).unwrap();
            let mut drawn = Vec::new();
            let stats = sampling
                .samples(3, 1, &mut |z| grey(z, 3, &mut drawn))
                .unwrap();
            assert_eq!(stats.thumbnails.len(), samples);
            assert_eq!(drawn, vec![8; draws]);
        }
        for samples in [0, 1, 4097, usize::MAX] {
            assert_eq!(
                Sampling::new(samples, 0, Norm::Batch),
                Err(ScoreError::Samples(samples))
            );
        }
    }

    #[test]
    fn the_walk_goes_once_round_and_closes() {
        for (norm, rows) in [(Norm::Running, 1), (Norm::Batch, 8)] {
            let sampling = Sampling::new(2, 0, norm).unwrap();
            let mut drawn = Vec::new();
            let distances = sampling
                .walk(3, 1, &mut |z| grey(z, 3, &mut drawn))
                .unwrap();
            assert_eq!(drawn, vec![rows; 8 * 16]);
            assert_eq!(distances.len(), 8 * 16);
            let light = |seed| Keyframe::new(&Rows::Seed(seed), 3).latents[0] / 8.0;
            for (segment, steps) in distances.chunks_exact(16).enumerate() {
                let (from, to) = (segment as u32 + 1, (segment as u32 + 1) % 8 + 1);
                let expected = 127.5 * (light(from) - light(to)).abs() / 16.0;
                for step in steps {
                    assert!(
                        (step - expected).abs() < 1e-4,
                        "segment {segment}: {step} instead of {expected}"
                    );
                }
            }
        }
    }
}
