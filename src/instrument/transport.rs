//! The play head: its position on the loop, tick by tick.

use super::{TICKS_PER_SEC, ticks};
use crate::latent::wrap;

/// Ticks within which the head reaches a scrubbing control: 50 ms.
const REACH_TICKS: u64 = 24;

/// Where the play head stands and what moves it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transport {
    pub(super) position: f64,
    /// Way of walking in ping-pong: 1 or -1.
    direction: f64,
    scrub: Option<Scrub>,
}

/// A control holds the head.
#[derive(Clone, Debug, PartialEq)]
struct Scrub {
    target: f64,
    reach_left: u64,
    hold_left: u64,
}

/// How the head walks in one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Keyframes a second, signed.
    pub(super) speed: f64,
    pub(super) paused: bool,
    pub(super) ping_pong: bool,
    pub(super) keyframes: usize,
}

impl Transport {
    pub(super) fn at(position: f64) -> Self {
        Self {
            position,
            direction: 1.0,
            scrub: None,
        }
    }

    /// A control asks for a position: the head glides there and stands for `hold_secs` after the last asking.
    pub(super) fn scrub(&mut self, position: f64, hold_secs: f64, keyframes: usize) {
        let target = wrap(position, keyframes);
        self.scrub = Some(Scrub {
            target,
            reach_left: REACH_TICKS,
            hold_left: REACH_TICKS.max(ticks(hold_secs)),
        });
    }

    /// Moves the scrubbing target, or the head itself where none is set.
    pub(super) fn nudge(&mut self, delta: f64, hold_secs: f64, keyframes: usize) {
        let from = self
            .scrub
            .as_ref()
            .map_or(self.position, |scrub| scrub.target);
        self.scrub(from + delta, hold_secs, keyframes);
    }

    /// Stands at a position at once.
    pub(super) fn jump(&mut self, position: f64, keyframes: usize) {
        self.position = wrap(position, keyframes);
        self.scrub = None;
    }

    pub(super) fn tick(&mut self, walk: Walk) {
        if let Some(scrub) = &mut self.scrub {
            let length = walk.keyframes as f64;
            // The short way round the loop.
            let way =
                wrap(scrub.target - self.position + length / 2.0, walk.keyframes) - length / 2.0;
            if scrub.reach_left > 0 {
                self.position = wrap(
                    self.position + way / scrub.reach_left as f64,
                    walk.keyframes,
                );
                scrub.reach_left -= 1;
            } else {
                self.position = scrub.target;
            }
            scrub.hold_left -= 1;
            if scrub.hold_left == 0 {
                self.position = scrub.target;
                self.scrub = None;
            }
            return;
        }
        if walk.paused {
            return;
        }
        let step = walk.speed / TICKS_PER_SEC as f64;
        if walk.ping_pong {
            let end = (walk.keyframes - 1) as f64;
            let mut next = self.position + step * self.direction;
            if next > end {
                next = end - (next - end).min(end);
                self.direction = -self.direction;
            } else if next < 0.0 {
                next = (-next).min(end);
                self.direction = -self.direction;
            }
            self.position = next;
        } else {
            self.position = wrap(self.position + step, walk.keyframes);
        }
    }
}
