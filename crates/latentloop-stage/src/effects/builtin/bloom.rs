//! Bloom, and with warmth halation.

use crate::instrument::params::{
    LOOK_BLOOM, LOOK_BLOOM_RADIUS, LOOK_BLOOM_THRESHOLD, LOOK_BLOOM_WARMTH,
};
use crate::stage::effects::effect::{Effect, EffectGroup, SecondInput};

pub(super) const BLOOM: Effect = Effect {
    group: EffectGroup::Light,
    params: &[
        LOOK_BLOOM.id(),
        LOOK_BLOOM_THRESHOLD.id(),
        LOOK_BLOOM_RADIUS.id(),
        LOOK_BLOOM_WARMTH.id(),
    ],
    second: SecondInput::Prefiltered,
    is_neutral: |v| v.f32(LOOK_BLOOM) == 0.0,
    write: |v, context, uniform| {
        uniform.push(&[
            v.f32(LOOK_BLOOM),
            // Half way up looks half as bright.
            v.f32(LOOK_BLOOM_THRESHOLD) * v.f32(LOOK_BLOOM_THRESHOLD),
            0.25 * v.f32(LOOK_BLOOM_RADIUS) * context.size.0.min(context.size.1) as f32,
            v.f32(LOOK_BLOOM_WARMTH),
        ]);
    },
    ..Effect::new("bloom", include_str!("bloom.wgsl"))
};
