//! The instrument's whole state, to be saved and taken up again: the same actions then give the same latents.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

use super::InstrumentError;
use super::beat::Beat;
use super::glide::{ParamRamp, Ramp, Slew};
use super::keyframe_loop::{FadingLoop, KeyframeLoop, SavedLoop};
use super::params::{LookOrder, ParamId, SOURCES, Table};
use super::preset::Modulation;
use super::undo::History;
use crate::latent::{MAX_LATENT, ROWS};

/// Triggers that can wait for the beat.
pub(super) const MAX_QUEUED: usize = 64;

/// A saved state: everything that decides what an instrument does next. Parameters are numbered as in the table that it was
/// taken with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(Parts<SavedLoop, u16>);

/// The parts of a state: played, with a [`KeyframeLoop`] and this table's ids, or saved, with a [`SavedLoop`] and numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parts<L, P> {
    pub(super) tick: u64,
    /// Length of one row of latents.
    pub(super) latent: usize,
    /// Where the hands have put every parameter.
    pub(super) values: Vec<f64>,
    /// The rows that are slewed, in the table's order.
    pub(super) slews: Vec<Slew<P>>,
    /// Parameters that are on their way from one preset's value to the next one's, and in which time.
    pub(super) param_ramps: Vec<ParamRamp<P>>,
    pub(super) param_ramp_time: Ramp,
    pub(super) keyframe_loop: L,
    /// The loop before this one, while it fades.
    pub(super) fading: Option<Box<FadingLoop<L>>>,
    pub(super) modulation: Vec<Modulation>,
    /// The envelope of each modulation.
    pub(super) envelopes: Vec<f64>,
    pub(super) sources: [f64; SOURCES.len()],
    pub(super) beat: Beat,
    /// Triggers that wait for the beat.
    pub(super) queued: Vec<P>,
    pub(super) history: History,
    pub(super) rng: SeedRng,
    /// Saved apart from the rest, which older takes have without it.
    #[serde(skip)]
    pub(super) look_order: LookOrder,
}

impl<L, P: Copy> Parts<L, P> {
    /// The same with another form of loop and other ids; a parameter that has none makes it fail.
    fn convert<M, Q>(
        &self,
        keyframe_loop: impl Fn(&L) -> Result<M, InstrumentError>,
        id: impl Fn(P) -> Option<Q>,
    ) -> Result<Parts<M, Q>, InstrumentError> {
        let id = |param: P| id(param).ok_or(InstrumentError::State("the parameters"));
        let slew = |slew: &Slew<P>| {
            Ok::<_, InstrumentError>(Slew {
                param: id(slew.param)?,
                value: slew.value,
            })
        };
        let param_ramp = |ramp: &ParamRamp<P>| {
            Ok::<_, InstrumentError>(ParamRamp {
                param: id(ramp.param)?,
                from: ramp.from,
                to: ramp.to,
            })
        };
        // One that has faded is kept for its room alone.
        let fading = self.fading.as_ref();
        let fading = fading.filter(|fading| !fading.ramp.is_over(self.tick));
        let fading = fading.map(|fading| {
            Ok::<_, InstrumentError>(Box::new(FadingLoop {
                keyframe_loop: keyframe_loop(&fading.keyframe_loop)?,
                interpolation: fading.interpolation,
                ramp: fading.ramp,
            }))
        });
        Ok(Parts {
            tick: self.tick,
            latent: self.latent,
            values: self.values.clone(),
            slews: self.slews.iter().map(slew).collect::<Result<_, _>>()?,
            param_ramps: self
                .param_ramps
                .iter()
                .map(param_ramp)
                .collect::<Result<_, _>>()?,
            param_ramp_time: self.param_ramp_time,
            keyframe_loop: keyframe_loop(&self.keyframe_loop)?,
            fading: fading.transpose()?,
            modulation: self.modulation.clone(),
            envelopes: self.envelopes.clone(),
            sources: self.sources,
            beat: self.beat.clone(),
            queued: self
                .queued
                .iter()
                .map(|&param| id(param))
                .collect::<Result<_, _>>()?,
            history: self.history.clone(),
            rng: self.rng.clone(),
            look_order: self.look_order,
        })
    }
}

impl Parts<KeyframeLoop, ParamId> {
    /// The state as it is saved.
    pub(super) fn save(&self) -> State {
        let keyframe_loop =
            |keyframe_loop: &KeyframeLoop| Ok(SavedLoop::of(keyframe_loop, self.tick));
        let saved = self.convert(keyframe_loop, |param| Some(param.index() as u16));
        State(saved.expect("what is played has the table's ids, and its loops can be saved"))
    }
}

impl State {
    /// The tick that it was taken at.
    pub fn tick(&self) -> u64 {
        self.0.tick
    }

    /// Length of one row of latents.
    pub fn latent(&self) -> usize {
        self.0.latent
    }

    /// The order of the look's passes.
    pub(crate) fn look_order(&self) -> LookOrder {
        self.0.look_order
    }

