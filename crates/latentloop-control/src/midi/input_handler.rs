//! The input handler of a port: its callback's side of the state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::bound_map::BoundMap;
use super::event::EventKind;
use super::learning::{LearnDetector, LearnMode, param_of};
use super::reader::{Input, Reader};
use crate::control::clock::Pulses;
use crate::control::{ControlPlane, Stamp};

/// The state that the callbacks of all ports share. Nothing here locks, allocates or waits.
#[derive(Debug)]
pub(super) struct MidiContext {
    pub(super) plane: ControlPlane,
    pub(super) pulses: Arc<Pulses>,
    pub(super) learning: LearnMode,
    /// A part of the names of the ports whose clock is taken, in lower case.
    pub(super) clock_in: ArcSwap<String>,
    pub(super) faults: AtomicU64,
}

/// The state of one source, whether it is there or not.
#[derive(Debug)]
pub(super) struct SourceState {
    /// Its number in this run.
    pub(super) number: u16,
    /// The map of its controls; exchanged by `midi-watch`, which also drops what was exchanged.
    pub(super) bound: ArcSwap<BoundMap>,
    /// Whether its clock is taken.
    pub(super) gives_clock: AtomicBool,
    /// When it sent something last; 0 before it did.
    pub(super) heard_at: AtomicU64,
}

/// The input handler of one open port.
pub(super) struct InputHandler {
    reader: Reader,
    detector: LearnDetector,
    source: Arc<SourceState>,
    context: Arc<MidiContext>,
}

impl InputHandler {
    /// A handler of a port that has sent nothing yet.
    pub(super) fn new(source: Arc<SourceState>, context: Arc<MidiContext>) -> Self {
        Self {
            reader: Reader::default(),
            detector: LearnDetector::default(),
            source,
            context,
        }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Stamp {
        self.context.plane.inbox.now()
    }

    /// Handles a delivery of bytes that came in at `at`.
    pub(super) fn receive(&mut self, bytes: &[u8], at: Stamp) {
        let (context, source) = (&*self.context, &*self.source);
        let bound = source.bound.load();
        source.heard_at.store(at.max(1), Ordering::Relaxed);
        let learning = context.learning.state();
        let learns = param_of(learning).is_some();
        for input in self.reader.read(bytes, bound.map()) {
            let (message, event) = match input {
                Ok(Input::Control(message, event)) => (message, event),
                Ok(Input::Clock(pulse)) => {
                    if source.gives_clock.load(Ordering::Relaxed) {
                        context.pulses.put(source.number, pulse, at);
                    }
                    continue;
                }
                Err(_) => {
                    context.plane.inbox.refuse();
                    context.faults.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            };
            if learns && let Some(found) = self.detector.detect(learning, message) {
                context.learning.answer(learning, source.number, found);
            }
            let Some(event) = event else {
                continue;
            };
            // What is held while a control is learnt can still be let go.
            if learns && event.kind != EventKind::Release {
                continue;
            }
            for action in bound.actions(event, at, &context.plane.values) {
                context.plane.inbox.put(action, at);
            }
        }
    }
}
