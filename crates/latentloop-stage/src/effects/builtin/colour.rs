//! Colour grading.

use crate::stage::effects::effect::Effect;

pub(super) const COLOUR: Effect = Effect {
    is_pointwise: true,
    is_neutral: |v| {
        [v.lift, v.hue] == [0.0; 2] && [v.gamma, v.gain, v.contrast, v.saturation] == [1.0; 4]
    },
    write: |v, _, uniform| {
        uniform.push(&[
            v.lift,
            1.0 / v.gamma,
            v.gain,
            v.contrast,
            v.saturation,
            v.hue.to_radians(),
        ]);
    },
    ..Effect::new("colour", include_str!("colour.wgsl"))
};
