//! The recording session: what is recorded of a show, opened and closed by its worker, fed by the show.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arm::RecordArm;
use super::recording_worker::{RecordingWorker, Response};
use super::sound_input::SoundInput;
use crate::control::Notices;
use crate::record::{Codec, DiskSpace, Effort, Encoders, FpsMode, Recorder, Settings, Sound};
use crate::stage::{Canvas, Finished, PostChain, PostFrame, Projection};

/// A recording that runs, that was asked for, or none.
enum State {
    Off,
    /// The worker opens it by that number; it begins when it is open, or is held until it is told to.
    Starting {
        number: u64,
        held: bool,
    },
    /// It is open, and begins when it is told to; with the name of the take beside it.
    Ready(Running, PathBuf),
    On(Running),
}

/// What is recorded of a show, when, and with which sound.
pub(super) struct Recording {
    pub(super) session: RecordingSession,
    pub(super) arm: RecordArm,
    pub(super) sound: SoundInput,
}

impl Recording {
    pub(super) fn new(session: RecordingSession, sound: SoundInput) -> Self {
        Self {
            session,
            arm: RecordArm::default(),
            sound,
        }
    }

    /// Opens a recording of pictures of that size, which begins when it is toggled.
    pub(super) fn prepare(&mut self, size: (u32, u32)) {
        self.session.prepare(size, self.sound.format());
    }

    /// Starts a recording of pictures of that size, or ends the one that runs.
    pub(super) fn toggle(&mut self, now: Instant, size: (u32, u32)) -> Change {
        self.session.toggle(now, size, self.sound.format())
    }

    /// Hands on the sound that was heard since the last picture.
    pub(super) fn offer_sound(&self) {
        let (samples, heard_at) = self.sound.samples();
        self.session.offer_sound(samples, heard_at);
    }
}

/// How the recording changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// It has begun; the name of the take beside it.
    Begun(PathBuf),
    /// It has ended; how many pictures it lost.
    Ended(u64),
}

/// How recordings are made.
pub(super) struct RecordingSettings {
    /// The recorded picture's size, where it is not the engine's. It stays when a model of another size is loaded.
    pub(super) size: Option<(u32, u32)>,
    /// The show's pictures a second.
    pub(super) rate: f64,
    pub(super) fps_mode: FpsMode,
    pub(super) codec: Option<Codec>,
    pub(super) encoders: Encoders,
    pub(super) plain_mp4: bool,
    /// Whether the clean feed is recorded: pictures as they were before their look.
    pub(super) without_look: bool,
}

/// What all recordings of a show came to.
pub(super) struct RecordingTotals {
    /// Pictures that they lost.
    pub(super) dropped: u64,
    /// What coded the last one.
    pub(super) encoder: Option<String>,
}

/// A recording, and when it began.
struct Running {
    recorder: Box<Recorder>,
    since: Instant,
    /// Whether the performer was told that the disk fills up.
    is_warned: bool,
}

impl Running {
    fn offer(&self, canvas: &Canvas, projection: &Projection, at: Instant) {
        // From the card a picture may come that was finished before the recording began.
        if at >= self.since {
            self.recorder
                .offer(canvas, projection, at.duration_since(self.since));
        }
    }
}

/// The recording of a show, and what it is made of.
pub(super) struct RecordingSession {
    state: State,
    worker: RecordingWorker,
    notices: Arc<Notices>,
    folder: PathBuf,
    settings: RecordingSettings,
    requests: u64,
    /// Limits the flashes of the clean feed.
    clean_feed: PostChain,
    dropped: u64,
    encoder: Option<Arc<str>>,
}

impl RecordingSession {
    /// A session that records nothing yet.
    pub(super) fn new(
        worker: RecordingWorker,
        notices: Arc<Notices>,
        folder: PathBuf,
        settings: RecordingSettings,
    ) -> Self {
        Self {
            state: State::Off,
            worker,
            notices,
            folder,
            settings,
            requests: 0,
            clean_feed: PostChain::default(),
            dropped: 0,
            encoder: None,
        }
    }

    /// Starts a recording of pictures of the engine's `size`, or ends the one that runs.
    pub(super) fn toggle(
        &mut self,
        now: Instant,
        size: (u32, u32),
        sound: Option<Sound>,
    ) -> Change {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Off => self.start(size, sound, false),
            State::Starting { number, held: true } => {
                self.state = State::Starting {
                    number,
                    held: false,
                };
            }
            // Called off before it began: what the worker brings is thrown away.
            State::Starting { held: false, .. } => {}
            State::Ready(running, take) => {
                self.begin(now, running);
                return Change::Begun(take);
            }
            State::On(running) => {
                return self.close(running.recorder);
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
            State::Ready(running, _) => self.worker.discard(running.recorder),
            other => self.state = other,
        }
    }

    fn start(&mut self, size: (u32, u32), sound: Option<Sound>, held: bool) {
        let of = &self.settings;
        let settings = Settings {
            source: size,
            fps_mode: of.fps_mode,
            sound,
            codec: of.codec,
            encoders: of.encoders,
            plain_mp4: of.plain_mp4,
            ..Settings::silent(of.size.unwrap_or(size), of.rate, Effort::Live)
        };
        self.requests += 1;
        let number = self.requests;
        if self.worker.open(number, self.folder.clone(), settings) {
            self.state = State::Starting { number, held };
        } else {
            self.notices
                .warn("cannot record: earlier recordings are still being closed");
        }
    }

