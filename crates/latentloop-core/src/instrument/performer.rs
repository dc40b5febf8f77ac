//! The instrument itself: actions in, latents out, on a fixed grid of ticks.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use thiserror::Error;

use super::beat::Beat;
use super::closed_loop::{Loop, Scratch, Way};
use super::gestures::WAITING;
use super::glide::{Span, blend};
use super::ids::{Ids, Part};
use super::modulation::{Follower, part};
use super::param::SOURCES;
use super::preset::{Modulation, Preset, PresetError};
use super::recall::{Fading, Recall, Slide};
use super::transport::{Pace, Walk};
use super::undo::History;
use super::{Action, Kind, LookOrder, ParamId, Scope, Table};
use crate::latent::{Around, Ease, Keyframe, Path, ROWS};

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

/// Keyframes on a closed loop, a play head, and the hands' values.
#[derive(Clone, Debug)]
pub struct Instrument {
    pub(super) table: Arc<Table>,
    pub(super) ids: Ids,
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
        let ids = Ids::new(&table)?;
        let recall = Recall::new(preset, &table, latent)?;
        let mut values: Vec<f64> = table.iter().map(|(_, row)| row.default).collect();
        for &(param, value) in &recall.values {
            values[usize::from(param.0)] = value;
        }
        let slews = table.iter().filter(|(_, row)| row.smoothing_secs > 0.0);
        let slews = slews
            .map(|(id, row)| (id, values[usize::from(id.0)], part(row.smoothing_secs)))
            .collect();
        let mut instrument = Self {
            beat: Beat::new(values[usize::from(ids.tempo.0)]),
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
            ids,
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
    pub fn base_value(&self, param: ParamId) -> f64 {
        if param == self.ids.position {
            self.position()
        } else if param == self.ids.phase {
            (self.beat() / self.base_value(self.ids.per_bar)).rem_euclid(1.0)
        } else {
            self.values[usize::from(param.0)]
        }
    }

    /// What a parameter is now: slewed, with modulation added, within its range.
    pub fn value(&self, param: ParamId) -> f64 {
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
            let depth = self.base_value(self.ids.depth);
            self.table.row(param).clamp(base + offset * depth)
        }
    }

    /// Lets an action take effect at the present tick. Parameters that the host acts on keep their value and do nothing here.
    pub fn apply(&mut self, action: &Action) {
        match *action {
            Action::Set { param, value } if value.is_finite() => self.set(param, value),
            Action::SetUnit { param, unit } if unit.is_finite() => {
                let value = if param == self.ids.position {
                    unit.clamp(0.0, 1.0) * self.ring.len() as f64
                } else {
                    self.table.row(param).from_unit(unit)
                };
                self.set(param, value);
            }
            Action::Nudge { param, delta } if delta.is_finite() => self.nudge(param, delta),
            Action::Trigger { param } => match self.table.row(param).kind {
                Kind::Toggle => self.set(param, 1.0 - self.base_value(param)),
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
            *value += (self.values[usize::from(param.0)] - *value) * *part;
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
            path: choice(&Path::ALL, self.value(self.ids.path)),
            ease: choice(&Ease::ALL, self.value(self.ids.ease)),
        }
    }

    /// What moves the head in a tick at whose end the beat is `beat`.
    pub(super) fn walk(&self, beat: f64) -> Walk {
        if self.value(self.ids.pause) > 0.5 {
            return Walk::Still;
        }
        let way = if self.value(self.ids.reverse) > 0.5 {
            -1.0
        } else {
            1.0
        };
        let ping_pong = self.value(self.ids.mode) > 0.5;
        if self.value(self.ids.sync) > 0.5 {
            let keyframes_per_beat = self.keyframes_per_beat() * way;
            let pace = Pace {
                keyframes_per_beat,
                ping_pong,
                leaps: self.beat.leaps(),
            };
            let travel = beat * keyframes_per_beat;
            Walk::Beat { travel, pace }
        } else {
            let speed = self.value(self.ids.speed) * way;
            Walk::Free { speed, ping_pong }
        }
    }

    fn keyframes_per_beat(&self) -> f64 {
        let beats = if self.value(self.ids.unit) > 0.5 {
            self.value(self.ids.per_bar)
        } else {
            1.0
        };
        self.value(self.ids.rate) / beats
    }

    /// Beats that a quantised gesture waits for a multiple of.
    pub(super) fn quantum(&self) -> Option<f64> {
        match self.value(self.ids.quantise) as u8 {
            0 => None,
            1 => Some(1.0),
            _ => Some(self.value(self.ids.per_bar)),
        }
    }

    pub(super) fn set(&mut self, param: ParamId, value: f64) {
        let row = self.table.row(param);
        if row.read_only || matches!(row.kind, Kind::Trigger | Kind::Text) {
            return;
        }
        let value = self.table.row(param).clamp(value);
        // A hand on a knob takes it from the preset that is coming.
        self.slides.retain(|slide| slide.param != param);
        if param == self.ids.position {
            let hold = self.value(self.ids.hold);
            let keyframes = self.ring.len();
            return self.ring.transport.scrub(value, hold, keyframes);
        }
        if param == self.ids.nudge {
            return self.beat.leap(value);
        }
        self.put(param, value);
    }

    /// A value takes effect, whoever set it.
    pub(super) fn put(&mut self, param: ParamId, value: f64) {
        self.values[usize::from(param.0)] = value;
        if param == self.ids.tempo {
            self.beat.set_tempo(self.now, value);
        } else if param == self.ids.source && value < 0.5 {
            self.beat.run_free(self.now);
        } else {
            match self.ids.keyframe(param, self.ring.len()) {
                Some((keyframe, Part::Seed)) => {
                    self.history.begin();
                    self.roll(keyframe, value as u32);
                }
                Some((keyframe, Part::Lock)) => self.ring.keyframes[keyframe].locked = value > 0.5,
                _ => {}
            }
        }
    }

    fn nudge(&mut self, param: ParamId, delta: f64) {
        let row = self.table.row(param);
        if param == self.ids.position {
            let hold = self.value(self.ids.hold);
            let keyframes = self.ring.len();
            self.ring.transport.nudge(delta, hold, keyframes);
        } else if let Kind::Choice(names) = row.kind {
            // After the last comes the first.
            let value =
                (self.base_value(param) + libm::round(delta)).rem_euclid(names.len() as f64);
            self.set(param, value);
        } else {
            self.set(param, self.base_value(param) + delta);
        }
    }

    /// A clock from outside says where its beat is now.
    fn follow(&mut self, beat: f64, tempo: f64, running: bool) {
        if self.base_value(self.ids.source) < 0.5 {
            return;
        }
        let tempo = self.table.row(self.ids.tempo).clamp(tempo);
        self.beat.follow(self.now, beat, tempo, running);
        self.values[usize::from(self.ids.tempo.0)] = tempo;
    }
}

fn choice<T: Copy>(all: &[T], value: f64) -> T {
    all[(value as usize).min(all.len() - 1)]
}
