//! The thread `recording`: opens and closes recordings beside the show, and has closed ones made into plain mp4 files.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::control::Notices;
use crate::record::{self, LeftBehind, Recorder, Settings, Summary, remux};
use crate::worker::Worker;

/// Requests that can wait.
const WAITING: usize = 16;

enum Request {
    /// Open a recording in that folder; the number is the request's.
    Open(u64, PathBuf, Settings),
    Close(Box<Recorder>),
    /// Close one that never began.
    Discard(Box<Recorder>),
}

/// What has become of a request to open a recording; with its number.
pub(super) enum Response {
    /// A recording, and the name of the take beside it.
    Opened(u64, Box<Recorder>, PathBuf),
    Failed(u64),
}

/// The show's end of the thread. When it is dropped, recordings that are being closed are closed.
pub(super) struct RecordingWorker {
    // Dropped first: the thread ends with it.
    requests: Sender<Request>,
    responses: Receiver<Response>,
    _worker: Worker,
    notices: Arc<Notices>,
}

impl RecordingWorker {
    /// Starts the thread. It mends first what a crash left behind in `folder`.
    pub(super) fn start(notices: &Arc<Notices>, folder: PathBuf) -> std::io::Result<Self> {
        let (requests, inbox) = bounded(WAITING);
        // Nobody waits for a response: there is room for one to each request that waits, and to the one before them.
        let (outbox, responses) = bounded(WAITING + 1);
        let told = Arc::clone(notices);
        let worker = Worker::start("recording", move |_| {
            mend(&folder, &told);
            run(&inbox, &outbox, &told);
        })?;
        Ok(Self {
            requests,
            responses,
            _worker: worker,
            notices: Arc::clone(notices),
        })
    }

    /// Asks for a recording in that folder; false where too many requests wait.
    pub(super) fn open(&self, number: u64, folder: PathBuf, settings: Settings) -> bool {
        let request = Request::Open(number, folder, settings);
        self.requests.try_send(request).is_ok()
    }

    /// Has a recording closed, and reports what it came to. Where too many wait it is closed here: rather a late picture than a
    /// lost recording. That one stays in fragments.
    pub(super) fn close(&self, recorder: Box<Recorder>) {
        if let Err(
            TrySendError::Full(Request::Close(recorder))
            | TrySendError::Disconnected(Request::Close(recorder)),
        ) = self.requests.try_send(Request::Close(recorder))
        {
            close(*recorder, &self.notices);
        }
    }

    /// Has a recording closed that has no picture, and so no file.
    pub(super) fn discard(&self, recorder: Box<Recorder>) {
        // Where too many wait it is dropped: it wrote nothing, and its thread ends by itself.
        let _ = self.requests.try_send(Request::Discard(recorder));
    }

    /// The next response, if there is one.
    pub(super) fn take(&self) -> Option<Response> {
        self.responses.try_recv().ok()
    }
}

fn run(inbox: &Receiver<Request>, outbox: &Sender<Response>, notices: &Arc<Notices>) {
    let mut remuxer = Remuxer::new(Arc::clone(notices));
    for request in inbox {
        match request {
            Request::Open(number, folder, settings) => {
                // At the end of a show nobody takes them.
                let _ = outbox.send(open(number, &folder, &settings, notices));
            }
            Request::Close(recorder) => {
                let becomes_plain = recorder.becomes_plain();
                if let Some(recorded) = close(*recorder, notices)
                    && becomes_plain
                {
                    remuxer.add(recorded);
                }
            }
            Request::Discard(recorder) => {
                // It has no picture, and so no file.
                let _ = recorder.finish();
            }
        }
    }
}

/// Mends the recordings that a crash left behind, and reports what they came to.
fn mend(folder: &std::path::Path, notices: &Notices) {
    for LeftBehind { path, outcome } in record::mend_left_behind(folder) {
        let path = path.display();
        match outcome {
            Ok((pictures, duration)) => notices.info(format!(
                "{path} was left behind by a crash; what plays of it are {:.1} s, {pictures} pictures",
                duration.as_secs_f64()
            )),
            Err(error) => notices.warn(format!("{path} was left behind by a crash: {error}")),
        }
    }
}

fn open(number: u64, folder: &std::path::Path, settings: &Settings, notices: &Notices) -> Response {
    let now = std::time::SystemTime::now();
    let opened = record::reserve(folder, now, record::ending(settings))
        .and_then(|name| Recorder::start_reserved(name, settings));
    match opened {
        Ok(recorder) => {
            if let Some(reason) = recorder.fell_back() {
                let encoder = recorder.encoder();
                notices.warn(format!("recording with {encoder}: {reason}"));
            }
            let take = recorder.path().with_extension("take");
            Response::Opened(number, Box::new(recorder), take)
        }
        Err(error) => {
            notices.warn(error.to_string());
            Response::Failed(number)
        }
    }
}

/// Closes a recording and reports what it came to; gives that where it is whole.
fn close(recorder: Recorder, notices: &Notices) -> Option<Summary> {
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

/// The thread `remux`, which makes closed recordings into plain mp4 files, one after the other. It starts with the first of them.
struct Remuxer {
    running: Option<(Sender<Summary>, Worker)>,
    notices: Arc<Notices>,
}

impl Remuxer {
    fn new(notices: Arc<Notices>) -> Self {
        Self {
            running: None,
            notices,
        }
    }

    fn add(&mut self, recording: Summary) {
        if self.running.is_none() {
            self.start();
        }
        let path = recording.path.clone();
        let taken = self
            .running
            .as_ref()
            .is_some_and(|(recordings, _)| recordings.try_send(recording).is_ok());
        if !taken {
            self.notices.warn(format!(
                "{} stays in fragments, and plays: too many recordings wait",
                path.display()
            ));
        }
    }

    fn start(&mut self) {
        let (recordings, inbox) = bounded::<Summary>(WAITING);
        let notices = Arc::clone(&self.notices);
        let worker = Worker::start("remux", move |_| {
            for recording in inbox {
                match remux(&recording) {
                    Ok(()) => {
                        let path = recording.path.display();
                        notices.info(format!("{path} is a plain mp4 now"));
                    }
                    Err(error) => notices.warn(error.to_string()),
                }
            }
        });
        match worker {
            Ok(worker) => self.running = Some((recordings, worker)),
            Err(error) => self.notices.warn(format!(
                "cannot start the thread that makes plain mp4 files: {error}"
            )),
        }
    }
}
