//! A log read into memory.

use std::collections::BTreeMap;

use super::names::Names;
use super::record::{Model, Record, Snapshot};
use super::writer::Writer;
use super::{Ended, LogError, Reader};
use crate::instrument::{Action, Preset, TICKS_PER_SEC, Table};

/// Longest take, in ticks: a week. Every tick of it is gone through when it is played.
const MAX_TICKS: u64 = 7 * 24 * 3600 * TICKS_PER_SEC;
/// Greatest tick: far from where numbers end.
const MAX_TICK: u64 = 1 << 48;

/// An event of a take: what happened at a tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The whole state, as it was.
    State(Box<Snapshot>),
    /// An action.
    Action(Action),
    /// A preset took effect.
    Preset {
        /// The preset.
        preset: Box<Preset>,
        /// Seconds that the change took.
        fade_secs: f64,
        /// Whether the play head stayed where it was.
        keeps_head: bool,
    },
    /// A model took effect.
    Model(Model),
    /// A remark.
    Mark(String),
    /// The fingerprint of latents that were sent to the engine.
    Latents {
        /// Rows of latents, 1 to 8.
        rows: u8,
        /// Their [`super::record::fingerprint`].
        hash: u64,
    },
}

/// A logged take.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The snapshot that it opens with.
    pub opening: Box<Snapshot>,
    /// The events, in the order of their ticks.
    pub events: Vec<(u64, Event)>,
    /// Tick of the last record.
    pub end: u64,
    /// What this program knows nothing of and left out, by name, with how often it was there.
    pub unknown: BTreeMap<String, u64>,
    /// How the log ended.
    pub ended: Ended,
}

impl Take {
    /// Reads a log, up to where it is cut off or damaged.
    ///
    /// # Errors
    /// When the bytes are no log, or hold no state to start from.
    pub fn read(bytes: &[u8], table: &Table) -> Result<Self, LogError> {
        Self::read_from(bytes, table)
    }

    /// [`Take::read`] from a file, of which no more than a record is in memory at once.
    ///
    /// # Errors
    /// When that is no log, holds no state to start from, or cannot be read.
    pub fn read_from(source: impl std::io::Read, table: &Table) -> Result<Self, LogError> {
        let mut reader = Reader::new(source)?;
        let mut names = Names::default();
        let mut mapping = names.mapping(table);
        let mut at = reader.at();
        let first = match reader.next() {
            Some((_, Record::Names(first))) => {
                names = first;
                mapping = names.mapping(table);
                at = reader.at();
                reader.next()
            }
            other => other,
        };
        let Some((start, Record::State(mut opening))) = first else {
            return Err(LogError::NoState(at));
        };
        if start > MAX_TICK {
            return Err(LogError::NoState(at));
        }
        mapping.state(&mut opening.state, table);
        let mut take = Self {
            events: Vec::new(),
            opening,
            end: start,
            unknown: BTreeMap::new(),
            ended: Ended::Whole,
        };
        loop {
            let at = reader.at();
            let Some((tick, record)) = reader.next() else {
                break;
            };
            if tick - start > MAX_TICKS {
                reader.refuse(at);
                break;
            }
            take.end = tick;
            let mut leave_out = |name: String| {
                *take.unknown.entry(name).or_default() += 1;
            };
            let event = match record {
                Record::State(mut snapshot) => {
                    mapping.state(&mut snapshot.state, table);
                    Event::State(snapshot)
                }
                Record::Action(action) => match mapping.action(action, table) {
                    Ok(action) => Event::Action(action),
                    Err(name) => {
                        leave_out(name);
                        continue;
                    }
                },
                Record::Preset {
                    text,
                    fade_secs,
                    keeps_head,
                } => match Preset::parse(&text, table) {
                    Ok(preset) => Event::Preset {
                        preset: Box::new(preset.of_a_take()),
                        fade_secs,
                        keeps_head,
                    },
                    Err(error) => {
                        leave_out(format!("a preset: {error}"));
                        continue;
                    }
                },
                Record::Model(model) => Event::Model(model),
                Record::Mark(text) => Event::Mark(text),
                Record::Latents { rows, hash } => Event::Latents { rows, hash },
                Record::End => continue,
                // Names stand at the beginning alone.
                Record::Names(_) => {
                    reader.refuse(at);
                    break;
                }
            };
            take.events.push((tick, event));
        }
        if let Some(error) = reader.fault() {
            return Err(LogError::Unreadable(error.to_string()));
        }
        take.ended = reader.ended().unwrap_or(Ended::Whole);
        Ok(take)
    }

    /// The bytes of a whole log of it.
    ///
    /// # Errors
    /// When a record is too long, or has no bytes.
    pub fn write(&self, table: &Table) -> Result<Vec<u8>, LogError> {
        let mut out = Writer::head(table);
        let mut writer = Writer::default();
        writer.state(&self.opening, &mut out)?;
        for (tick, event) in &self.events {
            let (tick, out) = (*tick, &mut out);
            match event {
                Event::State(snapshot) => writer.state(snapshot, out),
                Event::Action(action) => writer.action(tick, action, out),
                Event::Preset {
                    preset,
                    fade_secs,
                    keeps_head,
                } => {
                    let text = preset
                        .to_toml()
                        .map_err(|error| LogError::Encoding(error.to_string()))?;
                    writer.preset(tick, &text, *fade_secs, *keeps_head, out)
                }
                Event::Model(model) => writer.model(tick, model, out),
                Event::Mark(text) => writer.mark(tick, text, out),
                Event::Latents { rows, hash } => writer.latents(tick, *rows, *hash, out),
            }?;
        }
        writer.end(self.end, &mut out)?;
        Ok(out)
    }

    /// The tick that it begins at.
    pub fn start(&self) -> u64 {
        self.opening.state.tick()
    }

    /// How long it is, in ticks.
    pub fn length(&self) -> u64 {
        self.end - self.start()
    }
}
