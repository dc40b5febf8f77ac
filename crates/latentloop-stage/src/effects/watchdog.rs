//! What users' shaders may cost: a budget that is held before they are drawn, and a watchdog for those that hold the card up all
//! the same.
//!
//! No card gives a pass up in the middle. So few pictures that a user's shader is drawn in are on their way at once, and one that
//! takes too long is the last of it: it is taken off, named, and drawn again when its file changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::renderer::EffectRenderer;
use super::user::UserShader;
use crate::instrument::OWN_PASSES;

/// Pictures that may be on their way at once.
const IN_FLIGHT: usize = 2;

/// What a user's shader may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Operations a picture: those of a point, times its points. A card of the middle of the field takes a few milliseconds.
    pub(super) operations: u64,
    /// Time from a picture's submission to its end. Two may be on their way, so one of them took half of it at least.
    pub(super) slow: Duration,
    /// So many slow pictures one after the other are too many.
    pub(super) strikes: u32,
    /// A picture that takes so long is too many by itself.
    pub(super) stuck: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 8 << 30,
            slow: Duration::from_millis(500),
            strikes: 3,
            stuck: Duration::from_secs(2),
        }
    }
}

/// A picture on its way.
struct Frame {
    submitted: Instant,
    /// It took at least so long: looked at then, it was not done.
    took: Duration,
    is_done: Arc<AtomicBool>,
    slots: [bool; OWN_PASSES],
}

/// Watches the pictures in which users' shaders are drawn.
pub(super) struct Watchdog {
    limits: Limits,
    in_flight: Vec<Frame>,
    strikes: u32,
}

/// What is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    /// The slots that are drawn.
    slots: [bool; OWN_PASSES],
    /// What a picture took, at least.
    took: Duration,
}

impl Watchdog {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            in_flight: Vec::with_capacity(IN_FLIGHT),
            strikes: 0,
        }
    }

    /// A picture was submitted, which took the time until now; gives what is to be set when it is done.
    fn submitted(
        &mut self,
        slots: [bool; OWN_PASSES],
        at: Instant,
        now: Instant,
    ) -> Arc<AtomicBool> {
        let is_done = Arc::new(AtomicBool::new(false));
        self.in_flight.push(Frame {
            submitted: at,
            // Where the driver draws while it is called, that is the time of the drawing.
            took: now.saturating_duration_since(at),
            is_done: Arc::clone(&is_done),
            slots,
        });
        is_done
    }

    /// Whether no more pictures are to be submitted for now.
    fn is_full(&self) -> bool {
        self.in_flight.len() >= IN_FLIGHT
            || self
                .in_flight
                .iter()
                .any(|frame| frame.took >= self.limits.slow)
    }

    /// Looks at the pictures on their way. What happens between two looks is nobody's fault: a show may have stood for another
    /// reason.
    fn look(&mut self, now: Instant) -> Option<Verdict> {
        let mut verdict = None;
        let (limits, strikes) = (self.limits, &mut self.strikes);
        self.in_flight.retain_mut(|frame| {
            let is_done = frame.is_done.load(Ordering::Acquire);
            if !is_done {
                frame.took = now.saturating_duration_since(frame.submitted);
            } else if frame.took >= limits.slow {
                *strikes += 1;
            } else {
                *strikes = 0;
            }
            let is_blamed = frame.slots != [false; OWN_PASSES];
            if is_blamed && (*strikes >= limits.strikes || frame.took >= limits.stuck) {
                verdict = Some(Verdict {
                    slots: frame.slots,
                    took: frame.took,
                });
            }
            !is_done
        });
        if verdict.is_some() {
            *strikes = 0;
            // Those on their way were submitted before.
            for frame in &mut self.in_flight {
                frame.slots = [false; OWN_PASSES];
            }
        }
        verdict
    }
}

impl EffectRenderer {
    /// Tells the shaders that cost too much on pictures of that size: they are not drawn.
    pub(super) fn hold_to_budget(&mut self, (width, height): (u32, u32)) {
        let points = u64::from(width) * u64::from(height);
        let most = self.watchdog.limits.operations;
        for (slot, user) in self.user.iter_mut().enumerate() {
            let Some(user) = user else {
                continue;
            };
            let is_too_much = user.shader.operations.saturating_mul(points) > most;
            if is_too_much
                && !user.is_too_much
                && let Some(registry) = &self.registry
            {
                let named = named(slot, &user.shader);
                registry.warn(format!(
                    "{named} takes up to {} operations a point, too many for pictures of {width} x {height}, which have room \
                     for {}: it is not drawn on them",
                    user.shader.operations,
                    most / points.max(1)
                ));
            }
            user.is_too_much = is_too_much;
        }
    }

