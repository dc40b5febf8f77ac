//! What is being played, as a preset.

use std::collections::BTreeMap;

use super::params::PresetUse;
use super::preset::{KeyframeEntry, LookEntry};
use super::{Instrument, LookOrder, Preset};
use crate::latent::{Keyframe, ROWS};

impl Instrument {
    /// The present loop and all parameters as a preset that names no model. The program's own parameters, the master's and the
    /// limiter, which are not a preset's to change, are left out.
    pub fn preset(&self) -> Preset {
        let keyframes = self.keyframes().iter().map(entry);
        let mut params = BTreeMap::new();
        for (param, row) in self.table().iter() {
            let is_value = row.kind.keeps_a_value() && !row.read_only;
            if is_value && row.preset != PresetUse::Unsaved {
                let value = self.table().written(param, self.base_value(param));
                params.insert(row.name.clone(), value);
            }
        }
        let order = self.look_order();
        Preset {
            look: (order != LookOrder::default()).then_some(LookEntry { order }),
            keyframes: keyframes.collect(),
            params,
            modulation: self.modulation.clone(),
            ..Preset::of_seeds([])
        }
    }
}

fn entry(keyframe: &Keyframe) -> KeyframeEntry {
    let rows = |latents: &Vec<f64>| {
        let latent = latents.len() / ROWS;
        latents.chunks_exact(latent).map(<[f64]>::to_vec).collect()
    };
    KeyframeEntry {
        seed: keyframe.seed,
        latents: keyframe.seed.is_none().then(|| rows(&keyframe.latents)),
        locked: keyframe.locked,
    }
}
