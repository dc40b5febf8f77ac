//! The video output: from the engine's frames to the picture that is shown, recorded and counted.

use std::sync::Arc;
use std::time::Instant;

use super::controllers::Controllers;
use super::hud::Sources;
use super::performance::Performance;
use super::recording::Change;
use super::show::Show;
use crate::instrument::params::{HUD_OUTPUT, LOOK_PALETTE};
use crate::palette::Oklab;
use crate::stage::{
    Composed, Compositor, FramePacer, Pipes, PostChain, Presentation, Presenter, Readback,
    blend_weight,
};

/// The video output: the picture in the making, and where it goes.
pub(super) struct VideoOutput {
    pub(super) compositor: Compositor,
    pub(super) chain: PostChain,
    pub(super) presenter: Box<dyn Presenter>,
    pub(super) readback: Readback,
    pub(super) pipes: Pipes,
    pub(super) pacer: FramePacer,
    /// The colours of the model's footage; where its file does not tell them, what it paints with, once the look has asked for it.
    pub(super) palette: Option<Oklab>,
}

impl VideoOutput {
    pub(super) fn new(
        compositor: Compositor,
        presenter: Box<dyn Presenter>,
        pipes: Pipes,
        pacer: FramePacer,
        controllers: &Controllers,
    ) -> Self {
        let mut chain = PostChain::default();
        chain.set_user_effects(Arc::clone(&controllers.looks));
        Self {
            compositor,
            chain,
            presenter,
            readback: Readback::default(),
            pipes,
            pacer,
            palette: None,
        }
    }

    /// Whether the look asks for colours that are not known.
    pub(super) fn wants_palette(&self, performance: &Performance) -> bool {
        self.palette.is_none() && performance.instrument().base_value(LOOK_PALETTE) > 0.0
    }
}

impl Show {
    /// Waits for the frame that was just asked for, where the engine takes less than half of the time from picture to picture:
    /// then a hand is seen one picture earlier. Otherwise frames are drawn while pictures are shown.
    pub(super) fn await_frame(&mut self, now: Instant) {
        if self.frames.is_fast(self.video.pacer.interval()) {
            // One that came late is not the one.
            self.take_frame(now);
            self.frames.wait(self.clock.as_mut());
        }
    }

    pub(super) fn take_frame(&mut self, now: Instant) {
        let (compositor, instrument) = (&mut self.video.compositor, self.performance.instrument());
        if !compositor.is_frozen(instrument) {
            self.frames.take(compositor, instrument.ticks(), now);
        }
    }

    /// Composes the picture, and has it finished, shown, recorded and handed on.
    pub(super) fn present(&mut self) {
        let now = self.clock.now();
        let (frame_time, interval) = (self.frames.frame_time(), self.video.pacer.interval());
        let weight = blend_weight(self.frames.age(now), frame_time, interval);
        let instrument = self.performance.instrument();
        let Composed {
            canvas,
            post,
            projections,
            number,
        } = self
            .video
            .compositor
            .frame(instrument, weight, self.video.palette);
        self.status.hud.update(
            now,
            &Sources {
                instrument,
                controllers: &self.controllers,
                engine: self.frames.engine_name(),
                frame_time,
                norm: self.performance.norm(),
                fps: self.status.stats.fps(),
                dropped: self.status.stats.dropped(),
                recording: self.recording.session.running(now),
                disk_left: self.recording.session.left(),
                sound: self.recording.sound.capture(),
            },
        );
        let readout = self.status.readout(instrument.get(HUD_OUTPUT));
        let session = &mut self.recording.session;
        session.capture_clean(canvas, &post, &projections[0], now);
        let (presenter, chain) = (&mut self.video.presenter, &mut self.video.chain);
        let may_draw = presenter.supply(chain, &post, canvas.size);
        if may_draw || !chain.uses_gpu(&post) {
            let finished = chain.run(canvas, &post);
            let at = self.clock.now();
            presenter.present(
                &finished,
                &Presentation {
                    projections: &projections,
                    readout,
                    number,
                    at,
                },
            );
            // Recordings and raw pictures are thrown as the first output is.
            self.video.readback.request(&finished, &projections[0], at);
        }
        let newest = self.video.readback.newest();
        if newest.size != (0, 0) {
            self.status.tell_console(
                now,
                &self.performance,
                &self.frames,
                &self.recording,
                newest,
            );
        }
        self.recording.offer_sound();
        self.deliver();
    }

    /// Hands every picture that has come back to whoever takes pictures.
    fn deliver(&mut self) {
        let session = &mut self.recording.session;
        while let Some((canvas, projection, at)) = self.video.readback.next() {
            self.video.pipes.offer(canvas, projection);
            session.offer(canvas, projection, at);
        }
        if let Change::Ended(dropped) = session.check() {
            self.performance.end_take(dropped);
        }
    }

    /// Counts what has reached the audience, and follows what the machine can do.
    pub(super) fn count_presented(&mut self) {
        let now = self.clock.now();
        let stamp = self.controllers.control.inbox.stamp(now);
        let (stats, pacer) = (&mut self.status.stats, &mut self.video.pacer);
        let presenter = &mut self.video.presenter;
        while let Some(presented) = presenter.presented() {
            let ago = now.saturating_duration_since(presented.at).as_nanos() as u64;
            let at = stamp.saturating_sub(ago);
            let (drawn, _) = self.frames.drawn();
            stats.shown(presented.at, at, presented.number, drawn);
            pacer.presented();
        }
        let is_hidden = presenter.is_hidden();
        if is_hidden {
            stats.hidden();
        }
        if pacer.follow(presenter.timing().refresh) {
            stats.follow(pacer.interval());
        }
        let tells = !is_hidden && stats.pictures() > 0;
        if pacer.look(now, tells) {
            let interval = pacer.interval();
            stats.follow(interval);
            self.controllers.control.notices.info(format!(
                "showing {:.0} pictures a second, which this machine can keep",
                interval.as_secs_f64().recip()
            ));
        }
    }
}
