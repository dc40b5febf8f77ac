//! The connection to the capture device: found, opened, watched, and opened again when it was lost.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use cpal::{
    FromSample, SizedSample,
    traits::{DeviceTrait, StreamTrait},
};
use crossbeam_channel::{Receiver, Sender};

use super::state::{CaptureState, Format, OPEN_TIMEOUT, POLL_INTERVAL};
use super::{Input, SoundError, device};

/// Frames in one callback. PulseAudio's own choice of buffer has been seen to lose two seconds.
const BUFFER_FRAMES: u32 = 1024;
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);
/// Sound is believed to be this old at most; drivers that say more are mistaken.
const OLDEST: Duration = Duration::from_millis(500);
/// A device that delivers nothing for this long is taken for lost.
const STALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The outcome of opening a device.
pub(super) type Opened = Result<(Input, Format), SoundError>;

/// The thread `sound`: opens the device, and again whenever it was lost. Here alone streams are made and
/// closed: both can block for long.
pub(super) struct DeviceThread {
    pub(super) asked: String,
    pub(super) state: Arc<CaptureState>,
    /// Tells the owner, by being dropped, that this thread is past everything that can block.
    pub(super) _running: Sender<()>,
}

impl DeviceThread {
    pub(super) fn run(&self, opened: &Sender<Opened>) {
        let mut format = None;
        while !self.state.is_closing() {
            match Connection::open(&self.asked, format, &self.state) {
                Ok(connection) => {
                    self.state.connected.store(true, Ordering::Relaxed);
                    if format.is_none() {
                        // The owner may have given up waiting; then `closing` is set and this ends at once.
                        _ = opened.send(Ok((connection.input.clone(), connection.format)));
                    } else {
                        tracing::info!("the sound input {} is back", connection.input);
                    }
                    format = Some(connection.format);
                    let lost = connection.wait(&self.state);
                    self.state.connected.store(false, Ordering::Relaxed);
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
        while since.elapsed() < RECONNECT_INTERVAL && !self.state.is_closing() {
            thread::park_timeout(POLL_INTERVAL);
            let due = (since.elapsed().as_secs_f64() * f64::from(format.sample_rate_hz)) as u64;
            for _ in delivered..due {
                self.state.push([0.0; 2]);
            }
            self.state.note_age(Duration::ZERO);
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
        state: &Arc<CaptureState>,
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
        let stream = build(&device, config, offered.sample_format(), state, errors_in)
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
    fn wait(&self, state: &CaptureState) -> Option<String> {
        let mut captured = state.captured_frames.load(Ordering::Relaxed);
        let mut since = Instant::now();
        loop {
            if state.is_closing() {
                return None;
            }
            if let Ok(error) = self.errors.try_recv() {
                return Some(error.to_string());
            }
            let now = state.captured_frames.load(Ordering::Relaxed);
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
    state: &Arc<CaptureState>,
    errors: Sender<cpal::Error>,
) -> Result<cpal::Stream, cpal::Error> {
    use cpal::SampleFormat as S;
    match sample_format {
        S::F32 => build_as::<f32>(device, config, state, errors),
        S::F64 => build_as::<f64>(device, config, state, errors),
        S::I8 => build_as::<i8>(device, config, state, errors),
        S::I16 => build_as::<i16>(device, config, state, errors),
        S::I24 => build_as::<cpal::I24>(device, config, state, errors),
        S::I32 => build_as::<i32>(device, config, state, errors),
        S::U8 => build_as::<u8>(device, config, state, errors),
        S::U16 => build_as::<u16>(device, config, state, errors),
        other => Err(cpal::Error::with_message(
            cpal::ErrorKind::UnsupportedConfig,
            format!("samples of the form {other} are not supported"),
        )),
    }
}

fn build_as<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    state: &Arc<CaptureState>,
    errors: Sender<cpal::Error>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels).max(1);
    let state = Arc::clone(state);
    let rate = f64::from(config.sample_rate);
    device.build_input_stream(
        config,
        move |samples: &[T], info: &cpal::InputCallbackInfo| {
            for frame in samples.chunks_exact(channels) {
                let right = frame[channels.min(2) - 1];
                state.push([frame[0], right].map(f32::from_sample_));
            }
            let frames = (samples.len() / channels) as u64;
            // The device says when it heard the first of them.
            let at = info.timestamp();
            let first = at.callback.duration_since(at.capture).min(OLDEST);
            state.note_age(first.saturating_sub(Duration::from_secs_f64(frames as f64 / rate)));
            state.captured_frames.fetch_add(frames, Ordering::Relaxed);
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
