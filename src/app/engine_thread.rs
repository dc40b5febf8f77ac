//! The thread `engine`: the newest latents become the newest frame; what lies between is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;
use triple_buffer::{Input, Output, triple_buffer};

use super::thumbnail::ThumbnailRenderer;
use crate::control::Notices;
use crate::engine::{Engine, EngineError, Norm, ROWS, Rounding, StatsInterpolator};
use crate::latent::KeyframeNeighbourhood;
use crate::stage::Canvas;
use crate::worker::{StopSignal, Worker};

/// The engine sleeps so long where nobody wakes it.
const DOZE: Duration = Duration::from_millis(20);

/// A frame that is asked for: latents to draw.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// [`ROWS`] x latent; as many rows count as the norm takes.
    pub(super) z: Vec<f32>,
    pub(super) norm: Norm,
    /// Where on the loop that is, where it is on the loop.
    pub(super) around: KeyframeNeighbourhood,
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
pub(super) struct EngineThread {
    pub(super) request: Input<Request>,
    pub(super) frame: Output<Frame>,
    shared: Arc<Shared>,
    runner: Runner,
}

/// What draws.
enum Runner {
    Thread {
        _worker: Worker,
    },
    /// At once, within [`EngineThread::publish`]: what a test counts on.
    #[cfg(test)]
    Inline(Box<Drawer>),
}

struct Shared {
    /// An engine that waits to be played, and its generation.
    next: ArrayQueue<(u32, Box<dyn Engine>)>,
    drawn: AtomicU64,
    /// What a frame takes, smoothed, in nanoseconds.
    frame_time: AtomicU64,
    /// Where frames are drawn: the thread of that name, or one of the engine's own.
    thread: ArcSwap<Thread>,
    /// Frames whose batch norm had interpolated statistics.
    interpolated: AtomicU64,
}

impl EngineThread {
    /// Starts the thread. Where it is given thumbnails to draw, it draws those as well.
    pub(super) fn start(
        engine: Box<dyn Engine>,
        thumbnails: Option<ThumbnailRenderer>,
        notices: Arc<Notices>,
    ) -> std::io::Result<Self> {
        let run = |drawer: Drawer| {
            let worker = Worker::start("engine", move |stop| drawer.run(&stop))?;
            Ok(Runner::Thread { _worker: worker })
        };
        Self::with(run, engine, thumbnails, notices)
    }

    /// An engine that draws each request before [`EngineThread::publish`] returns.
    #[cfg(test)]
    pub(super) fn inline(engine: Box<dyn Engine>, notices: Arc<Notices>) -> Self {
        let run = |drawer| Ok(Runner::Inline(Box::new(drawer)));
        Self::with(run, engine, None, notices).unwrap()
    }

    fn with(
        run: impl FnOnce(Drawer) -> std::io::Result<Runner>,
        engine: Box<dyn Engine>,
        thumbnails: Option<ThumbnailRenderer>,
        notices: Arc<Notices>,
    ) -> std::io::Result<Self> {
        let (request, requests) = triple_buffer(&Request {
            z: vec![0.0; ROWS * engine.latent()],
            norm: Norm::Running,
            around: KeyframeNeighbourhood::new(engine.latent()),
            on_loop: false,
            interval: Duration::ZERO,
            number: 0,
            generation: 0,
        });
        let (frames, frame) = triple_buffer(&Frame {
            canvas: Canvas::black(engine.size()),
            number: 0,
        });
        let shared = Arc::new(Shared {
            next: ArrayQueue::new(1),
            drawn: AtomicU64::new(0),
            frame_time: AtomicU64::new(0),
            thread: ArcSwap::from_pointee(thread::current()),
            interpolated: AtomicU64::new(0),
        });
        let runner = run(Drawer {
            statistics: StatsInterpolator::new(engine.latent()),
            exact: ExactTime::default(),
            thumbnails,
            engine,
            generation: 0,
            due: Instant::now(),
            requests,
            frames,
            shared: Arc::clone(&shared),
            notices,
            failed_at: None,
        })?;
        Ok(Self {
            request,
            frame,
            shared,
            runner,
        })
    }

    /// Sends the request that was written and wakes the engine.
    pub(super) fn publish(&mut self) {
        self.request.publish();
        match &mut self.runner {
            Runner::Thread { .. } => self.shared.thread.load().unpark(),
            #[cfg(test)]
            Runner::Inline(drawer) => {
                drawer.take_engine();
                drawer.draw_newest();
            }
        }
    }

    /// Has another engine draw the requests of that generation. Gives back one that never came to draw.
    pub(super) fn change(
        &self,
        generation: u32,
        engine: Box<dyn Engine>,
    ) -> Option<Box<dyn Engine>> {
        let (_, before) = self.shared.next.force_push((generation, engine))?;
        Some(before)
    }

