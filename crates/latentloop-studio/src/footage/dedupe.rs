//! Deduplication: pictures that training could not tell apart.

use std::collections::HashMap;

use image::RgbImage;
use image::imageops::{self, FilterType};

/// Side of the thumbnail that stands for a picture, in pixels.
const SIDE: u32 = 16;
/// Two thumbnails whose mean difference is below one level in so many are of near-duplicates.
const NEAR_PARTS: u64 = 4;

/// A picture made small enough to compare with thousands.
#[derive(Clone, Debug)]
pub(super) struct Thumbnail {
    /// `SIDE` x `SIDE` pixels of red, green, blue.
    pub levels: Vec<u8>,
    mean: i32,
}

impl Thumbnail {
    pub(super) fn of(picture: &RgbImage) -> Self {
        let levels = imageops::resize(picture, SIDE, SIDE, FilterType::Triangle).into_raw();
        let sum: u64 = levels.iter().map(|&level| u64::from(level)).sum();
        Self {
            mean: (sum / levels.len() as u64) as i32,
            levels,
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        let difference: u64 = self
            .levels
            .iter()
            .zip(&other.levels)
            .map(|(&a, &b)| u64::from(a.abs_diff(b)))
            .sum();
        difference * NEAR_PARTS < self.levels.len() as u64
    }
}

/// The index of near-duplicates: the pictures seen so far that differ from each other.
#[derive(Debug, Default)]
pub(super) struct DuplicateIndex {
    by_mean: HashMap<i32, Vec<Thumbnail>>,
}

impl DuplicateIndex {
    /// Whether the picture is a near-duplicate of one seen before. One that is not joins the index.
    pub(super) fn is_duplicate(&mut self, thumbnail: &Thumbnail) -> bool {
        // Means of near-duplicates differ by less than a level, so by at most one whole level after the cut.
        let seen = (thumbnail.mean - 1..=thumbnail.mean + 1)
            .filter_map(|mean| self.by_mean.get(&mean))
            .flatten()
            .any(|other| other.is_near(thumbnail));
        if !seen {
            self.by_mean
                .entry(thumbnail.mean)
                .or_default()
                .push(thumbnail.clone());
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn faint_noise_is_a_near_duplicate_and_a_change_of_scene_is_not() {
        let scene = |shift: u32, noise: u32| {
            Thumbnail::of(&RgbImage::from_fn(64, 64, |x, y| {
                Rgb([((x + shift) * 3 % 256) as u8
                    + (u32::from((x + 3 * y) % 8 == 0) * noise) as u8; 3])
            }))
        };
        let mut index = DuplicateIndex::default();
        assert!(!index.is_duplicate(&scene(0, 0)));
        assert!(index.is_duplicate(&scene(0, 1)));
        assert!(!index.is_duplicate(&scene(5, 0)));
        assert!(index.is_duplicate(&scene(5, 1)));
    }
}
