//! The loop: keyframes, what glides at them, and the head that goes over them.

use serde::{Deserialize, Serialize};

use super::InstrumentError;
use super::glide::{Glide, Ramp, blend};
use super::params::MAX_KEYFRAMES;
use super::transport::{HeadMotion, Transport};
use crate::latent::{
    Ease, Keyframe, KeyframeNeighbourhood, MAX_SEED, NEIGHBOURHOOD, Path, ROWS, interpolate, locate,
};

/// The interpolation between two keyframes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Interpolation {
    pub(super) path: Path,
    pub(super) ease: Ease,
}

/// Keyframes on a closed loop and a play head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeyframeLoop {
    latent: usize,
    pub(super) keyframes: Vec<Keyframe>,
    glides: Vec<Glide>,
    /// Where the last jump came from.
    jump: Glide,
    pub(super) transport: Transport,
}

/// The loop before the present one, going on while it fades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FadingLoop<L> {
    pub(super) keyframe_loop: L,
    pub(super) interpolation: Interpolation,
    pub(super) ramp: Ramp,
}

impl FadingLoop<KeyframeLoop> {
    /// Its head goes on, while it is seen.
    pub(super) fn tick(&mut self, motion: HeadMotion, now: u64) {
        if !self.ramp.is_over(now) {
            let keyframes = self.keyframe_loop.len();
            self.keyframe_loop.transport.tick(motion, keyframes);
        }
    }
}

/// Rows that are being interpolated.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// One row of each of the four keyframes around the head.
    around: [Vec<f64>; 4],
    row: Vec<f64>,
}

impl Rows {
    pub(super) fn new(latent: usize) -> Self {
        Self {
            around: std::array::from_fn(|_| vec![0.0; latent]),
            row: vec![0.0; latent],
        }
    }
}

