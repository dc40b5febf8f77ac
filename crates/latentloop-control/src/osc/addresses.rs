//! OSC addresses of parameters, and the parameters that address patterns match.

use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::{Pattern, PatternError};
use crate::instrument::{ParamId, Table};

/// PatternCache that are remembered: senders repeat theirs.
const REMEMBERED: usize = 16;

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
    ) -> Result<Arc<[ParamId]>, PatternError> {
        if let Some((_, found)) = self.known.iter().find(|(known, _)| **known == *pattern) {
            return Ok(Arc::clone(found));
        }
        let read = Pattern::new(pattern)?;
        let found: Arc<[ParamId]> = table
            .iter()
            .map(|(param, _)| param)
            .filter(|&param| read.matches(addresses.get(param)))
            .collect();
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
