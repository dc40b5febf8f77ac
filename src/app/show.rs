//! The thread `show`: the instrument's clock, the picture that is shown, and what is recorded of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Settings;
use super::acts::Ids;
use super::arm::Arm;
use super::clocks::Clocks;
use super::console::Feed;
use super::desk::{Desk, Done, Job};
use super::drawing::{Drawing, Frame};
use super::hands::Hands;
use super::logbook::Logbook;
use super::pace::Pace;
use super::pieces::First;
use super::readout::Board;
use super::stats::{Count, Figures};
use super::tape::{Form, Tape};
use crate::control::Stamp;
use crate::engine::{Norm, ROWS};
use crate::instrument::param::SOURCES;
use crate::instrument::{Action, Instrument, TICKS_PER_SEC, Table};
use crate::library::Piece;
use crate::palette::Oklab;
use crate::sound::Capture;
use crate::stage::{Canvas, Crossfade, LookIds, Output, Pipes, ProjectionIds};

/// Time that is made up for where the show was held up; what is more is left out.
const MAX_CATCH_UP: Duration = Duration::from_secs(1);
/// Room for the samples that come between two frames.
const SAMPLES: usize = 1 << 17;

/// What the show asks of its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WindowCommand {
    ToggleFullscreen,
    LeaveFullscreen,
    NextMonitor,
    /// To the monitor with that in its name.
    ToMonitor(Box<str>),
    /// The graphics card that was shown with is lost.
    CardLost,
    ToggleConsole,
    Close,
}

/// A show.
pub(super) struct Show {
    pub(super) table: Arc<Table>,
    pub(super) ids: Ids,
    pub(super) look: LookIds,
    /// The colours of the model's footage; where its file does not tell them, what it paints with, once the look has asked for it.
    pub(super) palette: Option<Oklab>,
    pub(super) palette_asked: bool,
    pub(super) projection: ProjectionIds,
    /// What grain is drawn from.
    pub(super) seed: u32,
    pub(super) hands: Hands,
    pub(super) piece: Arc<Piece>,
    pub(super) instrument: Instrument,
    pub(super) drawing: Drawing,
    pub(super) generation: u32,
    pub(super) latent: usize,
    pub(super) engine_name: String,
    pub(super) pieces: Desk,
    pub(super) tape: Tape,
    pub(super) arm: Arm,
    pub(super) pipes: Pipes,
    pub(super) output: Box<dyn Output>,
    pub(super) window: Box<dyn Fn(WindowCommand) + Send>,
    pub(super) capture: Option<Box<Capture>>,
    pub(super) samples: Vec<f32>,
    /// When the last of them was heard.
    pub(super) heard_at: Instant,
    /// What the sound was last.
    heard: [f64; SOURCES.len()],
    pub(super) log: Logbook,
    pub(super) clocks: Clocks,
    pub(super) norm: Option<Norm>,
    pub(super) pace: Pace,
    length: Option<Duration>,
    /// The engine's last two frames, and when the newer one came.
    pub(super) older: Frame,
    pub(super) newer: Frame,
    pub(super) newer_at: Instant,
    pub(super) canvas: Canvas,
    /// The request whose frame, or a later one, is the first of a model that has come, and how many ticks it fades in.
    pub(super) fade_in: Option<(u64, u64)>,
    pub(super) crossfade: Crossfade,
    pub(super) board: Board,
    pub(super) requests: u64,
    /// Time of the instrument's tick 0.
    origin: Instant,
    tick_debt: u64,
    pub(super) count: Count,
    pub(super) over: bool,
}

