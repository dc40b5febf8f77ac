//! The thread `console-shelf`: reads models beside the console, and looks how much room the disk has.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::card::Card;
use crate::library;
use crate::record;

/// Models that are listed at most.
const MODELS: usize = 256;
/// The disk is looked at this often.
const INTERVAL: Duration = Duration::from_secs(3);
/// What the system does not tell.
const UNKNOWN: u64 = u64::MAX;

/// What the shelf finds.
#[derive(Debug)]
pub(super) enum Found {
    /// A list begins: the one before counts no more.
    List,
    Model(Box<Card>),
}

/// The console's end.
pub(super) struct Shelf {
    asked: Option<Sender<PathBuf>>,
    found: Receiver<Found>,
    free: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Shelf {
    /// Starts the thread; recordings go to the folder `takes`.
    pub(super) fn start(takes: PathBuf) -> std::io::Result<Self> {
        let (asked, asks) = bounded::<PathBuf>(1);
        let (finds, found) = bounded(4);
        let free = Arc::new(AtomicU64::new(UNKNOWN));
        let told = Arc::clone(&free);
        let thread = std::thread::Builder::new()
            .name("console-shelf".into())
            .spawn(move || {
                loop {
                    let room = record::free(&takes.join("next")).unwrap_or(UNKNOWN);
                    told.store(room, Ordering::Relaxed);
                    match asks.recv_timeout(INTERVAL) {
                        Ok(beside) => {
                            if !list(&beside, &asks, &finds) {
                                return;
                            }
                        }
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self {
            asked: Some(asked),
            found,
            free,
            thread: Some(thread),
        })
    }

    /// Has the models that are found from this one read; false where the thread is not ready for that yet.
    pub(super) fn ask(&self, beside: PathBuf) -> bool {
        let asked = self.asked.as_ref();
        asked.is_some_and(|asked| asked.try_send(beside).is_ok())
    }

    /// Whether something was found.
    pub(super) fn has_news(&self) -> bool {
        !self.found.is_empty()
    }

    /// What was found next.
    pub(super) fn take(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Bytes that are free for recordings, where the system tells.
    pub(super) fn free(&self) -> Option<u64> {
        let free = self.free.load(Ordering::Relaxed);
        (free != UNKNOWN).then_some(free)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.asked = None;
        // Nobody takes what it still hands over.
        while self.found.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Reads one model after the other; false where nobody listens any more.
fn list(beside: &std::path::Path, asks: &Receiver<PathBuf>, finds: &Sender<Found>) -> bool {
    if finds.send(Found::List).is_err() {
        return false;
    }
    for model in library::models(beside).into_iter().take(MODELS) {
        if !asks.is_empty() {
            // Another list is wanted already.
            return true;
        }
        let card = Box::new(Card::read(&model));
        if finds.send(Found::Model(card)).is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_models_that_ship_are_read_beside_the_console() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let shelf = Shelf::start(root.join("takes")).unwrap();
        assert!(shelf.ask(root.join("models/crystal.safetensors")));
        let (mut lists, mut names) = (0, Vec::new());
        let deadline = Instant::now() + Duration::from_secs(60);
        while names.len() < 3 {
            assert!(Instant::now() < deadline, "{names:?}");
            match shelf.take() {
                Some(Found::List) => lists += 1,
                Some(Found::Model(card)) => names.push(card.title().to_owned()),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        assert_eq!(lists, 1);
        assert!(names.contains(&"crystal".to_owned()), "{names:?}");
        assert!(names.is_sorted());
        assert!(shelf.free().is_some());
        // Put away in the middle of another list.
        assert!(shelf.ask(root.join("models/crystal.safetensors")));
        drop(shelf);
    }
}
