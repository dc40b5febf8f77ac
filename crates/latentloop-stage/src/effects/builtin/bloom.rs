//! Bloom, and with warmth halation.

use crate::stage::effects::effect::{Effect, SecondInput};

pub(super) const BLOOM: Effect = Effect {
    second: SecondInput::Prefiltered,
    is_neutral: |v| v.bloom == 0.0,
    write: |v, context, uniform| {
        uniform.push(&[
            v.bloom,
            // Half way up looks half as bright.
            v.bloom_threshold * v.bloom_threshold,
            0.25 * v.bloom_radius * context.size.0.min(context.size.1) as f32,
            v.bloom_warmth,
        ]);
    },
    ..Effect::new("bloom", include_str!("bloom.wgsl"))
};
