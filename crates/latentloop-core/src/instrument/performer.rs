//! The instrument itself: actions in, latents out, on a fixed grid of ticks.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use thiserror::Error;

use super::beat::Beat;
use super::closed_loop::{Loop, Scratch, Way};
use super::gestures::WAITING;
use super::glide::{Span, blend};
use super::modulation::{Follower, part};
use super::params::*;
use super::preset::{Modulation, Preset, PresetError};
use super::recall::{Fading, Recall, Slide};
use super::transport::{Pace, Walk};
use super::undo::History;
use crate::latent::{Around, Keyframe, ROWS};

/// Why a preset cannot be played with a model, or a state be taken up.
#[derive(Debug, Error, PartialEq)]
pub enum InstrumentError {
    /// The preset itself.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// Given latents of another length than the model's.
    #[error(
        "keyframe {number} of the preset has rows of {found} latents, the model takes {latent}"
    )]
    Latents {
        /// Counted from 1.
        number: usize,
        /// Numbers in a row of the preset.
        found: usize,
        /// Numbers in a row that the model takes.
        latent: usize,
    },
    /// A state that no instrument can be in.
    #[error("the instrument's state is damaged: {0}")]
    State(&'static str),
}

impl From<UnknownParam> for InstrumentError {
    fn from(unknown: UnknownParam) -> Self {
        Self::Preset(unknown.into())
    }
}

/// Keyframes on a closed loop, a play head, and the hands' values.
#[derive(Clone, Debug)]
pub struct Instrument {
    pub(super) table: Arc<Table>,
    pub(super) ring: Loop,
    /// The loop before this one, while it fades.
    pub(super) fading: Option<Box<Fading>>,
    pub(super) values: Vec<f64>,
    /// Values that are on their way from one preset's to the next one's, and in which time.
    pub(super) slides: Vec<Slide>,
    pub(super) slide_span: Span,
    /// Slewed values of the rows that ask for it, and the part of the way that they go in a tick.
    pub(super) slews: Vec<(ParamId, f64, f64)>,
    pub(super) modulation: Vec<Modulation>,
    pub(super) followers: Vec<Follower>,
    pub(super) sources: [f64; SOURCES.len()],
    pub(super) beat: Beat,
    /// Gestures that wait for the beat.
    pub(super) waiting: Vec<ParamId>,
    pub(super) look_order: LookOrder,
    pub(super) history: History,
    pub(super) rng: ChaCha8Rng,
    pub(super) now: u64,
    pub(super) scratch: Scratch,
    pub(super) row: Vec<f64>,
}

impl Instrument {
    /// An instrument at tick 0 of a preset, for a model whose latents are `latent` long.
    ///
    /// # Errors
    /// When the preset does not fit the table or the model.
    pub fn new(preset: &Preset, table: Arc<Table>, latent: usize) -> Result<Self, InstrumentError> {
        let recall = Recall::new(preset, &table, latent)?;
        let mut values: Vec<f64> = table.iter().map(|(_, row)| row.default).collect();
        for &(param, value) in &recall.values {
            values[param.index()] = value;
        }
        let slews = table.iter().filter(|(_, row)| row.smoothing_secs > 0.0);
        let slews = slews
            .map(|(id, row)| (id, values[id.index()], part(row.smoothing_secs)))
            .collect();
        let mut instrument = Self {
            beat: Beat::new(values[BEAT_TEMPO.id().index()]),
            history: History::new(recall.ring.len(), ROWS * latent),
            ring: recall.ring,
            fading: None,
            slides: Vec::with_capacity(table.len()),
            slide_span: Span::default(),
            values,
            slews,
            modulation: recall.modulation,
            followers: recall.followers,
            sources: [0.0; SOURCES.len()],
            waiting: Vec::with_capacity(WAITING),
            look_order: recall.look_order.unwrap_or_default(),
            rng: ChaCha8Rng::seed_from_u64(0),
            now: 0,
            scratch: Scratch::new(latent),
            row: vec![0.0; latent],
            table,
        };
        instrument.mirror_keyframes();
        Ok(instrument)
    }

    /// Lets the seeds of re-rolls come from another place of the generator: two shows with different numbers roll differently.
    pub fn seed(&mut self, number: u64) {
        self.rng = ChaCha8Rng::seed_from_u64(number);
    }

    /// Ticks since the beginning.
    pub fn ticks(&self) -> u64 {
        self.now
    }

    /// The parameter table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Length of one row of latents.
    pub fn latent(&self) -> usize {
        self.ring.latent()
    }

