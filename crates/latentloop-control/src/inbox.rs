//! The inbox: actions on their way from controllers to the show.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// Entries that can wait: far more than hands do within a frame.
const WAITING: usize = 4096;

/// When something arrived: nanoseconds since the inbox was made.
pub type Stamp = u64;

/// A lock-free, bounded queue of actions, taken once a frame in the order in which each sender put them.
///
/// Settings of a continuous parameter coalesce: where nothing but other settings came between two of them, the later one takes the
/// earlier one's place, so that a fader fills no queue. All else, toggles and seeds too, keeps its place. Where the queue is full,
/// settings still count, though no longer in order; what else comes is refused and counted.
#[derive(Debug)]
pub struct Inbox {
    entries: ArrayQueue<Entry>,
    slots: Box<[Slot]>,
    /// A bit for each slot whose latest setting found no room among the entries.
    overflowed: Box<[AtomicU64]>,
    /// Counts actions that settings do not coalesce across.
    barriers: AtomicU64,
    received: AtomicU64,
    refused: AtomicU64,
    epoch: Instant,
}

#[derive(Debug)]
enum Entry {
    Action(Action, Stamp),
    /// The latest setting of that parameter.
    Slot(ParamId),
}

/// The latest setting of a parameter, where one waits.
#[derive(Debug, Default)]
struct Slot {
    is_continuous: bool,
    /// [`State`] in one word.
    state: AtomicU64,
    value: AtomicU64,
    /// A setting in 0..=1 has a place of its own: no reader can take the one for the other.
    unit: AtomicU64,
    stamp: AtomicU64,
}

/// What a slot holds. Every write counts up, so that no compare-and-swap takes a new state for an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    waits: bool,
    is_unit: bool,
    /// It stands behind all entries, not at the entry's place.
    is_overflow: bool,
    /// The barriers before it, modulo 2^29.
    barriers: u32,
    count: u32,
}

impl State {
    const BARRIER_BITS: u32 = 29;

    fn read(word: u64) -> Self {
        Self {
            waits: word & 1 != 0,
            is_unit: word & 2 != 0,
            is_overflow: word & 4 != 0,
            barriers: (word >> 3) as u32 & ((1 << Self::BARRIER_BITS) - 1),
            count: (word >> 32) as u32,
        }
    }

    fn word(self) -> u64 {
        u64::from(self.waits)
            | u64::from(self.is_unit) << 1
            | u64::from(self.is_overflow) << 2
            | u64::from(self.barriers) << 3
            | u64::from(self.count) << 32
    }
}

