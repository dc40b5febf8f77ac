//! Glides: jumps and re-rolls that take their time.

use serde::{Deserialize, Serialize};

use crate::latent::{Ease, ROWS};

/// A slow change from what was to what is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Glide {
    /// What was, [`ROWS`] x latent.
    pub(super) from: Vec<f64>,
    pub(super) span: Span,
}

/// A time in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) begun: u64,
    /// Ticks that it takes; 0 where it is over at once.
    pub(super) length: u64,
}

impl Span {
    /// How much of it has gone, 0..1, slow at both ends.
    pub(super) fn weight(&self, now: u64) -> f64 {
        let gone = now.saturating_sub(self.begun);
        if gone >= self.length {
            1.0
        } else {
            Ease::Smooth.apply(gone as f64 / self.length as f64)
        }
    }
}

impl Glide {
    pub(super) fn none(latent: usize) -> Self {
        Self {
            from: vec![0.0; ROWS * latent],
            span: Span::default(),
        }
    }

    /// The weight of what is, 0..1; 1 where nothing glides.
    pub(super) fn weight(&self, now: u64) -> f64 {
        self.span.weight(now)
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
