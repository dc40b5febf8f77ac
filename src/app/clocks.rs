//! The clock that the beat follows, and the beat that is sent to others.

use std::sync::Arc;

use super::controllers::Controllers;
use crate::control::clock::{BeatLine, Follower, Following, Pulses, Sender};
use crate::control::{Notices, Stamp};
use crate::instrument::preset::PresetError;
use crate::instrument::{Action, Instrument, ParamId, Table};

/// Values of `beat.source`.
const MIDI: u8 = 1;
#[cfg(feature = "link")]
const LINK: u8 = 2;

/// The clocks that can be followed, and the one that is sent.
pub(super) struct Clocks {
    ids: Ids,
    pulses: Arc<Pulses>,
    follower: Follower,
    /// The port whose clock the performer was told of.
    told: Option<u16>,
    #[cfg(feature = "link")]
    link: crate::control::clock::Link,
    sender: Option<Sender>,
}

struct Ids {
    source: ParamId,
    tempo: ParamId,
    per_bar: ParamId,
    clock_out: ParamId,
}

impl Ids {
    fn new(table: &Table) -> Result<Self, PresetError> {
        Ok(Self {
            source: table.find("beat.source")?,
            tempo: table.find("beat.tempo")?,
            per_bar: table.find("beat.per_bar")?,
            clock_out: table.find("beat.clock_out")?,
        })
    }
}

impl Clocks {
    pub(super) fn new(
        controllers: &Controllers,
        instrument: &Instrument,
    ) -> Result<Self, PresetError> {
        let ids = Ids::new(instrument.table())?;
        let sender = controllers.midi.hub().and_then(|hub| {
            let (out, inbox) = (hub.clock_out(), Arc::clone(&controllers.control.inbox));
            let send = move |pulse| {
                // Where too many wait, there is no port that takes them.
                let _ = out.send(pulse);
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
        Ok(Self {
            pulses: Arc::clone(&controllers.pulses),
            follower: Follower::default(),
            told: None,
            #[cfg(feature = "link")]
            link: crate::control::clock::Link::new(instrument.base_value(ids.tempo)),
            sender,
            ids,
        })
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
        let source = instrument.base_value(self.ids.source) as u8;
        let midi = self.follower.at(secs(now));
        self.tell(midi, source, notices);
        let Following {
            beat,
            tempo,
            running,
        } = match source {
            MIDI => midi?,
            #[cfg(feature = "link")]
            LINK => self.session(instrument)?,
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
        let tempo = instrument.base_value(self.ids.tempo);
        Some(
            self.link
                .follow(tempo, instrument.base_value(self.ids.per_bar)),
        )
    }

    /// Hands our beat to the clock that is sent; `ahead_secs` is how long ago the instrument's present tick was.
    pub(super) fn publish(&mut self, instrument: &Instrument, now: Stamp, ahead_secs: f64) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let running = instrument.beat_runs();
        sender.publish(BeatLine {
            sends: instrument.base_value(self.ids.clock_out) > 0.5,
            beat: instrument.beat(),
            at_secs: secs(now) - ahead_secs,
            tempo: if running {
                instrument.base_value(self.ids.tempo)
            } else {
                0.0
            },
            per_bar: instrument.base_value(self.ids.per_bar),
        });
    }

    /// A clock that begins or goes is told of once.
    fn tell(&mut self, following: Option<Following>, source: u8, notices: &Notices) {
        let port = following.and(self.follower.port());
        // Its first beats may be uneven.
        if port == self.told || (port.is_some() && !self.follower.is_settled()) {
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
        notices.info(text);
    }
}

fn secs(at: Stamp) -> f64 {
    at as f64 / 1e9
}
