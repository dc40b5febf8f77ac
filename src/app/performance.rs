//! The performance: the instrument on the show's time, and the log of what reaches it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Settings;
use super::clocks::Clocks;
use super::preset_loader::take_model;
use super::show::grain_seed;
use super::take_log::TakeLog;
use crate::control::{ControlPlane, Stamp};
use crate::engine::Norm;
use crate::instrument::params::{LOOP_NORM, LOOP_POSITION};
use crate::instrument::{Action, Instrument, Preset, Recall, TICKS_PER_SEC, ticks};
use crate::library::Patch;
use crate::take::log::fingerprint;

/// Time that is made up for where the show was held up; what is more is left out.
const MAX_CATCH_UP: Duration = Duration::from_secs(1);

/// What is played. Every action reaches the instrument through [`Performance::act`], which logs it with its tick.
pub(super) struct Performance {
    instrument: Instrument,
    take_log: TakeLog,
    pub(super) clocks: Clocks,
    /// Time of the instrument's tick 0.
    origin: Instant,
    /// Ticks that were left out.
    tick_debt: u64,
    /// Batch norm's statistics, instead of the preset's.
    norm: Option<Norm>,
}

impl Performance {
    pub(super) fn new(
        settings: &Settings,
        mut instrument: Instrument,
        patch: &Patch,
        clocks: Clocks,
        control: &ControlPlane,
        now: Instant,
    ) -> anyhow::Result<Self> {
        instrument.seed(settings.seed);
        if let Some(norm) = settings.norm {
            instrument.set(LOOP_NORM, norm);
        }
        let model = Arc::new(take_model(patch, instrument.latent()));
        let reporter = control.notices.reporter();
        let seed = grain_seed(settings.seed);
        let take_log = TakeLog::start(&settings.takes, &instrument, model, seed, reporter)
            .context("cannot start the log of takes")?;
        Ok(Self {
            instrument,
            take_log,
            clocks,
            origin: now,
            tick_debt: 0,
            norm: settings.norm,
        })
    }

    /// What is played, to be read.
    pub(super) fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// Tick 0 is at this moment.
    pub(super) fn begin(&mut self, now: Instant) {
        self.origin = now;
    }

    /// Lets an action take effect on the instrument, and logs it.
    pub(super) fn act(&mut self, action: Action) {
        let action = match action {
            // A take has values, whatever becomes of a control's curve.
            Action::SetUnit { param, unit } if param != LOOP_POSITION.id() => Action::Set {
                param,
                value: self.instrument.table().row(param).from_unit(unit),
            },
            action => action,
        };
        self.instrument.apply(&action);
        self.take_log.action(self.instrument.ticks(), action);
    }

    /// Brings the beat to where the clock that is followed has it.
    pub(super) fn follow_clock(&mut self, control: &ControlPlane, now: Stamp) {
        let action = self.clocks.follow(&self.instrument, now, &control.notices);
        if let Some(action) = action {
            self.act(action);
        }
    }

    /// Brings the instrument to the present, and hands its beat to the clock that is sent.
    pub(super) fn advance(&mut self, now: Instant, stamp: Stamp) {
        let nanos = now.duration_since(self.origin).as_nanos();
        let target = (nanos * u128::from(TICKS_PER_SEC) / 1_000_000_000) as u64;
        let behind = target.saturating_sub(self.instrument.ticks() + self.tick_debt);
        let most = (MAX_CATCH_UP.as_secs_f64() * TICKS_PER_SEC as f64) as u64;
        self.tick_debt += behind.saturating_sub(most);
        for _ in 0..behind.min(most) {
            self.instrument.tick();
        }
        let tick = (self.instrument.ticks() + self.tick_debt) as f64 / TICKS_PER_SEC as f64;
        let ahead_secs = nanos as f64 / 1e9 - tick;
        self.clocks.publish(&self.instrument, stamp, ahead_secs);
    }

    /// Batch norm's statistics.
    pub(super) fn norm(&self) -> Norm {
        self.instrument.get(LOOP_NORM)
    }

    /// Writes the latents at the play head, and logs them. Where the log has lost something it is given the instrument anew.
    pub(super) fn latents(&mut self, z: &mut [f32]) {
        self.instrument.latents(z);
        if self.take_log.wants_state() {
            self.take_log.state(&self.instrument);
        }
        let rows = (z.len() / self.instrument.latent()) as u8;
        let hash = fingerprint(z);
        self.take_log.latents(self.instrument.ticks(), rows, hash);
    }

    /// Another model takes effect now.
    pub(super) fn change_model(&self, patch: &Patch, latent: usize) {
        let model = Arc::new(take_model(patch, latent));
        self.take_log.model(self.instrument.ticks(), model);
    }

    /// Takes up a preset within so many seconds; gives what takes time to throw away.
    pub(super) fn recall(&mut self, recall: Recall, preset: Arc<Preset>, fade_secs: f64) -> Recall {
        let now = self.instrument.ticks();
        let keeps_head = recall.keeps_head();
        let before = self.instrument.recall(recall, ticks(fade_secs));
        self.take_log.preset(now, preset, fade_secs, keeps_head);
        before
    }

    /// Brings the statistics of batch norm that the command line asks for back over a preset's.
    pub(super) fn override_norm(&mut self) {
        if let Some(norm) = self.norm {
            self.act(Action::set(LOOP_NORM, norm));
        }
    }

    /// A recording begins now; its take goes to this file.
    pub(super) fn begin_take(&self, path: PathBuf) {
        self.take_log.begin_file(self.instrument.ticks(), path);
    }

    /// The recording has ended, and lost so many pictures.
    pub(super) fn end_take(&self, dropped: u64) {
        self.take_log.end_file(self.instrument.ticks(), dropped);
    }

    /// Makes a take of the last seconds.
    pub(super) fn keep_take(&self, secs: f64) {
        self.take_log.keep(self.instrument.ticks(), secs);
    }
}
