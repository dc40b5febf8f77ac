//! What reaches the instrument, handed to the log of takes.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::Settings;
use super::pieces::model_of;
use crate::control::Notices;
use crate::instrument::{Action, Instrument, Preset};
use crate::library::Piece;
use crate::record::TakeLog;
use crate::take::Model;
use crate::take::log::fingerprint;

/// The log of a show.
pub(super) struct Logbook(TakeLog);

impl Logbook {
    /// Starts the log of a show that begins with an instrument and a piece.
    pub(super) fn start(
        settings: &Settings,
        instrument: &Instrument,
        piece: &Piece,
        notices: &Arc<Notices>,
    ) -> anyhow::Result<Self> {
        let model = Arc::new(model_of(piece, instrument.latent()));
        let log = TakeLog::start(&settings.takes, instrument, model, notices.reporter())
            .context("cannot start the log of takes")?;
        Ok(Self(log))
    }

    pub(super) fn action(&self, tick: u64, action: Action) {
        self.0.action(tick, action);
    }

    /// Latents that are being drawn. Where the log has lost something it is given the instrument anew.
    pub(super) fn latents(&self, instrument: &Instrument, z: &[f32]) {
        if self.0.wants_state() {
            self.0.state(instrument);
        }
        let rows = (z.len() / instrument.latent()) as u8;
        self.0.latents(instrument.ticks(), rows, fingerprint(z));
    }

    pub(super) fn preset(&self, tick: u64, preset: Arc<Preset>, fade_secs: f64, keeps_head: bool) {
        self.0.preset(tick, preset, fade_secs, keeps_head);
    }

    pub(super) fn model(&self, tick: u64, model: Arc<Model>) {
        self.0.model(tick, model);
    }

    pub(super) fn begin_file(&self, tick: u64, path: PathBuf) {
        self.0.begin_file(tick, path);
    }

    pub(super) fn end_file(&self, tick: u64, dropped: u64) {
        self.0.end_file(tick, dropped);
    }

    pub(super) fn keep(&self, tick: u64, secs: f64) {
        self.0.keep(tick, secs);
    }
}
