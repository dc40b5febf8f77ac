//! Vignette.

use crate::instrument::params::LOOK_VIGNETTE;
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const VIGNETTE: Effect = Effect {
    group: EffectGroup::Light,
    params: &[LOOK_VIGNETTE.id()],
    is_pointwise: true,
    is_neutral: |v| v.f32(LOOK_VIGNETTE) == 0.0,
    write: |v, _, uniform| uniform.push(&[3.0 * v.f32(LOOK_VIGNETTE)]),
    ..Effect::new("vignette", include_str!("vignette.wgsl"))
};
