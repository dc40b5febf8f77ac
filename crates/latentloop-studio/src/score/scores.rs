//! The scores: six numbers.

use super::colour::difference;
use super::earth_mover::earth_movers_distance;
use super::signature::signature;
use super::{Footage, PictureStats, Sampler, Sampling};

/// Diversity below which a model counts as collapsed: whatever its latents, it draws one picture.
pub const COLLAPSE: f64 = 0.1;

/// The scores of a model: how its pictures compare with its footage.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Earth mover's distance between the colours of samples and footage, each boiled down to 32 colours, in Delta E
    /// (CIE 1976); 0 is the same colours in the same proportions.
    pub palette_distance: f64,
    /// Mean distance of two samples over that of two pictures of the footage, on thumbnails of 64 x 64 pixels: 1 is as
    /// varied as the footage, below [`COLLAPSE`] is a collapse.
    pub diversity: f64,
    /// Mean gradient energy of the samples' luma over the footage's, at full size: 1 is as sharp as the footage, above is
    /// noise or a grid.
    pub sharpness: f64,
    /// Share in 0..1 of 64 pictures at even intervals along the footage (all, where there are fewer) to which a sample is as
    /// near as their fifth nearest neighbour among these.
    pub coverage: f64,
    /// Mean distance of a sample to the nearest picture of the footage, in levels of 0..255: root mean square difference of
    /// thumbnails.
    pub nearest: f64,
    /// How even the motion along the loop is, in 0..1: 1 / (1 + c), c being the coefficient of variation (standard deviation
    /// over mean) of the distances of consecutive pictures. 1 is even; a loop that stands still has 0.
    pub evenness: f64,
}

impl Scores {
    /// Compares samples with footage of the same size; `distances` are those along the loop.
    pub fn new(footage: &Footage, samples: &PictureStats, distances: &[f64]) -> Self {
        let (coverage, nearest) = footage.neighbours(samples);
        Self {
            palette_distance: earth_movers_distance(
                &signature(&samples.histogram),
                &footage.signature,
                difference,
            ),
            diversity: samples.variety() / footage.variety,
            sharpness: samples.energy() / footage.energy,
            coverage,
            nearest,
            evenness: evenness(distances),
        }
    }

    /// Whether the model has collapsed.
    pub fn collapsed(&self) -> bool {
        self.diversity < COLLAPSE
    }
}

/// Draws what the sampling says and compares it with the footage. `draw` turns rows of `latent` numbers into pictures,
/// rows x 3 x size x size in -1..1, of the footage's size.
///
/// # Errors
/// Whatever `draw` reports.
pub fn score<E>(
    footage: &Footage,
    sampling: &Sampling,
    latent: usize,
    draw: &mut Sampler<E>,
) -> Result<Scores, E> {
    let samples = sampling.samples(latent, footage.size, draw)?;
    let distances = sampling.walk(latent, footage.size, draw)?;
    Ok(Scores::new(footage, &samples, &distances))
}

fn evenness(distances: &[f64]) -> f64 {
    let count = distances.len().max(1) as f64;
    let mean = distances.iter().sum::<f64>() / count;
    let squares = distances.iter().map(|distance| (distance - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    // Written so that what is no number counts as standing still.
    if mean > 0.0 {
        1.0 / (1.0 + deviation / mean)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::colour::lab;
    use super::*;

    const SIZE: usize = 128;

    /// A soft gradient that moves and changes colour with the number.
    fn picture(number: usize) -> Vec<u8> {
        let level = |at: usize| {
            let (channel, x, y) = (at / (SIZE * SIZE), at % SIZE, at / SIZE % SIZE);
            match channel {
                0 => (x + number * 3) / 2,
                1 => y,
                _ => number * 7,
            }
        };
        (0..3 * SIZE * SIZE).map(|at| level(at) as u8).collect()
    }

    fn stats(pictures: &[Vec<u8>]) -> PictureStats {
        let pictures: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        PictureStats::of(&pictures, SIZE)
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn footage_scores_full_marks_against_itself() {
        let pictures: Vec<Vec<u8>> = (0..12).map(picture).collect();
        let footage = Footage::measure(&pictures, SIZE).unwrap();
        let scores = Scores::new(&footage, &stats(&pictures), &[2.0; 8]);
        assert_eq!(
            scores,
            Scores {
                palette_distance: 0.0,
                diversity: 1.0,
                sharpness: 1.0,
                coverage: 1.0,
                nearest: 0.0,
                evenness: 1.0,
            }
        );
        assert!(!scores.collapsed());
    }

    #[test]
    fn samples_that_are_all_one_picture_have_no_diversity() {
        let pictures: Vec<Vec<u8>> = (0..12).map(picture).collect();
        let footage = Footage::measure(&pictures, SIZE).unwrap();
        let scores = Scores::new(&footage, &stats(&vec![picture(3); 12]), &[0.0; 8]);
        assert_eq!(scores.diversity, 0.0);
        assert!(scores.collapsed());
        assert_eq!(scores.nearest, 0.0);
        assert!(scores.coverage > 0.0 && scores.coverage < 1.0, "{scores:?}");
        assert_eq!(scores.evenness, 0.0);
    }

    #[test]
    fn noise_is_sharper_than_footage_and_far_from_it() {
        let pictures: Vec<Vec<u8>> = (0..12).map(picture).collect();
        let footage = Footage::measure(&pictures, SIZE).unwrap();
        let mut state = 1u32;
        let noise: Vec<Vec<u8>> = (0..12)
            .map(|_| {
                let levels = (0..3 * SIZE * SIZE).map(|_| {
                    state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                    (state >> 24) as u8
                });
                levels.collect()
            })
            .collect();
        let scores = Scores::new(&footage, &stats(&noise), &[1.0]);
        assert!(scores.sharpness > 100.0, "{scores:?}");
        assert!(scores.palette_distance > 20.0, "{scores:?}");
        assert_eq!(scores.coverage, 0.0);
        assert!(scores.nearest > 20.0, "{scores:?}");
    }

    #[test]
    fn the_palette_distance_of_two_colours_is_their_delta_e() {
        let (samples, colours) = ([200, 30, 90], [15, 120, 60]);
        let flat = |levels: [u8; 3]| {
            let planes = levels.map(|level| vec![level; SIZE * SIZE]);
            vec![planes.concat(); 3]
        };
        // Footage of one colour has no edges to compare with, so the palettes alone are.
        let found = earth_movers_distance(
            &signature(&stats(&flat(samples)).histogram),
            &signature(&stats(&flat(colours)).histogram),
            difference,
        );
        let expected = difference(&lab(samples.map(f64::from)), &lab(colours.map(f64::from)));
        assert!(near(found, expected), "{found} instead of {expected}");
    }

    #[test]
    fn evenness_falls_with_the_coefficient_of_variation() {
        for (distances, expected) in [
            (vec![3.0; 7], 1.0),
            (vec![1.0, 3.0], 1.0 / 1.5),
            (vec![0.0, 0.0, 0.0, 4.0], 1.0 / (1.0 + 3.0f64.sqrt())),
            (vec![0.0; 5], 0.0),
            (vec![f64::NAN, 1.0], 0.0),
            (vec![], 0.0),
        ] {
            let found = evenness(&distances);
            assert!(near(found, expected), "{distances:?}: {found}");
        }
    }
}