    /// Whether the card still has too much to do with users' shaders. Takes off what is to blame.
    pub(super) fn is_held_up(&mut self) -> bool {
        // A film waits for its pictures.
        if self.waits || self.watchdog.in_flight.is_empty() {
            return false;
        }
        // Whoever's picture is done says so now.
        let _ = self.device.poll(wgpu::PollType::Poll);
        if let Some(verdict) = self.watchdog.look(Instant::now()) {
            self.take_off(&verdict);
        }
        self.watchdog.is_full()
    }

    /// Takes off the dearest of the shaders that were drawn.
    fn take_off(&mut self, verdict: &Verdict) {
        let drawn = (0..OWN_PASSES).filter(|&slot| verdict.slots[slot]);
        let dearest = drawn
            .filter_map(|slot| Some((slot, self.user[slot].as_ref()?.shader.operations)))
            .max_by_key(|&(_, operations)| operations);
        let Some((slot, _)) = dearest else {
            return;
        };
        if let (Some(user), Some(registry)) = (&self.user[slot], &self.registry) {
            registry.take_off(slot, &user.shader);
            registry.warn(format!(
                "{} held the graphics card up for {:.1} s a picture, and was taken off; it is drawn again when its file changes",
                named(slot, &user.shader),
                verdict.took.as_secs_f64()
            ));
        }
        self.put(slot, None);
    }

    /// Watches what was just submitted, where users' shaders are drawn in it.
    pub(super) fn watch(&mut self, slots: [bool; OWN_PASSES], at: Instant) {
        if self.waits || slots == [false; OWN_PASSES] {
            return;
        }
        let is_done = self.watchdog.submitted(slots, at, Instant::now());
        self.queue
            .on_submitted_work_done(move || is_done.store(true, Ordering::Release));
    }
}

fn named(slot: usize, shader: &UserShader) -> String {
    format!(
        "own pass {}, {} ({}),",
        slot + 1,
        shader.name,
        shader.path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [bool; OWN_PASSES] = [true, false, false, false];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// What the watchdog says of pictures that take so long, looked at every ten milliseconds; and when.
    fn watch(took: &[u64]) -> Option<(usize, Verdict)> {
        let start = Instant::now();
        let (mut dog, mut now) = (Watchdog::new(Limits::default()), start);
        for (number, &took) in took.iter().enumerate() {
            let at = now;
            let is_done = dog.submitted(FIRST, at, at);
            loop {
                now += ms(10);
                is_done.store(now >= at + ms(took), Ordering::Release);
                if let Some(verdict) = dog.look(now) {
                    return Some((number, verdict));
                }
                if dog.in_flight.is_empty() {
                    break;
                }
            }
        }
        None
    }

    #[test]
    fn three_slow_pictures_in_a_row_are_too_many_and_a_stuck_one_is_by_itself() {
        assert_eq!(watch(&[400; 50]), None);
        assert_eq!(watch(&[900, 900, 20].repeat(9)), None);
        let (number, verdict) = watch(&[20, 900, 900, 900]).unwrap();
        assert_eq!((number, verdict.slots), (3, FIRST));
        assert!(verdict.took >= ms(850), "{verdict:?}");
        let (number, verdict) = watch(&[60_000]).unwrap();
        assert_eq!(number, 0);
        assert!(verdict.took < ms(2100), "{verdict:?}");
    }

    #[test]
    fn a_show_that_stood_for_another_reason_blames_no_shader() {
        let start = Instant::now();
        let mut dog = Watchdog::new(Limits::default());
        for round in 0..9 {
            let at = start + ms(60_000 * round);
            let is_done = dog.submitted(FIRST, at, at);
            // It was done soon, and is looked at a minute later.
            is_done.store(true, Ordering::Release);
            assert_eq!(dog.look(at + ms(59_000)), None);
        }
    }

    #[test]
    fn a_driver_that_draws_while_it_is_called_is_seen_too() {
        let start = Instant::now();
        let mut dog = Watchdog::new(Limits::default());
        let mut verdicts = 0;
        for round in 0..3 {
            let at = start + ms(1000 * round);
            let is_done = dog.submitted(FIRST, at, at + ms(800));
            is_done.store(true, Ordering::Release);
            verdicts += usize::from(dog.look(at + ms(810)).is_some());
        }
        assert_eq!(verdicts, 1);
    }

    #[test]
    fn few_pictures_are_on_their_way_and_none_behind_a_slow_one() {
        let start = Instant::now();
        let mut dog = Watchdog::new(Limits::default());
        let first = dog.submitted(FIRST, start, start);
        assert!(!dog.is_full());
        dog.look(start + ms(600));
        assert!(dog.is_full(), "what comes would wait behind it");
        first.store(true, Ordering::Release);
        dog.look(start + ms(610));
        assert!(!dog.is_full());
        for _ in 0..IN_FLIGHT {
            dog.submitted(FIRST, start, start);
        }
        assert!(dog.is_full());
    }
}
