//! What went wrong while the show ran, for the log and the performer's eyes.

use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

/// Notices that wait to be shown; the oldest give way.
const WAITING: usize = 32;

/// A bounded queue of lines for the heads-up display; each is logged as well.
#[derive(Debug)]
pub struct Notices(ArrayQueue<String>);

impl Default for Notices {
    fn default() -> Self {
        Self(ArrayQueue::new(WAITING))
    }
}

impl Notices {
    /// Tells of something that failed. Not for callbacks and the frame path: it prints.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!("{text}");
        self.0.force_push(text);
    }

    /// Tells of something that went well.
    pub fn tell(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.0.force_push(text);
    }

    /// The oldest notice that was not taken yet.
    pub fn take(&self) -> Option<String> {
        self.0.pop()
    }
}

/// Lets one in a second through, and counts the rest.
#[derive(Debug, Default)]
pub(super) struct OnceASecond {
    last: Option<Instant>,
    held_back: u64,
}

impl OnceASecond {
    /// Nothing: hold it back. A number: let it through, with how many were held back before.
    pub(super) fn pass(&mut self, now: Instant) -> Option<u64> {
        let due = self
            .last
            .is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1));
        if due {
            self.last = Some(now);
            Some(std::mem::take(&mut self.held_back))
        } else {
            self.held_back += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_faults_is_named_once_a_second_and_counted() {
        let mut gate = OnceASecond::default();
        let start = Instant::now();
        assert_eq!(gate.pass(start), Some(0));
        for ms in [1, 500, 999] {
            assert_eq!(gate.pass(start + Duration::from_millis(ms)), None);
        }
        assert_eq!(gate.pass(start + Duration::from_secs(1)), Some(3));
    }
}
