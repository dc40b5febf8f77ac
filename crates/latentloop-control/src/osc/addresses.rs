//! OSC addresses of parameters, and the parameters that address patterns match.

use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::{MAX_LENGTH, Pattern, PatternError};
use crate::instrument::{ParamId, Table};

/// Patterns that are remembered: senders repeat theirs.
const REMEMBERED: usize = 16;
/// Steps of matching that are made for one packet: some hundred patterns that are met for the first time.
const MAX_STEPS: usize = 1 << 22;
/// Parameters that the patterns of one packet reach together.
const MAX_REACHED: usize = 1 << 14;

/// The OSC address of a parameter's name: `loop.speed` is `/loop/speed`.
pub fn address(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

/// A map between parameters and their addresses, both ways.
#[derive(Debug)]
pub(crate) struct AddressMap {
    by_address: HashMap<Box<str>, ParamId>,
    addresses: Box<[Box<str>]>,
}

impl AddressMap {
    /// The map of a table.
    pub(crate) fn new(table: &Table) -> Self {
        let addresses: Box<[Box<str>]> = table
            .iter()
            .map(|(_, row)| address(&row.name).into())
            .collect();
        let by_address = table
            .iter()
            .zip(&addresses)
            .map(|((param, _), address)| (address.clone(), param))
            .collect();
        Self {
            by_address,
            addresses,
        }
    }

    /// A parameter's address.
    pub(crate) fn get(&self, param: ParamId) -> &str {
        &self.addresses[param.index()]
    }

    /// The parameter at an address.
    pub(crate) fn find(&self, address: &str) -> Option<ParamId> {
        self.by_address.get(address).copied()
    }
}

/// What the patterns of one packet have taken of the work that is done for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PatternWork {
    steps: usize,
    reached: usize,
}

/// Why a pattern's parameters are not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    Pattern(PatternError),
    /// The packet's patterns have taken their share of work.
    Work,
}

/// A cache of the parameters that patterns match.
#[derive(Debug, Default)]
pub(super) struct PatternCache {
    known: Vec<(Box<str>, Arc<[ParamId]>)>,
    next: usize,
}

impl PatternCache {
    /// The parameters that a pattern matches, in table order.
    pub(super) fn find(
        &mut self,
        pattern: &str,
        table: &Table,
        addresses: &AddressMap,
        work: &mut PatternWork,
    ) -> Result<Arc<[ParamId]>, NotFound> {
        if work.steps >= MAX_STEPS || work.reached >= MAX_REACHED {
            return Err(NotFound::Work);
        }
        if let Some((_, found)) = self.known.iter().find(|(known, _)| **known == *pattern) {
            work.reached += found.len();
            return Ok(Arc::clone(found));
        }
        // To read it is work, too.
        work.steps += 16 * pattern.len().min(MAX_LENGTH);
        let read = Pattern::new(pattern).map_err(NotFound::Pattern)?;
        let found: Arc<[ParamId]> = table
            .iter()
            .map(|(param, _)| param)
            .filter(|&param| read.matches(addresses.get(param), &mut work.steps))
            .collect();
        work.reached += found.len();
        let entry = (pattern.into(), Arc::clone(&found));
        if self.known.len() < REMEMBERED {
            self.known.push(entry);
        } else {
            self.known[self.next] = entry;
            self.next = (self.next + 1) % REMEMBERED;
        }
        Ok(found)
    }
}
