//! One capture device held open while the show runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use cpal::{
    FromSample, SizedSample,
    traits::{DeviceTrait, StreamTrait},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use crossbeam_queue::ArrayQueue;

use super::{Analyser, Features, Input, SoundError, device};

/// Frames in one callback. PulseAudio's own choice of buffer has been seen to lose two seconds.
const BUFFER_FRAMES: u32 = 1024;
/// Frames that either ring holds, 1.4 s at 48 kHz; the oldest give way.
const RING_FRAMES: usize = 1 << 16;
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);
/// A device that delivers nothing for this long is taken for lost.
const STALL_TIMEOUT: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

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

    /// Appends what was captured since the last call, interleaved, in -1..=1. Never blocks.
    ///
    /// At most 1.4 s is kept: call it once a frame, and throw away what is not recorded.
    pub fn drain_samples(&self, samples: &mut Vec<f32>) {
        // Bounded, so that a fast device cannot hold the caller here.
        for _ in 0..self.shared.recording.len() {
            let Some(frame) = self.shared.recording.pop() else {
                break;
            };
            samples.extend_from_slice(&frame);
        }
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
struct Shared {
    analysis: ArrayQueue<[f32; 2]>,
    recording: ArrayQueue<[f32; 2]>,
    captured_frames: AtomicU64,
    features: LatestFeatures,
    connected: AtomicBool,
    closing: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        Self {
            analysis: ArrayQueue::new(RING_FRAMES),
            recording: ArrayQueue::new(RING_FRAMES),
            captured_frames: AtomicU64::new(0),
            features: LatestFeatures::default(),
            connected: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Called from the device's callback: no lock, no allocation.
    fn push(&self, frame: [f32; 2]) {
        let frame = frame.map(|sample| if sample.is_finite() { sample } else { 0.0 });
        self.analysis.force_push(frame);
        self.recording.force_push(frame);
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

type Opened = Result<(Input, Format), SoundError>;

/// Opens the device, and again whenever it was lost. Runs on the thread `sound`, where alone streams are made and
/// closed: both can block for long.
struct Keeper {
    asked: String,
    shared: Arc<Shared>,
    /// Tells the owner, by being dropped, that this thread is past everything that can block.
    _running: Sender<()>,
}

impl Keeper {
    fn run(&self, opened: &Sender<Opened>) {
        let mut format = None;
        while !self.shared.is_closing() {
            match Connection::open(&self.asked, format, &self.shared) {
                Ok(connection) => {
                    self.shared.connected.store(true, Ordering::Relaxed);
                    if format.is_none() {
                        // The owner may have given up waiting; then `closing` is set and this ends at once.
                        _ = opened.send(Ok((connection.input.clone(), connection.format)));
                    } else {
                        tracing::info!("the sound input {} is back", connection.input);
                    }
                    format = Some(connection.format);
                    let lost = connection.wait(&self.shared);
                    self.shared.connected.store(false, Ordering::Relaxed);
                    if let Some(reason) = lost {
                        tracing::warn!(
                            "the sound input {} is gone ({reason}): the show goes on in silence, and looks for it each second",
                            connection.input
                        );
                        abandon(connection);
                    }
                }
                Err(error) if format.is_none() => {
                    _ = opened.send(Err(error));
                    return;
                }
                Err(error) => tracing::debug!("{error}"),
            }
            if let Some(format) = format {
                self.stand_in(format);
            }
        }
    }

    /// Delivers silence at the clock's pace for one [`RECONNECT_INTERVAL`].
    fn stand_in(&self, format: Format) {
        let since = Instant::now();
        let mut delivered = 0;
        while since.elapsed() < RECONNECT_INTERVAL && !self.shared.is_closing() {
            thread::park_timeout(POLL_INTERVAL);
            let due = (since.elapsed().as_secs_f64() * f64::from(format.sample_rate_hz)) as u64;
            for _ in delivered..due {
                self.shared.push([0.0; 2]);
            }
            delivered = due;
        }
    }
}

/// Closes a stream whose device is gone on a thread of its own, which is not joined: it has been seen to hang for ever.
fn abandon(connection: Connection) {
    let spawned = thread::Builder::new()
        .name("sound-close".to_owned())
        .spawn(move || drop(connection));
    if let Err(error) = spawned {
        tracing::warn!("starting a thread to close a lost sound input: {error}");
    }
}

/// A running stream.
struct Connection {
    input: Input,
    format: Format,
    errors: Receiver<cpal::Error>,
    _stream: cpal::Stream,
}

impl Connection {
    /// Opens the input; at the sample rate of `earlier`, where there was one.
    fn open(
        asked: &str,
        earlier: Option<Format>,
        shared: &Arc<Shared>,
    ) -> Result<Self, SoundError> {
        let (input, device) = device::find(asked)?;
        let failed = |error: cpal::Error| SoundError::Open {
            device: input.to_string(),
            reason: error.to_string(),
        };
        let offered = device.default_input_config().map_err(failed)?;
        let format = earlier.unwrap_or(Format {
            sample_rate_hz: offered.sample_rate(),
            channels: 2,
        });
        let config = cpal::StreamConfig {
            channels: offered.channels(),
            sample_rate: format.sample_rate_hz,
            buffer_size: match *offered.buffer_size() {
                cpal::SupportedBufferSize::Range { min, max } => {
                    cpal::BufferSize::Fixed(BUFFER_FRAMES.max(min).min(max))
                }
                cpal::SupportedBufferSize::Unknown => cpal::BufferSize::Default,
            },
        };
        let (errors_in, errors) = crossbeam_channel::bounded(1);
        let stream = build(&device, config, offered.sample_format(), shared, errors_in)
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(failed)?;
        Ok(Self {
            input,
            format,
            errors,
            _stream: stream,
        })
    }

    /// Waits while the device delivers. Returns why it stopped, or nothing if the capture closes.
    fn wait(&self, shared: &Shared) -> Option<String> {
        let mut captured = shared.captured_frames.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            if shared.is_closing() {
                return None;
            }
            if let Ok(error) = self.errors.try_recv() {
                return Some(error.to_string());
            }
            let now = shared.captured_frames.load(Ordering::Relaxed);
            if now != captured {
                captured = now;
                since = Instant::now();
            } else if since.elapsed() > STALL_TIMEOUT {
                return Some("it delivers no samples".to_owned());
            }
            thread::park_timeout(10 * POLL_INTERVAL);
        }
    }
}

fn build(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    sample_format: cpal::SampleFormat,
    shared: &Arc<Shared>,
    errors: Sender<cpal::Error>,
) -> Result<cpal::Stream, cpal::Error> {
    use cpal::SampleFormat as S;
    match sample_format {
        S::F32 => build_as::<f32>(device, config, shared, errors),
        S::F64 => build_as::<f64>(device, config, shared, errors),
        S::I8 => build_as::<i8>(device, config, shared, errors),
        S::I16 => build_as::<i16>(device, config, shared, errors),
        S::I24 => build_as::<cpal::I24>(device, config, shared, errors),
        S::I32 => build_as::<i32>(device, config, shared, errors),
        S::U8 => build_as::<u8>(device, config, shared, errors),
        S::U16 => build_as::<u16>(device, config, shared, errors),
        other => Err(cpal::Error::with_message(
            cpal::ErrorKind::UnsupportedConfig,
            format!("samples of the form {other} are not supported"),
        )),
    }
}

fn build_as<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    shared: &Arc<Shared>,
    errors: Sender<cpal::Error>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels).max(1);
    let shared = Arc::clone(shared);
    device.build_input_stream(
        config,
        move |samples: &[T], _: &cpal::InputCallbackInfo| {
            for frame in samples.chunks_exact(channels) {
                let right = frame[channels.min(2) - 1];
                shared.push([frame[0], right].map(f32::from_sample_));
            }
            let frames = (samples.len() / channels) as u64;
            shared.captured_frames.fetch_add(frames, Ordering::Relaxed);
        },
        move |error| match error.kind() {
            // The stream goes on after these.
            cpal::ErrorKind::Xrun
            | cpal::ErrorKind::RealtimeDenied
            | cpal::ErrorKind::DeviceChanged => {}
            // One is enough to end the connection; more need no room.
            _ => _ = errors.try_send(error),
        },
        Some(OPEN_TIMEOUT),
    )
}
