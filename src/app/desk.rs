//! The desk: what takes time, done beside the show. Presets and models are opened, recordings begun and closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Settings;
use super::pieces::{Opened, Pieces, Which};
use super::remuxing::Remuxing;
use crate::control::Notices;
use crate::instrument::{Preset, Table};
use crate::library::Piece;
use crate::palette::Oklab;
use crate::record::{self, Recorder, Summary};
use crate::sound::Capture;

/// Jobs that can wait.
const WAITING: usize = 16;
/// The file of the preset that plays is looked at this often.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// What the desk is asked for.
pub(super) enum Job {
    /// Open a preset beside this piece.
    Open(Which, Arc<Piece>),
    /// Open the model of that name for the loop of this piece.
    Model(Box<str>, Arc<Piece>),
    /// Save a preset of this piece under that name.
    Save(Box<str>, Box<Preset>, Arc<Piece>),
    /// Look after the file of this piece.
    Watch(Arc<Piece>),
    /// Open a recording in that folder.
    Record(PathBuf, record::Settings),
    /// Close a recording.
    Close(Box<Recorder>),
    /// Close a recording that never began.
    ThrowAway(Box<Recorder>),
    /// Find out what the model of this piece, whose file does not tell the colours of its footage, paints with.
    Palette(Arc<Piece>),
    /// Open a sound input.
    Listen(String),
    /// Throw away what takes time to throw away.
    Discard(Box<dyn std::any::Any + Send>),
}

/// What the desk hands over.
pub(super) enum Done {
    Opened(Box<Opened>),
    /// A recording, and the name of the take beside it.
    Recording(Box<Recorder>, PathBuf),
    /// A recording could not begin.
    NoRecording,
    Listening(Box<Capture>),
    /// What the model of this piece paints with.
    Palette(Arc<Piece>, Oklab),
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
            pieces: Pieces::new(settings, table, latent, Arc::clone(&notices)),
            remuxing: Remuxing::new(Arc::clone(&notices)),
            notices,
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                loop {
                    let done = match inbox.recv_timeout(WATCH_INTERVAL) {
                        Ok(job) => clerk.work(job),
                        Err(RecvTimeoutError::Timeout) => clerk.look(),
                        Err(RecvTimeoutError::Disconnected) => return,
                    };
                    if let Some(done) = done
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
    pieces: Pieces,
    remuxing: Remuxing,
    notices: Arc<Notices>,
}

impl Clerk {
    fn work(&mut self, job: Job) -> Option<Done> {
        let opened = |opened| Done::Opened(Box::new(opened));
        match job {
            Job::Open(which, piece) => self.pieces.preset(&which, &piece).map(opened),
            Job::Model(name, piece) => self.pieces.model(&name, &piece).map(opened),
            Job::Save(name, preset, piece) => {
                self.pieces.save(&name, *preset, &piece);
                None
            }
            Job::Watch(piece) => {
                self.pieces.watch(piece);
                None
            }
            Job::Record(folder, settings) => {
                let path = record::name(&folder, std::time::SystemTime::now(), &settings);
                match Recorder::start(&path, &settings) {
                    Ok(recorder) => {
                        if let Some(reason) = recorder.fell_back() {
                            let encoder = recorder.encoder();
                            self.notices
                                .warn(format!("recording with {encoder}: {reason}"));
                        }
                        let take = path.with_extension("take");
                        Some(Done::Recording(Box::new(recorder), take))
                    }
                    Err(error) => {
                        self.notices.warn(error.to_string());
                        Some(Done::NoRecording)
                    }
                }
            }
            Job::Close(recorder) => {
                let becomes_plain = recorder.becomes_plain();
                if let Some(recorded) = close(*recorder, &self.notices)
                    && becomes_plain
                {
                    self.remuxing.add(recorded);
                }
                None
            }
            Job::ThrowAway(recorder) => {
                // It has no picture, and so no file.
                let _ = recorder.finish();
                None
            }
            Job::Palette(piece) => {
                let palette = self.pieces.palette(&piece)?;
                Some(Done::Palette(piece, palette))
            }
            Job::Listen(name) => match Capture::open(&name) {
                Ok(capture) => {
                    self.notices
                        .info(format!("listening to {}", capture.input()));
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

    /// What has changed by itself.
    fn look(&mut self) -> Option<Done> {
        let changed = self.pieces.changed()?;
        Some(Done::Opened(Box::new(changed)))
    }
}

/// Closes a recording and tells what it came to; gives that where it is whole.
pub(super) fn close(recorder: Recorder, notices: &Notices) -> Option<Summary> {
    match recorder.finish() {
        Ok(summary) => {
            notices.info(format!("recorded {summary}"));
            Some(summary)
        }
        Err(error) => {
            notices.warn(format!("the recording has ended: {error}"));
            None
        }
    }
}
