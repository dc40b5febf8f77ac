//! Presets: a model, keyframes and parameter values as one TOML text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::params::{
    BANK, Kind, LookOrder, MAX_KEYFRAMES, ParamId, SOURCES, Table, UnknownParam, ValueError,
};
use crate::latent::{MAX_SEED, ROWS, Rows};
use crate::quote::toml_fault;

/// A preset as its file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Version of the format: 1.
    pub version: u32,
    /// File name of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// SHA-256 of the model's file, in hexadecimal digits: another model of the same name is told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
    /// Its place in the bank, 1 to 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<u8>,
    /// The keyframes, numbered from 1 in this order.
    pub keyframes: Vec<KeyframeEntry>,
    /// The order in which the loop visits them; as they stand where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<usize>,
    /// Values by parameter name, in the parameter's unit; choices and toggles by name too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, toml::Value>,
    /// The look, besides its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<LookEntry>,
    /// What stays as it is where the preset leaves it out, instead of going to its default. Takes name it with every preset; in
    /// those of the first versions, where nothing is said, look and stage stayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Vec<Keep>>,
    /// What drives parameters besides a hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modulation: Vec<Modulation>,
}

/// One keyframe of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyframeEntry {
    /// Seed of its latents, 0 to 2^31 - 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// Its latents, where they come from no seed: eight rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latents: Option<Vec<Vec<f64>>>,
    /// Left alone by re-rolls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
}

/// A family of parameters that a preset can leave as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// `loop.*`: pace, path and glide.
    Loop,
    /// `look.*`, and the order of the passes.
    Look,
    /// `stage.*`: what is made of the picture on its way to a screen.
    Stage,
    /// `sound.*`.
    Sound,
}

impl Keep {
    /// Whether a parameter of that name is one of them.
    pub(super) fn covers(self, name: &str) -> bool {
        name.starts_with(match self {
            Self::Loop => "loop.",
            Self::Look => "look.",
            Self::Stage => "stage.",
            Self::Sound => "sound.",
        })
    }
}

/// A preset's entry for the look, besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookEntry {
    /// The order of the passes.
    pub order: LookOrder,
}

/// A modulation: an envelope follower from a source to a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modulation {
    /// `sound.level`, `sound.low`, `sound.mid` or `sound.high`.
    pub source: String,
    /// Name of the parameter.
    pub target: String,
    /// Part of the parameter's range that a full source adds, -1..1.
    pub depth: f64,
    /// Seconds in which the envelope rises.
    #[serde(default = "default_attack_secs")]
    pub attack_secs: f64,
    /// Seconds in which it falls.
    #[serde(default = "default_release_secs")]
    pub release_secs: f64,
}

fn default_attack_secs() -> f64 {
    0.01
}

fn default_release_secs() -> f64 {
    0.2
}