    /// The same state with another order of the look's passes.
    pub(crate) fn set_look_order(&mut self, order: LookOrder) {
        self.0.look_order = order;
    }

    /// Goes over from the numbering of another table to that of `table`: `known` has, for each of the other's rows, this one's.
    /// What this table lacks is left out, what the other lacked is at its default.
    pub fn renumber(&mut self, known: &[Option<ParamId>], table: &Table) {
        let state = &mut self.0;
        let number = |old: &mut u16| {
            let param = known.get(usize::from(*old)).copied().flatten();
            param.map(|param| *old = param.index() as u16).is_some()
        };
        let mut values: Vec<f64> = table.iter().map(|(_, row)| row.default).collect();
        for (param, value) in known.iter().zip(&state.values) {
            if let Some(param) = param {
                values[param.index()] = *value;
            }
        }
        state.values = values;
        state.slews.retain_mut(|slew| number(&mut slew.param));
        state.param_ramps.retain_mut(|ramp| number(&mut ramp.param));
        state.queued.retain_mut(number);
    }

    /// The state to be played on from, with room for what may come. The state must be numbered as `table` is.
    ///
    /// # Errors
    /// When no instrument can be in that state: a number is not finite or out of its place.
    pub(super) fn restore(
        &self,
        table: &Table,
    ) -> Result<Parts<KeyframeLoop, ParamId>, InstrumentError> {
        let state = &self.0;
        let damaged = |what| Err(InstrumentError::State(what));
        if !(1..=MAX_LATENT).contains(&state.latent) {
            return damaged("the length of a row");
        }
        let finite = |numbers: &[f64]| numbers.iter().all(|v| v.is_finite());
        let ramps = state.param_ramps.iter();
        let all_finite = finite(&state.values)
            && finite(&state.sources)
            && finite(&state.envelopes)
            && state.slews.iter().all(|slew| slew.value.is_finite())
            && ramps.clone().all(|ramp| finite(&[ramp.from, ramp.to]))
            && state.beat.is_sound();
        if !all_finite
            || state.values.len() != table.len()
            || state.param_ramps.len() > table.len()
            || state.envelopes.len() != state.modulation.len()
        {
            return damaged("the parameters");
        }
        let mut played = state.convert(
            |saved| saved.restore(state.latent),
            |number| ParamId::at(number.into()),
        )?;
        let saved = played.slews;
        played.slews = Slew::all(table, &played.values);
        for slew in &mut played.slews {
            if let Some(saved) = saved.iter().find(|saved| saved.param == slew.param) {
                slew.value = saved.value;
            }
        }
        played.param_ramps.reserve(table.len());
        played.queued.truncate(MAX_QUEUED);
        played.queued.reserve(MAX_QUEUED);
        let keyframes = played.keyframe_loop.len();
        played.history = state
            .history
            .restore(keyframes, ROWS * state.latent)
            .ok_or(InstrumentError::State("what can be taken back"))?;
        Ok(played)
    }
}

impl Slew<ParamId> {
    /// A slew for each row of the table that asks for one, at rest.
    pub(super) fn all(table: &Table, values: &[f64]) -> Vec<Self> {
        let smoothed = table.iter().filter(|(_, row)| row.smoothing_secs > 0.0);
        smoothed
            .map(|(param, _)| Self {
                param,
                value: values[param.index()],
            })
            .collect()
    }
}

/// The generator that the seeds of re-rolls come from. Its stream says which seeds: takes of before know the first one alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "RngPosition", into = "RngPosition")]
pub(super) struct SeedRng(ChaCha8Rng);

/// Seed, stream and place in the stream of a generator.
type RngPosition = ([u8; 32], u64, u128);

/// The stream of seeds of 31 bits, which many clients round, for their numbers are single floats.
const WIDE_SEEDS: u64 = 0;
/// The stream of seeds of 24 bits, which single floats hold.
const NARROW_SEEDS: u64 = 1;

impl SeedRng {
    pub(super) fn new(number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        rng.set_stream(NARROW_SEEDS);
        Self(rng)
    }

    /// The generator as it was before seeds were kept below 2^24.
    pub(super) fn wide(number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(number);
        rng.set_stream(WIDE_SEEDS);
        Self(rng)
    }

    /// A seed for a keyframe.
    pub(super) fn roll(&mut self) -> u32 {
        match self.0.get_stream() {
            WIDE_SEEDS => self.0.next_u32() >> 1,
            _ => self.0.next_u32() >> 8,
        }
    }
}

impl From<SeedRng> for RngPosition {
    fn from(SeedRng(rng): SeedRng) -> Self {
        (rng.get_seed(), rng.get_stream(), rng.get_word_pos())
    }
}

impl From<RngPosition> for SeedRng {
    fn from((seed, stream, place): RngPosition) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed);
        rng.set_stream(stream);
        rng.set_word_pos(place);
        Self(rng)
    }
}
