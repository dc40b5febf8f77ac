//! The clock that the beat follows, and the beat that is sent to others.

use std::sync::Arc;

use super::desk::{Desk, Job};
use super::hands::Hands;
use crate::control::Stamp;
use crate::control::clock::{Follower, Following, Pulses};
use crate::instrument::{Action, Instrument, ParamId};

/// Values of `beat.source`.
const MIDI: u8 = 1;

/// The clocks that can be followed.
pub(super) struct Clocks {
    pulses: Arc<Pulses>,
    follower: Follower,
    source: Option<ParamId>,
    /// The port whose clock the performer was told of.
    told: Option<u16>,
}

impl Clocks {
    pub(super) fn new(hands: &Hands) -> Self {
        Self {
            pulses: Arc::clone(&hands.pulses),
            follower: Follower::default(),
            source: None,
            told: None,
        }
    }

    /// Takes what the clocks sent; gives the beat of the one that is followed.
    pub(super) fn follow(
        &mut self,
        instrument: &Instrument,
        now: Stamp,
        desk: &Desk,
    ) -> Option<Action> {
        while let Some((port, pulse, at)) = self.pulses.take() {
            self.follower.put(port, pulse, secs(at));
        }
        let source = *self
            .source
            .get_or_insert(instrument.table().id("beat.source")?);
        let source = instrument.base_value(source) as u8;
        let following = self.follower.at(secs(now));
        self.tell(following, source, desk);
        match following {
            Some(Following {
                beat,
                tempo,
                running,
            }) if source == MIDI => Some(Action::Clock {
                beat,
                tempo,
                running,
            }),
            _ => None,
        }
    }

    /// A clock that begins or goes is told of once.
    fn tell(&mut self, following: Option<Following>, source: u8, desk: &Desk) {
        let port = following.and(self.follower.port());
        if port == self.told {
            return;
        }
        self.told = port;
        let text = match following {
            Some(Following { tempo, .. }) if source == MIDI => {
                format!("following MIDI clock at {tempo:.1} BPM")
            }
            Some(Following { tempo, .. }) => {
                format!("MIDI clock arrives at {tempo:.1} BPM; beat.source = midi follows it")
            }
            None if source == MIDI => {
                "MIDI clock has gone; the beat goes on at its last tempo".to_owned()
            }
            None => return,
        };
        // A full desk has more pressing things to do.
        let _ = desk.ask(Job::Tell(text));
    }
}

fn secs(at: Stamp) -> f64 {
    at as f64 / 1e9
}
