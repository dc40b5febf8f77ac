//! Envelope followers from sources, such as sound, to parameters.

use super::TICKS_PER_SEC;
use super::params::{ParamId, SOURCES, Table, UnknownParam};
use super::preset::Modulation;

/// One follower.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Follower {
    source: usize,
    pub(super) target: ParamId,
    /// What a full envelope adds, in the target's unit.
    reach: f64,
    /// Part of the way that the envelope goes in a tick, rising and falling.
    attack: f64,
    release: f64,
    envelope: f64,
}

impl Follower {
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
            attack: part(modulation.attack_secs),
            release: part(modulation.release_secs),
            envelope: 0.0,
        })
    }

    /// A follower whose envelope stands at `envelope`.
    pub(super) fn at(
        modulation: &Modulation,
        envelope: f64,
        table: &Table,
    ) -> Result<Self, UnknownParam> {
        Ok(Self {
            envelope,
            ..Self::new(modulation, table)?
        })
    }

    pub(super) fn envelope(&self) -> f64 {
        self.envelope
    }

    pub(super) fn tick(&mut self, sources: &[f64; SOURCES.len()]) {
        let way = sources[self.source] - self.envelope;
        self.envelope += way * if way > 0.0 { self.attack } else { self.release };
    }

    /// What it adds to its target now.
    pub(super) fn offset(&self) -> f64 {
        self.reach * self.envelope
    }
}

/// The part of the remaining way that an exponential approach of this time constant goes in one tick.
pub(super) fn part(secs: f64) -> f64 {
    if secs > 0.0 {
        1.0 - libm::exp(-1.0 / (secs * TICKS_PER_SEC as f64))
    } else {
        1.0
    }
}
