//! Keeps everyone off a card for the moment in which a surface is configured anew: the card has to come to rest for that.

use std::sync::atomic::{AtomicBool, Ordering};

/// Open as long as pictures may be handed to the card. Nobody waits at it: who finds it shut leaves a picture out.
#[derive(Debug, Default)]
pub(super) struct ReconfigureGate(AtomicBool);

/// The gate, shut until this is dropped.
#[derive(Debug)]
pub(super) struct Shut<'a>(&'a ReconfigureGate);

impl ReconfigureGate {
    pub(super) fn is_shut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Shuts the gate; nothing where another one has.
    pub(super) fn shut(&self) -> Option<Shut<'_>> {
        let before = self.0.swap(true, Ordering::AcqRel);
        (!before).then_some(Shut(self))
    }
}

impl Drop for Shut<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}
