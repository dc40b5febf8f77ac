//! The scratch of an instrument, besides its state: room, and what follows from the table and the preset.

use super::keyframe_loop::Rows;
use super::modulation::{EnvelopeFollower, approach};
use super::params::{Table, UnknownParam};
use super::preset::Modulation;
use super::undo::SpareLatents;
use crate::latent::ROWS;

/// Scratch room and derived numbers.
#[derive(Clone, Debug)]
pub(super) struct Scratch {
    /// A follower for each modulation.
    pub(super) followers: Vec<EnvelopeFollower>,
    /// The part of the way that each slew goes in a tick.
    pub(super) slew_rates: Vec<f64>,
    pub(super) spare: SpareLatents,
    pub(super) rows: Rows,
    pub(super) row: Vec<f64>,
    pub(super) fading_row: Vec<f64>,
}

impl Scratch {
    pub(super) fn new(
        table: &Table,
        modulation: &[Modulation],
        latent: usize,
    ) -> Result<Self, UnknownParam> {
        let followers = modulation
            .iter()
            .map(|modulation| EnvelopeFollower::new(modulation, table));
        let smoothed = table.iter().filter(|(_, row)| row.smoothing_secs > 0.0);
        Ok(Self {
            followers: followers.collect::<Result<_, _>>()?,
            slew_rates: smoothed
                .map(|(_, row)| approach(row.smoothing_secs))
                .collect(),
            spare: SpareLatents::new(ROWS * latent),
            rows: Rows::new(latent),
            row: vec![0.0; latent],
            fading_row: vec![0.0; latent],
        })
    }
}
