//! The thread `engine`: the newest latents become the newest frame; what lies between is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use triple_buffer::{Input, Output, triple_buffer};

use super::thumbnail::Easel;
use crate::control::Notices;
use crate::engine::{Engine, EngineError, Norm, ROWS, Rounding, StatsInterpolator};
use crate::latent::Around;
use crate::stage::Canvas;

/// How long the engine dozes where nobody wakes it.
const DOZE: Duration = Duration::from_millis(20);

/// Latents to draw.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// [`ROWS`] x latent; as many rows count as the norm takes.
    pub(super) z: Vec<f32>,
    pub(super) norm: Norm,
    /// Where on the loop that is, where it is on the loop.
    pub(super) around: Around,
    pub(super) on_loop: bool,
    /// Time for the picture.
    pub(super) interval: Duration,
    /// Counts requests.
    pub(super) number: u64,
    /// Which engine they are meant for.
    pub(super) generation: u32,
}

/// A frame that was drawn.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) canvas: Canvas,
    /// The request that it was drawn from.
    pub(super) number: u64,
}

/// The show's end of the engine's thread.
pub(super) struct Drawing {
    pub(super) request: Input<Request>,
    pub(super) frame: Output<Frame>,
    engines: Sender<Box<dyn Engine>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    drawn: AtomicU64,
    /// What a frame takes, smoothed, in nanoseconds.
    pace: AtomicU64,
    /// Frames whose batch norm had interpolated statistics.
    mixed: AtomicU64,
    closing: AtomicBool,
}

