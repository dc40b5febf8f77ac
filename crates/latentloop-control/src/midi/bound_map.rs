//! A bound map: a controller map and the state of its bindings. Events in, actions out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::event::{ControlEvent, ControlType, EventKind};
use super::map::{Binding, BindingMode, ControllerMap};
use super::map_file::{RelativeEncoding, Takeover};
use crate::control::{Stamp, Values};
use crate::instrument::Action;
use crate::instrument::params::MIDI_PAGE;

/// A button is on from here on, of 0..1: 64 of 127.
const HALF: f64 = 64.0 / 127.0;
/// A control's own change is published within this, where the show keeps its pace.
const PUBLISHED: Stamp = Duration::from_millis(150).as_nanos() as Stamp;
/// A show that is held up has not looked at a control's change for so long at most.
const HELD_UP: Stamp = Duration::from_secs(2).as_nanos() as Stamp;
/// The same high value again, so long after the last, is a new press: some pedals never send their release.
const PRESS_AGAIN: Stamp = Duration::from_millis(250).as_nanos() as Stamp;
/// Steps of a control of seven and of fourteen bits.
const NARROW: f64 = 127.0;
const WIDE: f64 = 16383.0;

/// A controller map with the state of each binding, for one device.
#[derive(Debug)]
pub struct BoundMap {
    map: ControllerMap,
    states: Box<[BindingState]>,
}

/// The state of one binding's control. Written by the port's callback alone.
#[derive(Debug)]
struct BindingState {
    /// Of 0..1; NaN before it moved.
    unit: AtomicF64,
    /// The value that it sent last, of 0..1 and in the parameter's unit, and where that stood before; NaN before it did.
    sent_unit: AtomicF64,
    sent: AtomicF64,
    before: AtomicF64,
    /// When it did; 0 before.
    sent_at: AtomicU64,
    /// When the control moved last; 0 before it did.
    moved_at: AtomicU64,
}

/// An atomic f64.
#[derive(Debug)]
struct AtomicF64(AtomicU64);

