//! What triggers do: jumps, re-rolls, captures, swaps, undo, taps; at once or with the beat.

use rand_chacha::rand_core::RngCore;

use super::ids::Part;
use super::transport::Walk;
use super::{Instrument, MAX_KEYFRAMES, ParamId, ticks};

/// Gestures that can wait for the beat.
pub(super) const WAITING: usize = 64;

impl Instrument {
    /// Fires a trigger, now or at the beat that it has to wait for.
    pub(super) fn gesture(&mut self, param: ParamId) {
        let part = self.ids.keyframe(param, self.ring.len());
        let waits =
            param == self.ids.reroll || matches!(part, Some((_, Part::Jump | Part::Reroll)));
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
        let ids = &self.ids;
        if param == ids.undo {
            self.undo();
        } else if param == ids.reroll {
            self.history.begin();
            for keyframe in 0..self.ring.len() {
                self.reroll(keyframe);
            }
        } else if param == ids.tap {
            if let Some(tempo) = self.beat.tap(self.now) {
                self.set(self.ids.tempo, tempo);
            }
        } else if param == ids.halve || param == ids.double {
            let factor = if param == ids.double { 2.0 } else { 0.5 };
            let (tempo, row) = (
                self.base_value(ids.tempo) * factor,
                self.table.row(ids.tempo),
            );
            if (row.min..=row.max).contains(&tempo) {
                self.set(self.ids.tempo, tempo);
            }
        } else if param == ids.downbeat {
            self.beat.downbeat(self.now);
        } else if let Some((keyframe, part)) = ids.keyframe(param, self.ring.len()) {
            match part {
                Part::Jump => self.jump(keyframe),
                Part::Reroll => {
                    self.history.begin();
                    self.reroll(keyframe);
                }
                Part::Capture => self.capture(keyframe),
                Part::Swap => self.swap(keyframe, (keyframe + 1) % self.ring.len()),
                Part::Seed | Part::Lock => {}
            }
        }
    }

    fn glide_ticks(&self) -> u64 {
        ticks(self.value(self.ids.glide))
    }

    fn jump(&mut self, keyframe: usize) {
        let (way, now, length) = (self.way(), self.now, self.glide_ticks());
        let travel = (self.value(self.ids.sync) > 0.5).then(|| match self.walk(self.beat()) {
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
            let mut mirror = |part, value| {
                self.values[usize::from(self.ids.of_keyframe(index, part).0)] = value;
            };
            mirror(Part::Seed, f64::from(keyframe.seed.unwrap_or(0)));
            mirror(Part::Lock, f64::from(u8::from(keyframe.locked)));
        }
    }
}
