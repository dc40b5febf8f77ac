//! One capture device held open while the show runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use crossbeam_queue::ArrayQueue;

use super::{Analyser, Features, Input, SoundError, connection::Keeper};

/// Frames that either ring holds, 1.4 s at 48 kHz; the oldest give way.
const RING_FRAMES: usize = 1 << 16;
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What [`Capture::drain_samples`] delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame. Always 2: a mono device is doubled, and of more than two channels the first two are heard.
    pub channels: u16,
}

/// An open capture device. Dropping it closes the device.
///
/// A device that vanishes is named once in the log and stands in as silence of the same length, so that a recording
/// stays true to the clock; once a second it is looked for again.
pub struct Capture {
    shared: Arc<Shared>,
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
        let shared = Arc::new(Shared::new());
        let (opened, answer) = crossbeam_channel::bounded(1);
        let (running, sound_ended) = crossbeam_channel::bounded(0);
        let keeper = Keeper {
            asked: name.to_owned(),
            shared: Arc::clone(&shared),
            _running: running,
        };
        let sound = thread::Builder::new()
            .name("sound".to_owned())
            .spawn(move || keeper.run(&opened))?;
        let (input, format) = match answer.recv_timeout(OPEN_TIMEOUT) {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                // The thread is stuck inside the sound system; it ends by itself if that ever answers.
                shared.closing.store(true, Ordering::Relaxed);
                return Err(SoundError::Silent {
                    asked: name.to_owned(),
                    waited_secs: OPEN_TIMEOUT.as_secs(),
                });
            }
        };
        let mut capture = Self {
            shared: Arc::clone(&shared),
            input,
            format,
            analysis: None,
            sound: Some(sound),
            sound_ended,
        };
        capture.analysis = Some(
            thread::Builder::new()
                .name("analysis".to_owned())
                .spawn(move || analyse(&shared, format.sample_rate_hz))?,
        );
        Ok(capture)
    }

    /// What was heard last. Lock-free; about 20 ms old beyond the device's own delay.
    pub fn features(&self) -> Features {
        self.shared.features.load()
    }

    /// Appends what was captured since the last call, interleaved, in -1..=1, and gives when the last of it was heard. Never
    /// blocks.
    ///
    /// At most 1.4 s is kept: call it once a frame, and throw away what is not recorded.
    pub fn drain_samples(&self, samples: &mut Vec<f32>) -> Instant {
        // Before the samples: what the device delivers between the two is drained a block too early, once.
        let heard = self.shared.heard();
        // Bounded, so that a fast device cannot hold the caller here.
        for _ in 0..self.shared.recording.len() {
            let Some(frame) = self.shared.recording.pop() else {
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
        self.shared.connected.load(Ordering::Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
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

/// What the callback, the threads and the owner have in common.
pub(super) struct Shared {
    analysis: ArrayQueue<[f32; 2]>,
    recording: ArrayQueue<[f32; 2]>,
    begun: Instant,
    /// When the last frame in the rings was heard, counted from `begun`.
    heard_nanos: AtomicU64,
    pub(super) captured_frames: AtomicU64,
    features: LatestFeatures,
    pub(super) connected: AtomicBool,
    closing: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        Self {
            analysis: ArrayQueue::new(RING_FRAMES),
            recording: ArrayQueue::new(RING_FRAMES),
            begun: Instant::now(),
            heard_nanos: AtomicU64::new(0),
            captured_frames: AtomicU64::new(0),
            features: LatestFeatures::default(),
            connected: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Called from the device's callback: no lock, no allocation.
    pub(super) fn push(&self, frame: [f32; 2]) {
        let frame = frame.map(|sample| if sample.is_finite() { sample } else { 0.0 });
        self.analysis.force_push(frame);
        self.recording.force_push(frame);
    }

    /// Notes that the last frame which was pushed was heard so long ago.
    pub(super) fn note_age(&self, age: Duration) {
        let heard = self.begun.elapsed().saturating_sub(age);
        self.heard_nanos
            .store(heard.as_nanos() as u64, Ordering::Relaxed);
    }

    fn heard(&self) -> Instant {
        self.begun + Duration::from_nanos(self.heard_nanos.load(Ordering::Relaxed))
    }
}

/// A latest-value slot of [`Features`]. The four values may stem from neighbouring windows.
#[derive(Default)]
struct LatestFeatures([AtomicU32; 4]);

impl LatestFeatures {
    fn store(&self, features: Features) {
        let values = [features.level, features.low, features.mid, features.high];
        for (slot, value) in self.0.iter().zip(values) {
            slot.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    fn load(&self) -> Features {
        let [level, low, mid, high] =
            [0, 1, 2, 3].map(|i| f32::from_bits(self.0[i].load(Ordering::Relaxed)));
        Features {
            level,
            low,
            mid,
            high,
        }
    }
}

fn analyse(shared: &Shared, sample_rate_hz: u32) {
    let mut analyser = Analyser::new(sample_rate_hz);
    while !shared.is_closing() {
        while let Some([left, right]) = shared.analysis.pop() {
            if let Some(features) = analyser.push((left + right) / 2.0) {
                shared.features.store(features);
            }
        }
        thread::park_timeout(POLL_INTERVAL);
    }
}
