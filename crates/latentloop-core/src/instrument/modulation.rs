//! Modulation: envelope followers from sources, such as sound, to parameters.

use super::TICKS_PER_SEC;
use super::params::{ParamId, SOURCES, Table, UnknownParam};
use super::preset::Modulation;

/// An envelope follower. Its envelope is kept beside it, for it is part of what is saved.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EnvelopeFollower {
    source: usize,
    pub(super) target: ParamId,
    /// What a full envelope adds, in the target's unit.
    reach: f64,
    /// Part of the way that the envelope goes in a tick, rising and falling.
    attack: f64,
    release: f64,
}

impl EnvelopeFollower {
    pub(super) fn new(modulation: &Modulation, table: &Table) -> Result<Self, UnknownParam> {
        let target = table.find(&modulation.target)?;
        let row = table.row(target);
        Ok(Self {
            source: SOURCES
                .iter()
                .position(|name| *name == modulation.source)
                .unwrap_or(0),
            target,
            reach: modulation.depth * (row.max - row.min),
            attack: approach(modulation.attack_secs),
            release: approach(modulation.release_secs),
        })
    }

    pub(super) fn tick(&self, envelope: &mut f64, sources: &[f64; SOURCES.len()]) {
        let rest = sources[self.source] - *envelope;
        *envelope += rest
            * if rest > 0.0 {
                self.attack
            } else {
                self.release
            };
    }

    /// What it adds to its target now.
    pub(super) fn offset(&self, envelope: f64) -> f64 {
        self.reach * envelope
    }
}

/// The part of the remaining way that an exponential approach of this time constant goes in one tick.
pub(super) fn approach(secs: f64) -> f64 {
    if secs > 0.0 {
        1.0 - libm::exp(-1.0 / (secs * TICKS_PER_SEC as f64))
    } else {
        1.0
    }
}
