//! The frames between the engine and the screen: what the engine is asked for, and the last two frames that it drew.

use std::time::{Duration, Instant};

use super::clock::Clock;
use super::engine_thread::{EngineThread, Frame};
use super::performance::Performance;
use crate::engine::{Engine, Norm, ROWS};
use crate::stage::Canvas;

/// A frame that is waited for is looked for this often.
const POLL: Duration = Duration::from_micros(200);

/// The engine's thread, and the last two frames that came from it.
pub(super) struct Frames {
    engine: EngineThread,
    engine_name: String,
    /// Length of the engine's latents.
    latent: usize,
    /// Counts models.
    generation: u32,
    requests: u64,
    older: Frame,
    newer: Frame,
    newer_at: Instant,
    /// The request whose frame, or a later one, is the first of a model that has come, and how many ticks it fades in.
    fade_in: Option<(u64, u64)>,
}

/// What is known of an engine before it is on its thread.
pub(super) struct EngineInfo {
    name: String,
    size: (u32, u32),
    latent: usize,
}

impl EngineInfo {
    pub(super) fn of(engine: &dyn Engine) -> Self {
        Self {
            name: engine.name().to_owned(),
            size: engine.size(),
            latent: engine.latent(),
        }
    }
}

impl Frames {
    pub(super) fn new(engine: EngineThread, info: EngineInfo, now: Instant) -> Self {
        let blank = Frame {
            canvas: Canvas::black(info.size),
            number: 0,
        };
        Self {
            engine,
            engine_name: info.name,
            latent: info.latent,
            generation: 0,
            requests: 0,
            older: blank.clone(),
            newer: blank,
            newer_at: now,
            fade_in: None,
        }
    }

    /// Asks the engine for the picture at the play head, which is to come within `interval`; gives the request's number.
    pub(super) fn request(&mut self, performance: &mut Performance, interval: Duration) -> u64 {
        self.requests += 1;
        let norm = performance.norm();
        let request = self.engine.request.input_buffer_mut();
        // Grows only where a model with longer latents has come.
        request.z.resize(ROWS * self.latent, 0.0);
        request.norm = norm;
        request.interval = interval;
        request.on_loop =
            norm == Norm::Batch && performance.instrument().around(&mut request.around);
        request.number = self.requests;
        request.generation = self.generation;
        let rows = norm.rows() * self.latent;
        performance.latents(&mut request.z[..rows]);
        self.engine.publish();
        self.requests
    }

    /// Waits for the frame that was just asked for, where the engine takes less than half of the time from picture to picture:
    /// then a hand is seen one picture earlier. Otherwise frames are drawn while pictures are shown.
    pub(super) fn is_fast(&self, interval: Duration) -> bool {
        let frame_time = self.engine.frame_time();
        !frame_time.is_zero() && frame_time * 2 <= interval
    }

    /// Waits for the next frame, but not for much longer than one takes.
    pub(super) fn wait(&mut self, clock: &mut dyn Clock) {
        let frame_time = self.engine.frame_time();
        let until = clock.now() + frame_time + frame_time / 2;
        while !self.engine.frame.updated() && clock.now() < until {
            clock.sleep(POLL);
        }
    }

    /// Takes the newest frame, where there is a new one. `fade` is called before the first frame of another model, with the last
    /// picture of the model before, the new one's size and how many ticks it fades in.
    pub(super) fn take(&mut self, now: Instant, fade: impl FnOnce(&Canvas, (u32, u32), u64)) {
        if !self.engine.frame.update() {
            return;
        }
        let frame = self.engine.frame.output_buffer_mut();
        let fade_in = self.fade_in.filter(|(first, _)| frame.number >= *first);
        let is_first = fade_in.is_some();
        if let Some((_, length)) = fade_in {
            self.fade_in = None;
            fade(&self.newer.canvas, frame.canvas.size, length);
        }
        std::mem::swap(&mut self.older, &mut self.newer);
        std::mem::swap(&mut self.newer, frame);
        // The first frame, and the first of another model, has none before it.
        if is_first || self.older.number == 0 || self.older.canvas.size != self.newer.canvas.size {
            self.older.clone_from(&self.newer);
        }
        self.newer_at = now;
    }

    /// Goes over to another engine, whose pictures fade in within so many ticks from the first of them on. Gives back one that
    /// never came to draw.
    pub(super) fn change(
        &mut self,
        engine: Box<dyn Engine>,
        fade_ticks: u64,
    ) -> Option<Box<dyn Engine>> {
        let info = EngineInfo::of(engine.as_ref());
        self.generation += 1;
        let before = self.engine.change(self.generation, engine);
        (self.engine_name, self.latent) = (info.name, info.latent);
        self.fade_in = Some((self.requests + 1, fade_ticks));
        before
    }

    /// The older and the newer frame, and how long ago the newer one came.
    pub(super) fn last_two(&self, now: Instant) -> (&Canvas, &Canvas, Duration) {
        let age = now.saturating_duration_since(self.newer_at);
        (&self.older.canvas, &self.newer.canvas, age)
    }

    /// The request that the newer frame was drawn from; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.newer.number
    }

    /// What draws, for people.
    pub(super) fn engine_name(&self) -> &str {
        &self.engine_name
    }

    /// Counts models.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// What a frame takes, smoothed.
    pub(super) fn frame_time(&self) -> Duration {
        self.engine.frame_time()
    }

    /// Frames drawn so far, and those of them with interpolated statistics.
    pub(super) fn drawn(&self) -> (u64, u64) {
        (self.engine.drawn(), self.engine.interpolated())
    }
}
