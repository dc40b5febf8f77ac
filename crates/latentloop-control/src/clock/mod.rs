//! Clocks: MIDI clock in and out, and Ableton Link.

mod follower;
#[cfg(feature = "link")]
mod link;
mod sender;

use crossbeam_queue::ArrayQueue;

use super::Stamp;

pub use follower::{Follower, Following};
#[cfg(feature = "link")]
pub use link::Link;
pub use sender::{BeatLine, Sender};

/// Pulses that can wait: MIDI clock at 300 BPM brings two in a frame.
const WAITING: usize = 1024;

/// A pulse of a MIDI clock (MIDI 1.0, system real-time and song position messages).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// A twenty-fourth of a beat has gone.
    Clock,
    /// The song begins at the next clock.
    Start,
    /// The song goes on from where it stands at the next clock.
    Continue,
    /// The song stands.
    Stop,
    /// The song position, in sixteenths of a bar of four beats.
    Position(u16),
}

/// A queue of pulses from the MIDI ports to the show, without a lock.
#[derive(Debug)]
pub struct Pulses(ArrayQueue<(u16, Pulse, Stamp)>);

impl Default for Pulses {
    fn default() -> Self {
        Self(ArrayQueue::new(WAITING))
    }
}

impl Pulses {
    /// Takes a pulse that arrived at `at` from the port numbered `port`. Never waits; the oldest gives way where none are taken.
    pub fn put(&self, port: u16, pulse: Pulse, at: Stamp) {
        self.0.force_push((port, pulse, at));
    }

    /// The oldest pulse that was not taken yet, its port and its moment.
    pub fn take(&self) -> Option<(u16, Pulse, Stamp)> {
        self.0.pop()
    }
}
