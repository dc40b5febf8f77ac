//! The instrument itself: actions in, latents out, on a fixed grid of ticks.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use thiserror::Error;

use super::glide::{Glide, blend};
use super::modulation::{Follower, part};
use super::param::SOURCES;
use super::preset::{Preset, PresetError};
use super::transport::{Transport, Walk};
use super::undo::History;
use super::{Action, Kind, MAX_KEYFRAMES, ParamId, Scope, Table, ticks};
use crate::latent::{AROUND, Around, Ease, Keyframe, Path, ROWS, Rows, interpolate, locate};

/// Why a preset cannot be played with a model.
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
}

/// Parameters that the instrument itself reads.
#[derive(Clone, Debug)]
struct Ids {
    position: ParamId,
    speed: ParamId,
    pause: ParamId,
    reverse: ParamId,
    mode: ParamId,
    path: ParamId,
    ease: ParamId,
    glide: ParamId,
    hold: ParamId,
    reroll: ParamId,
    undo: ParamId,
    /// The first keyframe's rows; every keyframe has [`PARTS`] in a row.
    keyframes: ParamId,
}

/// Rows of the table a keyframe: jump, reroll, seed, lock, capture, swap.
const PARTS: u16 = 6;

/// Keyframes on a closed loop, a play head, and the hands' values.
#[derive(Clone, Debug)]
pub struct Instrument {
    table: Arc<Table>,
    ids: Ids,
    latent: usize,
    keyframes: Vec<Keyframe>,
    glides: Vec<Glide>,
    transport: Transport,
    /// Where the last jump came from.
    jump: Glide,
    values: Vec<f64>,
    /// Slewed values of the rows that ask for it, and the part of the way that they go in a tick.
    slews: Vec<(ParamId, f64, f64)>,
    followers: Vec<Follower>,
    sources: [f64; SOURCES.len()],
    history: History,
    rng: ChaCha8Rng,
    now: u64,
    /// Room for one row of each of the four keyframes around the head.
    scratch: [Vec<f64>; 4],
    row: Vec<f64>,
}

impl Instrument {
    /// An instrument at tick 0 of a preset, for a model whose latents are `latent` long.
    ///
    /// # Errors
    /// When the preset does not fit the table or the model.
    pub fn new(preset: &Preset, table: Arc<Table>, latent: usize) -> Result<Self, InstrumentError> {
        let mut values: Vec<f64> = table.iter().map(|(_, row)| row.default).collect();
        for (param, value) in preset.values(&table)? {
            values[usize::from(param.0)] = value;
        }
        let mut keyframes = Vec::new();
        for (index, (rows, locked)) in preset.in_order().into_iter().enumerate() {
            if let Rows::Given(numbers) = &rows
                && numbers.len() != ROWS * latent
            {
                return Err(InstrumentError::Latents {
                    number: index + 1,
                    found: numbers.len() / ROWS,
                    latent,
                });
            }
            keyframes.push(Keyframe {
                locked,
                ..Keyframe::new(&rows, latent)
            });
        }
        let followers = preset
            .modulation
            .iter()
            .map(|modulation| Follower::new(modulation, &table));
        let followers = followers.collect::<Result<_, _>>()?;
        let id = |name: &str| table.find(name);
        let ids = Ids {
            position: id("loop.position")?,
            speed: id("loop.speed")?,
            pause: id("loop.pause")?,
            reverse: id("loop.reverse")?,
            mode: id("loop.mode")?,
            path: id("loop.path")?,
            ease: id("loop.ease")?,
            glide: id("loop.glide")?,
            hold: id("loop.hold_secs")?,
            reroll: id("loop.reroll")?,
            undo: id("loop.undo")?,
            keyframes: id("keyframe.1.jump")?,
        };
        let slews = table.iter().filter(|(_, row)| row.smoothing_secs > 0.0);
        let slews = slews
            .map(|(id, row)| (id, values[usize::from(id.0)], part(row.smoothing_secs)))
            .collect();
        let mut instrument = Self {
            latent,
            glides: vec![Glide::none(latent); keyframes.len()],
            jump: Glide::none(latent),
            transport: Transport::at(crate::latent::wrap(
                values[usize::from(ids.position.0)],
                keyframes.len(),
            )),
            history: History::new(keyframes.len()),
            keyframes,
            values,
            slews,
            followers,
            sources: [0.0; SOURCES.len()],
            rng: ChaCha8Rng::seed_from_u64(0),
            now: 0,
            scratch: std::array::from_fn(|_| vec![0.0; latent]),
            row: vec![0.0; latent],
            ids,
            table,
        };
        instrument.mirror_keyframes();
        Ok(instrument)
    }

