//! The state of a capture: rings of samples, the latest features, and whether the device is there.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crossbeam_queue::ArrayQueue;

use super::Features;

/// Frames that either ring holds, 1.4 s at 48 kHz; the oldest give way.
const RING_FRAMES: usize = 1 << 16;
/// The longest that opening a device may take.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often threads look for new samples.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The format of the samples that [`Capture::drain_samples`](super::Capture::drain_samples) delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame. Always 2: a mono device is doubled, and of more than two channels the first two are heard.
    pub channels: u16,
}

/// The state that the callback, the threads and the owner share.
pub(super) struct CaptureState {
    pub(super) analysis: ArrayQueue<[f32; 2]>,
    pub(super) recording: ArrayQueue<[f32; 2]>,
    started: Instant,
    /// When the last frame in the rings was heard, counted from `started`.
    heard_nanos: AtomicU64,
    pub(super) captured_frames: AtomicU64,
    pub(super) features: LatestFeatures,
    pub(super) connected: AtomicBool,
    pub(super) closing: AtomicBool,
}

impl CaptureState {
    pub(super) fn new() -> Self {
        Self {
            analysis: ArrayQueue::new(RING_FRAMES),
            recording: ArrayQueue::new(RING_FRAMES),
            started: Instant::now(),
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
        let heard = self.started.elapsed().saturating_sub(age);
        self.heard_nanos
            .store(heard.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(super) fn heard(&self) -> Instant {
        self.started + Duration::from_nanos(self.heard_nanos.load(Ordering::Relaxed))
    }
}

/// A latest-value slot of [`Features`]. The four values may stem from neighbouring windows.
#[derive(Default)]
pub(super) struct LatestFeatures([AtomicU32; 4]);

impl LatestFeatures {
    pub(super) fn store(&self, features: Features) {
        let values = [features.level, features.low, features.mid, features.high];
        for (slot, value) in self.0.iter().zip(values) {
            slot.store(value.to_bits(), Ordering::Relaxed);
        }
    }

    pub(super) fn load(&self) -> Features {
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
