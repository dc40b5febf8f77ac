//! Recordings made into plain mp4 files, one after the other, beside everything else.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};

use crate::control::Notices;
use crate::record::{Summary, remux};

/// Recordings that can wait.
const WAITING: usize = 16;

/// The thread `remux`, and the recordings before it.
pub(super) struct Remuxing {
    recordings: Option<Sender<Summary>>,
    thread: Option<JoinHandle<()>>,
    notices: Arc<Notices>,
}

impl Remuxing {
    /// Nothing yet: the thread starts with the first recording.
    pub(super) fn new(notices: Arc<Notices>) -> Self {
        Self {
            recordings: None,
            thread: None,
            notices,
        }
    }

    /// Takes a recording that is closed.
    pub(super) fn add(&mut self, recording: Summary) {
        if self.recordings.is_none() {
            self.start();
        }
        let path = recording.path.clone();
        let taken = self
            .recordings
            .as_ref()
            .is_some_and(|recordings| recordings.try_send(recording).is_ok());
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
        let thread = std::thread::Builder::new()
            .name("remux".into())
            .spawn(move || {
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
        match thread {
            Ok(thread) => {
                (self.recordings, self.thread) = (Some(recordings), Some(thread));
            }
            Err(error) => self.notices.warn(format!(
                "cannot start the thread that makes plain mp4 files: {error}"
            )),
        }
    }
}

impl Drop for Remuxing {
    /// Waits until all of them are done.
    fn drop(&mut self) {
        self.recordings = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
