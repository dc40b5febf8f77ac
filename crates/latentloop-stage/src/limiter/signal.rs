//! What flashes: a level that is followed from one extreme to the next.

use crate::light::linear;

/// A change that counts: less than the tenth of the range, and the 20 of 320 for red, that the guidelines name.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// From so much on a change is one.
    change: f32,
    /// A rise that is held stays below that.
    held: f32,
    /// Where both states are as bright as that it is none.
    bright: f32,
}

pub(super) const LUMINANCE: Step = Step {
    change: 0.092,
    held: 0.085,
    bright: 0.8,
};
pub(super) const RED: Step = Step {
    change: 0.057,
    held: 0.053,
    bright: f32::INFINITY,
};
#[cfg(test)]
impl Step {
    /// What the shader has to have as well: what counts, and what is held.
    pub(super) fn numbers(self) -> (f32, f32) {
        (self.change, self.held)
    }
}

/// R / (R + G + B) of a saturated red.
const SATURATED: f32 = 0.8;

/// What is seen of a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) luminance: f32,
    /// R - G - B, 0 where that is less.
    pub(super) red: f32,
    pub(super) is_saturated: bool,
}

impl Seen {
    /// What is seen of an sRGB level, 0..=1, at a gain.
    pub(super) fn of(level: [f32; 3], gain: f32) -> Self {
        let [r, g, b] = level.map(|level| light(level * gain));
        Self {
            luminance: 0.2126 * r + 0.7152 * g + 0.0722 * b,
            red: (r - g - b).max(0.0),
            is_saturated: r > 0.0 && r >= SATURATED * (r + g + b),
        }
    }

    pub(super) fn saturated(&self) -> f32 {
        f32::from(u8::from(self.is_saturated))
    }
}

/// Linear light of an sRGB level, 0..=1 both: straight lines between the levels of a byte.
fn light(level: f32) -> f32 {
    let table = linear();
    let at = level.clamp(0.0, 1.0) * 255.0;
    let before = (at as usize).min(254);
    table[before] + (table[before + 1] - table[before]) * (at - before as f32)
}

/// A level, and its extremes since it last rose or fell.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Signal {
    low: f32,
    high: f32,
    /// 1 where it rose last, -1 where it fell, 0 where it has done neither.
    direction: f32,
}

impl Signal {
    /// A signal that begins.
    pub(super) fn at(level: f32) -> Self {
        Self {
            low: level,
            high: level,
            direction: 0.0,
        }
    }

    /// Whether a level is a rise.
    pub(super) fn rises(&self, level: f32, step: Step) -> bool {
        self.direction < 1.0 && self.low < step.bright && level - self.low >= step.change
    }

    /// Whether a level is a fall.
    pub(super) fn falls(&self, level: f32, step: Step) -> bool {
        self.direction > -1.0 && level < step.bright && self.high - level >= step.change
    }

    /// Whether a level is so high that a rise would not be held.
    pub(super) fn is_past_ceiling(&self, level: f32, step: Step) -> bool {
        level - self.low > step.held
    }

    /// Follows a level; 1 where it has risen, -1 where it has fallen. Where changes do not count it follows extremes alone.
    pub(super) fn update(&mut self, level: f32, step: Step, counts: bool) -> i32 {
        let rises = counts && self.rises(level, step);
        let falls = counts && self.falls(level, step);
        if rises || falls {
            *self = Self {
                low: level,
                high: level,
                direction: if rises { 1.0 } else { -1.0 },
            };
            return if rises { 1 } else { -1 };
        }
        self.low = self.low.min(level);
        self.high = self.high.max(level);
        0
    }
}
