//! The player: a take played again on an instrument.

use std::borrow::Cow;
use std::sync::Arc;

use thiserror::Error;

use super::log::{Event, Model, Snapshot, Take, fingerprint};
use super::script::Script;
use crate::instrument::{Instrument, InstrumentError, Preset, Recall, Table, ticks};

/// Why a take cannot be played.
#[derive(Debug, Error, PartialEq)]
pub enum PlayerError {
    /// A state or a preset of it fits neither the table nor the model.
    #[error("at {secs:.3} s: {source}")]
    Instrument {
        /// Seconds from the take's beginning.
        secs: f64,
        /// What does not fit.
        source: InstrumentError,
    },
}

/// The verification of a take: how what is played agrees with what was logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Logged latents that came out bit for bit.
    pub same: u64,
    /// Those that did not.
    pub different: u64,
    /// Tick of the first that did not.
    pub first_different: Option<u64>,
    /// Logged states that were not the instrument's, and were taken over: something is missing in the log before them. Those
    /// that come with another model do not count.
    pub states_taken_over: u64,
}

/// Plays events on an instrument, at whatever pace it is asked to.
#[derive(Debug)]
pub struct Player<'a> {
    instrument: Instrument,
    model: Option<Model>,
    seed: u32,
    events: Cow<'a, [(u64, Event)]>,
    next: usize,
    start: u64,
    verification: Verification,
    z: Vec<f32>,
}

impl<'a> Player<'a> {
    /// Plays a script on an instrument that has its preset.
    pub fn script(script: &Script, mut instrument: Instrument) -> Self {
        instrument.roll_as_written_takes_do();
        let events = script.events.iter();
        let events = events.map(|(tick, action)| (*tick, Event::Action(action.clone())));
        Self {
            start: instrument.ticks(),
            instrument,
            model: None,
            seed: 0,
            events: Cow::Owned(events.collect()),
            next: 0,
            verification: Verification::default(),
            z: Vec::new(),
        }
    }

    /// Plays a logged take from its beginning.
    ///
    /// # Errors
    /// When the state that it opens with fits neither the table nor its model.
    pub fn take(take: &'a Take, table: &Arc<Table>) -> Result<Self, PlayerError> {
        let instrument = Instrument::from_state(&take.opening.state, Arc::clone(table))
            .map_err(|source| PlayerError::Instrument { secs: 0.0, source })?;
        Ok(Self {
            start: take.start(),
            instrument,
            model: Some(take.opening.model.clone()),
            seed: take.opening.seed,
            events: Cow::Borrowed(&take.events),
            next: 0,
            verification: Verification::default(),
            z: Vec::new(),
        })
    }

    /// Goes on to a tick: everything up to it takes effect, what is at the tick itself included.
    ///
    /// # Errors
    /// When a state or a preset on the way fits neither the table nor the model.
    pub fn advance(&mut self, tick: u64) -> Result<(), PlayerError> {
        let end = self.end(tick);
        self.play(end)?;
        self.walk(tick);
        Ok(())
    }

    /// Goes on to the picture of a tick, as it was drawn: what was done at the tick itself, but after its latents were drawn,
    /// takes effect with the next picture.
    ///
    /// # Errors
    /// As [`Player::advance`].
    pub fn advance_to_picture(&mut self, tick: u64) -> Result<(), PlayerError> {
        let end = self.end_of_picture(tick);
        self.play(end)?;
        self.walk(tick);
        Ok(())
    }

    /// Goes on as [`Player::advance_to_picture`] does, but no further than to where another model takes effect; true where one
    /// does.
    ///
    /// # Errors
    /// As [`Player::advance`].
    pub fn advance_before_model(&mut self, tick: u64) -> Result<bool, PlayerError> {
        let end = self.end_of_picture(tick);
        let until = self.events[self.next..end]
            .iter()
            .position(|(_, event)| matches!(event, Event::Model(_)));
        self.play(until.map_or(end, |until| self.next + until))?;
        if until.is_none() {
            self.walk(tick);
        }
        Ok(until.is_some())
    }

    /// What has not taken effect yet.
    pub(super) fn rest(&self) -> &[(u64, Event)] {
        &self.events[self.next..]
    }

