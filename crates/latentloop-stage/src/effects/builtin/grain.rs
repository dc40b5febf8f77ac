//! Film grain of the picture's own size.

use crate::stage::effects::effect::Effect;

pub(super) const GRAIN: Effect = Effect {
    is_pointwise: true,
    is_neutral: |v| v.grain == 0.0,
    write: |v, _, uniform| uniform.push(&[0.3 * v.grain, v.grain_size]),
    ..Effect::new("grain", include_str!("grain.wgsl"))
};