    /// Ticks since the beginning.
    pub fn ticks(&self) -> u64 {
        self.now
    }

    /// The parameter table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The keyframes in the order of the loop.
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.keyframes
    }

    /// The play head, in [0, number of keyframes).
    pub fn position(&self) -> f64 {
        self.transport.position
    }

    /// Where the hands have put a parameter, in its unit.
    pub fn base_value(&self, param: ParamId) -> f64 {
        if param == self.ids.position {
            self.transport.position
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
            self.table.row(param).clamp(base + offset)
        }
    }

    /// Lets an action take effect at the present tick. Parameters that the host acts on keep their value and do nothing here.
    pub fn apply(&mut self, action: &Action) {
        match *action {
            Action::Set { param, value } if value.is_finite() => self.set(param, value),
            Action::SetUnit { param, unit } if unit.is_finite() => {
                let value = if param == self.ids.position {
                    unit.clamp(0.0, 1.0) * self.keyframes.len() as f64
                } else {
                    self.table.row(param).from_unit(unit)
                };
                self.set(param, value);
            }
            Action::Nudge { param, delta } if delta.is_finite() => {
                if param == self.ids.position {
                    self.transport
                        .nudge(delta, self.value(self.ids.hold), self.keyframes.len());
                } else {
                    self.set(param, self.base_value(param) + delta);
                }
            }
            Action::Trigger { param } => match self.table.row(param).kind {
                Kind::Toggle => self.set(param, 1.0 - self.base_value(param)),
                Kind::Trigger if self.table.row(param).scope == Scope::Instrument => {
                    self.fire(param);
                }
                _ => {}
            },
            Action::Source { source, value } if value.is_finite() => {
                if let Some(slot) = self.sources.get_mut(source) {
                    *slot = value.clamp(0.0, 1.0);
                }
            }
            _ => {}
        }
    }

    /// Goes on by one tick.
    pub fn tick(&mut self) {
        for follower in &mut self.followers {
            follower.tick(&self.sources);
        }
        for (param, value, part) in &mut self.slews {
            *value += (self.values[usize::from(param.0)] - *value) * *part;
        }
        let reverse = if self.value(self.ids.reverse) > 0.5 {
            -1.0
        } else {
            1.0
        };
        self.transport.tick(Walk {
            speed: self.value(self.ids.speed) * reverse,
            paused: self.value(self.ids.pause) > 0.5,
            ping_pong: self.value(self.ids.mode) > 0.5,
            keyframes: self.keyframes.len(),
        });
        self.now += 1;
    }

    /// The latents at the play head: `out` is rows x latent, 1 to [`ROWS`] rows.
    pub fn latents(&mut self, out: &mut [f32]) {
        let mut row = std::mem::take(&mut self.row);
        for (number, out) in out.chunks_exact_mut(self.latent).take(ROWS).enumerate() {
            self.head_row(number, &mut row);
            for (out, &value) in out.iter_mut().zip(&row) {
                *out = value as f32;
            }
        }
        self.row = row;
    }

    /// The keyframes around the play head and its place between them; false in the middle of a glide, where these do not give the
    /// latents.
    pub fn around(&self, around: &mut Around) -> bool {
        let count = self.keyframes.len();
        let (from, _, weight) = locate(self.transport.position, count);
        around.weight = choice(&Ease::ALL, self.value(self.ids.ease)).apply(weight);
        around.path = choice(&Path::ALL, self.value(self.ids.path));
        let each = ROWS * self.latent;
        around.keyframes.resize(AROUND * each, 0.0);
        let mut still = self.jump.weight(self.now) >= 1.0;
        for (place, out) in around.keyframes.chunks_exact_mut(each).enumerate() {
            let keyframe = (from + place + 2 * count - 2) % count;
            out.copy_from_slice(&self.keyframes[keyframe].latents);
            // The outermost matter to the neighbouring segments alone.
            still &=
                !(1..AROUND - 1).contains(&place) || self.glides[keyframe].weight(self.now) >= 1.0;
        }
        still
    }

    /// One row at the play head, jumps' glides included.
    fn head_row(&mut self, number: usize, out: &mut [f64]) {
        let count = self.keyframes.len();
        let (from, to, weight) = locate(self.transport.position, count);
        let weight = choice(&Ease::ALL, self.value(self.ids.ease)).apply(weight);
        let path = choice(&Path::ALL, self.value(self.ids.path));
        let places = [(from + count - 1) % count, from, to, (to + 1) % count];
        let mut scratch = std::mem::take(&mut self.scratch);
        for (scratch, place) in scratch.iter_mut().zip(places) {
            self.keyframe_row(place, number, scratch);
        }
        interpolate(
            path,
            [0, 1, 2, 3].map(|at: usize| scratch[at].as_slice()),
            weight,
            out,
        );
        self.scratch = scratch;
        blend(
            &self.jump.from[number * self.latent..],
            self.jump.weight(self.now),
            out,
        );
    }

    /// One row of a keyframe as it is now, in the middle of a glide perhaps.
    fn keyframe_row(&self, keyframe: usize, number: usize, out: &mut [f64]) {
        let start = number * self.latent;
        out.copy_from_slice(&self.keyframes[keyframe].latents[start..start + self.latent]);
        blend(
            &self.glides[keyframe].from[start..],
            self.glides[keyframe].weight(self.now),
            out,
        );
    }

    fn set(&mut self, param: ParamId, value: f64) {
        if self.table.row(param).read_only {
            return;
        }
        if param == self.ids.position {
            return self
                .transport
                .scrub(value, self.value(self.ids.hold), self.keyframes.len());
        }
        let value = self.table.row(param).clamp(value);
        self.values[usize::from(param.0)] = value;
        match self.keyframe_part(param) {
            Some((keyframe, 2)) => {
                self.history.begin();
                self.roll(keyframe, value as u32);
            }
            Some((keyframe, 3)) => self.keyframes[keyframe].locked = value > 0.5,
            _ => {}
        }
    }

    fn fire(&mut self, param: ParamId) {
        if param == self.ids.undo {
            self.undo();
        } else if param == self.ids.reroll {
            self.history.begin();
            for keyframe in 0..self.keyframes.len() {
                self.reroll(keyframe);
            }
        } else if let Some((keyframe, part)) = self.keyframe_part(param) {
            match part {
                0 => self.jump(keyframe),
                1 => {
                    self.history.begin();
                    self.reroll(keyframe);
                }
                4 => self.capture(keyframe),
                5 => self.swap(keyframe, (keyframe + 1) % self.keyframes.len()),
                _ => {}
            }
        }
    }

    /// Which keyframe, counted from 0, a row belongs to, and which of its parts it is.
    fn keyframe_part(&self, param: ParamId) -> Option<(usize, u16)> {
        let offset = param.0.checked_sub(self.ids.keyframes.0)?;
        let keyframe = usize::from(offset / PARTS);
        (keyframe < self.keyframes.len()).then_some((keyframe, offset % PARTS))
    }

    fn jump(&mut self, keyframe: usize) {
        let length = ticks(self.value(self.ids.glide));
        if length > 0 {
            let mut from = std::mem::take(&mut self.jump.from);
            let mut row = std::mem::take(&mut self.row);
            for number in 0..ROWS {
                // The glide under way is part of where the head comes from, so its own row is still in place.
                self.jump.from = from;
                self.head_row(number, &mut row);
                from = std::mem::take(&mut self.jump.from);
                from[number * self.latent..(number + 1) * self.latent].copy_from_slice(&row);
            }
            self.row = row;
            self.jump = Glide {
                from,
                begun: self.now,
                length,
            };
        } else {
            self.jump.length = 0;
        }
        self.transport.jump(keyframe as f64, self.keyframes.len());
    }

    fn reroll(&mut self, keyframe: usize) {
        if !self.keyframes[keyframe].locked {
            let seed = self.rng.next_u32() >> 1;
            self.roll(keyframe, seed);
        }
    }

    /// New latents for a keyframe, remembered for undo.
    fn roll(&mut self, keyframe: usize, seed: u32) {
        self.remember(keyframe);
        self.begin_glide(keyframe);
        self.keyframes[keyframe].roll(seed);
        self.mirror_keyframes();
    }

    fn capture(&mut self, keyframe: usize) {
        self.history.begin();
        self.remember(keyframe);
        let mut row = std::mem::take(&mut self.row);
        let mut captured = vec![0.0; ROWS * self.latent];
        for (number, captured) in captured.chunks_exact_mut(self.latent).enumerate() {
            self.head_row(number, &mut row);
            captured.copy_from_slice(&row);
        }
        self.row = row;
        self.begin_glide(keyframe);
        self.keyframes[keyframe].seed = None;
        self.keyframes[keyframe].latents = captured;
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.history.begin();
        self.remember(one);
        self.remember(other);
        self.begin_glide(one);
        self.begin_glide(other);
        self.keyframes.swap(one, other);
        self.mirror_keyframes();
    }

    fn undo(&mut self) {
        let mut gesture = None;
        while let Some(before) = self.history.pop(gesture) {
            gesture = Some(before.gesture);
            self.begin_glide(before.keyframe);
            let keyframe = &mut self.keyframes[before.keyframe];
            match before.seed {
                Some(seed) => keyframe.roll(seed),
                None => {
                    keyframe.seed = None;
                    keyframe.latents.copy_from_slice(&before.latents);
                }
            }
        }
        self.mirror_keyframes();
    }

    fn remember(&mut self, keyframe: usize) {
        let before = &self.keyframes[keyframe];
        self.history.push(keyframe, before.seed, &before.latents);
    }

    fn begin_glide(&mut self, keyframe: usize) {
        let length = ticks(self.value(self.ids.glide));
        let mut from = std::mem::take(&mut self.glides[keyframe].from);
        let weight = self.glides[keyframe].weight(self.now);
        for (from, &to) in from.iter_mut().zip(&self.keyframes[keyframe].latents) {
            *from = *from * (1.0 - weight) + to * weight;
        }
        self.glides[keyframe] = Glide {
            from,
            begun: self.now,
            length,
        };
    }

    /// The table's values of seeds and locks follow the keyframes.
    fn mirror_keyframes(&mut self) {
        for (index, keyframe) in self.keyframes.iter().enumerate().take(MAX_KEYFRAMES) {
            let first = usize::from(self.ids.keyframes.0) + index * usize::from(PARTS);
            self.values[first + 2] = f64::from(keyframe.seed.unwrap_or(0));
            self.values[first + 3] = f64::from(u8::from(keyframe.locked));
        }
    }
}

fn choice<T: Copy>(all: &[T], value: f64) -> T {
    all[(value as usize).min(all.len() - 1)]
}