    fn begin(&mut self, now: Instant, mut running: Running) {
        running.since = now;
        let encoder = Arc::clone(running.recorder.encoder());
        let text = format!(
            "recording to {} with {encoder}",
            running.recorder.path().display()
        );
        self.encoder = Some(encoder);
        self.notices.info(text);
        self.state = State::On(running);
    }

    /// Takes what the worker has ready; gives the name of the take beside a recording that begins.
    pub(super) fn follow(&mut self, now: Instant) -> Option<PathBuf> {
        let mut begun = None;
        while let Some(response) = self.worker.take() {
            let awaited = match self.state {
                State::Starting { number, held } => Some((number, held)),
                _ => None,
            };
            match response {
                Response::Opened(number, recorder, take) => match awaited {
                    Some((awaited, held)) if awaited == number => {
                        let running = Running {
                            recorder,
                            since: now,
                            is_warned: false,
                        };
                        if held {
                            self.state = State::Ready(running, take);
                        } else {
                            begun = Some(take);
                            self.begin(now, running);
                        }
                    }
                    _ => self.worker.discard(recorder),
                },
                Response::Failed(number) => {
                    if awaited.is_some_and(|(awaited, _)| awaited == number) {
                        self.state = State::Off;
                    }
                }
            }
        }
        begun
    }

    /// Takes the composed picture before its effects, where the clean feed is recorded: dimmed by the master, its flashes limited.
    pub(super) fn capture_clean(
        &mut self,
        canvas: &Canvas,
        frame: &PostFrame,
        projection: &Projection,
        at: Instant,
    ) {
        if self.settings.without_look
            && let State::On(running) = &self.state
            && let Finished::Cpu(picture) = self.clean_feed.run(canvas, frame)
        {
            running.offer(picture, projection, at);
        }
    }

    /// Offers what was heard since the last time; the last of it at that time.
    pub(super) fn offer_sound(&self, samples: &[f32], heard_at: Instant) {
        if let State::On(Running {
            recorder, since, ..
        }) = &self.state
        {
            recorder.offer_sound(samples, heard_at.saturating_duration_since(*since));
        }
    }

    /// Offers a finished picture, and when it was finished.
    pub(super) fn offer(&mut self, canvas: &Canvas, projection: &Projection, at: Instant) {
        if let State::On(running) = &self.state
            && !self.settings.without_look
        {
            running.offer(canvas, projection, at);
        }
    }

    /// Ends the recording where it has failed, or the disk is all but full.
    pub(super) fn check(&mut self) -> Change {
        let State::On(Running {
            recorder,
            is_warned,
            ..
        }) = &mut self.state
        else {
            return Change::None;
        };
        let room = recorder.disk_space();
        let told = match room {
            DiskSpace::Low(left) if !*is_warned => {
                *is_warned = true;
                let secs = left.as_secs();
                let text = format!(
                    "the disk has room for {}:{:02} more of this recording",
                    secs / 60,
                    secs % 60
                );
                Some(text)
            }
            DiskSpace::Full => Some("the disk is all but full: the recording is closed".to_owned()),
            _ => None,
        };
        if let Some(text) = told {
            self.notices.warn(text);
        }
        if (recorder.has_failed() || room == DiskSpace::Full)
            && let State::On(running) = std::mem::replace(&mut self.state, State::Off)
        {
            return self.close(running.recorder);
        }
        Change::None
    }

    /// How long the recording has run and how many pictures it lost, where one runs.
    pub(super) fn running(&self, now: Instant) -> Option<(Duration, u64)> {
        match &self.state {
            State::On(running) => {
                let length = now.saturating_duration_since(running.since);
                Some((length, running.recorder.dropped()))
            }
            _ => None,
        }
    }

    /// Whether a recording is open and held until its moment.
    #[cfg(test)]
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(..))
    }

    /// How long the disk has room for the recording that runs, where that is not long.
    pub(super) fn left(&self) -> Option<Duration> {
        match &self.state {
            State::On(running) => match running.recorder.disk_space() {
                DiskSpace::Ok => None,
                DiskSpace::Low(left) => Some(left),
                DiskSpace::Full => Some(Duration::ZERO),
            },
            _ => None,
        }
    }

    /// Ends the recording that runs and waits until every file is closed; what all of them came to.
    pub(super) fn end(mut self) -> RecordingTotals {
        match std::mem::replace(&mut self.state, State::Off) {
            // The worker does what it was asked for before it goes.
            State::On(running) => {
                self.close(running.recorder);
            }
            State::Ready(running, _) => {
                // It has no picture, and so no file.
                let _ = running.recorder.finish();
            }
            _ => {}
        }
        RecordingTotals {
            dropped: self.dropped,
            encoder: self.encoder.map(|encoder| encoder.to_string()),
        }
    }

    fn close(&mut self, recorder: Box<Recorder>) -> Change {
        let dropped = recorder.dropped();
        self.dropped += dropped;
        self.worker.close(recorder);
        Change::Ended(dropped)
    }
}

#[cfg(test)]
mod tests;
