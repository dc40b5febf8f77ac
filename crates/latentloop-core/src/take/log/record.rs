//! Records: what a log is made of.

use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::instrument::{Action, LookOrder, State};
use crate::latent::{MAX_LATENT, ROWS};

/// A model, as a log names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its file's name, without a folder.
    pub name: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Length of a row of its latents.
    pub latent: u32,
}

impl Model {
    /// Whether there can be such a model.
    fn check(&self) -> Option<()> {
        (1..=MAX_LATENT)
            .contains(&(self.latent as usize))
            .then_some(())
    }
}

/// A snapshot: everything that there is at a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The model that is played.
    pub model: Model,
    /// The instrument.
    pub state: State,
    /// The seed of grain. It stands after the state in a file; takes that were made before it was written have 0.
    #[serde(skip)]
    pub seed: u32,
}

/// A record of a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The names that the numbers of parameters stand for in this file.
    Names(Names),
    /// The whole state.
    State(Box<Snapshot>),
    /// An action; its parameter is this file's, not the table's.
    Action(Action<u16>),
    /// A preset took effect.
    Preset {
        /// The preset as TOML.
        text: String,
        /// Seconds that the change took.
        fade_secs: f64,
        /// Whether the play head stayed where it was.
        keeps_head: bool,
    },
    /// A model took effect.
    Model(Model),
    /// A remark, such as that a recording began.
    Mark(String),
    /// The fingerprint of latents that were sent to the engine.
    Latents {
        /// Rows of latents, 1 to [`ROWS`].
        rows: u8,
        /// Their [`fingerprint`].
        hash: u64,
    },
    /// The end: nothing comes after it.
    End,
}

impl Record {
    pub(super) const NAMES: u8 = 1;
    pub(super) const STATE: u8 = 2;
    pub(super) const ACTION: u8 = 3;
    pub(super) const PRESET: u8 = 4;
    pub(super) const MODEL: u8 = 5;
    pub(super) const MARK: u8 = 6;
    pub(super) const LATENTS: u8 = 7;
    pub(super) const END: u8 = 8;

    /// Reads a payload; `last` is the tick of the record before.
    pub(super) fn decode(kind: u8, payload: &[u8], last: u64) -> Option<(u64, Self)> {
        let later = |ticks: u64| last.checked_add(ticks);
        Some(match kind {
            Self::NAMES => (last, Self::Names(whole(payload)?)),
            Self::STATE => {
                let (mut snapshot, rest): (Box<Snapshot>, _) =
                    postcard::take_from_bytes(payload).ok()?;
                // Takes of the first versions end here.
                if !rest.is_empty() {
                    let (names, rest): (Vec<&str>, _) = postcard::take_from_bytes(rest).ok()?;
                    let order = LookOrder::of_known(names.into_iter());
                    snapshot.state.set_look_order(order);
                    if !rest.is_empty() {
                        snapshot.seed = whole(rest)?;
                    }
                }
                snapshot.model.check()?;
                if snapshot.state.latent() != snapshot.model.latent as usize {
                    return None;
                }
                (snapshot.state.tick(), Self::State(snapshot))
            }
            Self::ACTION => {
                let (ticks, action) = whole(payload)?;
                (later(ticks)?, Self::Action(action))
            }
            Self::PRESET => {
                let (ticks, text, fade_secs, keeps_head) = whole(payload)?;
                let preset = Self::Preset {
                    text,
                    fade_secs,
                    keeps_head,
                };
                (later(ticks)?, preset)
            }
            Self::MODEL => {
                let (ticks, model): (u64, Model) = whole(payload)?;
                model.check()?;
                (later(ticks)?, Self::Model(model))
            }
            Self::MARK => {
                let (ticks, text) = whole(payload)?;
                (later(ticks)?, Self::Mark(text))
            }
            Self::LATENTS => {
                let (ticks, rows, hash): (u64, u8, [u8; 8]) = whole(payload)?;
                if !(1..=ROWS).contains(&usize::from(rows)) {
                    return None;
                }
                let hash = u64::from_le_bytes(hash);
                (later(ticks)?, Self::Latents { rows, hash })
            }
            Self::END => (later(whole(payload)?)?, Self::End),
            _ => return None,
        })
    }
}

/// Reads all of a payload.
fn whole<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(payload).ok()?;
    rest.is_empty().then_some(value)
}

/// A hash of latents, bit for bit: FNV-1a over their bytes, little endian.
pub fn fingerprint(latents: &[f32]) -> u64 {
    crate::fnv::bytes(latents.iter().flat_map(|latent| latent.to_le_bytes()))
}
