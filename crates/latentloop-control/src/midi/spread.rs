//! How a control's way becomes a parameter's value, and back.

use crate::instrument::Curve;

/// How a control's 0..1 spreads over a part of a parameter's range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) lo: f64,
    pub(super) hi: f64,
    pub(super) curve: Curve,
    pub(super) invert: bool,
    pub(super) whole: bool,
}

impl Spread {
    /// The value of a control at `unit` in 0..1.
    pub(super) fn value(&self, unit: f64) -> f64 {
        let unit = self.turned(unit.clamp(0.0, 1.0));
        let bent = match self.curve {
            Curve::Linear => unit,
            Curve::Square => unit * unit,
        };
        let value = self.lo + (self.hi - self.lo) * bent;
        let value = value.clamp(self.lo, self.hi);
        if self.whole { value.round() } else { value }
    }

    /// Where in 0..1 a control for this value stands; at an end where the value lies outside the range.
    pub(super) fn unit(&self, value: f64) -> f64 {
        let bent = ((value - self.lo) / (self.hi - self.lo)).clamp(0.0, 1.0);
        let unit = match self.curve {
            Curve::Linear => bent,
            Curve::Square => bent.sqrt(),
        };
        self.turned(unit)
    }

    /// A way up or down, or the other way round.
    pub(super) fn directed(&self, delta: f64) -> f64 {
        if self.invert { -delta } else { delta }
    }

    /// `unit`, or what is left of 1 where the control runs the other way.
    pub(super) fn turned(&self, unit: f64) -> f64 {
        if self.invert { 1.0 - unit } else { unit }
    }
}