impl Drawing {
    /// Starts the thread. Where it is given an easel, it draws the keyframes' thumbnails as well.
    pub(super) fn start(
        engine: Box<dyn Engine>,
        easel: Option<Easel>,
        notices: Arc<Notices>,
    ) -> std::io::Result<Self> {
        let (request, requests) = triple_buffer(&Request {
            z: vec![0.0; ROWS * engine.latent()],
            norm: Norm::Running,
            around: Around::new(engine.latent()),
            on_loop: false,
            interval: Duration::ZERO,
            number: 0,
            generation: 0,
        });
        let (frames, frame) = triple_buffer(&Frame {
            canvas: Canvas::black(engine.size()),
            number: 0,
        });
        let (engines, swaps) = bounded(1);
        let shared = Arc::new(Shared::default());
        let work = Work {
            statistics: StatsInterpolator::new(engine.latent()),
            exact: Exact::default(),
            easel,
            engine,
            generation: 0,
            due: Instant::now(),
            requests,
            frames,
            swaps,
            shared: Arc::clone(&shared),
            notices,
        };
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || work.run())?;
        Ok(Self {
            request,
            frame,
            engines,
            shared,
            thread: Some(thread),
        })
    }

    /// Sends the request that was written and wakes the engine.
    pub(super) fn publish(&mut self) {
        self.request.publish();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Has another engine draw from now on: its generation is one more. Gives it back where the last one was not taken yet.
    pub(super) fn change(&self, engine: Box<dyn Engine>) -> Result<(), Box<dyn Engine>> {
        self.engines
            .try_send(engine)
            .map_err(|refused| refused.into_inner())
    }

    /// Frames drawn so far.
    pub(super) fn drawn(&self) -> u64 {
        self.shared.drawn.load(Ordering::Relaxed)
    }

    /// Those of them whose batch norm had interpolated statistics.
    pub(super) fn mixed(&self) -> u64 {
        self.shared.mixed.load(Ordering::Relaxed)
    }

    /// What a frame takes, smoothed.
    pub(super) fn pace(&self) -> Duration {
        Duration::from_nanos(self.shared.pace.load(Ordering::Relaxed))
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Work {
    engine: Box<dyn Engine>,
    statistics: StatsInterpolator,
    exact: Exact,
    easel: Option<Easel>,
    generation: u32,
    /// When the next request is to be expected.
    due: Instant,
    requests: Output<Request>,
    frames: Input<Frame>,
    swaps: Receiver<Box<dyn Engine>>,
    shared: Arc<Shared>,
    notices: Arc<Notices>,
}

/// What a picture of [`ROWS`] rows takes.
#[derive(Default)]
struct Exact {
    pictures: u32,
    smooth: Duration,
}

impl Exact {
    /// The first pictures, which take memory and fill caches, do not count.
    const FIRST: u32 = 3;

    fn add(&mut self, took: Duration) {
        self.pictures = self.pictures.saturating_add(1);
        self.smooth = if self.pictures <= Self::FIRST {
            took
        } else {
            (self.smooth * 7 + took) / 8
        };
    }

    fn exceeds(&self, interval: Duration) -> bool {
        self.pictures >= Self::FIRST && self.smooth > interval
    }
}

impl Work {
    fn run(mut self) {
        let mut failed_at: Option<Instant> = None;
        while !self.shared.closing.load(Ordering::Relaxed) {
            if let Ok(engine) = self.swaps.try_recv() {
                self.statistics = StatsInterpolator::new(engine.latent());
                self.exact = Exact::default();
                self.engine = engine;
                self.generation += 1;
            }
            if !self.requests.update() {
                self.idle();
                continue;
            }
            let request = self.requests.peek_output_buffer();
            if request.generation != self.generation {
                continue;
            }
            self.due = Instant::now() + request.interval;
            if let Err(error) = self.draw()
                && failed_at.is_none_or(|at| at.elapsed() > Duration::from_secs(1))
            {
                self.notices
                    .warn(format!("drawing: {error}; the last picture stays"));
                failed_at = Some(Instant::now());
            }
            let generation = self.generation;
            if let Some(easel) = self.easel.as_mut()
                && easel.is_late(generation)
            {
                self.draw_thumbnail();
            }
        }
    }

    /// Between frames the next segments are made ready, a small step at a time; then the console's thumbnails.
    fn idle(&mut self) {
        match self.statistics.work(self.engine.as_mut()) {
            Ok(true) => {}
            Ok(false) => {
                let (generation, left) = (
                    self.generation,
                    self.due.saturating_duration_since(Instant::now()),
                );
                let easel = self.easel.as_mut();
                if easel.is_some_and(|easel| easel.fits(generation, left)) {
                    self.draw_thumbnail();
                } else {
                    std::thread::park_timeout(DOZE);
                }
            }
            Err(error) => {
                self.notices.warn(format!("drawing ahead: {error}"));
                std::thread::park_timeout(DOZE);
            }
        }
    }

    fn draw_thumbnail(&mut self) {
        if let Some(easel) = &mut self.easel
            && let Err(error) = easel.work(self.engine.as_mut(), self.generation)
        {
            self.notices
                .warn(format!("drawing a keyframe for the console: {error}"));
        }
    }

    fn draw(&mut self) -> Result<(), EngineError> {
        let begun = Instant::now();
        let request = self.requests.peek_output_buffer();
        let frame = self.frames.input_buffer_mut();
        let engine = self.engine.as_mut();
        frame.canvas.resize(engine.size());
        frame.number = request.number;
        let z = &request.z[..request.norm.rows() * engine.latent()];
        let rgba = &mut frame.canvas.rgba;
        // Eight rows where there is time for them, else one row with the statistics that eight would have.
        let late = request.norm == Norm::Batch && self.exact.exceeds(request.interval);
        let rounding = Rounding::Nearest;
        let mixed = late && request.on_loop && {
            let z = &z[..engine.latent()];
            self.statistics
                .render_rgba(engine, &request.around, z, rounding, rgba)?
        };
        if !mixed {
            engine.render_rgba(z, request.norm, rounding, rgba)?;
        }
        self.frames.publish();
        let took = begun.elapsed();
        if mixed {
            self.shared.mixed.fetch_add(1, Ordering::Relaxed);
        } else if request.norm == Norm::Batch {
            self.exact.add(took);
        }
        if late && request.on_loop && !mixed {
            // Frames that leave no time between them would never come to have any.
            while begun.elapsed() < 2 * took && self.statistics.work(engine)? {}
        }
        let took = took.as_nanos() as u64;
        let pace = self.shared.pace.load(Ordering::Relaxed);
        let pace = if pace == 0 {
            took
        } else {
            (pace * 7 + took) / 8
        };
        self.shared.pace.store(pace, Ordering::Relaxed);
        self.shared.drawn.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
