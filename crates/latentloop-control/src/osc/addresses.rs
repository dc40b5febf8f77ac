//! Which parameters an address means.

use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::{Pattern, PatternError};
use crate::instrument::{ParamId, Table};

/// Patterns that are remembered: senders repeat theirs.
const REMEMBERED: usize = 16;

/// An address as parameters have it: `loop.speed` is `/loop/speed`.
pub fn address(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

/// The address of every parameter, both ways.
#[derive(Debug)]
pub(crate) struct Addresses {
    by_address: HashMap<Box<str>, ParamId>,
    addresses: Box<[Box<str>]>,
}

impl Addresses {
    /// Those of a table.
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
    pub(crate) fn of(&self, param: ParamId) -> &str {
        &self.addresses[usize::from(param.0)]
    }

    /// The parameter at an address.
    pub(crate) fn find(&self, address: &str) -> Option<ParamId> {
        self.by_address.get(address).copied()
    }
}

/// What patterns were found to mean.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    known: Vec<(Box<str>, Arc<[ParamId]>)>,
    next: usize,
}

impl Patterns {
    /// The parameters that a pattern means, in table order.
    pub(super) fn find(
        &mut self,
        pattern: &str,
        table: &Table,
        addresses: &Addresses,
    ) -> Result<Arc<[ParamId]>, PatternError> {
        if let Some((_, found)) = self.known.iter().find(|(known, _)| **known == *pattern) {
            return Ok(Arc::clone(found));
        }
        let read = Pattern::new(pattern)?;
        let found: Arc<[ParamId]> = table
            .iter()
            .map(|(param, _)| param)
            .filter(|&param| read.matches(addresses.of(param)))
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
