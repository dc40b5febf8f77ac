//! Background threads with an owner: named, woken, told to stop and joined.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the one place of the core that starts threads"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// Tells a worker's thread that its owner has gone.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Whether the thread is to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Sleeps until the thread is woken or `time` has passed; also wakes by itself now and then.
    pub fn doze(&self, time: Duration) {
        if !self.is_set() {
            std::thread::park_timeout(time);
        }
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A named background thread that is told to stop, woken and joined when its owner drops it.
///
/// A thread that ends with its channel needs no signal: the channel's end stands before the worker in the owner's fields, and is
/// dropped first.
#[derive(Debug)]
pub struct Worker<T = ()> {
    stop: StopSignal,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a thread of that name.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        name: impl Into<String>,
        work: impl FnOnce(StopSignal) -> T + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = StopSignal::default();
        let signal = stop.clone();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || work(signal))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl<T> Worker<T> {
    /// Wakes the thread where it is parked. Does not block.
    pub fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Tells the thread to stop, and wakes it; does not wait for it.
    pub fn stop(&self) {
        self.stop.set();
        self.wake();
    }

    /// A handle for others to wake the thread by.
    pub fn thread(&self) -> Option<&Thread> {
        self.thread.as_ref().map(JoinHandle::thread)
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Tells the thread to stop and waits for what it comes to; nothing where it panicked.
    pub fn join(mut self) -> Option<T> {
        self.stop();
        self.thread.take()?.join().ok()
    }

    /// Tells the thread to stop, and leaves it alone: for one that may wait for ever for something outside this program.
    pub fn abandon(mut self) {
        self.stop();
        self.thread = None;
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn a_worker_is_woken_stopped_and_joined_by_its_owner() {
        let turns = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&turns);
        let worker = Worker::start("test-worker", move |stop| {
            while !stop.is_set() {
                counted.fetch_add(1, Ordering::Release);
                stop.doze(Duration::from_secs(3600));
            }
            std::thread::current().name().map(str::to_owned)
        })
        .unwrap();
        while turns.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
        worker.wake();
        while turns.load(Ordering::Acquire) < 2 {
            std::thread::yield_now();
        }
        // Would wait an hour where the thread were not woken.
        assert_eq!(worker.join().flatten().as_deref(), Some("test-worker"));
    }

    #[test]
    fn a_worker_that_waits_for_a_channel_ends_with_it() {
        struct Owner {
            requests: crossbeam_channel::Sender<u32>,
            _worker: Worker,
        }
        let (requests, inbox) = crossbeam_channel::bounded(4);
        let (done, sums) = crossbeam_channel::bounded(1);
        let _worker = Worker::start("test-sum", move |_| {
            let _ = done.send(inbox.iter().sum::<u32>());
        })
        .unwrap();
        let owner = Owner { requests, _worker };
        for number in [1, 2, 3] {
            owner.requests.send(number).unwrap();
        }
        drop(owner);
        assert_eq!(sums.try_recv(), Ok(6), "it was joined");
    }
}
