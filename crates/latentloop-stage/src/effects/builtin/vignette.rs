//! Vignette.

use crate::stage::effects::effect::Effect;

pub(super) const VIGNETTE: Effect = Effect {
    is_pointwise: true,
    is_neutral: |v| v.vignette == 0.0,
    write: |v, _, uniform| uniform.push(&[3.0 * v.vignette]),
    ..Effect::new("vignette", include_str!("vignette.wgsl"))
};
