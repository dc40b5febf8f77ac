//! The recording of a show: begun and closed by the desk, fed by the show.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::desk::{self, Desk, Done, Job};
use crate::control::Notices;
use crate::record::{Codec, Effort, Encoders, FpsMode, Recorder, Room, Settings, Sound};
use crate::stage::{Canvas, Finish, LookFrame, Projection};

/// A recording that runs, that was asked for, or none.
enum State {
    Off,
    /// The desk opens it; it begins when it is open, or is held until it is told to.
    Starting {
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
    /// It has ended; how many pictures it lost.
    Ended(u64),
}

/// The form of recordings.
pub(super) struct Form {
    /// The recorded picture's size, where it is not the engine's. It stays when a model of another size is loaded.
    pub(super) size: Option<(u32, u32)>,
    /// The show's pictures a second.
    pub(super) rate: f64,
    pub(super) fps_mode: FpsMode,
    pub(super) codec: Option<Codec>,
    pub(super) encoders: Encoders,
    pub(super) plain_mp4: bool,
    /// Whether pictures are recorded as they were before their look.
    pub(super) without_look: bool,
}

/// What all recordings of a show came to.
pub(super) struct Told {
    /// Pictures that they lost.
    pub(super) dropped: u64,
    /// What coded the last one.
    pub(super) encoder: Option<String>,
}

/// A recording, and when it began.
struct Running {
    recorder: Box<Recorder>,
    since: Instant,
    /// When the last picture that was offered was drawn.
    last: Option<Instant>,
    /// Whether the performer was told that the disk fills up.
    is_warned: bool,
}

/// What is recorded of a show, and where to.
pub(super) struct Tape {
    state: State,
    desk: Desk,
    notices: Arc<Notices>,
    folder: PathBuf,
    form: Form,
    /// The picture before its look, and what limits its flashes.
    bare: Canvas,
    limiter: Finish,
    dropped: u64,
    encoder: Option<Arc<str>>,
}

impl Tape {
    /// A tape that does not run.
    pub(super) fn new(desk: Desk, notices: Arc<Notices>, folder: PathBuf, form: Form) -> Self {
        Self {
            state: State::Off,
            desk,
            notices,
            folder,
            form,
            bare: Canvas::default(),
            limiter: Finish::default(),
            dropped: 0,
            encoder: None,
        }
    }

    /// Starts a recording of pictures of the engine's `size`, or ends the one that runs.
    pub(super) fn toggle(&mut self, size: (u32, u32), sound: Option<Sound>) -> Change {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Off => self.start(size, sound, false),
            State::Starting { held: true } => self.state = State::Starting { held: false },
            // Called off before it began: what the desk brings is thrown away.
            State::Starting { held: false } => {}
            State::Ready(running, take) => {
                self.begin(running);
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
            State::Starting { held: true } | State::Off => {}
            State::Ready(running, _) => self.throw_away(running.recorder),
            other => self.state = other,
        }
    }

    fn start(&mut self, size: (u32, u32), sound: Option<Sound>, held: bool) {
        let Form { rate, .. } = self.form;
        let settings = Settings {
            source: size,
            fps_mode: self.form.fps_mode,
            sound,
            codec: self.form.codec,
            encoders: self.form.encoders,
            plain_mp4: self.form.plain_mp4,
            ..Settings::silent(self.form.size.unwrap_or(size), rate, Effort::Live)
        };
        match self.desk.ask(Job::Record(self.folder.clone(), settings)) {
            Ok(()) => self.state = State::Starting { held },
            Err(_) => self
                .notices
                .warn("cannot record: earlier recordings are still being closed"),
        }
    }

    fn begin(&mut self, mut running: Running) {
        running.since = Instant::now();
        let encoder = Arc::clone(running.recorder.encoder());
        let text = format!(
            "recording to {} with {encoder}",
            running.recorder.path().display()
        );
        self.encoder = Some(encoder);
        self.notices.info(text);
        self.state = State::On(running);
    }

    /// Takes what the desk has ready; gives the name of the take beside a recording that begins.
    pub(super) fn follow(&mut self) -> Option<PathBuf> {
        let mut begun = None;
        while let Some(done) = self.desk.take() {
            match (done, &self.state) {
                (Done::Recording(recorder, take), &State::Starting { held }) => {
                    let running = Running {
                        recorder,
                        since: Instant::now(),
                        last: None,
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

    /// Takes the picture before its look, where that is what is recorded: dimmed by so much, its flashes limited.
    pub(super) fn catch(&mut self, canvas: &Canvas, brightness: f32, look: &LookFrame) {
        if self.form.without_look && matches!(self.state, State::On(_)) {
            self.bare.resize(canvas.size);
            self.bare.rgba.copy_from_slice(&canvas.rgba);
            self.bare.dim(brightness);
            self.limiter.finish(&mut self.bare, look);
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

    /// Offers a picture that was shown at that time; with its look it was drawn earlier, where it comes from the card. The
    /// recording ends where it has failed, or the disk is all but full.
    pub(super) fn offer(
        &mut self,
        canvas: &Canvas,
        projection: &Projection,
        shown_at: Instant,
        drawn_at: Option<Instant>,
    ) -> Change {
        let (picture, drawn_at) = if self.form.without_look {
            (&self.bare, shown_at)
        } else {
            (canvas, drawn_at.unwrap_or(shown_at))
        };
        let State::On(Running {
            recorder,
            since,
            last,
            is_warned,
        }) = &mut self.state
        else {
            return Change::None;
        };
        // From the card a picture may come again, or one from before the recording.
        if drawn_at >= *since && last.is_none_or(|last| drawn_at > last) {
            *last = Some(drawn_at);
            recorder.offer(picture, projection, drawn_at.duration_since(*since));
        }
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
            self.notices.warn(text);
        }
        if (recorder.has_failed() || room == Room::Spent)
            && let State::On(running) = std::mem::replace(&mut self.state, State::Off)
        {
            return self.close(running.recorder);
        }
        Change::None
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

    /// Ends the recording that runs and waits until every file is closed; what all of them came to.
    pub(super) fn end(mut self) -> Told {
        match std::mem::replace(&mut self.state, State::Off) {
            // The desk does what it was asked for before it goes.
            State::On(running) => {
                self.close(running.recorder);
            }
            State::Ready(running, _) => {
                // It has no picture, and so no file.
                let _ = running.recorder.finish();
            }
            _ => {}
        }
        Told {
            dropped: self.dropped,
            encoder: self.encoder.map(|encoder| encoder.to_string()),
        }
    }

    fn throw_away(&self, recorder: Box<Recorder>) {
        if let Err(Job::ThrowAway(recorder)) = self.desk.ask(Job::ThrowAway(recorder)) {
            // It wrote nothing; its thread ends by itself.
            drop(recorder);
        }
    }

    fn close(&mut self, recorder: Box<Recorder>) -> Change {
        let dropped = recorder.dropped();
        self.dropped += dropped;
        if let Err(Job::Close(recorder)) = self.desk.ask(Job::Close(recorder)) {
            // The desk is full: rather a late picture than a lost recording. It stays in fragments.
            desk::close(*recorder, &self.notices);
        }
        Change::Ended(dropped)
    }
}
