//! An output's window, as its thread tells the stage of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use winit::window::Window;

/// What the window's thread tells about the window, without a lock.
#[derive(Debug, Default)]
pub struct WindowSize {
    /// Width in the upper half, height in the lower.
    pixels: AtomicU64,
    /// Pixels a point, as bits of an f32.
    scale: AtomicU32,
    /// Pictures a second of the monitor, in thousandths; 0 where it is not known.
    refresh_millihertz: AtomicU32,
}

impl WindowSize {
    /// Notes the window's size in pixels; 0 x 0 where it shows nothing.
    pub fn set(&self, width: u32, height: u32) {
        let both = u64::from(width) << 32 | u64::from(height);
        self.pixels.store(both, Ordering::Relaxed);
    }

    /// Notes how many pixels a point has.
    pub fn set_scale(&self, scale: f32) {
        self.scale.store(scale.to_bits(), Ordering::Relaxed);
    }

    /// Notes the monitor's rate in thousandths of a hertz.
    pub fn set_refresh(&self, millihertz: Option<u32>) {
        self.refresh_millihertz
            .store(millihertz.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> (u32, u32) {
        let both = self.pixels.load(Ordering::Relaxed);
        ((both >> 32) as u32, both as u32)
    }

    pub(super) fn scale(&self) -> f32 {
        f32::from_bits(self.scale.load(Ordering::Relaxed)).clamp(0.5, 8.0)
    }

    /// From one of the monitor's pictures to its next, where the system tells.
    pub(super) fn refresh(&self) -> Option<Duration> {
        let millihertz = self.refresh_millihertz.load(Ordering::Relaxed);
        let seconds = 1000.0 / f64::from(millihertz.max(1));
        (millihertz > 0).then(|| Duration::from_secs_f64(seconds))
    }
}

/// A window to show pictures on.
#[derive(Clone, Debug)]
pub struct SurfaceWindow {
    /// The window.
    pub window: Arc<Window>,
    /// Its size.
    pub size: Arc<WindowSize>,
}
