//! From the engine's frames to the picture that is shown, recorded and counted.

use std::time::{Duration, Instant};

use super::controllers::Controllers;
use super::frame_rate::AdaptiveFrameRate;
use super::hud::Sources;
use super::performance::Performance;
use super::recording::Change;
use super::show::Show;
use crate::instrument::ParamId;
use crate::instrument::preset::PresetError;
use crate::palette::Oklab;
use crate::stage::{
    Canvas, Crossfade, LookFrame, LookIds, Output, Pipes, ProjectionIds, blend_weight,
};

/// The picture in the making, and where it goes.
pub(super) struct Presentation {
    pub(super) output: Box<dyn Output>,
    pub(super) pipes: Pipes,
    pub(super) look: LookIds,
    /// The colours of the model's footage; where its file does not tell them, what it paints with, once the look has asked for it.
    pub(super) palette: Option<Oklab>,
    pub(super) rate: AdaptiveFrameRate,
    projection: ProjectionIds,
    fade: ParamId,
    blackout: ParamId,
    freeze: ParamId,
    /// What grain is drawn from.
    seed: u32,
    canvas: Canvas,
    crossfade: Crossfade,
}

impl Presentation {
    #[allow(clippy::too_many_arguments, reason = "each of another owner")]
    pub(super) fn new(
        mut output: Box<dyn Output>,
        pipes: Pipes,
        controllers: &Controllers,
        size: (u32, u32),
        palette: Option<Oklab>,
        seed: u32,
        interval: Duration,
        now: Instant,
    ) -> Result<Self, PresetError> {
        output.wear(std::sync::Arc::clone(&controllers.looks));
        let table = &controllers.control.table;
        Ok(Self {
            output,
            pipes,
            look: LookIds::new(table)?,
            palette,
            rate: AdaptiveFrameRate::new(interval, now),
            projection: ProjectionIds::new(table)?,
            fade: table.find("master.fade")?,
            blackout: table.find("master.blackout")?,
            freeze: table.find("master.freeze")?,
            seed,
            canvas: Canvas::black(size),
            crossfade: Crossfade::default(),
        })
    }

    /// Size of the picture.
    pub(super) fn size(&self) -> (u32, u32) {
        self.canvas.size
    }

    /// Whether the look asks for colours that are not known.
    pub(super) fn wants_palette(&self, performance: &Performance) -> bool {
        let amount = || performance.instrument().base_value(self.look.palette());
        self.palette.is_none() && amount() > 0.0
    }
}

impl Show {
    /// Waits for the frame that was just asked for, where the engine takes less than half of the time from picture to picture:
    /// then a hand is seen one picture earlier. Otherwise frames are drawn while pictures are shown.
    pub(super) fn await_frame(&mut self, now: Instant) {
        if self.frames.is_fast(self.presentation.rate.interval()) {
            // One that came late is not the one.
            self.take_frame(now);
            self.frames.wait(self.clock.as_mut());
        }
    }

    pub(super) fn take_frame(&mut self, now: Instant) {
        let is_frozen = self.performance.value(self.presentation.freeze) > 0.5;
        if is_frozen && self.status.stats.pictures() > 0 {
            return;
        }
        let (tick, crossfade) = (self.performance.tick(), &mut self.presentation.crossfade);
        self.frames.take(now, |last, size, length| {
            crossfade.begin(last, size, tick, length);
        });
    }

    /// Composes the picture, and has it shown, recorded and handed on.
    pub(super) fn present(&mut self) {
        let this = &mut self.presentation;
        let (canvas, crossfade, output) = (&mut this.canvas, &mut this.crossfade, &mut this.output);
        let instrument = self.performance.instrument();
        let blackout = instrument.value(this.blackout) > 0.5;
        let look = LookFrame {
            values: this.look.values(instrument),
            brightness: if blackout {
                0.0
            } else {
                instrument.value(this.fade) as f32
            },
            blackout,
            tick: instrument.ticks(),
            seed: this.seed,
            palette: this.palette,
        };
        // Where the look dims, the picture before it is not dimmed yet.
        let (lit, undimmed) = if output.dims(&look.values) {
            (1.0, look.brightness)
        } else {
            (look.brightness, 1.0)
        };
        let (older, newer, age) = self.frames.last_two(self.clock.now());
        let (frame_time, interval) = (self.frames.frame_time(), this.rate.interval());
        let weight = blend_weight(age, frame_time, interval);
        canvas.resize(newer.size);
        let now = instrument.ticks();
        if crossfade.is_on(now, canvas.size) {
            canvas.compose(&older.rgba, &newer.rgba, weight, 1.0);
            crossfade.apply(canvas, now);
            canvas.dim(lit);
        } else {
            canvas.compose(&older.rgba, &newer.rgba, weight, lit);
        }
        let projections = this.projection.projections(instrument, this.seed);
        let now = self.clock.now();
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
        let session = &mut self.recording.session;
        session.capture_clean(canvas, undimmed, &look);
        let readout = self.status.hud.visible();
        output.show(canvas, &projections, readout, &look, self.frames.number());
        let shown_at = self.clock.now();
        let drawn_at = output.read(canvas, &look);
        this.pipes.offer(canvas, &projections[0]);
        self.status.tell_console(
            shown_at,
            &self.performance,
            &self.frames,
            &self.recording,
            canvas,
        );
        self.recording.offer_sound();
        let change = self
            .recording
            .session
            .offer(canvas, &projections[0], shown_at, drawn_at);
        if let Change::Ended(dropped) = change {
            self.performance.end_take(dropped);
        }
    }

    /// Counts what has reached the audience, and follows what the machine can do.
    pub(super) fn count_presented(&mut self) {
        let now = self.clock.now();
        let stamp = self.controllers.control.inbox.stamp(now);
        let (stats, rate) = (&mut self.status.stats, &mut self.presentation.rate);
        let output = &mut self.presentation.output;
        while let Some(presented) = output.presented() {
            let ago = now.saturating_duration_since(presented.at).as_nanos() as u64;
            let at = stamp.saturating_sub(ago);
            let (drawn, _) = self.frames.drawn();
            stats.shown(presented.at, at, presented.number, drawn);
            rate.presented();
        }
        let is_hidden = output.is_hidden();
        if is_hidden {
            stats.hidden();
        }
        if rate.follow(output.refresh()) {
            stats.follow(rate.interval());
        }
        let tells = !is_hidden && stats.pictures() > 0;
        if rate.look(now, tells) {
            let interval = rate.interval();
            stats.follow(interval);
            self.controllers.control.notices.info(format!(
                "showing {:.0} pictures a second, which this machine can keep",
                interval.as_secs_f64().recip()
            ));
        }
    }
}
