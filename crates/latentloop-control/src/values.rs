//! The present values of all parameters, for whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::instrument::{Kind, ParamId, Table};

/// The parameters' present values, written by the show once a frame and read by anyone, without a lock.
#[derive(Debug)]
pub struct Values {
    numbers: Box<[AtomicU64]>,
    /// The texts that text parameters were last given: few, and seldom written.
    texts: Box<[(ParamId, ArcSwap<String>)]>,
}

impl Values {
    /// The defaults of a table.
    pub fn new(table: &Table) -> Self {
        Self {
            numbers: table
                .iter()
                .map(|(_, row)| AtomicU64::new(row.default.to_bits()))
                .collect(),
            texts: table
                .iter()
                .filter(|(_, row)| row.kind == Kind::Text)
                .map(|(param, _)| (param, ArcSwap::default()))
                .collect(),
        }
    }

    /// A parameter's value, in its unit.
    pub fn get(&self, param: impl Into<ParamId>) -> f64 {
        f64::from_bits(self.numbers[param.into().index()].load(Ordering::Relaxed))
    }

    /// Notes a parameter's value.
    pub fn set(&self, param: impl Into<ParamId>, value: f64) {
        self.numbers[param.into().index()].store(value.to_bits(), Ordering::Relaxed);
    }

    /// The text that a text parameter was last given, such as the preset that plays; empty for what is no text.
    pub fn text(&self, param: impl Into<ParamId>) -> Arc<String> {
        let param = param.into();
        let found = self.texts.iter().find(|(text, _)| *text == param);
        found.map_or_else(Arc::default, |(_, text)| text.load_full())
    }

    /// Notes the text that a text parameter was given. Unlike [`Values::set`] it allocates: not for every frame.
    pub fn set_text(&self, param: impl Into<ParamId>, text: &str) {
        let param = param.into();
        if let Some((_, slot)) = self.texts.iter().find(|(found, _)| *found == param) {
            slot.store(Arc::new(text.to_owned()));
        }
    }
}
