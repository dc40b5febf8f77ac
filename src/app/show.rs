//! The thread `show`: the order of the steps from a hand to the picture that is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::Settings;
use super::clock::Clock;
use super::clocks::Clocks;
use super::console::ConsoleSender;
use super::controllers::Controllers;
use super::engine_thread::EngineThread;
use super::event::WindowCommand;
use super::frame_source::FrameSource;
use super::performance::Performance;
use super::presenting::VideoOutput;
use super::preset_loader::{InitialPatch, PaletteSearch, PresetLoader};
use super::recording::{Recording, RecordingSession, RecordingSettings};
use super::recording_worker::RecordingWorker;
use super::sound_input::SoundInput;
use super::stats::StatsReport;
use super::status::Status;
use crate::control::Stamp;
use crate::engine::EngineOptions;
use crate::library::Patch;
use crate::stage::{Compositor, FramePacer, Pipes, Presenter};
use crate::worker::Worker;

/// A show: who owns what, and the order of the steps.
pub(super) struct Show {
    pub(super) controllers: Controllers,
    pub(super) performance: Performance,
    pub(super) loader: PresetLoader,
    pub(super) patch: Arc<Patch>,
    pub(super) palette_search: PaletteSearch,
    pub(super) frames: FrameSource,
    pub(super) video: VideoOutput,
    pub(super) recording: Recording,
    pub(super) status: Status,
    pub(super) window: Box<dyn Fn(WindowCommand) + Send>,
    pub(super) clock: Box<dyn Clock>,
    pub(super) engine_options: EngineOptions,
    /// How long it lasts from its first picture on.
    length: Option<Duration>,
    pub(super) over: bool,
}

/// The seed of grain in a show whose re-rolls begin at `seed`.
pub(super) fn grain_seed(seed: u64) -> u32 {
    seed as u32
}

/// What the end of a show waits for a card or a display that do not answer.
const TEARDOWN: Duration = Duration::from_secs(3);

/// Drops something on a thread of its own; false where that takes longer: then it is left to that thread.
fn drop_within(time: Duration, what: impl Send + 'static) -> bool {
    let (done, dropped) = crossbeam_channel::bounded::<()>(0);
    let worker = Worker::start("teardown", move |_| {
        drop(what);
        drop(done);
    });
    match worker {
        Ok(worker) if dropped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) => {
            worker.abandon();
            false
        }
        // Where there is no thread for it, it was dropped here.
        _ => true,
    }
}

/// What a show is made of that tests have twins for.
pub(super) struct Parts {
    pub(super) controllers: Controllers,
    pub(super) presenter: Box<dyn Presenter>,
    pub(super) console: Option<ConsoleSender>,
    pub(super) window: Box<dyn Fn(WindowCommand) + Send>,
    pub(super) clock: Box<dyn Clock>,
}

impl Show {
    /// Makes a show ready; it begins with [`Show::run`].
    pub(super) fn new(
        settings: &Settings,
        opened: InitialPatch,
        parts: Parts,
    ) -> anyhow::Result<Self> {
        Self::with_engine(settings, opened, parts, EngineThread::start)
    }

    /// [`Show::new`] with another way to have the engine draw.
    pub(super) fn with_engine(
        settings: &Settings,
        opened: InitialPatch,
        mut parts: Parts,
        start: impl FnOnce(
            Box<dyn crate::engine::Engine>,
            Option<super::thumbnail::ThumbnailRenderer>,
            Arc<crate::control::Notices>,
        ) -> std::io::Result<EngineThread>,
    ) -> anyhow::Result<Self> {
        let InitialPatch {
            mut patch,
            instrument,
            engine,
            palette,
        } = opened;
        let now = parts.clock.now();
        let control = parts.controllers.control.clone();
        let bank = &parts.controllers.bank;
        // Who is where when the show begins is where he stays.
        let path = patch.path.as_deref();
        patch.bank = path.and_then(|path| bank.place_of(path, &control.table));
        let patch = Arc::new(patch);
        let notices = &control.notices;
        let (name, latent) = (engine.name().to_owned(), engine.latent());
        notices.info(format!("playing {} with {}", patch.name, engine.name()));
        let size = engine.size();
        let pipes = Pipes::open(
            &settings.out,
            size,
            settings.out_size.unwrap_or(size),
            &notices.reporter(),
        )?;
        let clocks = Clocks::new(&parts.controllers, &instrument);
        let performance = Performance::new(settings, instrument, &patch, clocks, &control, now)?;
        let loader = PresetLoader::start(settings, &parts.controllers, &patch, engine.latent())?;
        let thumbnails = parts
            .console
            .as_mut()
            .and_then(ConsoleSender::thumbnail_renderer);
        let engine = start(engine, thumbnails, Arc::clone(notices))?;
        let frames = FrameSource::new(engine, name, latent, now);
        let session = RecordingSession::new(
            RecordingWorker::start(notices, settings.takes.clone())?,
            Arc::clone(notices),
            settings.takes.clone(),
            RecordingSettings {
                size: settings.size,
                rate: settings.fps,
                fps_mode: settings.fps_mode,
                codec: settings.codec,
                encoders: settings.encoder,
                plain_mp4: settings.plain_mp4,
                without_look: settings.without_look,
            },
        );
        let sound = SoundInput::open(settings.sound_in.as_deref(), notices, now)?;
        let interval = Duration::from_secs_f64(1.0 / settings.fps);
        let status = Status::new(&parts.controllers, &patch.name, parts.console, interval);
        let mut video = VideoOutput::new(
            Compositor::new(size, grain_seed(settings.seed)),
            parts.presenter,
            pipes,
            FramePacer::new(interval, now),
            &parts.controllers,
        );
        video.palette = palette;
        Ok(Self {
            performance,
            loader,
            palette_search: PaletteSearch::default(),
            frames,
            video,
            recording: Recording::new(session, sound),
            status,
            window: parts.window,
            clock: parts.clock,
            engine_options: settings.engine.clone(),
            length: settings.length,
            controllers: parts.controllers,
            patch,
            over: false,
        })
    }

