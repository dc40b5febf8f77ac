//! Notices to the performer: pushed by any thread without waiting, shown by the displays, logged by a thread of their own.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, bounded};
use crossbeam_queue::ArrayQueue;

use crate::quote::{printable, shortened};
use crate::report::{Reporter, Severity};
use crate::worker::{StopSignal, Worker};

/// Notices that wait for the heads-up display, for the console and for the log; the oldest give way.
const FOR_HUD: usize = 32;
const FOR_CONSOLE: usize = 50;
const FOR_LOG: usize = 512;
/// Longest line, in characters.
const LONGEST: usize = 2000;
/// The log is looked at this often where nobody wakes it.
const DOZE: Duration = Duration::from_millis(500);
/// What the end of a show waits for lines that nobody reads.
const LAST_LINES: Duration = Duration::from_secs(2);

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

/// Bounded queues of notices for the heads-up display, the console and the log. To push never waits, locks or prints.
#[derive(Debug)]
pub struct Notices {
    hud: ArrayQueue<String>,
    console: ArrayQueue<Notice>,
    log: ArrayQueue<Notice>,
    /// Lines that gave way before they were logged.
    unlogged: AtomicU64,
    logger: OnceLock<Thread>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            hud: ArrayQueue::new(FOR_HUD),
            console: ArrayQueue::new(FOR_CONSOLE),
            log: ArrayQueue::new(FOR_LOG),
            unlogged: AtomicU64::new(0),
            logger: OnceLock::new(),
        }
    }
}

impl Notices {
    /// Reports something that failed.
    pub fn warn(&self, text: impl Into<String>) {
        self.push(text.into(), true);
    }

    /// Reports something that went well.
    pub fn info(&self, text: impl Into<String>) {
        self.push(text.into(), false);
    }

    /// Logs a line that the performer need not be shown.
    pub fn log(&self, text: impl Into<String>) {
        self.push_log(Notice {
            at: SystemTime::now(),
            is_warning: false,
            text: fit(text.into()),
        });
    }

    /// A sink for rooms that know nothing of controllers.
    pub fn reporter(self: &Arc<Self>) -> Reporter {
        let notices = Arc::clone(self);
        Reporter::new(move |severity, text| notices.push(text, severity == Severity::Warning))
    }

    /// The oldest notice that was not taken yet.
    pub fn take(&self) -> Option<String> {
        self.hud.pop()
    }

    /// The oldest line that the console did not take yet.
    pub fn take_logged(&self) -> Option<Notice> {
        self.console.pop()
    }

    fn push(&self, text: String, is_warning: bool) {
        let text = fit(text);
        let notice = Notice {
            at: SystemTime::now(),
            is_warning,
            text: text.clone(),
        };
        self.console.force_push(notice.clone());
        self.hud.force_push(text);
        self.push_log(notice);
    }

    fn push_log(&self, notice: Notice) {
        if self.log.force_push(notice).is_some() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(logger) = self.logger.get() {
            logger.unpark();
        }
    }

    fn next_line(&self) -> Option<Notice> {
        self.log.pop()
    }
}

/// A line as it may be shown: what stands in names and messages from outside is anything.
fn fit(text: String) -> String {
    match printable(&shortened(&text, LONGEST)) {
        Cow::Borrowed(shown) if shown.len() == text.len() => text,
        shown => shown.into_owned(),
    }
}

/// The thread `notices`, which logs them: a log that nobody reads blocks this thread alone.
#[derive(Debug)]
pub struct NoticeLog {
    worker: Option<Worker>,
    flushed: Receiver<()>,
}