impl KeyframeLoop {
    /// A loop on which nothing glides; `latent` is the length of a row.
    pub(super) fn new(keyframes: Vec<Keyframe>, position: f64, latent: usize) -> Self {
        Self {
            latent,
            glides: vec![Glide::none(latent); keyframes.len()],
            jump: Glide::none(latent),
            transport: Transport::at(crate::latent::wrap(position, keyframes.len())),
            keyframes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keyframes.len()
    }

    pub(super) fn latent(&self) -> usize {
        self.latent
    }

    /// One row at the play head, jumps' glides included.
    pub(super) fn head_row(
        &self,
        number: usize,
        interpolation: Interpolation,
        now: u64,
        rows: &mut Rows,
        out: &mut [f64],
    ) {
        let count = self.len();
        let (from, to, weight) = locate(self.transport.position, count);
        let places = [(from + count - 1) % count, from, to, (to + 1) % count];
        for (row, place) in rows.around.iter_mut().zip(places) {
            self.keyframe_row(place, number, now, row);
        }
        let around = [0, 1, 2, 3].map(|at: usize| rows.around[at].as_slice());
        interpolate(
            interpolation.path,
            around,
            interpolation.ease.apply(weight),
            out,
        );
        let start = number * self.latent;
        blend(&self.jump.from[start..], self.jump.weight(now), out);
    }

    /// One row of a keyframe as it is now, in the middle of a glide perhaps.
    fn keyframe_row(&self, keyframe: usize, number: usize, now: u64, out: &mut [f64]) {
        let start = number * self.latent;
        out.copy_from_slice(&self.keyframes[keyframe].latents[start..start + self.latent]);
        let glide = &self.glides[keyframe];
        blend(&glide.from[start..], glide.weight(now), out);
    }

    /// The keyframes around the play head and its place between them; false in the middle of a glide, where these do not
    /// give the latents.
    pub(super) fn neighbourhood(
        &self,
        interpolation: Interpolation,
        now: u64,
        around: &mut KeyframeNeighbourhood,
    ) -> bool {
        let count = self.len();
        let (from, _, weight) = locate(self.transport.position, count);
        around.weight = interpolation.ease.apply(weight);
        around.path = interpolation.path;
        let each = ROWS * self.latent;
        around.keyframes.resize(NEIGHBOURHOOD * each, 0.0);
        let mut still = self.jump.weight(now) >= 1.0;
        for (place, out) in around.keyframes.chunks_exact_mut(each).enumerate() {
            let keyframe = (from + place + 2 * count - 2) % count;
            out.copy_from_slice(&self.keyframes[keyframe].latents);
            // The outermost matter to the neighbouring segments alone.
            let matters = (1..NEIGHBOURHOOD - 1).contains(&place);
            still &= !matters || self.glides[keyframe].weight(now) >= 1.0;
        }
        still
    }

    /// Lets a keyframe glide from what it is now, over `length` ticks, to what it becomes.
    pub(super) fn begin_glide(&mut self, keyframe: usize, now: u64, length: u64) {
        let glide = &mut self.glides[keyframe];
        let weight = glide.weight(now);
        for (from, &to) in glide.from.iter_mut().zip(&self.keyframes[keyframe].latents) {
            *from = *from * (1.0 - weight) + to * weight;
        }
        glide.ramp = Ramp { begun: now, length };
    }

    /// Lets the head glide from where it is now to where it is put next.
    pub(super) fn begin_jump(
        &mut self,
        interpolation: Interpolation,
        now: u64,
        length: u64,
        rows: &mut Rows,
    ) {
        if length > 0 {
            let mut row = std::mem::take(&mut rows.row);
            for number in 0..ROWS {
                // The glide under way is part of where the head comes from, so its own row is still in place.
                self.head_row(number, interpolation, now, rows, &mut row);
                self.jump.from[number * self.latent..][..self.latent].copy_from_slice(&row);
            }
            rows.row = row;
        }
        self.jump.ramp = Ramp { begun: now, length };
    }

    /// Keeps the latents at the head as a keyframe.
    pub(super) fn capture(
        &mut self,
        keyframe: usize,
        interpolation: Interpolation,
        now: u64,
        rows: &mut Rows,
    ) {
        // The keyframe may be one of those that the head is between: each of its rows is read before it is written.
        let mut row = std::mem::take(&mut rows.row);
        for number in 0..ROWS {
            self.head_row(number, interpolation, now, rows, &mut row);
            self.keyframes[keyframe].latents[number * self.latent..][..self.latent]
                .copy_from_slice(&row);
        }
        rows.row = row;
        self.keyframes[keyframe].seed = None;
    }
}

/// A loop as it is saved: of keyframes that come from seeds, these alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedLoop {
    keyframes: Vec<(Option<u32>, bool, Vec<f64>)>,
    /// Keyframes that glide, by number.
    glides: Vec<(usize, Glide)>,
    jump: Option<Glide>,
    transport: Transport,
}

impl SavedLoop {
    pub(super) fn of(keyframe_loop: &KeyframeLoop, now: u64) -> Self {
        let keyframe = |keyframe: &Keyframe| {
            let latents = match keyframe.seed {
                Some(_) => Vec::new(),
                None => keyframe.latents.clone(),
            };
            (keyframe.seed, keyframe.locked, latents)
        };
        let under_way = |glide: &&Glide| !glide.ramp.is_over(now);
        let glides = keyframe_loop.glides.iter().enumerate();
        Self {
            keyframes: keyframe_loop.keyframes.iter().map(keyframe).collect(),
            glides: glides
                .filter(|(_, glide)| under_way(glide))
                .map(|(at, glide)| (at, glide.clone()))
                .collect(),
            jump: Some(&keyframe_loop.jump).filter(under_way).cloned(),
            transport: keyframe_loop.transport.clone(),
        }
    }

    /// The loop itself, its rows being `latent` long.
    pub(super) fn restore(&self, latent: usize) -> Result<KeyframeLoop, InstrumentError> {
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
        let mut keyframe_loop = KeyframeLoop::new(keyframes, 0.0, latent);
        for (at, glide) in &self.glides {
            match keyframe_loop.glides.get_mut(*at) {
                Some(place) if fits(&glide.from) => place.clone_from(glide),
                _ => return damaged("a glide"),
            }
        }
        match &self.jump {
            Some(jump) if !fits(&jump.from) => return damaged("a jump"),
            Some(jump) => keyframe_loop.jump.clone_from(jump),
            None => {}
        }
        keyframe_loop.transport.clone_from(&self.transport);
        Ok(keyframe_loop)
    }
}
