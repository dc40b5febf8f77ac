//! Statistics of a set of pictures: what is kept of them once they were looked at.

use rayon::prelude::*;

use super::thumbnail::Thumbnail;
use crate::palette::Histogram;

/// Fewest pictures that a thread counts by itself, for each keeps a histogram of its own.
const SHARE: usize = 32;

/// Statistics of a set of square pictures: thumbnails, colours and gradient energies.
#[derive(Clone, Debug, Default)]
pub struct PictureStats {
    pub(super) thumbnails: Vec<Thumbnail>,
    pub(super) histogram: Histogram,
    energies: Vec<f64>,
}

impl PictureStats {
    /// Looks at pictures `[3, size, size]` of bytes, planes apart, on all cores.
    pub fn of(pictures: &[&[u8]], size: usize) -> Self {
        let parts = pictures.par_iter().with_min_len(SHARE);
        parts
            .fold(Self::default, |mut stats, picture| {
                stats.add(picture, size);
                stats
            })
            .reduce(Self::default, Self::merge)
    }

    /// Looks at one more picture `[3, size, size]`.
    pub fn add(&mut self, picture: &[u8], size: usize) {
        self.thumbnails.push(Thumbnail::new(picture, size));
        self.histogram.add_planes(picture);
        self.energies.push(gradient_energy(picture, size));
    }

    fn merge(mut self, other: Self) -> Self {
        self.thumbnails.extend(other.thumbnails);
        self.histogram.merge(&other.histogram);
        self.energies.extend(other.energies);
        self
    }

    /// Mean gradient energy of a picture, in squared levels.
    pub(super) fn energy(&self) -> f64 {
        self.energies.iter().sum::<f64>() / self.energies.len().max(1) as f64
    }

    /// Mean distance of two different pictures, in levels.
    pub(super) fn variety(&self) -> f64 {
        let count = self.thumbnails.len();
        let rows = self.thumbnails.par_iter().enumerate();
        let sums: Vec<f64> = rows
            .map(|(number, thumbnail)| {
                let later = self.thumbnails[number + 1..].iter();
                later
                    .map(|other| thumbnail.levels(thumbnail.squared(other)))
                    .sum()
            })
            .collect();
        sums.iter().sum::<f64>() / (count * count.saturating_sub(1) / 2).max(1) as f64
    }
}

/// Mean squared difference of the luma of neighbours, across and down, in squared levels.
///
/// Luma has the weights of ITU-R BT.709.
fn gradient_energy(picture: &[u8], size: usize) -> f64 {
    let plane = size * size;
    let planes = picture[..plane]
        .iter()
        .zip(&picture[plane..2 * plane])
        .zip(&picture[2 * plane..]);
    let luma: Vec<f32> = planes
        .map(|((&red, &green), &blue)| {
            0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue)
        })
        .collect();
    let squares = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from((a - b) * (a - b))).sum()
    };
    let across: f64 = luma
        .chunks_exact(size)
        .map(|line| squares(&line[1..], line))
        .sum();
    let down = squares(&luma[size..], &luma);
    (across + down) / (2 * size * (size - 1)).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::signature::signature;
    use super::*;

    #[test]
    fn gradient_energy_is_that_of_known_pictures() {
        let of = |level: fn(usize, usize) -> u8| {
            let plane: Vec<u8> = (0..64).map(|at| level(at % 8, at / 8)).collect();
            gradient_energy(&plane.repeat(3), 8)
        };
        assert_eq!(of(|_, _| 90), 0.0);
        // Luma's weights sum to one, but for a rounding error.
        for (found, expected) in [
            (of(|x, _| (x * 4) as u8), 8.0),
            (of(|_, y| (y * 4) as u8), 8.0),
            (of(|x, y| (x * 3 + y * 4) as u8), 12.5),
            (of(|x, y| ((x + y) % 2 * 255) as u8), 65025.0),
        ] {
            assert!(
                (found - expected).abs() < 1e-3 * expected,
                "{found} instead of {expected}"
            );
        }
    }

    #[test]
    fn pictures_looked_at_on_all_cores_are_those_looked_at_one_by_one() {
        let pictures: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; 3 * 64]).collect();
        let pictures: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        let mut one_by_one = PictureStats::default();
        for picture in &pictures {
            one_by_one.add(picture, 8);
        }
        let together = PictureStats::of(&pictures, 8);
        assert_eq!(together.thumbnails, one_by_one.thumbnails);
        assert_eq!(
            signature(&together.histogram),
            signature(&one_by_one.histogram)
        );
        // Each pair n levels apart, (100 - n) pairs of each.
        let expected = f64::from((1..100).map(|n| n * (100 - n)).sum::<u32>()) / 4950.0;
        assert!((together.variety() - expected).abs() < 1e-3);
    }
}
