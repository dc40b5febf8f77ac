//! The state of one port: bytes in, actions out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::event::{Assembler, Event, Move, Sort};
use super::map::{Binding, Deed, Map};
use super::parser::{Fault, Message, Parser};
use super::sheet::{Relative, Takeover};
use crate::control::clock::Pulse;
use crate::control::{Stamp, Values};
use crate::instrument::Action;

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

/// What bytes gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Something for the show to do.
    Action(Action),
    /// A clock's pulse.
    Pulse(Pulse),
    /// A byte that belongs to no message.
    Fault(Fault),
}

/// A map, and where the controls of one device stand on it.
#[derive(Debug)]
pub struct Wiring {
    pub(super) map: Map,
    states: Box<[State]>,
}

/// Where a binding's control stands. Written by the port's callback alone.
#[derive(Debug)]
struct State {
    /// Of 0..1; NaN before it moved.
    unit: Number,
    /// Where it put the parameter last, of 0..1 and in the parameter's unit, and where that stood before; NaN before it did.
    sent_unit: Number,
    sent: Number,
    before: Number,
    /// When; 0 before it did.
    sent_at: AtomicU64,
    moved_at: AtomicU64,
}

/// A number that two threads know.
#[derive(Debug)]
struct Number(AtomicU64);

impl Number {
    fn none() -> Self {
        Self(AtomicU64::new(f64::NAN.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl State {
    fn new() -> Self {
        Self {
            unit: Number::none(),
            sent_unit: Number::none(),
            sent: Number::none(),
            before: Number::none(),
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

impl Wiring {
    /// A map whose controls have not moved yet.
    pub fn new(map: Map) -> Self {
        let states = map.bindings().iter().map(|_| State::new()).collect();
        Self { map, states }
    }

    /// The same device by another map: controls whose bindings are the same stand where they stood.
    pub(super) fn follow(map: Map, before: &Self) -> Self {
        let wiring = Self::new(map);
        let (new, old) = (wiring.map.bindings(), before.map.bindings());
        for (binding, state) in new.iter().zip(&wiring.states) {
            if let Some(place) = old.iter().position(|other| other == binding) {
                state.copy_from(&before.states[place]);
            }
        }
        wiring
    }

    /// Whether the control of the binding in that place moved less than `length` before `now`.
    pub(super) fn moved_within(&self, place: usize, length: Duration, now: Stamp) -> bool {
        let at = self.states[place].moved_at.load(Ordering::Relaxed);
        at > 0 && u128::from(now.saturating_sub(at)) < length.as_nanos()
    }

    /// Hands over what an event does.
    pub(super) fn act(
        &self,
        event: Event,
        at: Stamp,
        values: &Values,
        mut each: impl FnMut(Action),
    ) {
        let page = values.get(self.map.page) as u8;
        self.map.find(event.control, page, |place| {
            let (binding, state) = (&self.map.bindings()[place], &self.states[place]);
            if let Some(action) = binding.action(state, event, at, values) {
                each(action);
            }
        });
    }
}

impl Binding {
    fn action(&self, state: &State, event: Event, at: Stamp, values: &Values) -> Option<Action> {
        let param = self.param;
        if let Move::Step(steps) = event.how {
            let Deed::Follow { step, .. } = self.deed else {
                return None;
            };
            return self.nudge(step * f64::from(steps));
        }
        if let (Deed::Turn { encoding, step }, Move::To(byte)) = (self.deed, event.how) {
            state.moved_at.store(at, Ordering::Relaxed);
            let steps = encoding.steps(byte);
            return (steps != 0).then(|| self.nudge(step * f64::from(steps)))?;
        }
        let (unit, finest) = match event.how {
            Move::To(value) => (f64::from(value) / NARROW, NARROW),
            Move::ToWide(value) => (f64::from(value) / WIDE, WIDE),
            // Any hit presses, however soft.
            Move::Press(_) => (1.0, NARROW),
            Move::Release | Move::Step(_) => (0.0, NARROW),
        };
        let last = state.unit.get();
        state.unit.set(unit);
        let since = at.saturating_sub(state.moved_at.swap(at, Ordering::Relaxed));
        let again = last == unit && since >= PRESS_AGAIN;
        let hit = matches!(event.how, Move::Press(_));
        let pressed = unit >= HALF && (hit || again || last.is_nan() || last < HALF);
        let set = |value| Action::Set { param, value };
        match self.deed {
            Deed::Fire | Deed::Flip => pressed.then_some(Action::Trigger { param }),
            Deed::Assign(value) => pressed.then(|| set(value)),
            Deed::Nudge(step) => pressed.then(|| self.nudge(step))?,
            Deed::Hold { on, off } => {
                let let_go = unit < HALF && (last.is_nan() || last >= HALF);
                if pressed {
                    Some(set(on))
                } else {
                    let_go.then(|| set(off))
                }
            }
            Deed::Strike => match event.how {
                Move::Press(velocity) => Some(set(self.spread.value(f64::from(velocity) / NARROW))),
                _ => None,
            },
            Deed::Turn { .. } => None,
            Deed::Follow { takeover, .. } => {
                // A program change that names no program is as far along as its number.
                let unit = if self.sort == Sort::Program {
                    f64::from(event.control.number) / NARROW
                } else {
                    unit
                };
                self.follow(state, takeover, [last, unit], finest, at, values)
            }
        }
    }

    fn nudge(&self, delta: f64) -> Option<Action> {
        let delta = self.spread.directed(delta);
        let param = self.param;
        Some(Action::Nudge { param, delta })
    }

    /// The control went from `last` (NaN at first) to `unit`.
    fn follow(
        &self,
        state: &State,
        takeover: Takeover,
        [last, unit]: [f64; 2],
        finest: f64,
        at: Stamp,
        values: &Values,
    ) -> Option<Action> {
        let param = self.param;
        if self.over_loop {
            return Some(Action::SetUnit {
                param,
                unit: self.spread.turned(unit),
            });
        }
        let present = values.get(param);
        let owns = state.owns(present, at);
        let stands = self.spread.unit(present);
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
        let value = self.spread.value(goes);
        state.note(goes, value, present, at);
        Some(Action::Set { param, value })
    }
}

/// Where a parameter at `from` goes when its control goes from `last` to `unit`, so that both reach an end together.
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

impl Relative {
    /// How far a byte says that a knob was turned.
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

/// Takes one port's bytes apart, and looks up what they do.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    parser: Parser,
    assembler: Assembler,
}

impl Reader {
    /// Takes a delivery of bytes that came in at `at`, and hands over what it does. Never allocates, locks or waits.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        at: Stamp,
        wiring: &Wiring,
        values: &Values,
        mut each: impl FnMut(Given),
    ) {
        self.hear(bytes, wiring, |outcome| match outcome {
            Ok(Heard::Message(_, Some(event))) => {
                wiring.act(event, at, values, |action| each(Given::Action(action)));
            }
            Ok(Heard::Message(_, None)) => {}
            Ok(Heard::Pulse(pulse)) => each(Given::Pulse(pulse)),
            Err(fault) => each(Given::Fault(fault)),
        });
    }

    /// Hands over what came, before it is looked up.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        wiring: &Wiring,
        mut each: impl FnMut(Result<Heard, Fault>),
    ) {
        let assembler = &mut self.assembler;
        self.parser.feed(bytes, |outcome| match outcome {
            Ok(message) => {
                each(Ok(match pulse(message) {
                    Some(pulse) => Heard::Pulse(pulse),
                    None => {
                        let event = assembler.take(message, &wiring.map.assembly);
                        Heard::Message(message, event)
                    }
                }));
            }
            Err(fault) => each(Err(fault)),
        });
        // The systems deliver whole messages, but for parts of a sysex.
        if let Err(fault) = self.parser.end() {
            each(Err(fault));
        }
    }
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Heard {
    /// A message of a channel, and the move of a control that it ended, if it did.
    Message(Message, Option<Event>),
    /// A clock pulsed.
    Pulse(Pulse),
}

fn pulse(message: Message) -> Option<Pulse> {
    Some(match message {
        Message::Clock => Pulse::Clock,
        Message::Start => Pulse::Start,
        Message::Continue => Pulse::Continue,
        Message::Stop => Pulse::Stop,
        Message::SongPosition(at) => Pulse::Position(at),
        _ => return None,
    })
}
