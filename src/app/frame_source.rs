//! The frame source: what the engine is asked for, and the frames that come from it.

use std::time::{Duration, Instant};

use super::clock::Clock;
use super::engine_thread::EngineThread;
use super::performance::Performance;
use crate::engine::{Engine, Norm, ROWS};
use crate::stage::Compositor;

/// A frame that is waited for is looked for this often.
const POLL: Duration = Duration::from_micros(200);

/// The engine's thread, what is asked of it, and the frames that come from it.
pub(super) struct FrameSource {
    engine: EngineThread,
    engine_name: String,
    /// Length of the engine's latents.
    latent: usize,
    /// Counts models.
    generation: u32,
    requests: u64,
    /// When the newest frame came.
    newest_at: Instant,
}

impl FrameSource {
    /// The frames of an engine of that name, which takes latents of that length.
    pub(super) fn new(engine: EngineThread, name: String, latent: usize, now: Instant) -> Self {
        Self {
            engine,
            engine_name: name,
            latent,
            generation: 0,
            requests: 0,
            newest_at: now,
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
            norm == Norm::Batch && performance.instrument().neighbourhood(&mut request.around);
        request.number = self.requests;
        request.generation = self.generation;
        let rows = norm.rows() * self.latent;
        performance.latents(&mut request.z[..rows]);
        self.engine.publish();
        self.requests
    }

    /// Whether the engine takes less than half of the time from picture to picture.
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

    /// Has the compositor take the newest frame, where there is a new one, at that tick.
    pub(super) fn take(&mut self, compositor: &mut Compositor, tick: u64, now: Instant) {
        if self.engine.frame.update() {
            let frame = self.engine.frame.output_buffer_mut();
            compositor.take(&mut frame.canvas, frame.number, tick);
            self.newest_at = now;
        }
    }

    /// Goes over to another engine; gives the number of its first request, and back an engine that never came to draw.
    pub(super) fn change(&mut self, engine: Box<dyn Engine>) -> (u64, Option<Box<dyn Engine>>) {
        (self.engine_name, self.latent) = (engine.name().to_owned(), engine.latent());
        self.generation += 1;
        let before = self.engine.change(self.generation, engine);
        (self.requests + 1, before)
    }

    /// How long ago the newest frame came.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.newest_at)
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
