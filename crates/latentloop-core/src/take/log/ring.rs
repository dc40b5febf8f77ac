//! The last minutes, in memory.

use std::collections::VecDeque;

use super::writer::Writer;
use super::{LogError, STATE_SECS};
use crate::instrument::{TICKS_PER_SEC, Table};

/// Records of the last minutes, oldest first; no more bytes than it was given.
#[derive(Debug)]
pub struct Ring {
    head: Vec<u8>,
    records: VecDeque<u8>,
    /// Where states stand among the records: how many bytes from each to the next.
    segments: VecDeque<Segment>,
    most_bytes: usize,
    most_ticks: u64,
    tick: u64,
}

/// A state and what came after it.
#[derive(Clone, Copy, Debug)]
struct Segment {
    tick: u64,
    bytes: usize,
}

impl Ring {
    /// A ring of that many bytes for the last so many seconds, of the parameters of a table.
    pub fn new(table: &Table, bytes: usize, secs: u64) -> Self {
        Self {
            head: Writer::head(table),
            records: VecDeque::with_capacity(bytes),
            segments: VecDeque::with_capacity(2 * (secs / STATE_SECS) as usize),
            most_bytes: bytes,
            most_ticks: secs * TICKS_PER_SEC,
            tick: 0,
        }
    }

    /// Adds a record as a writer encoded it; `state` says whether it is a whole state. Where there is no room the oldest
    /// state goes, with all that came after it. False: there is no room for what came since the last state, and it is
    /// lost until the next.
    pub fn push(&mut self, record: &[u8], tick: u64, state: bool) -> bool {
        self.tick = tick;
        if state {
            self.segments.push_back(Segment { tick, bytes: 0 });
        }
        while self.records.len() + record.len() > self.most_bytes || self.oldest_is_spent() {
            if !self.drop_oldest() {
                return false;
            }
        }
        let Some(last) = self.segments.back_mut() else {
            return false;
        };
        last.bytes += record.len();
        self.records.extend(record);
        true
    }

    /// Whether the second oldest state is old enough.
    fn oldest_is_spent(&self) -> bool {
        let second = self.segments.get(1);
        second.is_some_and(|second| second.tick + self.most_ticks <= self.tick)
    }

    fn drop_oldest(&mut self) -> bool {
        match self.segments.pop_front() {
            Some(oldest) => {
                self.records.drain(..oldest.bytes);
                true
            }
            None => false,
        }
    }

    /// How many seconds back it reaches.
    pub fn secs(&self) -> f64 {
        let oldest = self.segments.front().map_or(self.tick, |first| first.tick);
        (self.tick - oldest) as f64 / TICKS_PER_SEC as f64
    }

    /// A whole log of the last seconds before `now`, from the last state that is that old; nothing where there is no state
    /// yet. With more seconds than there are it is everything.
    ///
    /// # Errors
    /// Never but by a fault of this program.
    pub fn since(&self, now: u64, secs: f64) -> Result<Option<Vec<u8>>, LogError> {
        let now = now.max(self.tick);
        let from = now.saturating_sub(crate::instrument::ticks(secs));
        let old = |segment: &&Segment| segment.tick <= from;
        let skipped = self
            .segments
            .iter()
            .take_while(old)
            .count()
            .saturating_sub(1);
        if self.segments.is_empty() {
            return Ok(None);
        }
        let before: usize = self.segments.iter().take(skipped).map(|s| s.bytes).sum();
        let mut out = self.head.clone();
        out.reserve(self.records.len() - before + 32);
        out.extend(self.records.range(before..));
        let mut writer = Writer::after(self.tick);
        writer.end(now, &mut out)?;
        Ok(Some(out))
    }
}
