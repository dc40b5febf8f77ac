//! Parameters that the instrument itself reads.

use super::preset::PresetError;
use super::{ParamId, Table};

/// Rows of the table a keyframe: jump, reroll, seed, lock, capture, swap.
pub(super) const PARTS: u16 = 6;

/// A keyframe's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Jump,
    Reroll,
    Seed,
    Lock,
    Capture,
    Swap,
}

const PARTS_IN_ORDER: [Part; PARTS as usize] = [
    Part::Jump,
    Part::Reroll,
    Part::Seed,
    Part::Lock,
    Part::Capture,
    Part::Swap,
];

/// Where the rows are in the table.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    pub(super) position: ParamId,
    pub(super) speed: ParamId,
    pub(super) pause: ParamId,
    pub(super) reverse: ParamId,
    pub(super) mode: ParamId,
    pub(super) path: ParamId,
    pub(super) ease: ParamId,
    pub(super) glide: ParamId,
    pub(super) hold: ParamId,
    pub(super) reroll: ParamId,
    pub(super) undo: ParamId,
    pub(super) sync: ParamId,
    pub(super) tempo: ParamId,
    pub(super) tap: ParamId,
    pub(super) halve: ParamId,
    pub(super) double: ParamId,
    pub(super) nudge: ParamId,
    pub(super) downbeat: ParamId,
    pub(super) per_bar: ParamId,
    pub(super) unit: ParamId,
    pub(super) rate: ParamId,
    pub(super) quantise: ParamId,
    pub(super) source: ParamId,
    pub(super) phase: ParamId,
    pub(super) depth: ParamId,
    /// The first keyframe's rows.
    keyframes: ParamId,
}

impl Ids {
    pub(super) fn new(table: &Table) -> Result<Self, PresetError> {
        let id = |name: &str| table.find(name);
        Ok(Self {
            position: id("loop.position")?,
            speed: id("loop.speed")?,
            pause: id("loop.pause")?,
            reverse: id("loop.reverse")?,
            mode: id("loop.mode")?,
            path: id("loop.path")?,
            ease: id("loop.ease")?,
            glide: id("loop.glide")?,
            hold: id("loop.hold_secs")?,
            reroll: id("loop.reroll")?,
            undo: id("loop.undo")?,
            sync: id("beat.sync")?,
            tempo: id("beat.tempo")?,
            tap: id("beat.tap")?,
            halve: id("beat.halve")?,
            double: id("beat.double")?,
            nudge: id("beat.nudge")?,
            downbeat: id("beat.downbeat")?,
            per_bar: id("beat.per_bar")?,
            unit: id("beat.unit")?,
            rate: id("beat.rate")?,
            quantise: id("beat.quantise")?,
            source: id("beat.source")?,
            phase: id("beat.phase")?,
            depth: id("sound.depth")?,
            keyframes: id("keyframe.1.jump")?,
        })
    }

    /// Which keyframe, counted from 0, a row belongs to, and which of its rows it is.
    pub(super) fn keyframe(&self, param: ParamId, keyframes: usize) -> Option<(usize, Part)> {
        let offset = param.0.checked_sub(self.keyframes.0)?;
        let keyframe = usize::from(offset / PARTS);
        (keyframe < keyframes).then_some((keyframe, PARTS_IN_ORDER[usize::from(offset % PARTS)]))
    }

    /// A row of a keyframe, counted from 0.
    pub(super) fn of_keyframe(&self, keyframe: usize, part: Part) -> ParamId {
        ParamId(self.keyframes.0 + keyframe as u16 * PARTS + part as u16)
    }
}
