//! The schedule of time-tagged actions, those of bundles whose time has not come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::instrument::Action;

/// Actions that can be held.
const HELD: usize = 1024;

/// A schedule: actions by the moment at which they are due, those of one moment in the order of their arrival. Its memory is taken once.
#[derive(Debug)]
pub(super) struct Schedule {
    held: BinaryHeap<Reverse<Held>>,
    order: u64,
}

#[derive(Debug)]
struct Held {
    due: Instant,
    order: u64,
    action: Action,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            held: BinaryHeap::with_capacity(HELD),
            order: 0,
        }
    }
}

impl Schedule {
    /// Holds an action until `due`; gives it back where too many are held.
    pub(super) fn hold(&mut self, action: Action, due: Instant) -> Result<(), Action> {
        if self.held.len() == HELD {
            return Err(action);
        }
        self.order += 1;
        let order = self.order;
        self.held.push(Reverse(Held { due, order, action }));
        Ok(())
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.peek().map(|Reverse(held)| held.due)
    }

    /// The next action that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Action> {
        if self.next_due()? > now {
            return None;
        }
        self.held.pop().map(|Reverse(held)| held.action)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::ParamId;
    use std::time::Duration;

    fn fire(number: usize) -> Action {
        Action::Trigger {
            param: ParamId::at(number).unwrap(),
        }
    }

    #[test]
    fn what_is_held_comes_in_the_order_of_its_time_and_not_before() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::default();
        for (number, ms) in [(1, 30), (2, 10), (3, 30), (4, 20)] {
            schedule.hold(fire(number), at(ms)).unwrap();
        }
        assert_eq!(schedule.take(at(9)), None);
        assert_eq!(schedule.next_due(), Some(at(10)));
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(at(30))).collect();
        assert_eq!(taken, [2, 4, 1, 3].map(fire));
    }

    #[test]
    fn more_than_can_be_held_is_given_back() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        for _ in 0..HELD {
            schedule.hold(fire(1), now).unwrap();
        }
        assert_eq!(schedule.hold(fire(2), now), Err(fire(2)));
    }
}