    /// Where the events end that are at a tick or before it.
    fn end(&self, tick: u64) -> usize {
        self.next + self.events[self.next..].partition_point(|(at, _)| *at <= tick)
    }

    /// Where the events end that a picture of that tick was drawn after.
    fn end_of_picture(&self, tick: u64) -> usize {
        let end = self.end(tick);
        let is_drawn =
            |(at, event): &(u64, Event)| *at == tick && matches!(event, Event::Latents { .. });
        // Also where it has been drawn already.
        let first = self.events[..end].partition_point(|(at, _)| *at < tick);
        let drawn = self.events[first..end].iter().rposition(is_drawn);
        drawn.map_or(end, |drawn| self.next.max(first + drawn + 1))
    }

    /// Lets events take effect, up to one of them.
    fn play(&mut self, end: usize) -> Result<(), PlayerError> {
        while self.next < end {
            self.walk(self.events[self.next].0);
            self.apply_event()?;
            self.next += 1;
        }
        Ok(())
    }

    /// The instrument as it is now.
    pub fn instrument(&mut self) -> &mut Instrument {
        &mut self.instrument
    }

    /// The model that is played now; nothing in a script, whose model is its preset's.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// The tick of the picture that was drawn next, where the take has one more.
    pub fn next_drawn_at(&self) -> Option<u64> {
        let mut rest = self.rest().iter();
        rest.find_map(|(tick, event)| matches!(event, Event::Latents { .. }).then_some(*tick))
    }

    /// The seed of grain; 0 in a script.
    pub fn seed(&self) -> u32 {
        self.seed
    }

    /// The tick that it began at.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// How what was played so far agrees with what was logged.
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// Everything that there is now, as a log has it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            model: self.model.clone().unwrap_or_default(),
            seed: self.seed,
            state: self.instrument.state(),
        }
    }

    /// The preset that opens as the instrument stands now.
    pub fn preset(&self) -> Preset {
        let mut preset = self.instrument.preset();
        preset.model = self.model.as_ref().map(|model| model.name.clone());
        preset
    }

    fn walk(&mut self, to: u64) {
        while self.instrument.ticks() < to {
            self.instrument.tick();
        }
    }

    /// Lets the next event take effect.
    fn apply_event(&mut self) -> Result<(), PlayerError> {
        let (tick, event) = &self.events[self.next];
        let wrong = |source| PlayerError::Instrument {
            secs: super::secs(tick - self.start),
            source,
        };
        match event {
            Event::Action(action) => self.instrument.apply(action),
            Event::Preset {
                preset,
                fade_secs,
                keeps_head,
            } => {
                let table = self.instrument.table();
                // A model that came at the same tick may have latents of another length.
                let latent = match &self.model {
                    Some(model) => model.latent as usize,
                    None => self.instrument.latent(),
                };
                let mut recall = Recall::new(preset, table, latent).map_err(wrong)?;
                if *keeps_head {
                    recall = recall.keeping_head();
                }
                self.instrument.recall(recall, ticks(*fade_secs));
            }
            Event::Model(model) => self.model = Some(model.clone()),
            Event::Mark(_) => {}
            Event::State(snapshot) => {
                let same = self.model.as_ref() == Some(&snapshot.model)
                    && self.instrument.state() == snapshot.state;
                if !same {
                    let before = self.next.checked_sub(1).map(|at| &self.events[at].1);
                    // Another model may come with another instrument.
                    if !matches!(before, Some(Event::Model(_))) {
                        self.verification.states_taken_over += 1;
                    }
                    let table = Arc::clone(self.instrument.table());
                    self.instrument =
                        Instrument::from_state(&snapshot.state, table).map_err(wrong)?;
                    self.model = Some(snapshot.model.clone());
                }
            }
            Event::Latents { rows, hash } => {
                self.z
                    .resize(usize::from(*rows) * self.instrument.latent(), 0.0);
                self.instrument.latents(&mut self.z);
                if fingerprint(&self.z) == *hash {
                    self.verification.same += 1;
                } else {
                    self.verification.different += 1;
                    self.verification.first_different.get_or_insert(*tick);
                }
            }
        }
        Ok(())
    }
}
