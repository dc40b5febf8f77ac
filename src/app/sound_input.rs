//! The sound input: it drives parameters and goes into recordings.

use std::sync::Arc;
use std::time::Instant;

use crate::control::Notices;
use crate::instrument::Action;
use crate::instrument::SOURCES;
use crate::record::Sound;
use crate::sound::Capture;
use crate::worker::Worker;

/// Room for the samples that come between two frames.
const SAMPLES: usize = 1 << 17;

/// A sound input, and what was heard since the last frame.
pub(super) struct SoundInput {
    /// Opens the device: a dead one takes seconds to be found dead.
    opening: Option<Worker<Option<Box<Capture>>>>,
    capture: Option<Box<Capture>>,
    samples: Vec<f32>,
    /// When the last of them was heard.
    heard_at: Instant,
    /// What the features were last.
    heard: [f64; SOURCES.len()],
}

impl SoundInput {
    /// Begins to open the input of that name on a thread of its own; none where no name is given.
    pub(super) fn open(
        name: Option<&str>,
        notices: &Arc<Notices>,
        now: Instant,
    ) -> std::io::Result<Self> {
        let opening = name.map(|name| {
            let (name, notices) = (name.to_owned(), Arc::clone(notices));
            Worker::start("sound-open", move |_| match Capture::open(&name) {
                Ok(capture) => {
                    notices.info(format!("listening to {}", capture.input()));
                    Some(Box::new(capture))
                }
                Err(error) => {
                    notices.warn(error.to_string());
                    None
                }
            })
        });
        Ok(Self {
            opening: opening.transpose()?,
            capture: None,
            samples: Vec::with_capacity(SAMPLES),
            heard_at: now,
            heard: [f64::NAN; SOURCES.len()],
        })
    }

    /// Takes what was heard since the last call, and hands on each feature that has changed.
    pub(super) fn listen(&mut self, mut each: impl FnMut(Action)) {
        if self.opening.as_ref().is_some_and(Worker::is_finished) {
            self.capture = self.opening.take().and_then(Worker::join).flatten();
        }
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
                each(Action::Source { source, value });
            }
        }
    }

    /// The samples that were taken last, and when the last of them was heard.
    pub(super) fn samples(&self) -> (&[f32], Instant) {
        (&self.samples, self.heard_at)
    }

    /// The format of the samples.
    pub(super) fn format(&self) -> Option<Sound> {
        self.capture.as_ref().map(|capture| {
            let format = capture.format();
            Sound {
                rate: format.sample_rate_hz,
                channels: format.channels,
            }
        })
    }

    /// The device, once it is open.
    pub(super) fn capture(&self) -> Option<&Capture> {
        self.capture.as_deref()
    }
}
