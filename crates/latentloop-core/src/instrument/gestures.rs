//! What triggers do: jumps, re-rolls, captures, swaps, undo, taps; at once or with the beat.

use rand_chacha::rand_core::RngCore;

use super::params::*;
use super::transport::Walk;
use super::{Instrument, ticks};

/// Gestures that can wait for the beat.
pub(super) const WAITING: usize = 64;

impl Instrument {
    /// Fires a trigger, now or at the beat that it has to wait for.
    pub(super) fn gesture(&mut self, param: ParamId) {
        let waits = param == LOOP_REROLL
            || self.keyframe_of(KEYFRAME_JUMP, param).is_some()
            || self.keyframe_of(KEYFRAME_REROLL, param).is_some();
        if !waits || self.quantum().is_none() {
            self.fire(param);
        } else if !self.waiting.contains(&param) && self.waiting.len() < WAITING {
            self.waiting.push(param);
        }
    }

    pub(super) fn release(&mut self) {
        for at in 0..self.waiting.len() {
            self.fire(self.waiting[at]);
        }
        self.waiting.clear();
    }

    fn fire(&mut self, param: ParamId) {
        match param {
            id::LOOP_UNDO => self.undo(),
            id::LOOP_REROLL => {
                self.history.begin();
                for keyframe in 0..self.ring.len() {
                    self.reroll(keyframe);
                }
            }
            id::BEAT_TAP => {
                if let Some(tempo) = self.beat.tap(self.now) {
                    self.set(BEAT_TEMPO, tempo);
                }
            }
            id::BEAT_HALVE => self.scale_tempo(0.5),
            id::BEAT_DOUBLE => self.scale_tempo(2.0),
            id::BEAT_DOWNBEAT => self.beat.downbeat(self.now),
            param => self.fire_keyframe(param),
        }
    }

    fn fire_keyframe(&mut self, param: ParamId) {
        if let Some(keyframe) = self.keyframe_of(KEYFRAME_JUMP, param) {
            self.jump(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_REROLL, param) {
            self.history.begin();
            self.reroll(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_CAPTURE, param) {
            self.capture(keyframe);
        } else if let Some(keyframe) = self.keyframe_of(KEYFRAME_SWAP, param) {
            self.swap(keyframe, (keyframe + 1) % self.ring.len());
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

    fn glide_ticks(&self) -> u64 {
        ticks(self.get(LOOP_GLIDE))
    }

    fn jump(&mut self, keyframe: usize) {
        let (way, now, length) = (self.way(), self.now, self.glide_ticks());
        let travel = self.get(BEAT_SYNC).then(|| match self.walk(self.beat()) {
            Walk::Beat { travel, .. } => travel,
            _ => 0.0,
        });
        let keyframes = self.ring.len();
        self.ring.begin_jump(way, now, length, &mut self.scratch);
        self.ring.transport.jump(keyframe as f64, travel, keyframes);
    }

    fn reroll(&mut self, keyframe: usize) {
        if !self.ring.keyframes[keyframe].locked {
            let seed = self.rng.next_u32() >> 1;
            self.roll(keyframe, seed);
        }
    }

    /// New latents for a keyframe, remembered for undo.
    pub(super) fn roll(&mut self, keyframe: usize, seed: u32) {
        self.change(keyframe);
        self.ring.keyframes[keyframe].roll(seed);
        self.mirror_keyframes();
    }

    fn capture(&mut self, keyframe: usize) {
        self.history.begin();
        self.change(keyframe);
        let way = self.way();
        self.ring
            .capture(keyframe, way, self.now, &mut self.scratch);
        self.mirror_keyframes();
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.history.begin();
        self.change(one);
        self.change(other);
        self.ring.keyframes.swap(one, other);
        self.mirror_keyframes();
    }

    fn undo(&mut self) {
        let (now, length) = (self.now, self.glide_ticks());
        let mut gesture = None;
        while let Some(before) = self.history.pop(gesture) {
            gesture = Some(before.gesture);
            self.ring.begin_glide(before.keyframe, now, length);
            let keyframe = &mut self.ring.keyframes[before.keyframe];
            match before.seed {
                Some(seed) => keyframe.roll(seed),
                None => {
                    keyframe.seed = None;
                    keyframe.latents.copy_from_slice(&before.latents);
                }
            }
            self.history.recycle(before);
        }
        self.mirror_keyframes();
    }

    /// A keyframe is about to change: what it was is remembered, and glides away.
    fn change(&mut self, keyframe: usize) {
        let before = &self.ring.keyframes[keyframe];
        self.history.push(keyframe, before.seed, &before.latents);
        let (now, length) = (self.now, self.glide_ticks());
        self.ring.begin_glide(keyframe, now, length);
    }

    /// The table's values of seeds and locks follow the keyframes.
    pub(super) fn mirror_keyframes(&mut self) {
        for (index, keyframe) in self.ring.keyframes.iter().enumerate().take(MAX_KEYFRAMES) {
            let mut mirror = |param: ParamId, value| self.values[param.index()] = value;
            let seed = f64::from(keyframe.seed.unwrap_or(0));
            mirror(KEYFRAME_SEED.at(index).id(), seed);
            mirror(KEYFRAME_LOCK.at(index).id(), keyframe.locked.number());
        }
    }
}
