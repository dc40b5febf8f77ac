//! What went wrong while the show ran, for the log and the performer's eyes.

use std::time::{Duration, Instant, SystemTime};

use crossbeam_queue::ArrayQueue;

/// Notices that wait to be shown, and lines that wait for the console; the oldest give way.
const WAITING: usize = 32;
const LOGGED: usize = 50;

/// A line for the performer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it was told.
    pub at: SystemTime,
    /// Whether something failed.
    pub is_warning: bool,
    /// What it says.
    pub text: String,
}

/// Bounded queues of lines for the heads-up display and for the console; each is logged as well.
#[derive(Debug)]
pub struct Notices {
    waiting: ArrayQueue<String>,
    logged: ArrayQueue<Notice>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            waiting: ArrayQueue::new(WAITING),
            logged: ArrayQueue::new(LOGGED),
        }
    }
}

impl Notices {
    /// Tells of something that failed. Not for callbacks and the frame path: it prints.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!("{text}");
        self.put(text, true);
    }

    /// Tells of something that went well.
    pub fn tell(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.put(text, false);
    }

    /// The oldest notice that was not taken yet.
    pub fn take(&self) -> Option<String> {
        self.waiting.pop()
    }

    /// The oldest line that the console did not take yet.
    pub fn take_logged(&self) -> Option<Notice> {
        self.logged.pop()
    }

    fn put(&self, text: String, is_warning: bool) {
        self.logged.force_push(Notice {
            at: SystemTime::now(),
            is_warning,
            text: text.clone(),
        });
        self.waiting.force_push(text);
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
    fn a_notice_reaches_the_display_and_the_console() {
        let notices = Notices::default();
        notices.tell("well");
        notices.warn("badly");
        assert_eq!(notices.take().as_deref(), Some("well"));
        let logged: Vec<_> = std::iter::from_fn(|| notices.take_logged()).collect();
        let told: Vec<_> = logged
            .iter()
            .map(|n| (n.text.as_str(), n.is_warning))
            .collect();
        assert_eq!(told, [("well", false), ("badly", true)]);
        for number in 0..LOGGED + 3 {
            notices.tell(number.to_string());
        }
        let oldest = notices.take_logged().unwrap();
        assert_eq!(oldest.text, "3", "the oldest give way");
    }

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
