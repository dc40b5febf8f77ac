//! From the engine's frames to the picture that is shown, recorded and counted.

use std::time::Instant;

use super::desk::Job;
use super::readout::Sources;
use super::show::Show;
use super::tape::Change;
use crate::stage::{LookFrame, blend_weight};

impl Show {
    /// Composes the picture, and has it shown, recorded and handed on.
    pub(super) fn present(&mut self) {
        let blackout = self.instrument.value(self.ids.blackout) > 0.5;
        let look = LookFrame {
            values: self.look.values(&self.instrument),
            brightness: if blackout {
                0.0
            } else {
                self.instrument.value(self.ids.fade) as f32
            },
            blackout,
            tick: self.instrument.ticks(),
            seed: self.seed,
            palette: self.palette,
        };
        // Where the look dims, the picture before it is not dimmed yet.
        let (lit, undimmed) = if self.output.dims(&look.values) {
            (1.0, look.brightness)
        } else {
            (look.brightness, 1.0)
        };
        let weight = blend_weight(
            self.newer_at.elapsed(),
            self.drawing.pace(),
            self.pace.interval(),
        );
        self.canvas.resize(self.newer.canvas.size);
        let (older, newer) = (&self.older.canvas.rgba, &self.newer.canvas.rgba);
        let now = self.instrument.ticks();
        if self.crossfade.is_on(now, self.canvas.size) {
            self.canvas.compose(older, newer, weight, 1.0);
            self.crossfade.apply(&mut self.canvas, now);
            self.canvas.dim(lit);
        } else {
            self.canvas.compose(older, newer, weight, lit);
        }
        let projections = self.projection.projections(&self.instrument, self.seed);
        let norm = self.norm();
        self.board.update(
            Instant::now(),
            &Sources {
                instrument: &self.instrument,
                hands: &self.hands,
                engine: &self.engine_name,
                pace: self.drawing.pace(),
                norm,
                fps: self.count.fps(),
                dropped: self.count.dropped(),
                recording: self.tape.running(),
                disk_left: self.tape.left(),
                sound: self.capture.as_deref(),
            },
        );
        self.tape.catch(&self.canvas, undimmed, &look);
        let number = self.newer.number;
        let readout = self.board.visible();
        self.output
            .show(&mut self.canvas, &projections, readout, &look, number);
        let shown_at = Instant::now();
        let drawn_at = self.output.read(&mut self.canvas, &look);
        self.pipes.offer(&self.canvas, &projections[0]);
        self.tell_console();
        self.tape.offer_sound(&self.samples, self.heard_at);
        let projection = &projections[0];
        let change = self
            .tape
            .offer(&self.canvas, projection, shown_at, drawn_at);
        if let Change::Ended(dropped) = change {
            self.log.end_file(self.instrument.ticks(), dropped);
        }
    }

    /// Counts what has reached the audience, and follows what the machine can do.
    pub(super) fn count_presented(&mut self) {
        let (now, stamp) = (Instant::now(), self.hands.inbox.now());
        while let Some(presented) = self.output.presented() {
            let ago = now.saturating_duration_since(presented.at).as_nanos() as u64;
            let at = stamp.saturating_sub(ago);
            let drawn = self.drawing.drawn();
            self.count.shown(presented.at, at, presented.number, drawn);
            self.pace.presented();
        }
        let is_hidden = self.output.is_hidden();
        if is_hidden {
            self.count.hidden();
        }
        if self.pace.follow(self.output.refresh()) {
            self.count.follow(self.pace.interval());
        }
        let tells = !is_hidden && self.count.pictures() > 0;
        if self.pace.look(now, tells) {
            let interval = self.pace.interval();
            self.count.follow(interval);
            let text = format!(
                "showing {:.0} pictures a second, which this machine can keep",
                interval.as_secs_f64().recip()
            );
            // A full desk has more pressing things to do.
            let _ = self.pieces.ask(Job::Tell(text));
        }
    }

    fn tell_console(&mut self) {
        let now = Instant::now();
        if self
            .hands
            .feed
            .as_ref()
            .is_some_and(|feed| feed.is_due(now))
        {
            let glance = self.glance();
            if let Some(feed) = &mut self.hands.feed {
                feed.tell(now, glance, &self.canvas);
            }
        }
    }
}
