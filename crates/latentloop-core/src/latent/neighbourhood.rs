//! The neighbourhood of the play head: the keyframes around it.

use super::{Path, ROWS, interpolate};

/// Keyframes of a neighbourhood: the head is between the third and the fourth.
pub const NEIGHBOURHOOD: usize = 6;

/// The keyframe neighbourhood: where on the loop the play head is, with the segment before its own and the one after.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyframeNeighbourhood {
    /// [`NEIGHBOURHOOD`] keyframes of [`ROWS`] x latent.
    pub keyframes: Vec<f64>,
    /// The way from one to the next.
    pub path: Path,
    /// How far on its way the head is, 0..1.
    pub weight: f64,
}

impl KeyframeNeighbourhood {
    /// A place for latents of that length.
    pub fn new(latent: usize) -> Self {
        Self {
            keyframes: vec![0.0; NEIGHBOURHOOD * ROWS * latent],
            path: Path::default(),
            weight: 0.0,
        }
    }

    /// The four keyframes that segment `segment` depends on: 0 is the one before the head's, 2 the one after.
    pub fn segment(&self, segment: usize) -> [&[f64]; 4] {
        let each = self.keyframes.len() / NEIGHBOURHOOD;
        std::array::from_fn(|at| &self.keyframes[(segment + at) * each..][..each])
    }

    /// Latents of all rows at `weight` of a segment.
    pub fn latents(&self, segment: usize, weight: f64, out: &mut Vec<f32>) {
        let keyframes = self.segment(segment);
        let latent = keyframes[0].len() / ROWS;
        let mut row = vec![0.0; latent];
        out.clear();
        for number in 0..ROWS {
            let rows = keyframes.map(|keyframe| &keyframe[number * latent..][..latent]);
            interpolate(self.path, rows, weight, &mut row);
            out.extend(row.iter().map(|&v| v as f32));
        }
    }
}