impl AtomicF64 {
    fn nan() -> Self {
        Self(AtomicU64::new(f64::NAN.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl BindingState {
    fn new() -> Self {
        Self {
            unit: AtomicF64::nan(),
            sent_unit: AtomicF64::nan(),
            sent: AtomicF64::nan(),
            before: AtomicF64::nan(),
            sent_at: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
        }
    }

    fn copy_from(&self, other: &Self) {
        let numbers = [
            (&self.unit, &other.unit),
            (&self.sent_unit, &other.sent_unit),
            (&self.sent, &other.sent),
            (&self.before, &other.before),
        ];
        for (to, from) in numbers {
            to.set(from.get());
        }
        for (to, from) in [
            (&self.sent_at, &other.sent_at),
            (&self.moved_at, &other.moved_at),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Whether the parameter stands where this control has put it.
    fn owns(&self, present: f64, at: Stamp) -> bool {
        let since = at.saturating_sub(self.sent_at.load(Ordering::Relaxed));
        let same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        let sent = self.sent.get();
        !sent.is_nan()
            && (same(present, sent)
                || since < PUBLISHED
                || (since < HELD_UP && same(present, self.before.get())))
    }

    fn note(&self, unit: f64, sent: f64, before: f64, at: Stamp) {
        self.sent_unit.set(unit);
        self.sent.set(sent);
        self.before.set(before);
        self.sent_at.store(at, Ordering::Relaxed);
    }
}

impl BoundMap {
    /// A map whose controls have not moved yet.
    pub fn new(map: ControllerMap) -> Self {
        let states = map.bindings().iter().map(|_| BindingState::new()).collect();
        Self { map, states }
    }

    /// The map.
    pub fn map(&self) -> &ControllerMap {
        &self.map
    }

    /// Another map for the same device: the state of each binding that both maps have is kept.
    pub(super) fn replace(map: ControllerMap, before: &Self) -> Self {
        let replaced = Self::new(map);
        let (new, old) = (replaced.map.bindings(), before.map.bindings());
        for (binding, state) in new.iter().zip(&replaced.states) {
            if let Some(index) = old.iter().position(|other| other == binding) {
                state.copy_from(&before.states[index]);
            }
        }
        replaced
    }

    /// Whether the control of the binding of that index moved less than `length` before `now`.
    pub(super) fn moved_within(&self, index: usize, length: Duration, now: Stamp) -> bool {
        let at = self.states[index].moved_at.load(Ordering::Relaxed);
        at > 0 && u128::from(now.saturating_sub(at)) < length.as_nanos()
    }

    /// The actions of an event that came in at `at`. What is not iterated over does not happen. Never allocates, locks or waits.
    pub fn actions<'a>(
        &'a self,
        event: ControlEvent,
        at: Stamp,
        values: &'a Values,
    ) -> impl Iterator<Item = Action> + 'a {
        let page = values.get(MIDI_PAGE) as u8;
        let bindings = self.map.bindings_of(event.control, page);
        bindings.filter_map(move |index| {
            let binding = &self.map.bindings()[index];
            binding.action(&self.states[index], event, at, values)
        })
    }
}

impl Binding {
    fn action(
        &self,
        state: &BindingState,
        event: ControlEvent,
        at: Stamp,
        values: &Values,
    ) -> Option<Action> {
        let param = self.param;
        if let EventKind::Increment(steps) = event.kind {
            let BindingMode::Absolute { step, .. } = self.mode else {
                return None;
            };
            return self.step(step * f64::from(steps));
        }
        if let (BindingMode::Relative { encoding, step }, EventKind::Value7(byte)) =
            (self.mode, event.kind)
        {
            state.moved_at.store(at, Ordering::Relaxed);
            let steps = encoding.steps(byte);
            return (steps != 0).then(|| self.step(step * f64::from(steps)))?;
        }
        let (unit, finest) = match event.kind {
            EventKind::Value7(value) => (f64::from(value) / NARROW, NARROW),
            EventKind::Value14(value) => (f64::from(value) / WIDE, WIDE),
            // Any hit presses, however soft.
            EventKind::Press(_) => (1.0, NARROW),
            EventKind::Release | EventKind::Increment(_) => (0.0, NARROW),
        };
        let last = state.unit.get();
        state.unit.set(unit);
        let since = at.saturating_sub(state.moved_at.swap(at, Ordering::Relaxed));
        let again = last == unit && since >= PRESS_AGAIN;
        let hit = matches!(event.kind, EventKind::Press(_));
        let pressed = unit >= HALF && (hit || again || last.is_nan() || last < HALF);
        let set = |value| Action::Set { param, value };
        match self.mode {
            BindingMode::Trigger | BindingMode::Toggle => {
                pressed.then_some(Action::Trigger { param })
            }
            BindingMode::Set(value) => pressed.then(|| set(value)),
            BindingMode::Step(step) => pressed.then(|| self.step(step))?,
            BindingMode::Momentary { on, off } => {
                let let_go = unit < HALF && (last.is_nan() || last >= HALF);
                if pressed {
                    Some(set(on))
                } else {
                    let_go.then(|| set(off))
                }
            }
            BindingMode::Velocity => match event.kind {
                EventKind::Press(velocity) => {
                    Some(set(self.range.value(f64::from(velocity) / NARROW)))
                }
                _ => None,
            },
            BindingMode::Relative { .. } => None,
            BindingMode::Absolute { takeover, .. } => {
                // A program change that names no program is as far along as its number.
                let unit = if self.control_type == ControlType::Program {
                    f64::from(event.control.number) / NARROW
                } else {
                    unit
                };
                self.follow(state, takeover, [last, unit], finest, at, values)
            }
        }
    }

    fn step(&self, delta: f64) -> Option<Action> {
        let delta = self.range.signed(delta);
        let param = self.param;
        Some(Action::Nudge { param, delta })
    }

    /// The control went from `last` (NaN at first) to `unit`.
    fn follow(
        &self,
        state: &BindingState,
        takeover: Takeover,
        [last, unit]: [f64; 2],
        finest: f64,
        at: Stamp,
        values: &Values,
    ) -> Option<Action> {
        let param = self.param;
        if self.normalized {
            return Some(Action::SetUnit {
                param,
                unit: self.range.inverted(unit),
            });
        }
        let present = values.get(param);
        let owns = state.owns(present, at);
        let stands = self.range.unit(present);
        let goes = match takeover {
            Takeover::Jump => Some(unit),
            Takeover::Pickup => {
                let touches = (unit - stands).abs() <= 0.5 / finest;
                let crosses = (last - stands) * (unit - stands) <= 0.0;
                (owns || touches || crosses).then_some(unit)
            }
            Takeover::Scaled => {
                let from = if owns { state.sent_unit.get() } else { stands };
                scaled(last, unit, from)
            }
        }?;
        let value = self.range.value(goes);
        state.note(goes, value, present, at);
        Some(Action::Set { param, value })
    }
}

/// The scaled takeover: the position that a parameter at `from` goes to when its control goes from `last` to `unit`, so that both
/// reach an end together.
fn scaled(last: f64, unit: f64, from: f64) -> Option<f64> {
    if last.is_nan() {
        return None;
    }
    let part = if unit > last {
        (1.0 - unit) / (1.0 - last)
    } else if unit < last {
        unit / last
    } else {
        return None;
    };
    let goes = if unit > last {
        1.0 - (1.0 - from) * part
    } else {
        from * part
    };
    Some(goes.clamp(0.0, 1.0))
}

impl RelativeEncoding {
    /// The steps by which a byte says that an encoder was turned.
    pub(super) fn steps(self, byte: u8) -> i32 {
        let value = i32::from(byte);
        match self {
            Self::Twos if value >= 64 => value - 128,
            Self::Offset64 => value - 64,
            Self::Sign if value >= 64 => 64 - value,
            Self::Twos | Self::Sign => value,
        }
    }
}