    /// Frames drawn so far.
    pub(super) fn drawn(&self) -> u64 {
        self.shared.drawn.load(Ordering::Relaxed)
    }

    /// Those of them whose batch norm had interpolated statistics.
    pub(super) fn interpolated(&self) -> u64 {
        self.shared.interpolated.load(Ordering::Relaxed)
    }

    /// What a frame takes, smoothed.
    pub(super) fn frame_time(&self) -> Duration {
        Duration::from_nanos(self.shared.frame_time.load(Ordering::Relaxed))
    }
}

/// The engine, and what it draws from and into.
struct Drawer {
    engine: Box<dyn Engine>,
    statistics: StatsInterpolator,
    exact: ExactTime,
    thumbnails: Option<ThumbnailRenderer>,
    generation: u32,
    /// When the next request is to be expected.
    due: Instant,
    requests: Output<Request>,
    frames: Input<Frame>,
    shared: Arc<Shared>,
    notices: Arc<Notices>,
    /// When the last failure was reported.
    failed_at: Option<Instant>,
}

/// What a picture of [`ROWS`] rows takes.
#[derive(Default)]
struct ExactTime {
    pictures: u32,
    smooth: Duration,
}

impl ExactTime {
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

impl Drawer {
    fn run(mut self, stop: &StopSignal) {
        while !stop.is_set() {
            self.take_engine();
            match self.engine.thread_pool() {
                Some(pool) => pool.install(|| self.draw_until_changed(stop)),
                None => self.draw_until_changed(stop),
            }
        }
    }

    /// Draws on the thread that this is called on, until another engine waits.
    fn draw_until_changed(&mut self, stop: &StopSignal) {
        self.shared.thread.store(Arc::new(thread::current()));
        while !stop.is_set() && self.shared.next.is_empty() {
            if !self.draw_newest() {
                self.idle(stop);
            }
        }
    }

    /// Goes over to the engine that waits, where one does.
    fn take_engine(&mut self) {
        if let Some((generation, engine)) = self.shared.next.pop() {
            self.statistics = StatsInterpolator::new(engine.latent());
            self.exact = ExactTime::default();
            (self.engine, self.generation) = (engine, generation);
        }
    }

    /// Draws the newest request; false where there is no new one.
    fn draw_newest(&mut self) -> bool {
        if !self.requests.update() {
            return false;
        }
        let request = self.requests.peek_output_buffer();
        if request.generation != self.generation {
            return true;
        }
        self.due = Instant::now() + request.interval;
        let is_old = |at: Instant| at.elapsed() > Duration::from_secs(1);
        if let Err(error) = self.draw()
            && self.failed_at.is_none_or(is_old)
        {
            self.notices
                .warn(format!("drawing: {error}; the last picture stays"));
            self.failed_at = Some(Instant::now());
        }
        let generation = self.generation;
        if let Some(thumbnails) = self.thumbnails.as_mut()
            && thumbnails.is_late(generation)
        {
            self.draw_thumbnail();
        }
        true
    }

    /// Between frames the next segments are made ready, a small step at a time; then the console's thumbnails.
    fn idle(&mut self, stop: &StopSignal) {
        match self.statistics.work(self.engine.as_mut()) {
            Ok(true) => {}
            Ok(false) => {
                let (generation, left) = (
                    self.generation,
                    self.due.saturating_duration_since(Instant::now()),
                );
                let thumbnails = self.thumbnails.as_mut();
                if thumbnails.is_some_and(|thumbnails| thumbnails.fits(generation, left)) {
                    self.draw_thumbnail();
                } else {
                    stop.doze(DOZE);
                }
            }
            Err(error) => {
                self.notices.warn(format!("drawing ahead: {error}"));
                stop.doze(DOZE);
            }
        }
    }

    fn draw_thumbnail(&mut self) {
        if let Some(thumbnails) = &mut self.thumbnails
            && let Err(error) = thumbnails.work(self.engine.as_mut(), self.generation)
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
        let interpolated = late && request.on_loop && {
            let z = &z[..engine.latent()];
            self.statistics
                .render_rgba(engine, &request.around, z, rounding, rgba)?
        };
        if !interpolated {
            engine.render_rgba(z, request.norm, rounding, rgba)?;
        }
        self.frames.publish();
        let took = begun.elapsed();
        if interpolated {
            self.shared.interpolated.fetch_add(1, Ordering::Relaxed);
        } else if request.norm == Norm::Batch {
            self.exact.add(took);
        }
        if late && request.on_loop && !interpolated {
            // Frames that leave no time between them would never come to have any.
            while begun.elapsed() < 2 * took && self.statistics.work(engine)? {}
        }
        let took = took.as_nanos() as u64;
        let before = self.shared.frame_time.load(Ordering::Relaxed);
        let smooth = if before == 0 {
            took
        } else {
            (before * 7 + took) / 8
        };
        self.shared.frame_time.store(smooth, Ordering::Relaxed);
        self.shared.drawn.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
