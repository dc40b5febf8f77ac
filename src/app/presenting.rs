//! From the engine's frames to the picture that is shown, recorded and counted.

use std::time::{Duration, Instant};

use super::readout::Sources;
use super::show::Show;
use super::tape::Change;
use crate::stage::{Composed, Presentation, Projection, blend_weight};

/// A frame that is waited for is looked for this often.
const POLL: Duration = Duration::from_micros(200);

impl Show {
    /// Waits for the frame that was just asked for, where the engine takes less than half of the time from picture to picture:
    /// then a hand is seen one picture earlier. Otherwise frames are drawn while pictures are shown.
    pub(super) fn await_frame(&mut self, now: Instant) {
        let pace = self.drawing.pace();
        if pace.is_zero() || pace * 2 > self.pacer.interval() {
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

    /// Composes the picture, and has it finished, shown, recorded and handed on.
    pub(super) fn present(&mut self) {
        let weight = blend_weight(
            self.newer_at.elapsed(),
            self.drawing.pace(),
            self.pacer.interval(),
        );
        let norm = self.norm();
        let composed = self
            .compositor
            .frame(&self.instrument, weight, self.palette);
        let Composed {
            canvas,
            post,
            projections,
            number,
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
        self.tape.catch(canvas, &post, &projections[0]);
        let may_draw = self.presenter.supply(&mut self.chain, &post, canvas.size);
        if may_draw || !self.chain.uses_gpu(&post) {
            let finished = self.chain.run(canvas, &post);
            let at = Instant::now();
            self.presenter.present(
                &finished,
                &Presentation {
                    projections: &projections,
                    readout: self.board.visible(),
                    number,
                    at,
                },
            );
            self.readback.request(&finished, at);
        }
        self.tell_console();
        self.tape.offer_sound(&self.samples, self.heard_at);
        self.deliver(&projections[0]);
    }

    /// Hands every picture that has come back to whoever takes pictures.
    fn deliver(&mut self, projection: &Projection) {
        while let Some((canvas, at)) = self.readback.next() {
            self.pipes.offer(canvas, projection);
            self.tape.offer(canvas, projection, at);
        }
        if let Change::Ended(dropped) = self.tape.look() {
            self.log.end_file(self.instrument.ticks(), dropped);
        }
    }

    /// Counts what has reached the audience, and follows what the machine can do.
    pub(super) fn count_presented(&mut self) {
        let (now, stamp) = (Instant::now(), self.hands.inbox.now());
        while let Some(presented) = self.presenter.presented() {
            let ago = now.saturating_duration_since(presented.at).as_nanos() as u64;
            let at = stamp.saturating_sub(ago);
            let drawn = self.drawing.drawn();
            self.count.shown(presented.at, at, presented.number, drawn);
            self.pacer.presented();
        }
        let is_hidden = self.presenter.is_hidden();
        if is_hidden {
            self.count.hidden();
        }
        if self.pacer.follow(self.presenter.timing().refresh) {
            self.count.follow(self.pacer.interval());
        }
        let tells = !is_hidden && self.count.pictures() > 0;
        if self.pacer.look(now, tells) {
            let interval = self.pacer.interval();
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
        if self.readback.newest().size == (0, 0) {
            return;
        }
        if self
            .hands
            .feed
            .as_ref()
            .is_some_and(|feed| feed.is_due(now))
        {
            let glance = self.glance();
            if let Some(feed) = &mut self.hands.feed {
                feed.tell(now, glance, self.readback.newest());
            }
        }
    }
}
