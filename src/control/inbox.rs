//! Where actions wait for the show.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use crate::instrument::{Action, ParamId, Table};

/// Actions besides settings that can wait: far more than hands do within a frame.
const WAITING: usize = 4096;

/// When something arrived: nanoseconds since the inbox was made.
pub type Stamp = u64;

/// Actions on their way from controllers to the show, without a lock.
///
/// Settings of one parameter overwrite each other, so that the last one counts; everything else waits in a bounded queue.
#[derive(Debug)]
pub struct Inbox {
    values: Slots,
    units: Slots,
    waiting: ArrayQueue<(Action, Stamp)>,
    received: AtomicU64,
    refused: AtomicU64,
    epoch: Instant,
}

/// A latest value and its stamp for every parameter, and a bit for each that is new.
#[derive(Debug)]
struct Slots {
    slots: Box<[(AtomicU64, AtomicU64)]>,
    fresh: Box<[AtomicU64]>,
}

impl Inbox {
    /// An empty inbox for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        Self {
            values: Slots::new(table.len()),
            units: Slots::new(table.len()),
            waiting: ArrayQueue::new(WAITING),
            received: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            epoch: Instant::now(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Stamp {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes an action that arrived at `at`. Never waits; where the queue is full the action is counted as refused.
    pub fn put(&self, action: Action, at: Stamp) {
        self.received.fetch_add(1, Ordering::Relaxed);
        match action {
            Action::Set { param, value } => self.values.put(param, value, at),
            Action::SetUnit { param, unit } => self.units.put(param, unit, at),
            other => {
                if self.waiting.push((other, at)).is_err() {
                    self.refuse();
                }
            }
        }
    }

    /// Counts something that came from outside and was no message.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands over what came since the last call: settings first, then the rest in the order of their arrival.
    pub fn take(&self, mut each: impl FnMut(Action, Stamp)) {
        self.values
            .take(|param, value, at| each(Action::Set { param, value }, at));
        self.units
            .take(|param, unit, at| each(Action::SetUnit { param, unit }, at));
        // Bounded, so that a flood cannot hold the show here.
        for _ in 0..WAITING {
            match self.waiting.pop() {
                Some((action, at)) => each(action, at),
                None => break,
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

impl Slots {
    fn new(count: usize) -> Self {
        Self {
            slots: (0..count).map(|_| Default::default()).collect(),
            fresh: (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn put(&self, param: ParamId, value: f64, at: Stamp) {
        let index = param.index();
        let (bits, stamp) = &self.slots[index];
        bits.store(value.to_bits(), Ordering::Relaxed);
        stamp.store(at, Ordering::Relaxed);
        self.fresh[index / 64].fetch_or(1 << (index % 64), Ordering::Release);
    }

    fn take(&self, mut each: impl FnMut(ParamId, f64, Stamp)) {
        for (word, fresh) in self.fresh.iter().enumerate() {
            // Most frames bring nothing: a plain load does not take the cache line away from the writers.
            if fresh.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = fresh.swap(0, Ordering::Acquire);
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let (value, stamp) = &self.slots[index];
                let value = f64::from_bits(value.load(Ordering::Relaxed));
                if let Some(param) = ParamId::at(index) {
                    each(param, value, stamp.load(Ordering::Relaxed));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_within_a_frame_counts_and_triggers_keep_their_order() {
        let table = Table::standard();
        let inbox = Inbox::new(&table);
        let (speed, jump) = (
            table.find("loop.speed").unwrap(),
            table.find("keyframe.3.jump").unwrap(),
        );
        for value in [1.0, 2.0, 3.0] {
            inbox.put(
                Action::Set {
                    param: speed,
                    value,
                },
                7,
            );
            inbox.put(Action::Trigger { param: jump }, 8);
        }
        let mut seen = Vec::new();
        inbox.take(|action, at| seen.push((action, at)));
        assert_eq!(seen.len(), 4);
        let last = Action::Set {
            param: speed,
            value: 3.0,
        };
        assert_eq!(seen[0], (last, 7));
        assert_eq!(seen[1], (Action::Trigger { param: jump }, 8));
        inbox.take(|action, _| panic!("{action:?} came twice"));
        assert_eq!((inbox.received(), inbox.refused()), (6, 0));
    }

    #[test]
    fn a_flood_is_counted_and_holds_nothing_up() {
        let table = Table::standard();
        let inbox = Inbox::new(&table);
        let param = table.find("loop.undo").unwrap();
        for _ in 0..WAITING + 5 {
            inbox.put(Action::Trigger { param }, 0);
        }
        assert_eq!(inbox.refused(), 5);
    }
}
