//! The play head: its position on the loop, tick by tick.

use serde::{Deserialize, Serialize};

use super::{TICKS_PER_SEC, ticks};
use crate::latent::{Ease, wrap};

/// Ticks within which the head reaches a scrubbing control: 50 ms.
const REACH_TICKS: u64 = 24;
/// Ticks within which the head comes to where the beat wants it: a tenth of a second.
const LAG_TICKS: u64 = 48;

/// The play head: where it stands and what moves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Transport {
    pub(super) position: f64,
    /// Direction in ping-pong: 1 or -1.
    direction: f64,
    scrub: Option<Scrub>,
    lock: Option<Lock>,
}

/// A control holds the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scrub {
    target: f64,
    reach_left: u64,
    hold_left: u64,
}

/// The head follows the beat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lock {
    pace: Pace,
    /// Keyframes, whole, between the beat's way and the loop's.
    offset: f64,
    /// How far the head was from where the beat wants it when it locked, and how many ticks are left to come there.
    lag: f64,
    lag_left: u64,
}

/// The pace of a head that follows the beat: while it does not change, the head stays where the beat puts it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pace {
    /// Keyframes a beat, signed.
    pub(super) keyframes_per_beat: f64,
    pub(super) ping_pong: bool,
    /// Leaps of the beat until now.
    pub(super) leaps: u32,
}

/// The motion of the head in one tick.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeadMotion {
    /// Nothing.
    Still,
    /// A speed in keyframes a second, signed.
    Free { speed: f64, ping_pong: bool },
    /// The beat: its way until now in keyframes, signed.
    Beat { travel: f64, pace: Pace },
}

impl Transport {
    pub(super) fn at(position: f64) -> Self {
        Self {
            position,
            direction: 1.0,
            scrub: None,
            lock: None,
        }
    }

    /// Whether every number is one that a head can have on a loop of so many keyframes.
    pub(super) fn is_sound(&self, keyframes: usize) -> bool {
        let on_loop = |position: f64| (0.0..keyframes as f64).contains(&position);
        let lock = self.lock.as_ref();
        on_loop(self.position)
            && self.direction.abs() == 1.0
            && self
                .scrub
                .as_ref()
                .is_none_or(|scrub| on_loop(scrub.target) && scrub.hold_left > 0)
            && lock.is_none_or(|lock| lock.offset.is_finite() && lock.lag.is_finite())
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

    /// Stands at a keyframe at once; where the beat leads, as far past it as the beat is past its own.
    pub(super) fn jump(&mut self, keyframe: f64, beat_travel: Option<f64>, keyframes: usize) {
        self.scrub = None;
        self.position = wrap(keyframe, keyframes);
        if let (Some(lock), Some(travel)) = (&mut self.lock, beat_travel) {
            lock.offset = keyframe - libm::floor(travel);
            lock.lag_left = 0;
            if lock.pace.ping_pong {
                self.lock = None;
            } else {
                self.position = wrap(lock.offset + travel, keyframes);
            }
        }
    }

    pub(super) fn tick(&mut self, motion: HeadMotion, keyframes: usize) {
        if let Some(scrub) = &mut self.scrub {
            self.lock = None;
            let way = short_way(self.position, scrub.target, keyframes);
            if scrub.reach_left > 0 {
                self.position = wrap(self.position + way / scrub.reach_left as f64, keyframes);
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
        match motion {
            HeadMotion::Still => self.lock = None,
            HeadMotion::Free { speed, ping_pong } => {
                self.lock = None;
                self.walk(speed / TICKS_PER_SEC as f64, ping_pong, keyframes);
            }
            HeadMotion::Beat { travel, pace } => self.follow(travel, pace, keyframes),
        }
    }

    fn walk(&mut self, step: f64, ping_pong: bool, keyframes: usize) {
        if !ping_pong {
            self.position = wrap(self.position + step, keyframes);
            return;
        }
        let end = (keyframes - 1) as f64;
        let mut next = self.position + step * self.direction;
        if next > end {
            next = end - (next - end).min(end);
            self.direction = -self.direction;
        } else if next < 0.0 {
            next = (-next).min(end);
            self.direction = -self.direction;
        }
        self.position = next;
    }

    /// Goes where the beat is. Where the beat or the pace leaps, the head comes after within a tenth of a second.
    fn follow(&mut self, travel: f64, pace: Pace, keyframes: usize) {
        // Back and forth is once round a loop of twice the way.
        let end = (keyframes - 1) as f64;
        let length = if pace.ping_pong {
            2 * (keyframes - 1)
        } else {
            keyframes
        };
        let fold = |place: f64| {
            if pace.ping_pong && place > end {
                length as f64 - place
            } else {
                place
            }
        };
        if self.lock.as_ref().is_none_or(|lock| lock.pace != pace) {
            let place = if pace.ping_pong && self.direction * pace.keyframes_per_beat < 0.0 {
                length as f64 - self.position.min(end)
            } else {
                self.position
            };
            let offset = libm::round(place - travel);
            let target = fold(wrap(offset + travel, length));
            let lag = if pace.ping_pong {
                self.position - target
            } else {
                short_way(target, self.position, keyframes)
            };
            let lag_left = LAG_TICKS;
            self.lock = Some(Lock {
                pace,
                offset,
                lag,
                lag_left,
            });
        }
        let Some(lock) = &mut self.lock else {
            return;
        };
        let place = wrap(lock.offset + travel, length);
        let before = self.position;
        let left = Ease::Smooth.apply(lock.lag_left as f64 / LAG_TICKS as f64);
        lock.lag_left = lock.lag_left.saturating_sub(1);
        let head = fold(place) + lock.lag * left;
        self.position = if pace.ping_pong {
            head.clamp(0.0, end)
        } else {
            wrap(head, keyframes)
        };
        if pace.ping_pong && self.position != before {
            self.direction = (self.position - before).signum() * pace.keyframes_per_beat.signum();
        }
    }
}

/// The short way round from one place of the loop to another.
fn short_way(from: f64, to: f64, keyframes: usize) -> f64 {
    let half = keyframes as f64 / 2.0;
    wrap(to - from + half, keyframes) - half
}