impl Show {
    /// Makes a show ready; it begins with [`Show::run`].
    pub(super) fn new(
        settings: &Settings,
        table: &Arc<Table>,
        opened: First,
        mut hands: Hands,
        mut output: Box<dyn Output>,
        window: Box<dyn Fn(WindowCommand) + Send>,
    ) -> anyhow::Result<Self> {
        let ids = Ids::new(table)?;
        output.wear(Arc::clone(&hands.looks));
        let First {
            piece,
            mut instrument,
            engine,
            palette,
        } = opened;
        instrument.seed(settings.seed);
        if let Some(norm) = settings.norm {
            let value = f64::from(u8::from(norm == Norm::Batch));
            instrument.apply(&Action::Set {
                param: ids.norm,
                value,
            });
        }
        let (size, latent) = (engine.size(), engine.latent());
        let engine_name = engine.name().to_owned();
        hands
            .notices
            .info(format!("playing {} with {engine_name}", piece.name));
        let desk = |name| Desk::start(name, settings, table, latent, Arc::clone(&hands.notices));
        let pieces = desk("desk-pieces")?;
        let tape = Tape::new(
            desk("desk-records")?,
            Arc::clone(&hands.notices),
            settings.takes.clone(),
            Form {
                size: settings.size,
                rate: settings.fps,
                fps_mode: settings.fps_mode,
                codec: settings.codec,
                encoders: settings.encoder,
                plain_mp4: settings.plain_mp4,
                without_look: settings.without_look,
            },
        );
        let pipes = Pipes::open(
            &settings.out,
            size,
            settings.out_size.unwrap_or(size),
            &hands.notices.reporter(),
        )?;
        if let Some(name) = &settings.sound_in {
            // An empty desk has room.
            let _ = pieces.ask(Job::Listen(name.clone()));
        }
        let log = Logbook::start(settings, &instrument, &piece, &hands.notices)?;
        let piece = Arc::new(piece);
        // An empty desk has room.
        let _ = pieces.ask(Job::Watch(Arc::clone(&piece)));
        let blank = Frame {
            canvas: Canvas::black(size),
            number: 0,
        };
        let now = Instant::now();
        Ok(Self {
            drawing: Drawing::start(
                engine,
                hands.feed.as_mut().and_then(Feed::easel),
                Arc::clone(&hands.notices),
            )?,
            board: Board::new(&piece.name, table, &hands.keys),
            table: Arc::clone(table),
            ids,
            look: LookIds::new(table)?,
            palette,
            palette_asked: false,
            projection: ProjectionIds::new(table)?,
            seed: settings.seed as u32,
            clocks: Clocks::new(&hands, &instrument)?,
            hands,
            piece,
            instrument,
            generation: 0,
            latent,
            engine_name,
            pieces,
            tape,
            arm: Arm::default(),
            pipes,
            output,
            window,
            capture: None,
            samples: Vec::with_capacity(SAMPLES),
            heard_at: now,
            heard: [f64::NAN; SOURCES.len()],
            log,
            norm: settings.norm,
            pace: Pace::new(Duration::from_secs_f64(1.0 / settings.fps), now),
            length: settings.length,
            older: blank.clone(),
            newer: blank,
            newer_at: now,
            canvas: Canvas::black(size),
            fade_in: None,
            crossfade: Crossfade::default(),
            requests: 0,
            origin: now,
            tick_debt: 0,
            count: Count::new(Duration::from_secs_f64(1.0 / settings.fps)),
            over: false,
        })
    }

    /// Plays until the show is ended; closes what is being recorded.
    pub(super) fn run(mut self) -> Figures {
        self.publish_names();
        self.origin = Instant::now();
        let mut due = self.origin;
        while !self.over {
            let now = Instant::now();
            self.step(now);
            let interval = self.pace.interval();
            due += interval;
            let after = Instant::now();
            // Where the display sets the pace, or time was lost, the grid begins anew: the display's rate is never quite
            // the show's, and pictures that were due are counted by their absence.
            if self.output.paces(interval) {
                due = after + interval;
            } else if after > due + interval {
                due = after;
            }
            self.output.wait(due, interval);
        }
        self.end()
    }

    /// One frame.
    fn step(&mut self, now: Instant) {
        self.take_from_desks();
        while let Some(notice) = self.hands.notices.take() {
            self.board.notice(notice, now);
        }
        self.follow_looks();
        self.listen();
        self.follow_clock();
        let newest = self.take_controls();
        self.advance(now);
        self.follow_arm();
        self.publish_values();
        self.request(newest);
        self.await_frame(now);
        self.take_frame(now);
        if self.newer.number > 0 {
            self.present();
        }
        self.count_presented();
        if let (Some(length), Some(age)) = (self.length, self.count.age()) {
            self.over |= age >= length;
        }
    }

    fn take_from_desks(&mut self) {
        if let Some(take) = self.tape.follow() {
            self.log.begin_file(self.instrument.ticks(), take);
        }
        while let Some(done) = self.pieces.take() {
            match done {
                Done::Opened(opened) => self.change_piece(*opened),
                Done::Palette(piece, palette) if piece.model == self.piece.model => {
                    self.palette = Some(palette);
                }
                Done::Listening(capture) => self.capture = Some(capture),
                // Recordings come from the tape's own desk, and a palette that comes late is another model's.
                Done::Recording(..) | Done::NoRecording | Done::Palette(..) => {}
            }
        }
    }

