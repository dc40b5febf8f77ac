//! The recording of a show: begun and closed by the desk, fed by the show.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{self, Desk, Done, Job};
use crate::control::Notices;
use crate::record::{Codec, Effort, Recorder, Room, Settings, Sound};
use crate::stage::{Canvas, Filter, Projection, Scaler};

/// A recording that runs, that was asked for, or none.
enum State {
    Off,
    /// The desk opens it; it begins when it is open, or is held until it is told to.
    Starting {
        size: (u32, u32),
        held: bool,
    },
    /// It is open, and begins when it is told to; with the name of the take beside it.
    Ready(Running, PathBuf),
    On(Running),
}

/// What has become of a recording.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// It has begun; the name of the take beside it.
    Begun(PathBuf),
    Ended,
}

/// A recording, when it began, and the size of its pictures, which stays when a model of another size is loaded.
struct Running {
    recorder: Box<Recorder>,
    since: Instant,
    size: (u32, u32),
    /// Whether the performer was told that the disk fills up.
    is_warned: bool,
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
    codec: Option<Codec>,
    scaler: Scaler,
    scaled: Canvas,
    dropped: u64,
}

impl Tape {
    /// A tape that does not run; `rate` is the show's pictures a second.
    pub(super) fn new(
        desk: Desk,
        notices: Arc<Notices>,
        folder: PathBuf,
        (size, rate, codec): (Option<(u32, u32)>, f64, Option<Codec>),
    ) -> Self {
        Self {
            state: State::Off,
            desk,
            notices,
            folder,
            size,
            rate,
            codec,
            scaler: Scaler::new(Filter::CatmullRom, 1),
            scaled: Canvas::default(),
            dropped: 0,
        }
    }

    /// Starts a recording of pictures of the engine's `size`, or ends the one that runs.
    pub(super) fn toggle(&mut self, size: (u32, u32), sound: Option<Sound>) -> Change {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Off => self.start(size, sound, false),
            State::Starting { size, held: true } => {
                self.state = State::Starting { size, held: false };
            }
            // Called off before it began: what the desk brings is thrown away.
            State::Starting { held: false, .. } => {}
            State::Ready(running, take) => {
                self.begin(running);
                return Change::Begun(take);
            }
            State::On(running) => {
                self.close(running.recorder);
                return Change::Ended;
            }
        }
        Change::None
    }

    /// Opens a recording that begins when it is toggled, without more ado; not while one runs.
    pub(super) fn prepare(&mut self, size: (u32, u32), sound: Option<Sound>) {
        if matches!(self.state, State::Off) {
            self.start(size, sound, true);
        }
    }

    /// Throws away what was prepared.
    pub(super) fn call_off(&mut self) {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Starting { held: true, .. } | State::Off => {}
            State::Ready(running, _) => self.throw_away(running.recorder),
            other => self.state = other,
        }
    }

    fn start(&mut self, size: (u32, u32), sound: Option<Sound>, held: bool) {
        let size = self.size.unwrap_or(size);
        let settings = Settings {
            sound,
            codec: self.codec,
            ..Settings::silent(size, self.rate, Effort::Live)
        };
        match self.desk.ask(Job::Record(self.folder.clone(), settings)) {
            Ok(()) => self.state = State::Starting { size, held },
            Err(_) => self
                .notices
                .warn("cannot record: earlier recordings are still being closed"),
        }
    }

    fn begin(&mut self, mut running: Running) {
        running.since = Instant::now();
        let text = format!("recording to {}", running.recorder.path().display());
        // Where the desk is full, the show must not wait.
        let _ = self.desk.ask(Job::Tell(text));
        self.state = State::On(running);
    }

    /// Takes what the desk has ready; gives the name of the take beside a recording that begins.
    pub(super) fn follow(&mut self) -> Option<PathBuf> {
        let mut begun = None;
        while let Some(done) = self.desk.take() {
            match (done, &self.state) {
                (Done::Recording(recorder, take), &State::Starting { size, held }) => {
                    let running = Running {
                        recorder,
                        since: Instant::now(),
                        size,
                        is_warned: false,
                    };
                    if held {
                        self.state = State::Ready(running, take);
                    } else {
                        begun = Some(take);
                        self.begin(running);
                    }
                }
                (Done::Recording(recorder, _), _) => self.throw_away(recorder),
                (Done::NoRecording, State::Starting { .. }) => self.state = State::Off,
                _ => {}
            }
        }
        begun
    }

    /// Offers a picture that is being shown, and what was heard since the last one; true where the recording has failed and is
    /// over.
    pub(super) fn offer(
        &mut self,
        canvas: &Canvas,
        projection: &Projection,
        samples: &[f32],
    ) -> bool {
        let State::On(Running {
            recorder,
            since,
            size,
            is_warned,
        }) = &mut self.state
        else {
            return false;
        };
        let picture = if *size == canvas.size {
            canvas
        } else {
            self.scaled.resize(*size);
            self.scaler.scale(canvas, &mut self.scaled, projection);
            &self.scaled
        };
        recorder.offer(&picture.rgba, since.elapsed());
        recorder.offer_sound(samples);
        let room = recorder.room();
        let told = match room {
            Room::Scarce(left) if !*is_warned => {
                *is_warned = true;
                let secs = left.as_secs();
                let text = format!(
                    "the disk has room for {}:{:02} more of this recording",
                    secs / 60,
                    secs % 60
                );
                Some(text)
            }
            Room::Spent => Some("the disk is all but full: the recording is closed".to_owned()),
            _ => None,
        };
        if let Some(text) = told {
            // Where the desk is full, the show must not wait.
            let _ = self.desk.ask(Job::Warn(text));
        }
        if (recorder.has_failed() || room == Room::Spent)
            && let State::On(running) = std::mem::replace(&mut self.state, State::Off)
        {
            self.close(running.recorder);
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

    /// How long the disk has room for the recording that runs, where that is not long.
    pub(super) fn left(&self) -> Option<Duration> {
        match &self.state {
            State::On(running) => match running.recorder.room() {
                Room::Ample => None,
                Room::Scarce(left) => Some(left),
                Room::Spent => Some(Duration::ZERO),
            },
            _ => None,
        }
    }

    /// Ends the recording that runs and waits until every file is closed; returns the pictures that all of them lost.
    pub(super) fn end(mut self) -> u64 {
        match std::mem::replace(&mut self.state, State::Off) {
            State::On(running) => {
                self.dropped += running.recorder.dropped();
                desk::close(*running.recorder, &self.notices);
            }
            State::Ready(running, _) => {
                // It has no picture, and so no file.
                let _ = running.recorder.finish();
            }
            _ => {}
        }
        self.dropped
    }

    fn throw_away(&self, recorder: Box<Recorder>) {
        if let Err(Job::ThrowAway(recorder)) = self.desk.ask(Job::ThrowAway(recorder)) {
            // It wrote nothing; its thread ends by itself.
            drop(recorder);
        }
    }

    fn close(&mut self, recorder: Box<Recorder>) {
        self.dropped += recorder.dropped();
        if let Err(Job::Close(recorder)) = self.desk.ask(Job::Close(recorder)) {
            // The desk is full: rather a late picture than a lost recording.
            desk::close(*recorder, &self.notices);
        }
    }
}
