//! From the engine's frames to the picture that is shown, recorded and counted.

use std::time::{Duration, Instant};

use super::desk::Job;
use super::readout::Sources;
use super::show::Show;
use super::tape::Change;
use crate::stage::{Composed, blend_weight};

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
        if self.compositor.is_frozen(&self.instrument) || !self.drawing.frame.update() {
            return;
        }
        let frame = self.drawing.frame.output_buffer_mut();
        let tick = self.instrument.ticks();
        self.compositor.take(&mut frame.canvas, frame.number, tick);
        self.newer_at = now;
    }

    /// Composes the picture, and has it shown, recorded and handed on.
    pub(super) fn present(&mut self) {
        let weight = blend_weight(
            self.newer_at.elapsed(),
            self.drawing.pace(),
            self.pace.interval(),
        );
        let norm = self.norm();
        let composed = self
            .compositor
            .frame(&self.instrument, weight, self.palette);
        let Composed {
            post,
            projections,
            number,
            ..
        } = composed;
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
        self.tape.catch(composed.canvas, &post);
        self.canvas.copy_from(composed.canvas);
        let readout = self.board.visible();
        self.output
            .show(&mut self.canvas, &projections, readout, &post, number);
        let shown_at = Instant::now();
        let drawn_at = self.output.read(&mut self.canvas, &post);
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