impl NoticeLog {
    /// Starts to log what was and is pushed; one thread for each [`Notices`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(notices: &Arc<Notices>) -> std::io::Result<Self> {
        Self::start_with(notices, |is_warning, text| {
            if is_warning {
                tracing::warn!("{text}");
            } else {
                tracing::info!("{text}");
            }
        })
    }

    fn start_with(
        notices: &Arc<Notices>,
        log: impl Fn(bool, &str) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (end, flushed) = bounded(1);
        let source = Arc::clone(notices);
        let worker = Worker::start("notices", move |stop: StopSignal| {
            loop {
                // Asked before the last look, or what came between the two would be lost.
                let is_last = stop.is_set();
                while let Some(line) = source.next_line() {
                    log(line.is_warning, &line.text);
                }
                let unlogged = source.unlogged.swap(0, Ordering::Relaxed);
                if unlogged > 0 {
                    log(
                        true,
                        &format!("{unlogged} lines came too fast to be logged"),
                    );
                }
                if is_last {
                    // The owner may have gone.
                    let _ = end.try_send(());
                    return;
                }
                stop.doze(DOZE);
            }
        })?;
        if let Some(thread) = worker.thread() {
            // There is one thread to wake; a second one looks by itself.
            let _ = notices.logger.set(thread.clone());
        }
        Ok(Self {
            worker: Some(worker),
            flushed,
        })
    }
}

impl Drop for NoticeLog {
    /// Logs what still waits; where nobody reads the log, for a short while only.
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        worker.stop();
        if self.flushed.recv_timeout(LAST_LINES).is_ok() {
            drop(worker);
        } else {
            worker.abandon();
        }
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
        notices.info("well");
        notices.warn("badly");
        assert_eq!(notices.take().as_deref(), Some("well"));
        let logged: Vec<_> = std::iter::from_fn(|| notices.take_logged()).collect();
        let told: Vec<_> = logged
            .iter()
            .map(|n| (n.text.as_str(), n.is_warning))
            .collect();
        assert_eq!(told, [("well", false), ("badly", true)]);
        for number in 0..FOR_CONSOLE + 3 {
            notices.info(number.to_string());
        }
        let oldest = notices.take_logged().unwrap();
        assert_eq!(oldest.text, "3", "the oldest give way");
    }

    #[test]
    fn what_is_no_letter_is_written_out_and_what_has_no_end_is_cut() {
        let notices = Notices::default();
        notices.warn("no preset \u{1b}[2J\u{7}");
        notices.info("x".repeat(4 << 20));
        assert_eq!(notices.take().unwrap(), r"no preset \u{1b}[2J\u{7}");
        assert!(notices.take().unwrap().len() < 2 * LONGEST);
        for _ in 0..2 {
            let told = notices.take_logged().unwrap().text;
            assert!(told.len() < 2 * LONGEST && !told.contains('\u{1b}'));
            let logged = notices.next_line().unwrap().text;
            assert_eq!(logged, told);
        }
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

    #[test]
    fn a_notice_is_logged_by_a_thread_and_none_is_lost_at_the_end() {
        let notices = Arc::new(Notices::default());
        notices.warn("before");
        let (sender, lines) = bounded(FOR_LOG);
        let log = NoticeLog::start_with(&notices, move |is_warning, text| {
            sender.send((is_warning, text.to_owned())).unwrap();
        })
        .unwrap();
        assert_eq!(lines.recv(), Ok((true, "before".to_owned())));
        for number in 0..200 {
            notices.info(number.to_string());
        }
        drop(log);
        let logged: Vec<_> = lines.try_iter().map(|(_, text)| text).collect();
        let expected: Vec<_> = (0..200).map(|number| number.to_string()).collect();
        assert_eq!(logged, expected);
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up() {
        let notices = Arc::new(Notices::default());
        let (_open, never) = bounded::<()>(0);
        let (blocked, is_blocked) = bounded(1);
        let log = NoticeLog::start_with(&notices, move |_, _| {
            let _ = blocked.try_send(());
            let _ = never.recv();
        })
        .unwrap();
        notices.info("the pipe is full");
        is_blocked.recv().unwrap();
        // Where one of these waited, the test would not end.
        for number in 0..FOR_LOG + 10 {
            notices.warn(number.to_string());
        }
        assert_eq!(notices.unlogged.load(Ordering::Relaxed), 10);
        let before = Instant::now();
        drop(log);
        assert!(
            before.elapsed() >= LAST_LINES,
            "the last lines have their time"
        );
    }
}