    /// Plays until the show is ended; closes what is being recorded.
    pub(super) fn run(mut self) -> StatsReport {
        self.begin();
        while !self.over {
            self.step();
            self.wait();
        }
        self.end()
    }

    /// The instrument's time begins now.
    pub(super) fn begin(&mut self) {
        self.publish_names();
        let now = self.clock.now();
        self.performance.begin(now);
        self.video.pacer.begin(now);
    }

    /// Waits until the next frame is due.
    pub(super) fn wait(&mut self) {
        let (pacer, presenter) = (&mut self.video.pacer, &mut self.video.presenter);
        let due = pacer.next(self.clock.now(), presenter.timing());
        let has_waited = due
            .display_until
            .is_some_and(|until| presenter.wait_presented(until));
        if !has_waited {
            self.clock.sleep_until(due.at);
        }
    }

    /// One frame.
    pub(super) fn step(&mut self) {
        let now = self.clock.now();
        let stamp = self.controllers.control.inbox.stamp(now);
        self.take_loaded(now);
        self.status
            .take_notices(&self.controllers.control.notices, now);
        self.follow_looks();
        let performance = &mut self.performance;
        self.recording
            .sound
            .listen(|action| performance.act(action));
        performance.follow_clock(&self.controllers.control, stamp);
        let newest = self.take_controls(now);
        self.performance.advance(now, stamp);
        self.follow_arm(now);
        self.publish_values(now);
        self.request(newest);
        self.await_frame(now);
        self.take_frame(now);
        if self.video.compositor.number().is_some() {
            self.present();
        }
        self.count_presented();
        if let (Some(length), Some(age)) = (self.length, self.status.stats.age(self.clock.now())) {
            self.over |= age >= length;
        }
    }

    /// Takes what the workers have ready.
    fn take_loaded(&mut self, now: Instant) {
        if let Some(take) = self.recording.session.follow(now) {
            self.performance.begin_take(take);
        }
        while let Some(loaded) = self.loader.take() {
            self.change_patch(*loaded);
        }
        if let Some(palette) = self.palette_search.take(&self.patch) {
            self.video.palette = Some(palette);
        }
    }

    /// Carries out what the hands did; returns when the newest of it arrived.
    fn take_controls(&mut self, now: Instant) -> Option<Stamp> {
        let mut newest = None;
        let inbox = Arc::clone(&self.controllers.control.inbox);
        inbox.take(|action, at| {
            newest = newest.max(Some(at));
            self.carry_out(action, now);
        });
        newest
    }

    /// Asks the engine for the picture at the play head.
    fn request(&mut self, newest: Option<Stamp>) {
        let interval = self.video.pacer.interval();
        let number = self.frames.request(&mut self.performance, interval);
        if let Some(at) = newest {
            self.status.stats.expect(number, at);
        }
    }

    /// Closes everything; says what the show came to.
    pub(super) fn end(self) -> StatsReport {
        let now = self.clock.now();
        let (drawn, interpolated) = self.frames.drawn();
        let inbox = &self.controllers.control.inbox;
        let events = (inbox.received(), inbox.refused());
        let norm = self.performance.norm();
        let name = self.frames.engine_name().to_owned();
        let mut report = self.status.stats.report(now, drawn, events, name, norm);
        // Closing a file takes its time, which is not the show's.
        report.frames_interpolated = interpolated;
        self.controllers.report(&mut report);
        let VideoOutput {
            chain,
            presenter,
            readback,
            pipes,
            ..
        } = self.video;
        (report.out_sent, report.out_dropped) = (pipes.sent(), pipes.dropped());
        drop(pipes);
        if let Some((_, dropped)) = self.recording.session.running(now) {
            self.performance.end_take(dropped);
        }
        // Nobody has to look at the last picture until the files are closed.
        (self.window)(WindowCommand::Close);
        let totals = self.recording.session.end();
        (report.recorder_dropped, report.recorder_encoder) = (totals.dropped, totals.encoder);
        // Last, for it may take any time: what draws waits for its card, what shows for its display.
        if !drop_within(TEARDOWN, (presenter, chain, readback)) {
            self.controllers.control.notices.warn(
                "the graphics card or the display does not answer: the show ends without closing what it draws with",
            );
        }
        report
    }
}

#[cfg(test)]
mod tests;
