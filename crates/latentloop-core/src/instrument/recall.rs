//! Presets made ready to be taken up while an instrument plays.

use super::InstrumentError;
use super::glide::Ramp;
use super::keyframe_loop::{FadingLoop, Interpolation, KeyframeLoop};
use super::params::{LOOP_POSITION, LookOrder, ParamId, PresetUse, Table};
use super::preset::{Modulation, Preset};
use super::scratch::Scratch;
use super::undo::History;
use crate::latent::{Keyframe, ROWS, Rows};

/// A preset made ready to be taken up: what takes time or memory is done.
#[derive(Debug)]
pub struct Recall {
    /// What the preset gives, and the defaults of what it leaves out and does not keep.
    pub(super) values: Vec<(ParamId, f64)>,
    pub(super) look_order: Option<LookOrder>,
    pub(super) keyframe_loop: KeyframeLoop,
    pub(super) modulation: Vec<Modulation>,
    pub(super) envelopes: Vec<f64>,
    pub(super) keeps_head: bool,
    /// Room for the loop that fades.
    pub(super) fading: Option<Box<FadingLoop<KeyframeLoop>>>,
    pub(super) history: History,
    pub(super) scratch: Scratch,
}

impl Recall {
    /// Makes a preset ready for a model whose latents are `latent` long.
    ///
    /// # Errors
    /// When the preset does not fit the table or the model.
    pub fn new(preset: &Preset, table: &Table, latent: usize) -> Result<Self, InstrumentError> {
        let mut values = preset.values(table)?;
        let given: Vec<ParamId> = values.iter().map(|&(param, _)| param).collect();
        let left_out = table.iter().filter(|(param, row)| {
            let is_value = row.kind.keeps_a_value() && !row.read_only;
            let resets = is_value && row.preset == PresetUse::Resets;
            resets && !given.contains(param) && !preset.keeps(&row.name)
        });
        values.extend(left_out.map(|(param, row)| (param, row.default)));
        values.sort_by_key(|(param, _)| param.index());
        let mut keyframes = Vec::new();
        for (index, (rows, locked)) in preset.in_order().into_iter().enumerate() {
            if let Rows::Given(numbers) = &rows
                && numbers.len() != ROWS * latent
            {
                return Err(InstrumentError::Latents {
                    number: index + 1,
                    found: numbers.len() / ROWS,
                    latent,
                });
            }
            keyframes.push(Keyframe {
                locked,
                ..Keyframe::new(&rows, latent)
            });
        }
        let position = values.iter().find(|(param, _)| *param == LOOP_POSITION);
        let position = position.map_or(0.0, |&(_, value)| value);
        let history = History::new(keyframes.len());
        let keyframe_loop = KeyframeLoop::new(keyframes, position, latent);
        Ok(Self {
            values,
            look_order: preset.look_order(),
            modulation: preset.modulation.clone(),
            envelopes: vec![0.0; preset.modulation.len()],
            keeps_head: false,
            fading: Some(Box::new(FadingLoop {
                keyframe_loop: keyframe_loop.clone(),
                interpolation: Interpolation::default(),
                ramp: Ramp::default(),
            })),
            keyframe_loop,
            history,
            scratch: Scratch::new(table, &preset.modulation, latent)?,
        })
    }

    /// Whether the play head is left where it is.
    pub fn keeps_head(&self) -> bool {
        self.keeps_head
    }

    /// Leaves the play head where it is, as far as the loop has as many keyframes: for a preset that was only edited.
    #[must_use]
    pub fn keeping_head(mut self) -> Self {
        self.keeps_head = true;
        self
    }
}
