//! What a hand does to the instrument, whatever device it came from.

use super::ParamId;

/// One thing done to one parameter. Values are in the parameter's own unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sets the parameter; clamped to its range.
    Set {
        /// Which parameter.
        param: ParamId,
        /// In the parameter's unit; a choice by its index, a toggle by 0 or 1.
        value: f64,
    },
    /// Sets the parameter from a control at 0..1: spread over its range, or over the loop where it is the position.
    SetUnit {
        /// Which parameter.
        param: ParamId,
        /// 0..1.
        unit: f64,
    },
    /// Moves the parameter by a difference in its unit.
    Nudge {
        /// Which parameter.
        param: ParamId,
        /// In the parameter's unit.
        delta: f64,
    },
    /// Fires a trigger, or flips a toggle.
    Trigger {
        /// Which parameter.
        param: ParamId,
    },
    /// Gives a text parameter its text, such as the preset to load.
    Text {
        /// Which parameter.
        param: ParamId,
        /// The text.
        text: Box<str>,
    },
    /// A modulation source's new raw value.
    Source {
        /// Index into [`super::param::SOURCES`].
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
