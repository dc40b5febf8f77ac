//! Glides: changes that take their time.

use serde::{Deserialize, Serialize};

use crate::latent::{Ease, ROWS};

/// A ramp from 0 to 1, slow at both ends; its time is in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ramp {
    pub(super) begun: u64,
    /// Ticks that it takes; 0 where it is over at once.
    pub(super) length: u64,
}

impl Ramp {
    /// Where it stands, 0..1.
    pub(super) fn weight(&self, now: u64) -> f64 {
        let gone = now.saturating_sub(self.begun);
        if gone >= self.length {
            1.0
        } else {
            Ease::Smooth.apply(gone as f64 / self.length as f64)
        }
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        self.weight(now) >= 1.0
    }
}

/// A glide of latents, as of a jump or a re-roll: from what was to what is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Glide {
    /// What was, [`ROWS`] x latent.
    pub(super) from: Vec<f64>,
    pub(super) ramp: Ramp,
}

impl Glide {
    pub(super) fn none(latent: usize) -> Self {
        Self {
            from: vec![0.0; ROWS * latent],
            ramp: Ramp::default(),
        }
    }

    /// The weight of what is, 0..1; 1 where nothing glides.
    pub(super) fn weight(&self, now: u64) -> f64 {
        self.ramp.weight(now)
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

/// A parameter's ramp from one preset's value to the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ParamRamp<P> {
    pub(super) param: P,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A slewed parameter: its value on the way to where a hand has put it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slew<P> {
    pub(super) param: P,
    pub(super) value: f64,
}
