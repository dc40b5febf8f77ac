//! The show's clock: the system's, or one that a test counts on.

use std::time::{Duration, Instant};

/// Where a show reads the time and waits for it.
pub(super) trait Clock: Send {
    /// The present moment.
    fn now(&self) -> Instant;
    /// Waits until then; not at all where it has passed.
    fn sleep_until(&mut self, until: Instant);
    /// Waits so long.
    fn sleep(&mut self, time: Duration) {
        self.sleep_until(self.now() + time);
    }
}

/// The system's monotonic clock.
pub(super) struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&mut self, until: Instant) {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

/// A clock that stands still but where it is waited for: then the time that is waited for has come at once.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(super) struct CountedClock(std::sync::Arc<CountedTime>);

#[cfg(test)]
#[derive(Debug)]
struct CountedTime {
    start: Instant,
    nanos: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl CountedClock {
    pub(super) fn new() -> Self {
        Self(std::sync::Arc::new(CountedTime {
            start: Instant::now(),
            nanos: std::sync::atomic::AtomicU64::new(0),
        }))
    }
}

#[cfg(test)]
impl Clock for CountedClock {
    fn now(&self) -> Instant {
        let nanos = self.0.nanos.load(std::sync::atomic::Ordering::Relaxed);
        self.0.start + Duration::from_nanos(nanos)
    }

    fn sleep_until(&mut self, until: Instant) {
        let nanos = until.saturating_duration_since(self.0.start).as_nanos() as u64;
        self.0
            .nanos
            .fetch_max(nanos, std::sync::atomic::Ordering::Relaxed);
    }
}
