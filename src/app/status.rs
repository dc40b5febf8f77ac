//! The status of a show: heads-up display, console, statistics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::console::{ConsoleSender, ConsoleSnapshot};
use super::controllers::Controllers;
use super::frame_source::FrameSource;
use super::hud::Hud;
use super::performance::Performance;
use super::recording::Recording;
use super::stats::FrameStats;
use crate::control::Notices;
use crate::library::Patch;
use crate::stage::{Canvas, Readout};

/// The heads-up display, the console and the statistics.
pub(super) struct Status {
    pub(super) hud: Hud,
    pub(super) console: Option<ConsoleSender>,
    pub(super) stats: FrameStats,
}

impl Status {
    pub(super) fn new(
        controllers: &Controllers,
        patch: &str,
        console: Option<ConsoleSender>,
        interval: Duration,
    ) -> Self {
        Self {
            hud: Hud::new(patch, &controllers.control.table, &controllers.keys),
            console,
            stats: FrameStats::new(interval),
        }
    }

    /// Shows what has been reported.
    pub(super) fn take_notices(&mut self, notices: &Notices, now: Instant) {
        while let Some(notice) = notices.take() {
            self.hud.notice(notice, now);
        }
    }

    /// Names what is played, and what draws it. Allocates: once a patch.
    pub(super) fn name(&self, patch: &Arc<Patch>, engine: &str) {
        if let Some(console) = &self.console {
            console.set_patch(patch, engine);
        }
    }

    /// Whether there is a console's window.
    pub(super) fn has_console(&self) -> bool {
        self.console.as_ref().is_some_and(ConsoleSender::is_open)
    }

    /// What lies over the outputs. Where a console is open, the tables lie over that instead, which has the figures anyway: the
    /// outputs are the audience's, unless `on_outputs`.
    pub(super) fn readout(&mut self, on_outputs: bool) -> Option<&Readout> {
        let is_on_console = self.has_console() && !on_outputs;
        let fresh = self.hud.take_fresh();
        let visible = self.hud.visible();
        if let Some(console) = &mut self.console {
            let has_table = |readout: &&Readout| readout.keys.is_some() || readout.learn.is_some();
            console.set_readout(visible.filter(has_table).filter(|_| is_on_console), fresh);
        }
        visible.filter(|_| !is_on_console)
    }

    /// Tells the console how the show stands and what it shows, where somebody looks.
    pub(super) fn tell_console(
        &mut self,
        now: Instant,
        performance: &Performance,
        frames: &FrameSource,
        recording: &Recording,
        picture: &Canvas,
    ) {
        let Some(console) = self.console.as_mut().filter(|console| console.is_due(now)) else {
            return;
        };
        let instrument = performance.instrument();
        let keyframes = instrument.keyframes();
        let captured = keyframes.iter().enumerate();
        let captured = captured.filter(|(_, keyframe)| keyframe.seed.is_none());
        let snapshot = ConsoleSnapshot {
            keyframes: keyframes.len(),
            captured: captured.fold(0, |bits, (at, _)| bits | 1 << at),
            stamps: console.keyframes(keyframes, frames.generation()),
            fps: self.stats.fps(),
            dropped: self.stats.dropped(),
            pace: frames.frame_time(),
            interval: self.stats.interval(),
            longest: self.stats.take_longest(),
            recording: recording.session.running(now),
            disk_left: recording.session.left(),
            sound: recording.sound.capture().map(|capture| {
                let heard = capture.features();
                let levels = [heard.level, heard.low, heard.mid, heard.high];
                (capture.is_connected(), levels)
            }),
            waiting: instrument.is_waiting(),
        };
        console.send(now, snapshot, picture);
    }
}
