//! Glides: jumps and re-rolls that take their time.

use crate::latent::{Ease, ROWS};

/// A slow change from what was to what is.
#[derive(Clone, Debug)]
pub(super) struct Glide {
    /// What was, [`ROWS`] x latent.
    pub(super) from: Vec<f64>,
    pub(super) begun: u64,
    /// Ticks that it takes; 0 where nothing glides.
    pub(super) length: u64,
}

impl Glide {
    pub(super) fn none(latent: usize) -> Self {
        Self {
            from: vec![0.0; ROWS * latent],
            begun: 0,
            length: 0,
        }
    }

    /// The weight of what is, 0..1; 1 where nothing glides.
    pub(super) fn weight(&self, now: u64) -> f64 {
        let gone = now - self.begun;
        if gone >= self.length {
            1.0
        } else {
            Ease::Smooth.apply(gone as f64 / self.length as f64)
        }
    }
}

/// `out` becomes `from` at weight 0, stays at weight 1.
pub(super) fn blend(from: &[f64], weight: f64, out: &mut [f64]) {
    if weight < 1.0 {
        for (out, &from) in out.iter_mut().zip(from) {
            *out = from * (1.0 - weight) + *out * weight;
        }
    }
}
