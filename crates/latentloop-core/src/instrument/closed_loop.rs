//! The loop: keyframes, what glides at them, and the head that walks them.

use super::glide::{Glide, Span, blend};
use super::transport::Transport;
use crate::latent::{AROUND, Around, Ease, Keyframe, Path, ROWS, interpolate, locate};

/// How the way between two keyframes is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Way {
    pub(super) path: Path,
    pub(super) ease: Ease,
}

/// Keyframes on a closed loop and a play head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loop {
    latent: usize,
    pub(super) keyframes: Vec<Keyframe>,
    pub(super) glides: Vec<Glide>,
    /// Where the last jump came from.
    pub(super) jump: Glide,
    pub(super) transport: Transport,
}

/// Room for rows under way.
#[derive(Clone, Debug)]
pub(super) struct Scratch {
    /// One row of each of the four keyframes around the head.
    around: [Vec<f64>; 4],
    row: Vec<f64>,
}

impl Scratch {
    pub(super) fn new(latent: usize) -> Self {
        Self {
            around: std::array::from_fn(|_| vec![0.0; latent]),
            row: vec![0.0; latent],
        }
    }
}

impl Loop {
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
        way: Way,
        now: u64,
        scratch: &mut Scratch,
        out: &mut [f64],
    ) {
        let count = self.len();
        let (from, to, weight) = locate(self.transport.position, count);
        let places = [(from + count - 1) % count, from, to, (to + 1) % count];
        for (scratch, place) in scratch.around.iter_mut().zip(places) {
            self.keyframe_row(place, number, now, scratch);
        }
        let rows = [0, 1, 2, 3].map(|at: usize| scratch.around[at].as_slice());
        interpolate(way.path, rows, way.ease.apply(weight), out);
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
    pub(super) fn around(&self, way: Way, now: u64, around: &mut Around) -> bool {
        let count = self.len();
        let (from, _, weight) = locate(self.transport.position, count);
        around.weight = way.ease.apply(weight);
        around.path = way.path;
        let each = ROWS * self.latent;
        around.keyframes.resize(AROUND * each, 0.0);
        let mut still = self.jump.weight(now) >= 1.0;
        for (place, out) in around.keyframes.chunks_exact_mut(each).enumerate() {
            let keyframe = (from + place + 2 * count - 2) % count;
            out.copy_from_slice(&self.keyframes[keyframe].latents);
            // The outermost matter to the neighbouring segments alone.
            let matters = (1..AROUND - 1).contains(&place);
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
        glide.span = Span { begun: now, length };
    }

    /// Lets the head glide from where it is now to where it is put next.
    pub(super) fn begin_jump(&mut self, way: Way, now: u64, length: u64, scratch: &mut Scratch) {
        if length > 0 {
            let mut row = std::mem::take(&mut scratch.row);
            for number in 0..ROWS {
                // The glide under way is part of where the head comes from, so its own row is still in place.
                self.head_row(number, way, now, scratch, &mut row);
                self.jump.from[number * self.latent..][..self.latent].copy_from_slice(&row);
            }
            scratch.row = row;
        }
        self.jump.span = Span { begun: now, length };
    }

    /// Keeps the latents at the head as a keyframe.
    pub(super) fn capture(&mut self, keyframe: usize, way: Way, now: u64, scratch: &mut Scratch) {
        // The keyframe may be one of those that the head is between: each of its rows is read before it is written.
        let mut row = std::mem::take(&mut scratch.row);
        for number in 0..ROWS {
            self.head_row(number, way, now, scratch, &mut row);
            self.keyframes[keyframe].latents[number * self.latent..][..self.latent]
                .copy_from_slice(&row);
        }
        scratch.row = row;
        self.keyframes[keyframe].seed = None;
    }
}