impl Inbox {
    /// An empty inbox for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        let slot = |(_, row): (_, &Row)| Slot {
            is_continuous: row.kind == Kind::Float,
            ..Slot::default()
        };
        let words = table.len().div_ceil(64);
        Self {
            entries: ArrayQueue::new(WAITING),
            slots: table.iter().map(slot).collect(),
            overflowed: (0..words).map(|_| AtomicU64::new(0)).collect(),
            barriers: AtomicU64::new(0),
            received: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            epoch: Instant::now(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Stamp {
        self.stamp(Instant::now())
    }

    /// A moment as a stamp; 0 for those before the inbox was made.
    pub fn stamp(&self, at: Instant) -> Stamp {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes an action that arrived at `at`. Never waits and never allocates.
    pub fn put(&self, action: Action, at: Stamp) {
        self.received.fetch_add(1, Ordering::Relaxed);
        match action {
            Action::Set { param, value } => self.set(param, value, false, at),
            Action::SetUnit { param, unit } => self.set(param, unit, true, at),
            other => {
                if self.entries.push(Entry::Action(other, at)).is_err() {
                    self.refuse();
                } else {
                    self.barriers.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
    }

    fn set(&self, param: ParamId, number: f64, is_unit: bool, at: Stamp) {
        let slot = &self.slots[param.index()];
        if !slot.is_continuous {
            // One that stands behind all entries already must not come after this one.
            let behind = State::read(slot.state.load(Ordering::Acquire));
            let has_place = !(behind.waits && behind.is_overflow);
            if has_place && self.push_setting(param, number, is_unit, at) {
                self.barriers.fetch_add(1, Ordering::AcqRel);
            } else {
                self.overflow(param, number, is_unit, at);
            }
            return;
        }
        let mask = (1 << State::BARRIER_BITS) - 1;
        let barriers = (self.barriers.load(Ordering::Acquire) & mask) as u32;
        loop {
            let word = slot.state.load(Ordering::Acquire);
            let before = State::read(word);
            if before.waits && !before.is_overflow && before.barriers != barriers {
                // Something came between the setting that waits and this one: both keep their places.
                if !self.push_setting(param, number, is_unit, at) {
                    self.overflow(param, number, is_unit, at);
                }
                return;
            }
            let after = State {
                waits: true,
                is_unit,
                is_overflow: before.waits && before.is_overflow,
                barriers,
                count: before.count.wrapping_add(1),
            };
            if slot.write(word, after, number, at) {
                if !before.waits && self.entries.push(Entry::Slot(param)).is_err() {
                    self.overflow(param, number, is_unit, at);
                }
                return;
            }
        }
    }

    fn push_setting(&self, param: ParamId, number: f64, is_unit: bool, at: Stamp) -> bool {
        let action = setting(param, number, is_unit);
        self.entries.push(Entry::Action(action, at)).is_ok()
    }

    /// Lets a setting for which there is no room count behind all entries.
    fn overflow(&self, param: ParamId, number: f64, is_unit: bool, at: Stamp) {
        let index = param.index();
        let slot = &self.slots[index];
        loop {
            let word = slot.state.load(Ordering::Acquire);
            let before = State::read(word);
            let after = State {
                waits: true,
                is_unit,
                is_overflow: true,
                count: before.count.wrapping_add(1),
                ..before
            };
            if slot.write(word, after, number, at) {
                break;
            }
        }
        self.overflowed[index / 64].fetch_or(1 << (index % 64), Ordering::Release);
    }

    /// Counts something that came from outside and was no message.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands over what came since the last call, in the order of its arrival. For one thread at a time.
    pub fn take(&self, mut each: impl FnMut(Action, Stamp)) {
        // Bounded, so that a flood cannot hold the show here.
        for _ in 0..WAITING {
            match self.entries.pop() {
                Some(Entry::Action(action, at)) => each(action, at),
                Some(Entry::Slot(param)) => self.take_slot(param, false, &mut each),
                None => break,
            }
        }
        for (word, overflowed) in self.overflowed.iter().enumerate() {
            // Most frames bring nothing: a plain load does not take the cache line away from the writers.
            if overflowed.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = overflowed.swap(0, Ordering::Acquire);
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if let Some(param) = ParamId::at(index) {
                    self.take_slot(param, true, &mut each);
                }
            }
        }
    }

    fn take_slot(&self, param: ParamId, overflow: bool, each: &mut impl FnMut(Action, Stamp)) {
        let slot = &self.slots[param.index()];
        loop {
            let word = slot.state.load(Ordering::Acquire);
            let state = State::read(word);
            if !state.waits || state.is_overflow != overflow {
                return;
            }
            let number = if state.is_unit {
                &slot.unit
            } else {
                &slot.value
            };
            // Read before the slot is free: no later setting is taken for this one.
            let number = f64::from_bits(number.load(Ordering::Relaxed));
            let at = slot.stamp.load(Ordering::Relaxed);
            let free = State {
                waits: false,
                count: state.count.wrapping_add(1),
                ..state
            };
            if slot.exchange(word, free) {
                return each(setting(param, number, state.is_unit), at);
            }
        }
    }

    /// Actions that came in.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Messages and packets that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Slot {
    /// Writes a setting; false where another thread was faster.
    fn write(&self, before: u64, after: State, number: f64, at: Stamp) -> bool {
        let place = if after.is_unit {
            &self.unit
        } else {
            &self.value
        };
        place.store(number.to_bits(), Ordering::Relaxed);
        self.stamp.store(at, Ordering::Relaxed);
        self.exchange(before, after)
    }

    fn exchange(&self, before: u64, after: State) -> bool {
        let after = after.word();
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.state
            .compare_exchange(before, after, success, failure)
            .is_ok()
    }
}

fn setting(param: ParamId, number: f64, is_unit: bool) -> Action {
    if is_unit {
        Action::SetUnit {
            param,
            unit: number,
        }
    } else {
        Action::Set {
            param,
            value: number,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    struct Desk {
        table: Table,
        inbox: Inbox,
    }

    impl Desk {
        fn new() -> Self {
            let table = Table::standard();
            let inbox = Inbox::new(&table);
            Self { table, inbox }
        }

        fn id(&self, name: &str) -> ParamId {
            self.table.find(name).unwrap()
        }

        fn set(&self, name: &str, value: f64) -> Action {
            let param = self.id(name);
            Action::Set { param, value }
        }

        fn unit(&self, name: &str, unit: f64) -> Action {
            let param = self.id(name);
            Action::SetUnit { param, unit }
        }

        fn fire(&self, name: &str) -> Action {
            let param = self.id(name);
            Action::Trigger { param }
        }

        fn put(&self, actions: &[Action]) {
            for action in actions {
                self.inbox.put(action.clone(), 7);
            }
        }

        fn take(&self) -> Vec<Action> {
            let mut seen = Vec::new();
            self.inbox.take(|action, at| {
                assert_eq!(at, 7);
                seen.push(action);
            });
            self.inbox.take(|action, _| panic!("{action:?} came twice"));
            seen
        }
    }

    #[test]
    fn what_a_hand_does_within_a_frame_acts_in_order() {
        let desk = Desk::new();
        let sequences = [
            vec![
                desk.set("keyframe.1.lock", 0.0),
                desk.fire("loop.reroll"),
                desk.set("keyframe.1.lock", 1.0),
            ],
            vec![desk.fire("loop.reroll"), desk.set("keyframe.2.seed", 77.0)],
            // A trigger sees the fader where it was when the trigger came.
            vec![
                desk.set("loop.speed", 1.0),
                desk.fire("keyframe.3.jump"),
                desk.set("loop.speed", 2.0),
                desk.fire("keyframe.3.jump"),
                desk.unit("loop.speed", 0.5),
                desk.set("loop.pause", 1.0),
                desk.set("loop.speed", 3.0),
            ],
        ];
        for sequence in sequences {
            desk.put(&sequence);
            assert_eq!(desk.take(), sequence);
        }
    }

    #[test]
    fn of_settings_with_nothing_between_them_the_last_counts() {
        let desk = Desk::new();
        desk.put(&[
            desk.unit("loop.speed", 0.25),
            desk.set("loop.glide", 0.5),
            desk.set("loop.speed", 2.0),
        ]);
        let last = [desk.set("loop.speed", 2.0), desk.set("loop.glide", 0.5)];
        assert_eq!(desk.take(), last);
        desk.put(&[desk.set("loop.speed", 2.0), desk.unit("loop.speed", 0.25)]);
        assert_eq!(desk.take(), [desk.unit("loop.speed", 0.25)]);
        assert_eq!(desk.inbox.received(), 5);
    }

    #[test]
    fn a_flood_of_a_fader_leaves_room_for_everything_else() {
        let desk = Desk::new();
        for value in 0..2 * WAITING {
            desk.put(&[desk.set("loop.speed", value as f64)]);
        }
        desk.put(&[desk.fire("loop.undo")]);
        let last = (2 * WAITING - 1) as f64;
        let seen = [desk.set("loop.speed", last), desk.fire("loop.undo")];
        assert_eq!(desk.take(), seen);
        assert_eq!(desk.inbox.refused(), 0);
    }

    #[test]
    fn a_flood_is_counted_and_settings_count_in_it() {
        let desk = Desk::new();
        desk.put(&[desk.set("loop.speed", 1.0)]);
        for _ in 0..WAITING + 4 {
            desk.put(&[desk.fire("loop.undo")]);
        }
        assert_eq!(desk.inbox.refused(), 5);
        for (speed, pause) in [(2.0, 1.0), (3.0, 0.0), (4.0, 1.0)] {
            desk.put(&[
                desk.set("loop.speed", speed),
                desk.set("loop.glide", speed),
                desk.set("loop.pause", pause),
            ]);
        }
        let seen = desk.take();
        let settings: Vec<_> = seen
            .into_iter()
            .filter(|action| !matches!(action, Action::Trigger { .. }))
            .collect();
        // Behind all entries they come in the order of the table.
        let mut expected = vec![
            desk.set("loop.speed", 4.0),
            desk.set("loop.glide", 4.0),
            desk.set("loop.pause", 1.0),
        ];
        expected.sort_by_key(|action| match action {
            Action::Set { param, .. } => *param,
            _ => unreachable!(),
        });
        assert_eq!(settings, expected);
        assert_eq!(desk.inbox.refused(), 5);
        // It is over: everything has its place again.
        let sequence = [desk.set("loop.pause", 0.0), desk.fire("loop.undo")];
        desk.put(&sequence);
        assert_eq!(desk.take(), sequence);
    }

    /// Each sender moves a fader and fires after it: at each trigger the fader stands where its sender had put it.
    #[test]
    fn each_of_many_senders_is_heard_in_order() {
        const ROUNDS: usize = 20_000;
        let desk = Arc::new(Desk::new());
        let over = AtomicBool::new(false);
        /// Lets the senders go on where the test fails.
        struct SetOnDrop<'a>(&'a AtomicBool);
        impl Drop for SetOnDrop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let faders = ["loop.speed", "loop.glide", "master.fade"];
        let (mut stands, mut heard) = ([-1.0; 3], [0; 3]);
        std::thread::scope(|scope| {
            let _over = SetOnDrop(&over);
            let senders: Vec<_> = (0..faders.len())
                .map(|sender| {
                    let (desk, over) = (Arc::clone(&desk), &over);
                    scope.spawn(move || {
                        let param = desk.id(&format!("keyframe.{}.jump", sender + 1));
                        for round in 0..ROUNDS {
                            let value = round as f64;
                            // The first is overtaken, the second is what counts.
                            desk.inbox.put(desk.set(faders[sender], -5.0), 0);
                            desk.inbox.put(desk.set(faders[sender], value), 0);
                            desk.inbox.put(
                                Action::Nudge {
                                    param,
                                    delta: value,
                                },
                                0,
                            );
                            while desk.inbox.entries.len() > WAITING / 2
                                && !over.load(Ordering::Relaxed)
                            {
                                std::thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            let fader = |param: ParamId| faders.iter().position(|name| desk.id(name) == param);
            let pad = |param: ParamId| {
                (1..=3).position(|n| desk.id(&format!("keyframe.{n}.jump")) == param)
            };
            let mut hear = |action| match action {
                Action::Set { param, value } => {
                    if let Some(fader) = fader(param) {
                        stands[fader] = value;
                    }
                }
                Action::Nudge { param, delta } => {
                    let sender = pad(param).unwrap();
                    assert_eq!(stands[sender], delta, "sender {sender}");
                    assert_eq!(heard[sender] as f64, delta);
                    heard[sender] += 1;
                }
                other => panic!("{other:?}"),
            };
            while senders.iter().any(|sender| !sender.is_finished()) {
                desk.inbox.take(|action, _| hear(action));
            }
            desk.inbox.take(|action, _| hear(action));
        });
        assert_eq!(heard, [ROUNDS; 3]);
        assert_eq!(desk.inbox.refused(), 0);
    }
}
