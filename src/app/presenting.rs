//! From the engine's frames to the picture that is shown, recorded and counted.

use std::time::{Duration, Instant};

use super::readout::Sources;
use super::show::Show;
use super::tape::Change;
use crate::stage::{LookFrame, blend_weight};

/// A frame that is waited for is looked for this often.
const POLL: Duration = Duration::from_micros(200);

impl Show {
    /// Waits for the frame that was just asked for, where the engine takes less than half of the time from picture to picture:
    /// then a hand is seen one picture earlier. Otherwise frames are drawn while pictures are shown.
    pub(super) fn await_frame(&mut self, now: Instant) {
        let pace = self.drawing.pace();
        if pace.is_zero() || pace * 2 > self.pace.interval() {
            return;
        }
        // One that came late is not the one.
        self.take_frame(now);
        let until = Instant::now() + pace + pace / 2;
        while !self.drawing.frame.updated() && Instant::now() < until {
            std::thread::sleep(POLL);
        }
    }

    pub(super) fn take_frame(&mut self, now: Instant) {
        let frozen = self.instrument.value(self.ids.freeze) > 0.5 && self.count.pictures() > 0;
        if frozen || !self.drawing.frame.update() {
            return;
        }
        let frame = self.drawing.frame.output_buffer_mut();
        let fade_in = self.fade_in.filter(|(first, _)| frame.number >= *first);
        let is_first = fade_in.is_some();
        if let Some((_, length)) = fade_in {
            self.fade_in = None;
            let (size, now) = (frame.canvas.size, self.instrument.ticks());
            self.crossfade.begin(&self.newer.canvas, size, now, length);
        }
        std::mem::swap(&mut self.older, &mut self.newer);
        std::mem::swap(&mut self.newer, frame);
        // The first frame, and the first of another model, has none before it.
        if is_first || self.older.number == 0 || self.older.canvas.size != self.newer.canvas.size {
            self.older.clone_from(&self.newer);
        }
        self.newer_at = now;
    }

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
            self.hands.notices.info(text);
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
