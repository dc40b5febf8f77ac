//! Undo: changes of keyframes that can be taken back.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::latent::MAX_SEED;

/// Gestures that can be taken back.
const DEPTH: usize = 64;

/// Captured keyframes whose changes can be remembered without new memory.
const SPARE: usize = 64;

/// An entry of the history: what a keyframe was before a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Which gesture changed it.
    pub(super) gesture: u64,
    /// Which keyframe, counted from 0.
    pub(super) keyframe: usize,
    pub(super) seed: Option<u32>,
    /// Its latents, where no seed gives them back.
    pub(super) latents: Vec<f64>,
}

/// The undo history: the last gestures, oldest first. Its room is taken beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    gesture: u64,
    entries: VecDeque<Before>,
}

/// Room for the latents of captured keyframes in a history.
#[derive(Clone, Debug)]
pub(super) struct SpareLatents(Vec<Vec<f64>>);

impl SpareLatents {
    /// Room for latents of `length` numbers.
    pub(super) fn new(length: usize) -> Self {
        Self((0..SPARE).map(|_| Vec::with_capacity(length)).collect())
    }

    /// Takes the room of what was taken back or forgotten for the next.
    pub(super) fn recycle(&mut self, before: Before) {
        let mut room = before.latents;
        if room.capacity() > 0 && self.0.len() < SPARE {
            room.clear();
            self.0.push(room);
        }
    }
}

impl History {
    /// An empty history of so many keyframes.
    pub(super) fn new(keyframes: usize) -> Self {
        Self {
            entries: VecDeque::with_capacity(most_entries(keyframes)),
            gesture: 0,
        }
    }

    /// A saved history with room for more; nothing where so many keyframes with latents of `length` numbers cannot have it.
    pub(super) fn restore(&self, keyframes: usize, length: usize) -> Option<Self> {
        let sound = |before: &Before| {
            let latents = match before.seed {
                Some(seed) => seed <= MAX_SEED,
                None => {
                    before.latents.len() == length && before.latents.iter().all(|v| v.is_finite())
                }
            };
            before.keyframe < keyframes && before.gesture <= self.gesture && latents
        };
        if self.entries.len() > most_entries(keyframes) || !self.entries.iter().all(sound) {
            return None;
        }
        let mut history = Self::new(keyframes);
        history.gesture = self.gesture;
        history.entries.extend(self.entries.iter().cloned());
        Some(history)
    }

    /// Begins a gesture; those older than the last 64 are forgotten.
    pub(super) fn begin(&mut self, spare: &mut SpareLatents) {
        self.gesture += 1;
        while self
            .entries
            .front()
            .is_some_and(|before| before.gesture + DEPTH as u64 <= self.gesture)
        {
            if let Some(before) = self.entries.pop_front() {
                spare.recycle(before);
            }
        }
    }

    pub(super) fn push(
        &mut self,
        keyframe: usize,
        seed: Option<u32>,
        latents: &[f64],
        spare: &mut SpareLatents,
    ) {
        let latents = if seed.is_some() {
            Vec::new()
        } else {
            let mut room = spare.0.pop().unwrap_or_default();
            room.extend_from_slice(latents);
            room
        };
        self.entries.push_back(Before {
            gesture: self.gesture,
            keyframe,
            seed,
            latents,
        });
    }

    /// The next keyframe to take back, of the gesture `of` or, with none, of the last one.
    pub(super) fn pop(&mut self, of: Option<u64>) -> Option<Before> {
        let last = self.entries.back()?.gesture;
        if of.is_some_and(|gesture| gesture != last) {
            return None;
        }
        self.entries.pop_back()
    }
}

/// The gestures that are kept and the one that is being made, each of which may change every keyframe.
fn most_entries(keyframes: usize) -> usize {
    (DEPTH + 1) * keyframes
}
