//! The desk: what takes time, done beside the show. Presets and models are opened, recordings begun and closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::Settings;
use crate::control::Notices;
use crate::engine::{Drawing, Engine, Winograd, open};
use crate::instrument::{Instrument, Table};
use crate::library::{self, Piece};
use crate::network::weights::GeneratorWeights;
use crate::record::{self, Recorder};
use crate::sound::Capture;

/// Jobs that can wait.
const WAITING: usize = 16;

/// A piece made ready to play.
pub(super) struct Opened {
    pub(super) piece: Piece,
    pub(super) instrument: Instrument,
    /// Nothing where the piece is played on the engine that is there.
    pub(super) engine: Option<Box<dyn Engine>>,
}

impl Opened {
    /// Opens the piece that a show begins with.
    pub(super) fn first(
        piece: Piece,
        settings: &Settings,
        table: &Arc<Table>,
    ) -> anyhow::Result<Self> {
        let weights = GeneratorWeights::load(&piece.model)?;
        let engine = open(&weights, &settings.drawing)?;
        let instrument = Instrument::new(&piece.preset, Arc::clone(table), engine.latent())
            .with_context(|| format!("cannot play {}", piece.name))?;
        Ok(Self {
            piece,
            instrument,
            engine: Some(engine),
        })
    }
}

/// What the desk is asked for.
pub(super) enum Job {
    /// Open the preset after this one.
    Next(Arc<Piece>),
    /// Open the preset of that name beside this one.
    Named(Arc<Piece>, Box<str>),
    /// Begin a recording in that folder.
    Record(PathBuf, record::Settings),
    /// Close a recording.
    Close(Recorder),
    /// Open a sound input.
    Listen(String),
    /// Throw away what takes time to throw away.
    Discard(Box<dyn std::any::Any + Send>),
}

/// What the desk hands over.
pub(super) enum Done {
    Opened(Box<Opened>),
    Recording(Recorder),
    /// A recording could not begin.
    NoRecording,
    Listening(Box<Capture>),
}

/// The show's end of one of the desk's threads.
pub(super) struct Desk {
    jobs: Option<Sender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts a thread of that name.
    pub(super) fn start(
        name: &str,
        settings: &Settings,
        table: &Arc<Table>,
        latent: usize,
        notices: Arc<Notices>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = bounded(WAITING);
        let (outbox, done) = bounded(WAITING);
        let mut clerk = Clerk {
            drawing: Drawing {
                // Measuring would take the processor from the show.
                winograd: match settings.drawing.winograd {
                    Some(Winograd::Auto) => Some(Winograd::Known),
                    other => other,
                },
                ..settings.drawing.clone()
            },
            table: Arc::clone(table),
            latent,
            notices,
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                for job in inbox {
                    if let Some(done) = clerk.work(job)
                        && outbox.send(done).is_err()
                    {
                        return;
                    }
                }
            })?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            thread: Some(thread),
        })
    }

    /// Asks for something; gives the job back where too many wait.
    pub(super) fn ask(&self, job: Job) -> Result<(), Job> {
        match &self.jobs {
            Some(jobs) => jobs.try_send(job).map_err(|refused| refused.into_inner()),
            None => Err(job),
        }
    }

    /// What is ready, if anything is.
    pub(super) fn take(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

impl Drop for Desk {
    /// Waits for the jobs that were begun: a recording that is being closed is closed.
    fn drop(&mut self) {
        self.jobs = None;
        // Nobody takes what is still handed over.
        while self.done.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Clerk {
    drawing: Drawing,
    table: Arc<Table>,
    /// Length of the present model's latents.
    latent: usize,
    notices: Arc<Notices>,
}

impl Clerk {
    fn work(&mut self, job: Job) -> Option<Done> {
        match job {
            Job::Next(piece) => {
                let next = self.next(&piece).and_then(|path| self.open(path, &piece));
                self.opened(next)
            }
            Job::Named(piece, name) => {
                let beside = piece.path.clone().map_or_else(library::first, Ok);
                let opened = beside
                    .and_then(|beside| library::named_preset(&beside, &name))
                    .and_then(|path| self.open(path, &piece));
                self.opened(opened)
            }
            Job::Record(folder, settings) => {
                let path = record::name(&folder, std::time::SystemTime::now());
                match Recorder::start(&path, &settings) {
                    Ok(recorder) => {
                        self.notices
                            .tell(format!("recording to {}", path.display()));
                        Some(Done::Recording(recorder))
                    }
                    Err(error) => {
                        self.notices.warn(error.to_string());
                        Some(Done::NoRecording)
                    }
                }
            }
            Job::Close(recorder) => {
                close(recorder, &self.notices);
                None
            }
            Job::Listen(name) => match Capture::open(&name) {
                Ok(capture) => {
                    self.notices
                        .tell(format!("listening to {}", capture.input()));
                    Some(Done::Listening(Box::new(capture)))
                }
                Err(error) => {
                    self.notices.warn(error.to_string());
                    None
                }
            },
            Job::Discard(what) => {
                drop(what);
                None
            }
        }
    }

    fn next(&self, piece: &Piece) -> anyhow::Result<PathBuf> {
        match &piece.path {
            None => library::first(),
            Some(path) => library::next_preset(path)
                .with_context(|| format!("there is no preset beside {}", path.display())),
        }
    }

    /// Opens a preset; the engine only where its model is another than the present one.
    fn open(&mut self, path: PathBuf, present: &Piece) -> anyhow::Result<Opened> {
        let piece = library::preset(&path, &self.table)?;
        let engine = if piece.model == present.model {
            None
        } else {
            let weights = GeneratorWeights::load(&piece.model)?;
            Some(open(&weights, &self.drawing)?)
        };
        let latent = engine
            .as_ref()
            .map_or(self.latent, |engine| engine.latent());
        let instrument = Instrument::new(&piece.preset, Arc::clone(&self.table), latent)
            .with_context(|| format!("cannot play {}", piece.name))?;
        self.latent = latent;
        Ok(Opened {
            piece,
            instrument,
            engine,
        })
    }

    fn opened(&self, opened: anyhow::Result<Opened>) -> Option<Done> {
        match opened {
            Ok(opened) => {
                self.notices.tell(format!("playing {}", opened.piece.name));
                Some(Done::Opened(Box::new(opened)))
            }
            Err(error) => {
                self.notices.warn(format!("{error:#}"));
                None
            }
        }
    }
}

/// Closes a recording and tells what it came to.
pub(super) fn close(recorder: Recorder, notices: &Notices) {
    match recorder.finish() {
        Ok(summary) => notices.tell(format!(
            "recorded {}: {:.1} s, {} pictures, {} dropped",
            summary.path.display(),
            summary.duration.as_secs_f64(),
            summary.frames,
            summary.dropped
        )),
        Err(error) => notices.warn(format!("the recording has ended: {error}")),
    }
}
