//! Actions: what a hand does to the instrument, whatever device it came from.

use serde::{Deserialize, Serialize};

use super::{Curve, Param, ParamId, Row, Text, Trigger, Value};

/// An action on one parameter. Values are in the parameter's own unit.
///
/// In a take its parameters are the file's numbers (`Action<u16>`), not this table's ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action<P = ParamId> {
    /// Sets the parameter; clamped to its range.
    Set {
        /// Which parameter.
        param: P,
        /// In the parameter's unit; a choice by its index, a toggle by 0 or 1.
        value: f64,
    },
    /// Sets the parameter from a control at 0..1: spread over its range, or over the loop where it is the position.
    SetUnit {
        /// Which parameter.
        param: P,
        /// 0..1.
        unit: f64,
    },
    /// Moves the parameter by a difference in its unit.
    Nudge {
        /// Which parameter.
        param: P,
        /// In the parameter's unit.
        delta: f64,
    },
    /// Fires a trigger, or flips a toggle.
    Trigger {
        /// Which parameter.
        param: P,
    },
    /// Gives a text parameter its text, such as the preset to load.
    Text {
        /// Which parameter.
        param: P,
        /// The text.
        text: Box<str>,
    },
    /// A modulation source's new raw value.
    Source {
        /// Index into [`super::SOURCES`].
        source: usize,
        /// 0..1.
        value: f64,
    },
    /// Where the beat of the clock that is followed is now.
    Clock {
        /// In beats.
        beat: f64,
        /// Beats a minute.
        tempo: f64,
        /// Whether it goes on.
        running: bool,
    },
}

impl Action {
    /// What files mean that have a control's place, 0..1, rather than a value: written takes, keys, and logs of the first versions. The
    /// curves that have come since do not count there, so that old files keep their values.
    pub(crate) fn of_written_unit(param: ParamId, unit: f64, row: &Row) -> Self {
        match row.curve {
            Curve::Linear | Curve::Square => Self::SetUnit { param, unit },
            Curve::Centre | Curve::High => Self::Set {
                param,
                value: row.clamp(Curve::Linear.value(unit, row.min, row.max)),
            },
        }
    }

    /// Sets a parameter.
    pub fn set<T: Value>(param: Param<T>, value: T) -> Self {
        Self::Set {
            param: param.id(),
            value: value.number(),
        }
    }

    /// Fires a trigger.
    pub fn fire(param: Param<Trigger>) -> Self {
        Self::Trigger { param: param.id() }
    }

    /// Flips a toggle.
    pub fn flip(param: Param<bool>) -> Self {
        Self::Trigger { param: param.id() }
    }

    /// Gives a text parameter its text.
    pub fn text(param: Param<Text>, text: impl Into<Box<str>>) -> Self {
        Self::Text {
            param: param.id(),
            text: text.into(),
        }
    }
}
