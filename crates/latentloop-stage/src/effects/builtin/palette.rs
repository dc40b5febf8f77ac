//! Colours drawn to the palette of the model.

use crate::stage::effects::effect::Effect;

pub(super) const PALETTE: Effect = Effect {
    is_pointwise: true,
    is_neutral: |v| v.palette == 0.0,
    is_ready: |context| context.palette.is_some(),
    write: |v, context, uniform| {
        uniform.push(&[v.palette, 0.0, 0.0, 0.0]);
        for [l, a, b] in context.palette.unwrap_or_default() {
            uniform.push(&[l, a, b, 0.0]);
        }
    },
    ..Effect::new("palette", include_str!("palette.wgsl"))
};
