//! The instrument's whole state, to be written down and taken up again: the same actions then give the same latents.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::beat::Beat;
use super::closed_loop::{Loop, Scratch, Way};
use super::gestures::WAITING;
use super::glide::{Glide, Span};
use super::modulation::{Follower, part};
use super::params::{LookOrder, MAX_KEYFRAMES, ParamId, SOURCES, Table};
use super::performer::{Instrument, InstrumentError};
use super::preset::Modulation;
use super::recall::{Fading, Slide};
use super::transport::Transport;
use super::undo::{Before, History};
use crate::latent::{Ease, Keyframe, MAX_SEED, Path, ROWS};

/// Everything that decides what an instrument does next. Parameters are numbered as in the table that it was taken with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    tick: u64,
    latent: usize,
    values: Vec<f64>,
    slews: Vec<(u16, f64)>,
    slides: Vec<(u16, f64, f64)>,
    slide_span: Span,
    ring: RingState,
    fading: Option<(RingState, u8, u8, Span)>,
    modulation: Vec<Modulation>,
    envelopes: Vec<f64>,
    sources: [f64; SOURCES.len()],
    beat: Beat,
    waiting: Vec<u16>,
    history: (u64, Vec<Before>),
    rng: ([u8; 32], u64, u128),
    /// Told apart from the rest, which older takes have without it.
    #[serde(skip)]
    pub(crate) look_order: LookOrder,
}

/// A loop; keyframes that come from seeds are kept as these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RingState {
    keyframes: Vec<(Option<u32>, bool, Vec<f64>)>,
    /// Keyframes that glide, by number.
    glides: Vec<(usize, Glide)>,
    jump: Option<Glide>,
    transport: Transport,
}

impl RingState {
    fn of(ring: &Loop, now: u64) -> Self {
        let keyframe = |keyframe: &Keyframe| {
            let latents = match keyframe.seed {
                Some(_) => Vec::new(),
                None => keyframe.latents.clone(),
            };
            (keyframe.seed, keyframe.locked, latents)
        };
        let under_way = |glide: &&Glide| glide.weight(now) < 1.0;
        let glides = ring.glides.iter().enumerate();
        Self {
            keyframes: ring.keyframes.iter().map(keyframe).collect(),
            glides: glides
                .filter(|(_, glide)| under_way(glide))
                .map(|(at, glide)| (at, glide.clone()))
                .collect(),
            jump: Some(&ring.jump).filter(under_way).cloned(),
            transport: ring.transport.clone(),
        }
    }

    fn ring(&self, latent: usize) -> Result<Loop, InstrumentError> {
        let damaged = |what| Err(InstrumentError::State(what));
        if !(2..=MAX_KEYFRAMES).contains(&self.keyframes.len()) {
            return damaged("the number of keyframes");
        }
        if !self.transport.is_sound(self.keyframes.len()) {
            return damaged("the play head");
        }
        let fits = |latents: &[f64]| {
            latents.len() == ROWS * latent && latents.iter().all(|v| v.is_finite())
        };
        let mut keyframes = Vec::with_capacity(self.keyframes.len());
        for (seed, locked, latents) in &self.keyframes {
            let mut keyframe = Keyframe {
                seed: None,
                locked: *locked,
                latents: vec![0.0; ROWS * latent],
            };
            match seed {
                Some(seed) if *seed <= MAX_SEED => keyframe.roll(*seed),
                None if fits(latents) => keyframe.latents.clone_from(latents),
                _ => return damaged("a keyframe"),
            }
            keyframes.push(keyframe);
        }
        let mut ring = Loop::new(keyframes, 0.0, latent);
        for (at, glide) in &self.glides {
            match ring.glides.get_mut(*at) {
                Some(place) if fits(&glide.from) => place.clone_from(glide),
                _ => return damaged("a glide"),
            }
        }
        match &self.jump {
            Some(jump) if !fits(&jump.from) => return damaged("a jump"),
            Some(jump) => ring.jump.clone_from(jump),
            None => {}
        }
        ring.transport.clone_from(&self.transport);
        Ok(ring)
    }
}

/// A parameter's number in a state.
fn number(param: ParamId) -> u16 {
    param.index() as u16
}

impl State {
    /// The tick that it was taken at.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Length of one row of latents.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// Goes over from the numbering of another table to that of `table`: `known` has, for each of the other's rows, this one's.
    /// What this table lacks is left out, what the other lacked is at its default.
    pub fn renumber(&mut self, known: &[Option<ParamId>], table: &Table) {
        let id = |old: u16| known.get(usize::from(old)).copied().flatten();
        let mut values: Vec<f64> = table.iter().map(|(_, row)| row.default).collect();
        for (old, value) in self.values.iter().enumerate() {
            if let Some(param) = known.get(old).copied().flatten() {
                values[param.index()] = *value;
            }
        }
        self.values = values;
        self.slews
            .retain_mut(|slew| id(slew.0).map(|param| slew.0 = number(param)).is_some());
        self.slides
            .retain_mut(|slide| id(slide.0).map(|param| slide.0 = number(param)).is_some());
        self.waiting
            .retain_mut(|old| id(*old).map(|param| *old = number(param)).is_some());
    }
}