    /// The keyframes in the order of the loop.
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.ring.keyframes
    }

    /// The order of the look's passes.
    pub fn look_order(&self) -> LookOrder {
        self.look_order
    }

    /// The play head, in [0, number of keyframes).
    pub fn position(&self) -> f64 {
        self.ring.transport.position
    }

    /// The beat, counted from the last downbeat or the clock's start.
    pub fn beat(&self) -> f64 {
        self.beat.at(self.now)
    }

    /// Whether the beat goes on: a clock that is followed may stand.
    pub fn beat_runs(&self) -> bool {
        self.beat.runs()
    }

    /// Whether gestures wait for the beat.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Where the hands have put a parameter, in its unit.
    pub fn base_value(&self, param: impl Into<ParamId>) -> f64 {
        match param.into() {
            id::LOOP_POSITION => self.position(),
            id::BEAT_PHASE => (self.beat() / self.beats_per_bar()).rem_euclid(1.0),
            param => self.values[param.index()],
        }
    }

    /// What a parameter is now: slewed and modulated where it is a real number.
    pub fn get<T: Value>(&self, param: Param<T>) -> T {
        T::from_number(if T::IS_CONTINUOUS {
            self.value(param)
        } else {
            self.values[param.id().index()]
        })
    }

    /// Sets a parameter, as a hand does.
    pub fn set<T: Value>(&mut self, param: Param<T>, value: T) {
        self.apply(&Action::set(param, value));
    }

    /// What a parameter is now: slewed, with modulation added, within its range.
    pub fn value(&self, param: impl Into<ParamId>) -> f64 {
        let param = param.into();
        let slewed = self
            .slews
            .iter()
            .find(|(id, ..)| *id == param)
            .map(|&(_, value, _)| value);
        let base = slewed.unwrap_or_else(|| self.base_value(param));
        let offset: f64 = self
            .followers
            .iter()
            .filter(|f| f.target == param)
            .fold(0.0, |sum, f| sum + f.offset());
        if offset == 0.0 {
            base
        } else {
            let depth = self.base_value(SOUND_DEPTH);
            self.table.row(param).clamp(base + offset * depth)
        }
    }

    /// Lets an action take effect at the present tick. Parameters that the host acts on keep their value and do nothing here.
    pub fn apply(&mut self, action: &Action) {
        match *action {
            Action::Set { param, value } if value.is_finite() => self.set_value(param, value),
            Action::SetUnit { param, unit } if unit.is_finite() => {
                let value = if param == LOOP_POSITION {
                    unit.clamp(0.0, 1.0) * self.ring.len() as f64
                } else {
                    self.table.row(param).from_unit(unit)
                };
                self.set_value(param, value);
            }
            Action::Nudge { param, delta } if delta.is_finite() => self.nudge(param, delta),
            Action::Trigger { param } => match self.table.row(param).kind {
                Kind::Toggle => self.set_value(param, 1.0 - self.base_value(param)),
                Kind::Trigger if self.table.row(param).scope == Scope::Instrument => {
                    self.gesture(param);
                }
                _ => {}
            },
            Action::Source { source, value } if value.is_finite() => {
                if let Some(slot) = self.sources.get_mut(source) {
                    *slot = value.clamp(0.0, 1.0);
                }
            }
            Action::Clock {
                beat,
                tempo,
                running,
            } if beat.is_finite() && tempo.is_finite() => self.follow(beat, tempo, running),
            _ => {}
        }
    }

    /// Goes on by one tick.
    pub fn tick(&mut self) {
        for follower in &mut self.followers {
            follower.tick(&self.sources);
        }
        self.slide();
        for (param, value, part) in &mut self.slews {
            *value += (self.values[param.index()] - *value) * *part;
        }
        let before = self.beat.at(self.now);
        let after = self.beat.at(self.now + 1);
        let walk = self.walk(after);
        self.ring.transport.tick(walk, self.ring.keyframes.len());
        self.now += 1;
        self.fade(walk);
        if !self.waiting.is_empty() {
            let quantum = self.quantum();
            let boundary = |beat: f64| quantum.map_or(f64::NAN, |beats| libm::floor(beat / beats));
            // Where quantising was switched off, what waits comes at once.
            if boundary(before) != boundary(after) {
                self.release();
            }
        }
    }

    /// The latents at the play head: `out` is rows x latent, 1 to [`ROWS`] rows.
    pub fn latents(&mut self, out: &mut [f32]) {
        let mut row = std::mem::take(&mut self.row);
        let way = self.way();
        for (number, out) in out.chunks_exact_mut(self.latent()).take(ROWS).enumerate() {
            self.ring
                .head_row(number, way, self.now, &mut self.scratch, &mut row);
            if let Some(fading) = &mut self.fading {
                let (weight, from) = fading.row(number, self.now, &mut self.scratch);
                blend(from, weight, &mut row);
            }
            for (out, &value) in out.iter_mut().zip(&row) {
                *out = value as f32;
            }
        }
        self.row = row;
    }

    /// The keyframes around the play head and its place between them; false in the middle of a glide, where these do not give the
    /// latents.
    pub fn around(&self, around: &mut Around) -> bool {
        let fades = self.fading.as_ref().is_some_and(|f| !f.is_over(self.now));
        self.ring.around(self.way(), self.now, around) && !fades
    }

    pub(super) fn way(&self) -> Way {
        Way {
            path: self.get(LOOP_PATH),
            ease: self.get(LOOP_EASE),
        }
    }

    /// What moves the head in a tick at whose end the beat is `beat`.
    pub(super) fn walk(&self, beat: f64) -> Walk {
        if self.get(LOOP_PAUSE) {
            return Walk::Still;
        }
        let way = if self.get(LOOP_REVERSE) { -1.0 } else { 1.0 };
        let ping_pong = self.get(LOOP_MODE) == LoopMode::PingPong;
        if self.get(BEAT_SYNC) {
            let keyframes_per_beat = self.keyframes_per_beat() * way;
            let pace = Pace {
                keyframes_per_beat,
                ping_pong,
                leaps: self.beat.leaps(),
            };
            let travel = beat * keyframes_per_beat;
            Walk::Beat { travel, pace }
        } else {
            let speed = self.get(LOOP_SPEED) * way;
            Walk::Free { speed, ping_pong }
        }
    }

    fn keyframes_per_beat(&self) -> f64 {
        let beats = match self.get(BEAT_UNIT) {
            BeatUnit::Beat => 1.0,
            BeatUnit::Bar => self.beats_per_bar(),
        };
        self.get(BEAT_RATE) / beats
    }

    fn beats_per_bar(&self) -> f64 {
        self.get(BEAT_PER_BAR) as f64
    }

    /// Beats that a quantised gesture waits for a multiple of.
    pub(super) fn quantum(&self) -> Option<f64> {
        match self.get(BEAT_QUANTISE) {
            Quantise::Off => None,
            Quantise::Beat => Some(1.0),
            Quantise::Bar => Some(self.beats_per_bar()),
        }
    }

    /// A hand sets a value.
    pub(super) fn set_value(&mut self, param: ParamId, value: f64) {
        let row = self.table.row(param);
        if row.read_only || !row.kind.keeps_a_value() {
            return;
        }
        let value = self.table.row(param).clamp(value);
        // A hand on a knob takes it from the preset that is coming.
        self.slides.retain(|slide| slide.param != param);
        match param {
            id::LOOP_POSITION => {
                let hold = self.get(LOOP_HOLD_SECS);
                let keyframes = self.ring.len();
                self.ring.transport.scrub(value, hold, keyframes);
            }
            id::BEAT_NUDGE => self.beat.leap(value),
            param => self.put(param, value),
        }
    }

    /// A value takes effect, whoever set it.
    pub(super) fn put(&mut self, param: ParamId, value: f64) {
        self.values[param.index()] = value;
        match param {
            id::BEAT_TEMPO => self.beat.set_tempo(self.now, value),
            id::BEAT_SOURCE if self.get(BEAT_SOURCE) == BeatSource::Internal => {
                self.beat.run_free(self.now);
            }
            param => {
                if let Some(keyframe) = self.keyframe_of(KEYFRAME_SEED, param) {
                    self.history.begin();
                    self.roll(keyframe, value as u32);
                } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_LOCK, param) {
                    self.ring.keyframes[keyframe].locked = bool::from_number(value);
                }
            }
        }
    }

    /// Which keyframe of the loop a parameter of a family belongs to, counted from 0.
    pub(super) fn keyframe_of<T>(&self, family: Family<T>, param: ParamId) -> Option<usize> {
        let keyframe = family.index_of(param)?;
        (keyframe < self.ring.len()).then_some(keyframe)
    }

    fn nudge(&mut self, param: ParamId, delta: f64) {
        let row = self.table.row(param);
        if param == LOOP_POSITION {
            let hold = self.get(LOOP_HOLD_SECS);
            let keyframes = self.ring.len();
            self.ring.transport.nudge(delta, hold, keyframes);
        } else if let Kind::Choice(names) = row.kind {
            // After the last comes the first.
            let value =
                (self.base_value(param) + libm::round(delta)).rem_euclid(names.len() as f64);
            self.set_value(param, value);
        } else {
            self.set_value(param, self.base_value(param) + delta);
        }
    }

    /// A clock from outside says where its beat is now.
    fn follow(&mut self, beat: f64, tempo: f64, running: bool) {
        if self.get(BEAT_SOURCE) == BeatSource::Internal {
            return;
        }
        let tempo = self.table.row(BEAT_TEMPO).clamp(tempo);
        self.beat.follow(self.now, beat, tempo, running);
        self.values[BEAT_TEMPO.id().index()] = tempo;
    }
}
