//! Changes of keyframes that can be taken back.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::latent::MAX_SEED;

/// Gestures that can be taken back.
const DEPTH: usize = 64;

/// Captured keyframes whose changes can be remembered without new memory.
const SPARE: usize = 64;

/// What a keyframe was before a change.
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

/// The last gestures, oldest first. Its room is taken beforehand.
#[derive(Clone, Debug)]
pub(super) struct History {
    entries: VecDeque<Before>,
    gesture: u64,
    /// Room for latents.
    spare: Vec<Vec<f64>>,
}

impl History {
    /// An empty history of so many keyframes whose latents are `length` numbers.
    pub(super) fn new(keyframes: usize, length: usize) -> Self {
        Self {
            spare: (0..SPARE).map(|_| Vec::with_capacity(length)).collect(),
            entries: VecDeque::with_capacity((DEPTH + 1) * keyframes),
            gesture: 0,
        }
    }

    /// The number of the last gesture and all entries.
    pub(super) fn state(&self) -> (u64, Vec<Before>) {
        (self.gesture, self.entries.iter().cloned().collect())
    }

    /// The history of a state, of so many keyframes whose latents are `length` numbers; nothing where it cannot be one.
    pub(super) fn at(
        (gesture, entries): &(u64, Vec<Before>),
        keyframes: usize,
        length: usize,
    ) -> Option<Self> {
        let sound = |before: &Before| {
            let latents = match before.seed {
                Some(seed) => seed <= MAX_SEED,
                None => {
                    before.latents.len() == length && before.latents.iter().all(|v| v.is_finite())
                }
            };
            before.keyframe < keyframes && before.gesture <= *gesture && latents
        };
        let mut history = Self::new(keyframes, length);
        if entries.len() > history.entries.capacity() || !entries.iter().all(sound) {
            return None;
        }
        history.gesture = *gesture;
        history.entries.extend(entries.iter().cloned());
        Some(history)
    }

    /// Begins a gesture; those older than the last 64 are forgotten.
    pub(super) fn begin(&mut self) {
        self.gesture += 1;
        while self
            .entries
            .front()
            .is_some_and(|before| before.gesture + DEPTH as u64 <= self.gesture)
        {
            if let Some(before) = self.entries.pop_front() {
                self.recycle(before);
            }
        }
    }

    pub(super) fn push(&mut self, keyframe: usize, seed: Option<u32>, latents: &[f64]) {
        let latents = if seed.is_some() {
            Vec::new()
        } else {
            let mut room = self.spare.pop().unwrap_or_default();
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

    /// Takes the room of what was taken back or forgotten for the next.
    pub(super) fn recycle(&mut self, before: Before) {
        let mut room = before.latents;
        if room.capacity() > 0 && self.spare.len() < SPARE {
            room.clear();
            self.spare.push(room);
        }
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
