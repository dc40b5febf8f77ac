//! Where every parameter stands, for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::instrument::{ParamId, Table};

/// The parameters' present values, written by the show once a frame and read by anyone, without a lock.
#[derive(Debug)]
pub struct Values(Box<[AtomicU64]>);

impl Values {
    /// Every parameter at its default.
    pub fn new(table: &Table) -> Self {
        Self(
            table
                .iter()
                .map(|(_, row)| AtomicU64::new(row.default.to_bits()))
                .collect(),
        )
    }

    /// A parameter's value, in its unit.
    pub fn get(&self, param: ParamId) -> f64 {
        f64::from_bits(self.0[usize::from(param.0)].load(Ordering::Relaxed))
    }

    /// Notes a parameter's value.
    pub fn set(&self, param: ParamId, value: f64) {
        self.0[usize::from(param.0)].store(value.to_bits(), Ordering::Relaxed);
    }
}
