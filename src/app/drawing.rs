//! The thread `engine`: the newest latents become the newest frame; what lies between is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use triple_buffer::{Input, Output, triple_buffer};

use crate::control::Notices;
use crate::engine::{Bytes, Engine, Norm, ROWS};
use crate::stage::Canvas;

/// How long the engine dozes where nobody wakes it.
const DOZE: Duration = Duration::from_millis(20);

/// Latents to draw.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// [`ROWS`] x latent; as many rows count as the norm takes.
    pub(super) z: Vec<f32>,
    pub(super) norm: Norm,
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
    closing: AtomicBool,
}

impl Drawing {
    /// Starts the thread.
    pub(super) fn start(engine: Box<dyn Engine>, notices: Arc<Notices>) -> std::io::Result<Self> {
        let (request, requests) = triple_buffer(&Request {
            z: vec![0.0; ROWS * engine.latent()],
            norm: Norm::Running,
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
            engine,
            generation: 0,
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
    generation: u32,
    requests: Output<Request>,
    frames: Input<Frame>,
    swaps: Receiver<Box<dyn Engine>>,
    shared: Arc<Shared>,
    notices: Arc<Notices>,
}

impl Work {
    fn run(mut self) {
        let mut failed_at: Option<Instant> = None;
        while !self.shared.closing.load(Ordering::Relaxed) {
            if let Ok(engine) = self.swaps.try_recv() {
                self.engine = engine;
                self.generation += 1;
            }
            if !self.requests.update() {
                std::thread::park_timeout(DOZE);
                continue;
            }
            if self.requests.peek_output_buffer().generation != self.generation {
                continue;
            }
            if let Err(error) = self.draw()
                && failed_at.is_none_or(|at| at.elapsed() > Duration::from_secs(1))
            {
                self.notices
                    .warn(format!("drawing: {error}; the last picture stays"));
                failed_at = Some(Instant::now());
            }
        }
    }

    fn draw(&mut self) -> Result<(), crate::engine::EngineError> {
        let begun = Instant::now();
        let request = self.requests.peek_output_buffer();
        let frame = self.frames.input_buffer_mut();
        frame.canvas.resize(self.engine.size());
        frame.number = request.number;
        let z = &request.z[..request.norm.rows() * self.engine.latent()];
        let rgba = &mut frame.canvas.rgba;
        self.engine.paint(z, request.norm, Bytes::Nearest, rgba)?;
        self.frames.publish();
        let took = begun.elapsed().as_nanos() as u64;
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
