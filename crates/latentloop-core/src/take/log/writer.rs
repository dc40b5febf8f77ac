//! Writing a log.

use serde::Serialize;

use super::frame::frame;
use super::names::Names;
use super::record::{Model, Record, Snapshot};
use super::{LogError, MAGIC, VERSION};
use crate::instrument::{Action, Table};

/// Encodes records one after the other. What it appends to grows only to the size of the largest record.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// Tick of the last record.
    tick: u64,
}

impl Writer {
    /// The head of every file: magic, version, names.
    pub fn head(table: &Table) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Names of a table are short and few: they always fit.
        let _ = frame(Record::NAMES, &mut out, |out| {
            encode(&Names::of(table), out)
        });
        out
    }

    /// A writer that goes on after a record at that tick.
    pub(super) fn after(tick: u64) -> Self {
        Self { tick }
    }

    /// Tick of the last record.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Appends the whole state; a file can begin with it.
    ///
    /// # Errors
    /// When its tick lies before the last record's, or it has too many bytes.
    pub fn state(&mut self, snapshot: &Snapshot, out: &mut Vec<u8>) -> Result<(), LogError> {
        let tick = snapshot.state.tick();
        self.later(tick)?;
        let order: Vec<&str> = snapshot.state.look_order().names().collect();
        frame(Record::STATE, out, |out| {
            encode(snapshot, out)?;
            encode(&order, out)?;
            encode(&snapshot.seed, out)
        })?;
        self.tick = tick;
        Ok(())
    }

    /// Appends an action on a parameter of the table that the file's names are of.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn action(
        &mut self,
        tick: u64,
        action: &Action,
        out: &mut Vec<u8>,
    ) -> Result<(), LogError> {
        self.put(Record::ACTION, tick, out, |ticks, out| {
            encode(&(ticks, action), out)
        })
    }

    /// Appends that a preset took effect, over so many seconds.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn preset(
        &mut self,
        tick: u64,
        text: &str,
        fade_secs: f64,
        keeps_head: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), LogError> {
        self.put(Record::PRESET, tick, out, |ticks, out| {
            encode(&(ticks, text, fade_secs, keeps_head), out)
        })
    }

    /// Appends that a model took effect.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn model(&mut self, tick: u64, model: &Model, out: &mut Vec<u8>) -> Result<(), LogError> {
        self.put(Record::MODEL, tick, out, |ticks, out| {
            encode(&(ticks, model), out)
        })
    }

    /// Appends a remark.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn mark(&mut self, tick: u64, text: &str, out: &mut Vec<u8>) -> Result<(), LogError> {
        self.put(Record::MARK, tick, out, |ticks, out| {
            encode(&(ticks, text), out)
        })
    }

    /// Appends the fingerprint of `rows` of latents that were sent to the engine.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn latents(
        &mut self,
        tick: u64,
        rows: u8,
        hash: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), LogError> {
        self.put(Record::LATENTS, tick, out, |ticks, out| {
            encode(&(ticks, rows, hash.to_le_bytes()), out)
        })
    }

    /// Closes the log.
    ///
    /// # Errors
    /// As [`Writer::state`].
    pub fn end(&mut self, tick: u64, out: &mut Vec<u8>) -> Result<(), LogError> {
        self.put(Record::END, tick, out, |ticks, out| encode(&ticks, out))
    }

    fn put(
        &mut self,
        kind: u8,
        tick: u64,
        out: &mut Vec<u8>,
        encode: impl FnOnce(u64, &mut Vec<u8>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.later(tick)?;
        let ticks = tick - self.tick;
        frame(kind, out, |out| encode(ticks, out))?;
        self.tick = tick;
        Ok(())
    }

    fn later(&self, tick: u64) -> Result<(), LogError> {
        if tick < self.tick {
            let last = self.tick;
            return Err(LogError::Backwards { tick, last });
        }
        Ok(())
    }
}

fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), LogError> {
    let failed = |error: postcard::Error| LogError::Encoding(error.to_string());
    postcard::to_io(value, out).map_err(failed)?;
    Ok(())
}
