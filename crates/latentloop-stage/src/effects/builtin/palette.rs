//! Colours drawn to the palette of the model.

use crate::instrument::params::LOOK_PALETTE;
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const PALETTE: Effect = Effect {
    group: EffectGroup::Colour,
    params: &[LOOK_PALETTE.id()],
    is_pointwise: true,
    is_neutral: |v| v.f32(LOOK_PALETTE) == 0.0,
    is_ready: |context| context.palette.is_some(),
    write: |v, context, uniform| {
        uniform.push(&[v.f32(LOOK_PALETTE), 0.0, 0.0, 0.0]);
        for [l, a, b] in context.palette.unwrap_or_default() {
            uniform.push(&[l, a, b, 0.0]);
        }
    },
    ..Effect::new("palette", include_str!("palette.wgsl"))
};