    /// Sound moves what it drives, and goes into the recording.
    fn listen(&mut self) {
        let Some(capture) = &self.capture else {
            return;
        };
        let features = capture.features();
        self.samples.clear();
        self.heard_at = capture.drain_samples(&mut self.samples);
        let values = [features.level, features.low, features.mid, features.high];
        for (source, value) in values.map(f64::from).into_iter().enumerate() {
            // Silence fills no log.
            if self.heard[source] != value {
                self.heard[source] = value;
                self.act(Action::Source { source, value });
            }
        }
    }

    /// Brings the beat to where the clock that is followed has it.
    fn follow_clock(&mut self) {
        let now = self.hands.inbox.now();
        if let Some(action) = self
            .clocks
            .follow(&self.instrument, now, &self.hands.notices)
        {
            self.act(action);
        }
    }

    /// Applies what the hands did; returns when the newest of it arrived.
    fn take_controls(&mut self) -> Option<Stamp> {
        let mut newest = None;
        let inbox = Arc::clone(&self.hands.inbox);
        inbox.take(|action, at| {
            newest = newest.max(Some(at));
            self.apply(action);
        });
        newest
    }

    /// Brings the instrument to the present.
    fn advance(&mut self, now: Instant) {
        let nanos = now.duration_since(self.origin).as_nanos();
        let target = (nanos * u128::from(TICKS_PER_SEC) / 1_000_000_000) as u64;
        let behind = target.saturating_sub(self.instrument.ticks() + self.tick_debt);
        let most = (MAX_CATCH_UP.as_secs_f64() * TICKS_PER_SEC as f64) as u64;
        self.tick_debt += behind.saturating_sub(most);
        for _ in 0..behind.min(most) {
            self.instrument.tick();
        }
        let tick = (self.instrument.ticks() + self.tick_debt) as f64 / TICKS_PER_SEC as f64;
        let ahead_secs = nanos as f64 / 1e9 - tick;
        let stamp = self.hands.inbox.now();
        self.clocks.publish(&self.instrument, stamp, ahead_secs);
    }

    pub(super) fn norm(&self) -> Norm {
        if self.instrument.value(self.ids.norm) > 0.5 {
            Norm::Batch
        } else {
            Norm::Running
        }
    }

    /// Asks the engine for the picture at the play head.
    fn request(&mut self, newest: Option<Stamp>) {
        self.requests += 1;
        if let Some(at) = newest {
            self.count.expect(self.requests, at);
        }
        let norm = self.norm();
        let request = self.drawing.request.input_buffer_mut();
        // Grows only where a model with longer latents has come.
        request.z.resize(ROWS * self.latent, 0.0);
        request.norm = norm;
        request.interval = self.pace.interval();
        request.on_loop = norm == Norm::Batch && self.instrument.around(&mut request.around);
        request.number = self.requests;
        request.generation = self.generation;
        let rows = norm.rows() * self.latent;
        self.instrument.latents(&mut request.z[..rows]);
        self.log.latents(&self.instrument, &request.z[..rows]);
        self.drawing.publish();
    }

    fn end(self) -> Figures {
        let (drawn, norm) = (self.drawing.drawn(), self.norm());
        let inbox = &self.hands.inbox;
        let events = (inbox.received(), inbox.refused());
        let mut figures = self.count.figures(drawn, events, self.engine_name, norm);
        // Closing a file takes its time, which is not the show's.
        figures.frames_interpolated = self.drawing.mixed();
        self.hands.tell(&mut figures);
        (figures.out_sent, figures.out_dropped) = (self.pipes.sent(), self.pipes.dropped());
        drop(self.pipes);
        if let Some((_, dropped)) = self.tape.running() {
            self.log.end_file(self.instrument.ticks(), dropped);
        }
        // Nobody has to look at the last picture until the files are closed.
        (self.window)(WindowCommand::Close);
        drop(self.output);
        let told = self.tape.end();
        (figures.recorder_dropped, figures.recorder_encoder) = (told.dropped, told.encoder);
        figures
    }
}