impl Instrument {
    /// Everything that decides what it does next.
    pub fn state(&self) -> State {
        let numbers = |slew: &(ParamId, f64, f64)| (number(slew.0), slew.1);
        let fading = self.fading.as_ref().filter(|f| !f.is_over(self.now));
        State {
            tick: self.now,
            latent: self.ring.latent(),
            values: self.values.clone(),
            slews: self.slews.iter().map(numbers).collect(),
            slides: self
                .slides
                .iter()
                .map(|slide| (number(slide.param), slide.from, slide.to))
                .collect(),
            slide_span: self.slide_span,
            ring: RingState::of(&self.ring, self.now),
            fading: fading.map(|fading| {
                let ring = RingState::of(&fading.ring, self.now);
                (
                    ring,
                    fading.way.path as u8,
                    fading.way.ease as u8,
                    fading.span,
                )
            }),
            modulation: self.modulation.clone(),
            envelopes: self.followers.iter().map(Follower::envelope).collect(),
            sources: self.sources,
            beat: self.beat.clone(),
            waiting: self.waiting.iter().map(|param| number(*param)).collect(),
            history: self.history.state(),
            rng: (
                self.rng.get_seed(),
                self.rng.get_stream(),
                self.rng.get_word_pos(),
            ),
            look_order: self.look_order,
        }
    }

    /// The instrument that is in a state. The state must be numbered as `table` is.
    ///
    /// # Errors
    /// When no instrument can be in that state: a number is not finite or out of its place.
    pub fn from_state(state: &State, table: Arc<Table>) -> Result<Self, InstrumentError> {
        let damaged = |what| Err(InstrumentError::State(what));
        let latent = state.latent;
        if !(1..=crate::latent::MAX_LATENT).contains(&latent) {
            return damaged("the length of a row");
        }
        let finite = |numbers: &[f64]| numbers.iter().all(|v| v.is_finite());
        let slides = state.slides.iter().all(|s| finite(&[s.1, s.2]));
        let all_finite = finite(&state.values)
            && finite(&state.sources)
            && finite(&state.envelopes)
            && state.slews.iter().all(|slew| slew.1.is_finite())
            && slides
            && state.beat.is_sound();
        let known = |old: u16| usize::from(old) < table.len();
        let all_known = state.slews.iter().all(|slew| known(slew.0))
            && state.slides.iter().all(|slide| known(slide.0))
            && state.waiting.iter().all(|&param| known(param));
        if !all_finite || !all_known || state.values.len() != table.len() {
            return damaged("the parameters");
        }
        let ring = state.ring.ring(latent)?;
        let fading = match &state.fading {
            None => None,
            Some((old, path, ease, span)) => {
                let path = Path::ALL.get(usize::from(*path));
                let ease = Ease::ALL.get(usize::from(*ease));
                let (Some(&path), Some(&ease)) = (path, ease) else {
                    return damaged("the loop that fades");
                };
                Some(Box::new(Fading {
                    ring: old.ring(latent)?,
                    way: Way { path, ease },
                    span: *span,
                    row: vec![0.0; latent],
                }))
            }
        };
        let mut followers = Vec::with_capacity(state.modulation.len());
        for (modulation, envelope) in state.modulation.iter().zip(&state.envelopes) {
            followers.push(Follower::at(modulation, *envelope, &table)?);
        }
        let mut slews: Vec<(ParamId, f64, f64)> = table
            .iter()
            .filter(|(_, row)| row.smoothing_secs > 0.0)
            .map(|(id, row)| (id, state.values[id.index()], part(row.smoothing_secs)))
            .collect();
        for (param, value, _) in &mut slews {
            if let Some(slew) = state.slews.iter().find(|slew| slew.0 == number(*param)) {
                *value = slew.1;
            }
        }
        let mut slots = Vec::with_capacity(table.len());
        slots.extend(state.slides.iter().filter_map(|&(param, from, to)| {
            let param = ParamId::at(param.into())?;
            Some(Slide { param, from, to })
        }));
        let mut waiting = Vec::with_capacity(WAITING);
        waiting.extend(
            state
                .waiting
                .iter()
                .take(WAITING)
                .filter_map(|&param| ParamId::at(param.into())),
        );
        let mut rng = ChaCha8Rng::from_seed(state.rng.0);
        rng.set_stream(state.rng.1);
        rng.set_word_pos(state.rng.2);
        let history = History::at(&state.history, ring.len(), ROWS * latent)
            .ok_or(InstrumentError::State("what can be taken back"))?;
        Ok(Self {
            ring,
            fading,
            values: state.values.clone(),
            slides: slots,
            slide_span: state.slide_span,
            slews,
            modulation: state.modulation.clone(),
            followers,
            sources: state.sources,
            beat: state.beat.clone(),
            waiting,
            look_order: state.look_order,
            history,
            rng,
            now: state.tick,
            scratch: Scratch::new(latent),
            row: vec![0.0; latent],
            table,
        })
    }
}
