//! Where a port's callback puts what it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::event::{Event, Move};
use super::learning::{Learning, Mover, param_of};
use super::reader::{Heard, Reader, Wiring};
use crate::control::clock::Pulses;
use crate::control::{Inbox, Stamp, Values};

/// What every port's callback writes to and reads. Nothing here locks, allocates or waits.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) inbox: Arc<Inbox>,
    pub(super) values: Arc<Values>,
    pub(super) pulses: Arc<Pulses>,
    pub(super) learning: Learning,
    pub(super) faults: AtomicU64,
}

/// What is known of one source, whether it is there or not.
#[derive(Debug)]
pub(super) struct Line {
    /// Which source it is, for this run.
    pub(super) number: u16,
    /// What its controls do; exchanged by `midi-watch`, which also drops what was exchanged.
    pub(super) wiring: ArcSwap<Wiring>,
    /// When it sent something last; 0 before it did.
    pub(super) heard_at: AtomicU64,
}

/// One open port's side of its callback.
pub(super) struct Listener {
    reader: Reader,
    mover: Mover,
    line: Arc<Line>,
    common: Arc<Common>,
}

impl Listener {
    /// A port that has sent nothing yet.
    pub(super) fn new(line: Arc<Line>, common: Arc<Common>) -> Self {
        Self {
            reader: Reader::default(),
            mover: Mover::default(),
            line,
            common,
        }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Stamp {
        self.common.inbox.now()
    }

    /// Takes a delivery of bytes that came in at `at`.
    pub(super) fn take(&mut self, bytes: &[u8], at: Stamp) {
        let (common, line) = (&self.common, &self.line);
        let wiring = line.wiring.load();
        line.heard_at.store(at.max(1), Ordering::Relaxed);
        let learning = common.learning.state();
        let learns = param_of(learning).is_some();
        let mover = &mut self.mover;
        let act = |event: Event| {
            wiring.act(event, at, &common.values, |action| {
                common.inbox.put(action, at);
            });
        };
        self.reader.hear(bytes, &wiring, |outcome| match outcome {
            Ok(Heard::Pulse(pulse)) => common.pulses.put(line.number, pulse, at),
            Ok(Heard::Message(message, event)) if learns => {
                if let Some(found) = mover.hear(learning, message) {
                    common.learning.answer(learning, line.number, found);
                }
                // What is held at this moment can still be let go.
                if let Some(event) = event.filter(|event| event.how == Move::Release) {
                    act(event);
                }
            }
            Ok(Heard::Message(_, event)) => {
                if let Some(event) = event {
                    act(event);
                }
            }
            Err(_) => {
                common.inbox.refuse();
                common.faults.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}
