//! Beat clocks: the one that the beat follows, and the one that is sent to others.

use std::sync::Arc;

use super::controllers::Controllers;
use crate::control::clock::{BeatLine, Follower, Following, Pulses, Sender};
use crate::control::midi::HubHandle;
use crate::control::{Notices, Stamp};
use crate::instrument::params::{
    BEAT_CLOCK_OUT, BEAT_PER_BAR, BEAT_SOURCE, BEAT_TEMPO, BeatSource,
};
use crate::instrument::{Action, Instrument};

/// The clocks that can be followed, and the one that is sent.
pub(super) struct Clocks {
    pulses: Arc<Pulses>,
    midi: HubHandle,
    follower: Follower,
    /// The port whose clock the performer was told of.
    told: Option<u16>,
    #[cfg(feature = "link")]
    link: crate::control::clock::Link,
    sender: Option<Sender>,
}

impl Clocks {
    pub(super) fn new(controllers: &Controllers, instrument: &Instrument) -> Self {
        #[cfg(not(feature = "link"))]
        let _ = instrument;
        let sender = controllers.midi.hub().and_then(|hub| {
            let (out, inbox) = (hub.clock_out(), Arc::clone(&controllers.control.inbox));
            let send = move |pulse, at_secs: f64| {
                // Where too many wait, there is no port that takes them.
                let _ = out.send(pulse, (at_secs.max(0.0) * 1e9) as Stamp);
            };
            match Sender::start(move || secs(inbox.now()), send) {
                Ok(sender) => Some(sender),
                Err(error) => {
                    let notices = &controllers.control.notices;
                    notices.warn(format!("no MIDI clock: {error}"));
                    None
                }
            }
        });
        Self {
            pulses: Arc::clone(&controllers.pulses),
            midi: controllers.midi.clone(),
            follower: Follower::default(),
            told: None,
            #[cfg(feature = "link")]
            link: crate::control::clock::Link::new(instrument.base_value(BEAT_TEMPO)),
            sender,
        }
    }

    /// Begins anew: another port's clock is taken from now on.
    pub(super) fn forget(&mut self) {
        while self.pulses.take().is_some() {}
        self.follower = Follower::default();
        self.told = None;
    }

    /// Takes what the clocks sent; gives the beat of the one that is followed.
    pub(super) fn follow(
        &mut self,
        instrument: &Instrument,
        now: Stamp,
        notices: &Notices,
    ) -> Option<Action> {
        while let Some((port, pulse, at)) = self.pulses.take() {
            self.follower.put(port, pulse, secs(at));
        }
        let source = instrument.get(BEAT_SOURCE);
        let midi = self.follower.at(secs(now));
        self.tell(midi, source, notices);
        let Following {
            beat,
            tempo,
            running,
        } = match source {
            BeatSource::Midi => midi?,
            #[cfg(feature = "link")]
            BeatSource::Link => self.session(instrument)?,
            _ => {
                #[cfg(feature = "link")]
                self.link.take_part(false);
                return None;
            }
        };
        Some(Action::Clock {
            beat,
            tempo,
            running,
        })
    }

    #[cfg(feature = "link")]
    fn session(&mut self, instrument: &Instrument) -> Option<Following> {
        self.link.take_part(true);
        let tempo = instrument.base_value(BEAT_TEMPO);
        Some(self.link.follow(tempo, instrument.base_value(BEAT_PER_BAR)))
    }

    /// Hands our beat to the clock that is sent; `ahead_secs` is how long ago the instrument's present tick was.
    pub(super) fn publish(&mut self, instrument: &Instrument, now: Stamp, ahead_secs: f64) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let running = instrument.beat_runs();
        sender.publish(BeatLine {
            sends: instrument.get(BEAT_CLOCK_OUT),
            beat: instrument.beat(),
            at_secs: secs(now) - ahead_secs,
            tempo: if running {
                instrument.base_value(BEAT_TEMPO)
            } else {
                0.0
            },
            per_bar: instrument.base_value(BEAT_PER_BAR),
        });
    }

    /// A clock that begins or goes is told of once.
    fn tell(&mut self, following: Option<Following>, source: BeatSource, notices: &Notices) {
        let port = following.and(self.follower.port());
        // Its first beats may be uneven.
        if port == self.told || (port.is_some() && !self.follower.is_settled()) {
            return;
        }
        self.told = port;
        let name = port.and_then(|port| self.midi.hub()?.name_of(port));
        let of = name.map_or(String::new(), |name| format!(" of {name}"));
        let text = match following {
            Some(Following { tempo, .. }) if source == BeatSource::Midi => {
                format!("following MIDI clock{of} at {tempo:.1} BPM")
            }
            Some(Following { tempo, .. }) => {
                format!("MIDI clock{of} arrives at {tempo:.1} BPM; beat.source = midi follows it")
            }
            None if source == BeatSource::Midi => {
                "MIDI clock has gone; the beat goes on at its last tempo".to_owned()
            }
            None => return,
        };
        notices.info(text);
    }
}

fn secs(at: Stamp) -> f64 {
    at as f64 / 1e9
}

#[cfg(test)]
mod tests;
