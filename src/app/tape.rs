//! The recording of a show: begun and closed by the desk, fed by the show.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{self, Desk, Done, Job};
use crate::control::Notices;
use crate::record::{Effort, Recorder, Settings, Sound};
use crate::stage::{Canvas, Fit, Scaler};

/// A recording that runs, that was asked for, or none.
enum State {
    Off,
    Starting((u32, u32)),
    On(Running),
}

/// A recording, when it began, and the size of its pictures, which stays when a model of another size is loaded.
struct Running {
    recorder: Box<Recorder>,
    since: Instant,
    size: (u32, u32),
}

/// What is recorded of a show, and where to.
pub(super) struct Tape {
    state: State,
    desk: Desk,
    notices: Arc<Notices>,
    folder: PathBuf,
    /// The recorded picture's size, where it is not the engine's.
    size: Option<(u32, u32)>,
    rate: f64,
    scaler: Option<(Fit, Scaler)>,
    scaled: Canvas,
    dropped: u64,
}

impl Tape {
    /// A tape that does not run; `rate` is the show's pictures a second.
    pub(super) fn new(
        desk: Desk,
        notices: Arc<Notices>,
        folder: PathBuf,
        size: Option<(u32, u32)>,
        rate: f64,
    ) -> Self {
        Self {
            state: State::Off,
            desk,
            notices,
            folder,
            size,
            rate,
            scaler: None,
            scaled: Canvas::default(),
            dropped: 0,
        }
    }

    /// Starts a recording of pictures of the engine's `size`, or ends the one that runs: true where it has ended.
    pub(super) fn toggle(&mut self, size: (u32, u32), sound: Option<Sound>) -> bool {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Off => {
                let size = self.size.unwrap_or(size);
                let settings = Settings {
                    sound,
                    ..Settings::silent(size, self.rate, Effort::Live)
                };
                let job = Job::Record(self.folder.clone(), settings);
                match self.desk.ask(job) {
                    Ok(()) => self.state = State::Starting(size),
                    Err(_) => self
                        .notices
                        .warn("cannot record: earlier recordings are still being closed"),
                }
            }
            // Called off before it began: what the desk brings is closed at once.
            State::Starting(_) => {}
            State::On(running) => {
                self.close(*running.recorder);
                return true;
            }
        }
        false
    }

    /// Takes what the desk has ready; gives the name of the take beside a recording that begins.
    pub(super) fn follow(&mut self) -> Option<PathBuf> {
        let mut begun = None;
        while let Some(done) = self.desk.take() {
            match (done, &self.state) {
                (Done::Recording(recorder, take), State::Starting(size)) => {
                    begun = Some(take);
                    self.state = State::On(Running {
                        recorder: Box::new(recorder),
                        since: Instant::now(),
                        size: *size,
                    });
                }
                (Done::Recording(recorder, _), _) => self.close(recorder),
                (Done::NoRecording, State::Starting(_)) => self.state = State::Off,
                _ => {}
            }
        }
        begun
    }

    /// Offers a picture that is being shown, and what was heard since the last one; true where the recording has failed and is
    /// over.
    pub(super) fn offer(&mut self, canvas: &Canvas, fit: Fit, samples: &[f32]) -> bool {
        let State::On(Running {
            recorder,
            since,
            size,
        }) = &self.state
        else {
            return false;
        };
        let picture = if *size == canvas.size {
            canvas
        } else {
            let sizes = (canvas.size, *size);
            let scaler = match &mut self.scaler {
                Some((scaled, scaler)) if *scaled == fit && scaler.sizes() == sizes => scaler,
                slot => &mut slot.insert((fit, Scaler::new(sizes.0, sizes.1, fit))).1,
            };
            self.scaled.resize(*size);
            scaler.scale(&canvas.rgba, &mut self.scaled.rgba);
            &self.scaled
        };
        recorder.offer(&picture.rgba, since.elapsed());
        recorder.offer_sound(samples);
        if recorder.has_failed()
            && let State::On(running) = std::mem::replace(&mut self.state, State::Off)
        {
            self.close(*running.recorder);
            return true;
        }
        false
    }

    /// How long the recording has run and how many pictures it lost, where one runs.
    pub(super) fn running(&self) -> Option<(Duration, u64)> {
        match &self.state {
            State::On(running) => Some((running.since.elapsed(), running.recorder.dropped())),
            _ => None,
        }
    }

    /// Ends the recording that runs and waits until every file is closed; returns the pictures that all of them lost.
    pub(super) fn end(mut self) -> u64 {
        if let State::On(running) = std::mem::replace(&mut self.state, State::Off) {
            self.dropped += running.recorder.dropped();
            desk::close(*running.recorder, &self.notices);
        }
        self.dropped
    }

    fn close(&mut self, recorder: Recorder) {
        self.dropped += recorder.dropped();
        if let Err(Job::Close(recorder)) = self.desk.ask(Job::Close(recorder)) {
            // The desk is full: rather a late picture than a lost recording.
            desk::close(recorder, &self.notices);
        }
    }
}
