//! The instrument itself: actions in, latents out, on a fixed grid of ticks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::beat::Beat;
use super::glide::{ParamRamp, Ramp, Slew, blend};
use super::keyframe_loop::{Interpolation, KeyframeLoop};
use super::params::*;
use super::preset::{Keep, KeyframeEntry, LookEntry, Preset};
use super::recall::Recall;
use super::scratch::Scratch;
use super::state::{MAX_QUEUED, Parts, SeedRng};
use super::transport::{HeadMotion, Pace};
use super::{InstrumentError, State, ticks};
use crate::latent::{Keyframe, KeyframeNeighbourhood, ROWS};

/// The instrument: keyframes on a closed loop, a play head, and the hands' values.
#[derive(Clone, Debug)]
pub struct Instrument {
    table: Arc<Table>,
    state: Parts<KeyframeLoop, ParamId>,
    scratch: Scratch,
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
        let mut instrument = Self {
            state: Parts {
                tick: 0,
                latent,
                slews: Slew::all(&table, &values),
                param_ramps: Vec::with_capacity(table.len()),
                param_ramp_time: Ramp::default(),
                keyframe_loop: recall.keyframe_loop,
                fading: None,
                modulation: recall.modulation,
                envelopes: recall.envelopes,
                sources: [0.0; SOURCES.len()],
                beat: Beat::new(values[BEAT_TEMPO.id().index()]),
                values,
                queued: Vec::with_capacity(MAX_QUEUED),
                history: recall.history,
                rng: SeedRng::new(0),
                look_order: recall.look_order.unwrap_or_default(),
            },
            scratch: recall.scratch,
            table,
        };
        instrument.mirror_keyframes();
        Ok(instrument)
    }

    /// The instrument that is in a state. The state must be numbered as `table` is.
    ///
    /// # Errors
    /// When no instrument can be in that state: a number is not finite or out of its place.
    pub fn from_state(state: &State, table: Arc<Table>) -> Result<Self, InstrumentError> {
        let state = state.restore(&table)?;
        Ok(Self {
            scratch: Scratch::new(&table, &state.modulation, state.latent)?,
            state,
            table,
        })
    }

    /// The state: everything that decides what it does next.
    pub fn state(&self) -> State {
        self.state.save()
    }

    /// Lets the seeds of re-rolls come from another place of the generator: two shows with different numbers roll differently.
    pub fn seed(&mut self, number: u64) {
        self.state.rng = SeedRng::new(number);
    }

    /// Lets re-rolls draw the seeds that a written take has always drawn, also those from 2^24 on.
    pub(crate) fn roll_as_written_takes_do(&mut self) {
        self.state.rng = SeedRng::wide(0);
    }

    /// Ticks since the beginning.
    pub fn ticks(&self) -> u64 {
        self.state.tick
    }

    /// The parameter table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Length of one row of latents.
    pub fn latent(&self) -> usize {
        self.state.keyframe_loop.latent()
    }

    /// The keyframes in the order of the loop.
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.state.keyframe_loop.keyframes
    }

    /// The order of the look's passes.
    pub fn look_order(&self) -> LookOrder {
        self.state.look_order
    }

    /// The play head, in [0, number of keyframes).
    pub fn position(&self) -> f64 {
        self.state.keyframe_loop.transport.position
    }

    /// The beat, counted from the last downbeat or the clock's start.
    pub fn beat(&self) -> f64 {
        self.state.beat.at(self.state.tick)
    }

    /// Whether the beat goes on: a clock that is followed may stand.
    pub fn beat_runs(&self) -> bool {
        self.state.beat.runs()
    }

    /// Whether triggers wait for the beat.
    pub fn is_waiting(&self) -> bool {
        !self.state.queued.is_empty()
    }

    /// A parameter's base value, where the hands have put it, in its unit.
    pub fn base_value(&self, param: impl Into<ParamId>) -> f64 {
        match param.into() {
            id::LOOP_POSITION => self.position(),
            id::BEAT_PHASE => (self.beat() / self.beats_per_bar()).rem_euclid(1.0),
            param => self.state.values[param.index()],
        }
    }

    /// A parameter's value now, typed: slewed and modulated where it is a real number.
    pub fn get<T: Value>(&self, param: Param<T>) -> T {
        T::from_number(if T::IS_CONTINUOUS {
            self.value(param)
        } else {
            self.state.values[param.id().index()]
        })
    }

    /// Sets a parameter, as a hand does.
    pub fn set<T: Value>(&mut self, param: Param<T>, value: T) {
        self.apply(&Action::set(param, value));
    }

    /// A parameter's value now, as the table's number: slewed, with modulation added, within its range.
    pub fn value(&self, param: impl Into<ParamId>) -> f64 {
        let param = param.into();
        let slew = self.state.slews.iter().find(|slew| slew.param == param);
        let base = slew.map_or_else(|| self.base_value(param), |slew| slew.value);
        let followers = self.scratch.followers.iter().zip(&self.state.envelopes);
        let offset: f64 = followers
            .filter(|(follower, _)| follower.target == param)
            .fold(0.0, |sum, (follower, envelope)| {
                sum + follower.offset(*envelope)
            });
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
                    unit.clamp(0.0, 1.0) * self.state.keyframe_loop.len() as f64
                } else {
                    self.table.row(param).from_unit(unit)
                };
                self.set_value(param, value);
            }
            Action::Nudge { param, delta } if delta.is_finite() => self.nudge(param, delta),
            Action::Trigger { param } => match self.table.row(param).kind {
                Kind::Toggle => self.set_value(param, 1.0 - self.base_value(param)),
                Kind::Trigger if self.table.row(param).scope == Scope::Instrument => {
                    self.trigger(param);
                }
                _ => {}
            },
            Action::Source { source, value } if value.is_finite() => {
                if let Some(slot) = self.state.sources.get_mut(source) {
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
        let state = &mut self.state;
        for (follower, envelope) in self.scratch.followers.iter().zip(&mut state.envelopes) {
            follower.tick(envelope, &state.sources);
        }
        self.move_ramps();
        let state = &mut self.state;
        for (slew, rate) in state.slews.iter_mut().zip(&self.scratch.slew_rates) {
            slew.value += (state.values[slew.param.index()] - slew.value) * rate;
        }
        let before = self.state.beat.at(self.state.tick);
        let after = self.state.beat.at(self.state.tick + 1);
        let motion = self.motion(after);
        let keyframes = self.state.keyframe_loop.len();
        self.state.keyframe_loop.transport.tick(motion, keyframes);
        self.state.tick += 1;
        if let Some(fading) = &mut self.state.fading {
            fading.tick(motion, self.state.tick);
        }
        if !self.state.queued.is_empty() {
            let quantum = self.quantum();
            let boundary = |beat: f64| quantum.map_or(f64::NAN, |beats| libm::floor(beat / beats));
            // Where quantising was switched off, what waits comes at once.
            if boundary(before) != boundary(after) {
                self.fire_queued();
            }
        }
    }

    /// The latents at the play head: `out` is rows x latent, 1 to [`ROWS`] rows.
    pub fn latents(&mut self, out: &mut [f32]) {
        let interpolation = self.interpolation();
        let (state, now) = (&self.state, self.state.tick);
        let Scratch {
            rows,
            row,
            fading_row,
            ..
        } = &mut self.scratch;
        let fading = state.fading.as_ref();
        let fading = fading.filter(|fading| !fading.ramp.is_over(now));
        for (number, out) in out.chunks_exact_mut(state.latent).take(ROWS).enumerate() {
            let keyframe_loop = &state.keyframe_loop;
            keyframe_loop.head_row(number, interpolation, now, rows, row);
            if let Some(fading) = fading {
                let (from, way) = (&fading.keyframe_loop, fading.interpolation);
                from.head_row(number, way, now, rows, fading_row);
                blend(fading_row, fading.ramp.weight(now), row);
            }
            for (out, &value) in out.iter_mut().zip(row.iter()) {
                *out = value as f32;
            }
        }
    }

    /// The keyframes around the play head and its place between them; false in the middle of a glide, where these do not give the
    /// latents.
    pub fn neighbourhood(&self, around: &mut KeyframeNeighbourhood) -> bool {
        let (now, interpolation) = (self.state.tick, self.interpolation());
        let fading = self.state.fading.as_ref();
        let fades = fading.is_some_and(|fading| !fading.ramp.is_over(now));
        let keyframe_loop = &self.state.keyframe_loop;
        keyframe_loop.neighbourhood(interpolation, now, around) && !fades
    }

    fn interpolation(&self) -> Interpolation {
        Interpolation {
            path: self.get(LOOP_PATH),
            ease: self.get(LOOP_EASE),
        }
    }

    /// The motion of the head in a tick at whose end the beat is `beat`.
    fn motion(&self, beat: f64) -> HeadMotion {
        if self.get(LOOP_PAUSE) {
            return HeadMotion::Still;
        }
        let direction = if self.get(LOOP_REVERSE) { -1.0 } else { 1.0 };
        let ping_pong = self.get(LOOP_MODE) == LoopMode::PingPong;
        if self.get(BEAT_SYNC) {
            let keyframes_per_beat = self.keyframes_per_beat() * direction;
            let pace = Pace {
                keyframes_per_beat,
                ping_pong,
                leaps: self.state.beat.leaps(),
            };
            let travel = beat * keyframes_per_beat;
            HeadMotion::Beat { travel, pace }
        } else {
            let speed = self.get(LOOP_SPEED) * direction;
            HeadMotion::Free { speed, ping_pong }
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
    fn quantum(&self) -> Option<f64> {
        match self.get(BEAT_QUANTISE) {
            Quantise::Off => None,
            Quantise::Beat => Some(1.0),
            Quantise::Bar => Some(self.beats_per_bar()),
        }
    }

    /// A hand sets a value.
    fn set_value(&mut self, param: ParamId, value: f64) {
        let row = self.table.row(param);
        if row.read_only || !row.kind.keeps_a_value() {
            return;
        }
        let value = self.table.row(param).clamp(value);
        // A hand on a knob takes it from the preset that is coming.
        self.state.param_ramps.retain(|ramp| ramp.param != param);
        match param {
            id::LOOP_POSITION => {
                let hold = self.get(LOOP_HOLD_SECS);
                let keyframes = self.state.keyframe_loop.len();
                self.state
                    .keyframe_loop
                    .transport
                    .scrub(value, hold, keyframes);
            }
            id::BEAT_NUDGE => self.state.beat.leap(value),
            param => self.put(param, value),
        }
    }

    /// A value takes effect, whoever set it.
    fn put(&mut self, param: ParamId, value: f64) {
        self.state.values[param.index()] = value;
        match param {
            id::BEAT_TEMPO => self.state.beat.set_tempo(self.state.tick, value),
            id::BEAT_SOURCE if self.get(BEAT_SOURCE) == BeatSource::Internal => {
                self.state.beat.run_free(self.state.tick);
            }
            param => {
                if let Some(keyframe) = self.keyframe_of(KEYFRAME_SEED, param) {
                    self.begin_gesture();
                    self.roll(keyframe, value as u32);
                } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_LOCK, param) {
                    self.state.keyframe_loop.keyframes[keyframe].locked = bool::from_number(value);
                }
            }
        }
    }

    /// Which keyframe of the loop a parameter of a family belongs to, counted from 0.
    fn keyframe_of<T>(&self, family: Family<T>, param: ParamId) -> Option<usize> {
        let keyframe = family.index_of(param)?;
        (keyframe < self.state.keyframe_loop.len()).then_some(keyframe)
    }

    fn nudge(&mut self, param: ParamId, delta: f64) {
        let row = self.table.row(param);
        if param == LOOP_POSITION {
            let hold = self.get(LOOP_HOLD_SECS);
            let keyframes = self.state.keyframe_loop.len();
            self.state
                .keyframe_loop
                .transport
                .nudge(delta, hold, keyframes);
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
        self.state
            .beat
            .follow(self.state.tick, beat, tempo, running);
        self.state.values[BEAT_TEMPO.id().index()] = tempo;
    }

    /// Fires a trigger, now or at the beat that it has to wait for.
    fn trigger(&mut self, param: ParamId) {
        let waits = param == LOOP_REROLL
            || self.keyframe_of(KEYFRAME_JUMP, param).is_some()
            || self.keyframe_of(KEYFRAME_REROLL, param).is_some();
        if !waits || self.quantum().is_none() {
            self.fire(param);
        } else if !self.state.queued.contains(&param) && self.state.queued.len() < MAX_QUEUED {
            self.state.queued.push(param);
        }
    }

    fn fire_queued(&mut self) {
        for at in 0..self.state.queued.len() {
            self.fire(self.state.queued[at]);
        }
        self.state.queued.clear();
    }

    fn fire(&mut self, param: ParamId) {
        match param {
            id::LOOP_UNDO => self.undo(),
            id::LOOP_REROLL => {
                self.begin_gesture();
                for keyframe in 0..self.state.keyframe_loop.len() {
                    self.reroll(keyframe);
                }
            }
            id::LOOK_RESET => self.reset_look(),
            id::MASTER_PANIC => {
                self.reset_look();
                self.set(MASTER_FADE, 1.0);
                self.set(MASTER_BLACKOUT, false);
                self.set(MASTER_FREEZE, false);
                self.set(LOOK_DRY, false);
                self.arrive();
            }
            id::BEAT_TAP => {
                if let Some(tempo) = self.state.beat.tap(self.state.tick) {
                    self.set(BEAT_TEMPO, tempo);
                }
            }
            id::BEAT_HALVE => self.scale_tempo(0.5),
            id::BEAT_DOUBLE => self.scale_tempo(2.0),
            id::BEAT_DOWNBEAT => self.state.beat.downbeat(self.state.tick),
            param => self.fire_keyframe(param),
        }
    }

    fn fire_keyframe(&mut self, param: ParamId) {
        if let Some(keyframe) = self.keyframe_of(KEYFRAME_JUMP, param) {
            self.jump(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_REROLL, param) {
            self.begin_gesture();
            self.reroll(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_CAPTURE, param) {
            self.capture(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_SWAP, param) {
            self.swap(keyframe, (keyframe + 1) % self.state.keyframe_loop.len());
        }
    }

    /// Another tempo, where it is one that there can be.
    fn scale_tempo(&mut self, factor: f64) {
        let tempo = self.base_value(BEAT_TEMPO) * factor;
        let row = self.table.row(BEAT_TEMPO);
        if (row.min..=row.max).contains(&tempo) {
            self.set(BEAT_TEMPO, tempo);
        }
    }

    /// Begins a change that undo takes back.
    fn begin_gesture(&mut self) {
        self.state.history.begin(&mut self.scratch.spare);
    }

    fn glide_ticks(&self) -> u64 {
        ticks(self.get(LOOP_GLIDE))
    }

    fn jump(&mut self, keyframe: usize) {
        let (now, length) = (self.state.tick, self.glide_ticks());
        let interpolation = self.interpolation();
        let travel = self.get(BEAT_SYNC).then(|| match self.motion(self.beat()) {
            HeadMotion::Beat { travel, .. } => travel,
            _ => 0.0,
        });
        let keyframes = self.state.keyframe_loop.len();
        let (keyframe_loop, rows) = (&mut self.state.keyframe_loop, &mut self.scratch.rows);
        keyframe_loop.begin_jump(interpolation, now, length, rows);
        let head = &mut keyframe_loop.transport;
        head.jump(keyframe as f64, travel, keyframes);
    }

    fn reroll(&mut self, keyframe: usize) {
        if !self.state.keyframe_loop.keyframes[keyframe].locked {
            let seed = self.state.rng.roll();
            self.roll(keyframe, seed);
        }
    }

    /// New latents for a keyframe, remembered for undo.
    fn roll(&mut self, keyframe: usize, seed: u32) {
        self.change(keyframe);
        self.state.keyframe_loop.keyframes[keyframe].roll(seed);
        self.mirror_keyframes();
    }

    fn capture(&mut self, keyframe: usize) {
        self.begin_gesture();
        self.change(keyframe);
        let interpolation = self.interpolation();
        let (keyframe_loop, rows) = (&mut self.state.keyframe_loop, &mut self.scratch.rows);
        keyframe_loop.capture(keyframe, interpolation, self.state.tick, rows);
        self.mirror_keyframes();
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.begin_gesture();
        self.change(one);
        self.change(other);
        self.state.keyframe_loop.keyframes.swap(one, other);
        self.mirror_keyframes();
    }

    fn undo(&mut self) {
        let (now, length) = (self.state.tick, self.glide_ticks());
        let mut gesture = None;
        while let Some(before) = self.state.history.pop(gesture) {
            gesture = Some(before.gesture);
            self.state
                .keyframe_loop
                .begin_glide(before.keyframe, now, length);
            let keyframe = &mut self.state.keyframe_loop.keyframes[before.keyframe];
            match before.seed {
                Some(seed) => keyframe.roll(seed),
                None => {
                    keyframe.seed = None;
                    keyframe.latents.copy_from_slice(&before.latents);
                }
            }
            self.scratch.spare.recycle(before);
        }
        self.mirror_keyframes();
    }

    /// A keyframe is about to change: what it was is remembered, and glides away.
    fn change(&mut self, keyframe: usize) {
        let before = &self.state.keyframe_loop.keyframes[keyframe];
        let spare = &mut self.scratch.spare;
        let history = &mut self.state.history;
        history.push(keyframe, before.seed, &before.latents, spare);
        let (now, length) = (self.state.tick, self.glide_ticks());
        self.state.keyframe_loop.begin_glide(keyframe, now, length);
    }

    /// The table's values of seeds and locks follow the keyframes.
    fn mirror_keyframes(&mut self) {
        let keyframes = self.state.keyframe_loop.keyframes.iter();
        for (index, keyframe) in keyframes.enumerate().take(MAX_KEYFRAMES) {
            let mut mirror = |param: ParamId, value| self.state.values[param.index()] = value;
            let seed = f64::from(keyframe.seed.unwrap_or(0));
            mirror(KEYFRAME_SEED.at(index).id(), seed);
            mirror(KEYFRAME_LOCK.at(index).id(), keyframe.locked.number());
        }
    }

    /// Takes up a preset, at once or fading over so many ticks: latents and continuous values glide, the rest changes now.
    ///
    /// Values that the preset leaves out go to their defaults, but for those that it keeps, and the beat's, the outputs' fits and
    /// the program's, which stay.
    /// Gives back what was there, to be thrown away where that may take time. Allocates nothing.
    pub fn recall(&mut self, mut recall: Recall, fade: u64) -> Recall {
        let interpolation = self.interpolation();
        let state = &mut self.state;
        std::mem::swap(&mut state.keyframe_loop, &mut recall.keyframe_loop);
        state.latent = state.keyframe_loop.latent();
        let (now, before) = (&mut state.keyframe_loop, &mut recall.keyframe_loop);
        if recall.keeps_head && now.len() == before.len() {
            now.transport.clone_from(&before.transport);
        }
        if let Some(fading) = &mut recall.fading {
            let fits = before.latent() == now.latent();
            std::mem::swap(&mut fading.keyframe_loop, before);
            fading.interpolation = interpolation;
            fading.ramp = Ramp {
                begun: state.tick,
                length: if fits { fade } else { 0 },
            };
        }
        std::mem::swap(&mut state.fading, &mut recall.fading);
        std::mem::swap(&mut state.modulation, &mut recall.modulation);
        std::mem::swap(&mut state.envelopes, &mut recall.envelopes);
        std::mem::swap(&mut state.history, &mut recall.history);
        std::mem::swap(&mut self.scratch, &mut recall.scratch);
        state.look_order = recall.look_order.unwrap_or(state.look_order);
        state.queued.clear();
        state.param_ramps.clear();
        state.param_ramp_time = Ramp {
            begun: state.tick,
            length: fade,
        };
        let table = Arc::clone(&self.table);
        for &(param, to) in &recall.values {
            let row = table.row(param);
            let is_value = row.kind.keeps_a_value() && !row.read_only;
            let is_loops = param == LOOP_POSITION || param == BEAT_NUDGE;
            if !is_value || is_loops || is_a_keyframes(param) {
                continue;
            }
            let from = self.base_value(param);
            if row.kind == Kind::Float && fade > 0 && from != to {
                self.state.param_ramps.push(ParamRamp { param, from, to });
            } else if from != to {
                self.put(param, to);
            }
        }
        self.mirror_keyframes();
        recall
    }

    /// The look's parameters go to their defaults, its passes to their usual order.
    fn reset_look(&mut self) {
        let table = Arc::clone(&self.table);
        for (param, row) in table.iter() {
            let is_look = row.preset == PresetUse::Resets && Keep::Look.covers(&row.name);
            if is_look && row.kind.keeps_a_value() {
                self.set_value(param, row.default);
            }
        }
        self.state.look_order = LookOrder::default();
    }

    /// Smoothed parameters are where they go.
    fn arrive(&mut self) {
        for slew in &mut self.state.slews {
            slew.value = self.state.values[slew.param.index()];
        }
    }

    /// Parameters on their way to a preset's values go on.
    fn move_ramps(&mut self) {
        if self.state.param_ramps.is_empty() {
            return;
        }
        let weight = self.state.param_ramp_time.weight(self.state.tick + 1);
        for at in 0..self.state.param_ramps.len() {
            let ParamRamp { param, from, to } = self.state.param_ramps[at];
            let value = if weight < 1.0 {
                from + (to - from) * weight
            } else {
                to
            };
            self.put(param, value);
        }
        if weight >= 1.0 {
            self.state.param_ramps.clear();
        }
    }

    /// The present loop and all parameters as a preset that names no model. The program's own parameters, the master's and the
    /// limiter, which are not a preset's to change, are left out.
    pub fn preset(&self) -> Preset {
        let keyframes = self.keyframes().iter().map(entry);
        let mut params = BTreeMap::new();
        for (param, row) in self.table().iter() {
            let is_value = row.kind.keeps_a_value() && !row.read_only;
            if is_value && row.preset != PresetUse::Unsaved {
                let value = self.table().written(param, self.base_value(param));
                params.insert(row.name.clone(), value);
            }
        }
        let order = self.look_order();
        Preset {
            look: (order != LookOrder::default()).then_some(LookEntry { order }),
            keyframes: keyframes.collect(),
            params,
            modulation: self.state.modulation.clone(),
            ..Preset::of_seeds([])
        }
    }
}

/// Whether a parameter is a keyframe's, which comes with the loop.
fn is_a_keyframes(param: ParamId) -> bool {
    KEYFRAME_SEED.index_of(param).is_some() || KEYFRAME_LOCK.index_of(param).is_some()
}

fn entry(keyframe: &Keyframe) -> KeyframeEntry {
    let rows = |latents: &Vec<f64>| {
        let latent = latents.len() / ROWS;
        latents.chunks_exact(latent).map(<[f64]>::to_vec).collect()
    };
    KeyframeEntry {
        seed: keyframe.seed,
        latents: keyframe.seed.is_none().then(|| rows(&keyframe.latents)),
        locked: keyframe.locked,
    }
}
