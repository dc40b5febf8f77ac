//! Sound capture: one device held open while the show runs.

use std::{
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::connection::DeviceThread;
use super::state::{CaptureState, Format, OPEN_TIMEOUT, POLL_INTERVAL};
use super::{Analyser, Features, Input, SoundError};

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// An open capture device. Dropping it closes the device.
///
/// A device that vanishes is named once in the log and stands in as silence of the same length, so that a recording
/// stays true to the clock; once a second it is looked for again.
pub struct Capture {
    state: Arc<CaptureState>,
    input: Input,
    format: Format,
    analysis: Option<JoinHandle<()>>,
    sound: Option<JoinHandle<()>>,
    sound_ended: Receiver<()>,
}

impl Capture {
    /// Opens the input that `name` means: `default`, or a name, an identifier or a part of either, in any case.
    ///
    /// Blocks until the device runs, at most five seconds.
    ///
    /// # Errors
    /// [`SoundError`]: no such input, or it cannot be opened.
    pub fn open(name: &str) -> Result<Self, SoundError> {
        let state = Arc::new(CaptureState::new());
        let (opened, answer) = crossbeam_channel::bounded(1);
        let (running, sound_ended) = crossbeam_channel::bounded(0);
        let device = DeviceThread {
            asked: name.to_owned(),
            state: Arc::clone(&state),
            _running: running,
        };
        let sound = thread::Builder::new()
            .name("sound".to_owned())
            .spawn(move || device.run(&opened))?;
        let (input, format) = match answer.recv_timeout(OPEN_TIMEOUT) {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                // The thread is stuck inside the sound system; it ends by itself if that ever answers.
                state.closing.store(true, Ordering::Relaxed);
                return Err(SoundError::Silent {
                    asked: name.to_owned(),
                    waited_secs: OPEN_TIMEOUT.as_secs(),
                });
            }
        };
        let mut capture = Self {
            state: Arc::clone(&state),
            input,
            format,
            analysis: None,
            sound: Some(sound),
            sound_ended,
        };
        capture.analysis = Some(
            thread::Builder::new()
                .name("analysis".to_owned())
                .spawn(move || analyse(&state, format.sample_rate_hz))?,
        );
        Ok(capture)
    }

    /// The features of what was heard last. Lock-free; about 20 ms old beyond the device's own delay.
    pub fn features(&self) -> Features {
        self.state.features.load()
    }

    /// Appends what was captured since the last call, interleaved, in -1..=1, and gives when the last of it was heard. Never
    /// blocks.
    ///
    /// At most 1.4 s is kept: call it once a frame, and throw away what is not recorded.
    pub fn drain_samples(&self, samples: &mut Vec<f32>) -> Instant {
        // Before the samples: what the device delivers between the two is drained a block too early, once.
        let heard = self.state.heard();
        // Bounded, so that a fast device cannot hold the caller here.
        for _ in 0..self.state.recording.len() {
            let Some(frame) = self.state.recording.pop() else {
                break;
            };
            samples.extend_from_slice(&frame);
        }
        heard
    }

    /// The form of the samples that [`Self::drain_samples`] delivers; constant while the capture lives.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The device that was opened.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Whether the device is there at this moment.
    pub fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Relaxed);
        for thread in self.sound.iter().chain(&self.analysis) {
            thread.thread().unpark();
        }
        if let Some(analysis) = self.analysis.take() {
            join(analysis);
        }
        // Closing a device whose server died has been seen to hang for ever: then the thread is left behind.
        match self.sound_ended.recv_timeout(CLOSE_TIMEOUT) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("the sound input {} does not close: left open", self.input);
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Some(sound) = self.sound.take() {
                    join(sound);
                }
            }
        }
    }
}

fn join(thread: JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    if thread.join().is_err() {
        tracing::error!("the thread {name} ended by a panic: please report it");
    }
}

fn analyse(state: &CaptureState, sample_rate_hz: u32) {
    let mut analyser = Analyser::new(sample_rate_hz);
    while !state.is_closing() {
        while let Some([left, right]) = state.analysis.pop() {
            if let Some(features) = analyser.push((left + right) / 2.0) {
                state.features.store(features);
            }
        }
        thread::park_timeout(POLL_INTERVAL);
    }
}
