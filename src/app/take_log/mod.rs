//! The take log: what reaches the instrument, kept in memory and, while a recording runs, in a file, by the thread `take-log`.

mod worker;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_queue::ArrayQueue;

use crate::instrument::{Action, Instrument, Preset, State};
use crate::report::Reporter;
use crate::take::Model;
use worker::Worker;

/// Records that can wait: far more than come while a file is being synced.
const WAITING: usize = 1 << 14;

/// The take log of a show. A call only puts something into a queue: it never waits or touches a file, and but where it says so it
/// allocates nothing. Ticks never go back.
#[derive(Debug)]
pub struct TakeLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    messages: ArrayQueue<Message>,
    lost: AtomicU64,
    /// Whether the thread's instrument is no longer the show's.
    astray: AtomicBool,
    over: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Action(u64, Action),
    Latents(u64, u8, u64),
    Preset(u64, Arc<Preset>, f64, bool),
    Model(u64, Arc<Model>),
    State(Box<State>),
    Begin(u64, PathBuf),
    End(u64, u64),
    Keep(u64, f64),
}

impl TakeLog {
    /// Starts the thread, which plays along on an instrument of its own: a show begins with `instrument` and `model`, and draws
    /// grain from `seed`. Takes that are kept go into `folder`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        folder: &Path,
        instrument: &Instrument,
        model: Arc<Model>,
        seed: u32,
        reporter: Reporter,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            messages: ArrayQueue::new(WAITING),
            lost: AtomicU64::new(0),
            astray: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let worker = Worker::new(
            Arc::clone(&shared),
            folder,
            instrument,
            (model, seed),
            reporter,
        );
        let thread = thread::Builder::new()
            .name("take-log".into())
            .spawn(move || worker.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Logs an action that was applied at that tick.
    pub fn action(&self, tick: u64, action: Action) {
        self.put(Message::Action(tick, action));
    }

    /// Logs the [`crate::take::log::fingerprint`] of `rows` of latents that are being drawn.
    pub fn latents(&self, tick: u64, rows: u8, hash: u64) {
        self.put(Message::Latents(tick, rows, hash));
    }

    /// Logs a preset that was taken up by [`Instrument::recall`], the seconds that the change takes, and whether the play head
    /// stayed.
    pub fn preset(&self, tick: u64, preset: Arc<Preset>, fade_secs: f64, keeps_head: bool) {
        self.put(Message::Preset(tick, preset, fade_secs, keeps_head));
    }

    /// Logs a model that took effect. Where its latents have another length, a preset comes at the same tick.
    pub fn model(&self, tick: u64, model: Arc<Model>) {
        self.put(Message::Model(tick, model));
    }

    /// Whether [`TakeLog::state`] is to be called: something was lost, so that the thread's instrument is not the show's.
    pub fn wants_state(&self) -> bool {
        self.shared.astray.load(Ordering::Relaxed)
    }

    /// Brings the thread's instrument back to the show's. Takes its state, which allocates.
    pub fn state(&self, instrument: &Instrument) {
        self.shared.astray.store(false, Ordering::Relaxed);
        self.put(Message::State(Box::new(instrument.state())));
    }

    /// Begins a file with the state at that tick. A file that is there is left alone.
    pub fn begin_file(&self, tick: u64, path: PathBuf) {
        self.put(Message::Begin(tick, path));
    }

    /// Ends the file, if there is one; with a mark that says how many pictures the film beside it lost, where it lost any.
    pub fn end_file(&self, tick: u64, dropped: u64) {
        self.put(Message::End(tick, dropped));
    }

    /// Makes a take of the last seconds before that tick, from the last state before them; its name is the date and time.
    pub fn keep(&self, tick: u64, secs: f64) {
        self.put(Message::Keep(tick, secs));
    }

    fn put(&self, message: Message) {
        if self.shared.messages.push(message).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.astray.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for TakeLog {
    /// Writes what waits, and closes the file.
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
