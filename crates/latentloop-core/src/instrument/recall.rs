//! One preset becomes the next while the instrument plays.

use std::sync::Arc;

use super::closed_loop::{Loop, Scratch, Way};
use super::glide::Span;
use super::modulation::Follower;
use super::params::{
    BEAT_NUDGE, KEYFRAME_LOCK, KEYFRAME_SEED, Kind, LOOP_POSITION, LookOrder, ParamId, PresetUse,
    Table,
};
use super::performer::{Instrument, InstrumentError};
use super::preset::{Modulation, Preset};
use super::transport::Walk;
use super::undo::History;
use crate::latent::{Keyframe, ROWS, Rows};

/// A preset made ready to be taken up: what takes time or memory is done.
#[derive(Debug)]
pub struct Recall {
    /// What the preset gives.
    pub(super) values: Vec<(ParamId, f64)>,
    pub(super) look_order: Option<LookOrder>,
    pub(super) ring: Loop,
    pub(super) modulation: Vec<Modulation>,
    pub(super) followers: Vec<Follower>,
    keeps_head: bool,
    /// Room for the loop that fades.
    fading: Option<Box<Fading>>,
    scratch: Scratch,
    row: Vec<f64>,
    history: History,
}

/// The loop before the present one, walking on while it fades.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fading {
    pub(super) ring: Loop,
    pub(super) way: Way,
    pub(super) span: Span,
    pub(super) row: Vec<f64>,
}

impl Fading {
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.span.weight(now) >= 1.0
    }

    /// A row at its head, and the weight of what it fades to.
    pub(super) fn row(&mut self, number: usize, now: u64, scratch: &mut Scratch) -> (f64, &[f64]) {
        let weight = self.span.weight(now);
        if weight < 1.0 {
            self.ring
                .head_row(number, self.way, now, scratch, &mut self.row);
        }
        (weight, &self.row)
    }
}

/// A value on its way from one preset's to the next one's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slide {
    pub(super) param: ParamId,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Recall {
    /// Makes a preset ready for a model whose latents are `latent` long.
    ///
    /// # Errors
    /// When the preset does not fit the table or the model.
    pub fn new(preset: &Preset, table: &Table, latent: usize) -> Result<Self, InstrumentError> {
        let values = preset.values(table)?;
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
        let followers = preset
            .modulation
            .iter()
            .map(|modulation| Follower::new(modulation, table));
        let position = values.iter().find(|(param, _)| *param == LOOP_POSITION);
        let count = keyframes.len();
        let ring = Loop::new(keyframes, position.map_or(0.0, |&(_, value)| value), latent);
        Ok(Self {
            followers: followers.collect::<Result<_, _>>()?,
            modulation: preset.modulation.clone(),
            values,
            look_order: preset.look_order(),
            fading: Some(Box::new(Fading {
                ring: ring.clone(),
                way: Way::default(),
                span: Span::default(),
                row: vec![0.0; latent],
            })),
            ring,
            scratch: Scratch::new(latent),
            row: vec![0.0; latent],
            history: History::new(count, ROWS * latent),
            keeps_head: false,
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

/// Whether a parameter is a keyframe's, which comes with the loop.
fn is_a_keyframes(param: ParamId) -> bool {
    KEYFRAME_SEED.index_of(param).is_some() || KEYFRAME_LOCK.index_of(param).is_some()
}

impl Instrument {
    /// Takes up a preset, at once or fading over so many ticks: latents and continuous values glide, the rest changes now.
    ///
    /// Values that the preset leaves out go to their defaults, but for the beat's, the stage's and the program's, which stay.
    /// Gives back what was there, to be thrown away where that may take time. Allocates nothing.
    pub fn recall(&mut self, mut recall: Recall, fade: u64) -> Recall {
        let way = self.way();
        std::mem::swap(&mut self.ring, &mut recall.ring);
        if recall.keeps_head && self.ring.len() == recall.ring.len() {
            self.ring.transport.clone_from(&recall.ring.transport);
        }
        if let Some(fading) = &mut recall.fading {
            std::mem::swap(&mut fading.ring, &mut recall.ring);
            let fits = fading.ring.latent() == self.ring.latent();
            fading.way = way;
            fading.span = Span {
                begun: self.now,
                length: if fits { fade } else { 0 },
            };
        }
        std::mem::swap(&mut self.fading, &mut recall.fading);
        std::mem::swap(&mut self.modulation, &mut recall.modulation);
        std::mem::swap(&mut self.followers, &mut recall.followers);
        std::mem::swap(&mut self.scratch, &mut recall.scratch);
        std::mem::swap(&mut self.row, &mut recall.row);
        std::mem::swap(&mut self.history, &mut recall.history);
        self.look_order = recall.look_order.unwrap_or(self.look_order);
        self.waiting.clear();
        self.slides.clear();
        self.slide_span = Span {
            begun: self.now,
            length: fade,
        };
        let table = Arc::clone(&self.table);
        for (param, row) in table.iter() {
            let given = recall.values.iter().find(|(named, _)| *named == param);
            let to = match given {
                Some(&(_, value)) => value,
                None if row.preset == PresetUse::Resets => row.default,
                None => continue,
            };
            let is_value = row.kind.keeps_a_value() && !row.read_only;
            let is_loops = param == LOOP_POSITION || param == BEAT_NUDGE;
            if !is_value || is_loops || is_a_keyframes(param) {
                continue;
            }
            let from = self.base_value(param);
            if row.kind == Kind::Float && fade > 0 && from != to {
                self.slides.push(Slide { param, from, to });
            } else if from != to {
                self.put(param, to);
            }
        }
        self.mirror_keyframes();
        recall
    }

    /// Values on their way go on.
    pub(super) fn slide(&mut self) {
        if self.slides.is_empty() {
            return;
        }
        let weight = self.slide_span.weight(self.now + 1);
        for at in 0..self.slides.len() {
            let Slide { param, from, to } = self.slides[at];
            let value = if weight < 1.0 {
                from + (to - from) * weight
            } else {
                to
            };
            self.put(param, value);
        }
        if weight >= 1.0 {
            self.slides.clear();
        }
    }

    /// The loop that fades walks on.
    pub(super) fn fade(&mut self, walk: Walk) {
        if let Some(fading) = &mut self.fading
            && !fading.is_over(self.now)
        {
            let keyframes = fading.ring.len();
            fading.ring.transport.tick(walk, keyframes);
        }
    }
}