/// Why a preset was refused.
#[derive(Debug, Error, PartialEq)]
pub enum PresetError {
    /// The text is not a preset.
    #[error("{0}")]
    Text(String),
    /// The format is another.
    #[error("its version is {0}, this program reads version 1")]
    Version(u32),
    /// Too few or too many keyframes.
    #[error("it has {0} keyframes; a loop has 2 to {MAX_KEYFRAMES}")]
    Keyframes(usize),
    /// A keyframe says nothing, or two things, or nonsense.
    #[error("its keyframe {number}: {reason}")]
    Keyframe {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The order is no order.
    #[error(
        "its order {0:?} must name keyframes by number, 1 to {1}, 2 to {MAX_KEYFRAMES} of them"
    )]
    Order(Vec<usize>, usize),
    /// A parameter that there is not, or a value that it does not take.
    #[error("in it {0}")]
    Param(#[from] ValueError),
    /// A modulation that cannot be.
    #[error("its modulation {number}: {reason}")]
    Modulation {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<UnknownParam> for PresetError {
    fn from(unknown: UnknownParam) -> Self {
        Self::Param(unknown.into())
    }
}

impl Preset {
    /// Reads a preset and holds it against the table.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown field, or a value that does not fit; the line is named where there is one.
    pub fn parse(text: &str, table: &Table) -> Result<Self, PresetError> {
        let preset: Self =
            toml::from_str(text).map_err(|error| PresetError::Text(toml_fault(text, &error)))?;
        preset.check(table)?;
        Ok(preset)
    }

    /// A loop of the seeds 1 to 8, everything else by default.
    pub fn of_seeds(seeds: impl IntoIterator<Item = u32>) -> Self {
        let keyframes = seeds
            .into_iter()
            .map(|seed| KeyframeEntry {
                seed: Some(seed),
                latents: None,
                locked: false,
            })
            .collect();
        Self {
            version: 1,
            model: None,
            model_sha256: None,
            bank: None,
            keyframes,
            order: Vec::new(),
            params: BTreeMap::new(),
            look: None,
            keep: None,
            modulation: Vec::new(),
        }
    }

    /// Whether a parameter of that name stays as it is where the preset leaves it out.
    pub fn keeps(&self, name: &str) -> bool {
        self.keep.iter().flatten().any(|keep| keep.covers(name))
    }

    /// The same, saying what it keeps: as takes have it.
    #[must_use]
    pub fn saying_what_it_keeps(mut self) -> Self {
        self.keep.get_or_insert_default();
        self
    }

    /// As a take of the first versions means it, where it does not say what it keeps.
    #[must_use]
    pub fn of_a_take(mut self) -> Self {
        self.keep
            .get_or_insert_with(|| vec![Keep::Look, Keep::Stage]);
        self
    }

    /// Its text.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, PresetError> {
        toml::to_string(self).map_err(|error| PresetError::Text(error.to_string()))
    }

    /// The keyframes' rows and locks in the order of the loop.
    pub fn in_order(&self) -> Vec<(Rows, bool)> {
        let rows = |entry: &KeyframeEntry| match (&entry.seed, &entry.latents) {
            (Some(seed), _) => Rows::Seed(*seed),
            (None, Some(latents)) => Rows::Given(latents.concat()),
            (None, None) => Rows::Seed(0),
        };
        let places: Vec<usize> = if self.order.is_empty() {
            (1..=self.keyframes.len()).collect()
        } else {
            self.order.clone()
        };
        places
            .iter()
            .map(|&number| &self.keyframes[number - 1])
            .map(|entry| (rows(entry), entry.locked))
            .collect()
    }

    /// Parameter values in the table's terms.
    ///
    /// # Errors
    /// When a parameter is not in the table or does not take its value.
    pub fn values(&self, table: &Table) -> Result<Vec<(ParamId, f64)>, PresetError> {
        self.params
            .iter()
            .map(|(name, value)| Ok((table.find(name)?, table.value(name, value)?)))
            .collect()
    }

    /// The order of the look's passes: the usual one where the preset gives none; nothing where it keeps the look and does not
    /// speak of it at all.
    pub fn look_order(&self) -> Option<LookOrder> {
        match &self.look {
            Some(look) => Some(look.order),
            None => {
                let speaks = self.params.keys().any(|name| Keep::Look.covers(name));
                let keeps = self.keep.iter().flatten().any(|keep| *keep == Keep::Look);
                (speaks || !keeps).then(LookOrder::default)
            }
        }
    }

    fn check(&self, table: &Table) -> Result<(), PresetError> {
        if self.version != 1 {
            return Err(PresetError::Version(self.version));
        }
        if !(2..=MAX_KEYFRAMES).contains(&self.keyframes.len()) {
            return Err(PresetError::Keyframes(self.keyframes.len()));
        }
        for (index, entry) in self.keyframes.iter().enumerate() {
            let wrong = |reason: &str| PresetError::Keyframe {
                number: index + 1,
                reason: reason.to_owned(),
            };
            match (&entry.seed, &entry.latents) {
                (Some(seed), None) if *seed > MAX_SEED => {
                    return Err(wrong("its seed is above 2147483647"));
                }
                (Some(_), None) => {}
                (None, Some(rows)) => {
                    let length = rows.first().map_or(0, Vec::len);
                    if rows.len() != ROWS
                        || length == 0
                        || rows.iter().any(|row| row.len() != length)
                    {
                        return Err(wrong("its latents must be eight rows of equal length"));
                    }
                    if rows.iter().flatten().any(|v| !v.is_finite()) {
                        return Err(wrong("its latents hold a number that is not finite"));
                    }
                }
                _ => return Err(wrong("it takes either a seed or latents")),
            }
        }
        let hex = |hash: &String| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if self.model_sha256.as_ref().is_some_and(|hash| !hex(hash)) {
            return Err(PresetError::Text(
                "its model_sha256 must be 64 hexadecimal digits".to_owned(),
            ));
        }
        if let Some(bank) = self.bank
            && !(1..=BANK).contains(&usize::from(bank))
        {
            return Err(PresetError::Text(format!(
                "its bank = {bank}; places of the bank are 1 to {BANK}"
            )));
        }
        let count = self.keyframes.len();
        let in_range = self
            .order
            .iter()
            .all(|&number| (1..=count).contains(&number));
        let order_fits = in_range && (2..=MAX_KEYFRAMES).contains(&self.order.len());
        if !(self.order.is_empty() || order_fits) {
            return Err(PresetError::Order(self.order.clone(), count));
        }
        self.values(table)?;
        for (index, modulation) in self.modulation.iter().enumerate() {
            let wrong = |reason: String| PresetError::Modulation {
                number: index + 1,
                reason,
            };
            if !SOURCES.contains(&modulation.source.as_str()) {
                return Err(wrong(format!(
                    "its source {} is none of {}",
                    modulation.source,
                    SOURCES.join(", ")
                )));
            }
            let target = table
                .find(&modulation.target)
                .map_err(|error| wrong(error.to_string()))?;
            if table.row(target).kind != Kind::Float {
                return Err(wrong(format!(
                    "its target {} is no continuous parameter",
                    modulation.target
                )));
            }
            let times = [modulation.attack_secs, modulation.release_secs];
            if !(-1.0..=1.0).contains(&modulation.depth)
                || times.iter().any(|t| !(0.0..=60.0).contains(t))
            {
                return Err(wrong(
                    "depth must be from -1 to 1, attack_secs and release_secs from 0 to 60"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
