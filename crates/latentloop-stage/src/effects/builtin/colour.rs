//! Colour grading.

use crate::instrument::params::{
    LOOK_CONTRAST, LOOK_GAIN, LOOK_GAMMA, LOOK_HUE, LOOK_LIFT, LOOK_SATURATION,
};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const COLOUR: Effect = Effect {
    group: EffectGroup::Colour,
    params: &[
        LOOK_LIFT.id(),
        LOOK_GAMMA.id(),
        LOOK_GAIN.id(),
        LOOK_CONTRAST.id(),
        LOOK_SATURATION.id(),
        LOOK_HUE.id(),
    ],
    is_pointwise: true,
    is_neutral: |v| {
        [v.f32(LOOK_LIFT), v.f32(LOOK_HUE)] == [0.0; 2]
            && [
                v.f32(LOOK_GAMMA),
                v.f32(LOOK_GAIN),
                v.f32(LOOK_CONTRAST),
                v.f32(LOOK_SATURATION),
            ] == [1.0; 4]
    },
    write: |v, _, uniform| {
        uniform.push(&[
            v.f32(LOOK_LIFT),
            1.0 / v.f32(LOOK_GAMMA),
            v.f32(LOOK_GAIN),
            v.f32(LOOK_CONTRAST),
            v.f32(LOOK_SATURATION),
            v.f32(LOOK_HUE).to_radians(),
        ]);
    },
    ..Effect::new("colour", include_str!("colour.wgsl"))
};
