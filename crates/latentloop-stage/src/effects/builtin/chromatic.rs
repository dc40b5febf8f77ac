//! Chromatic aberration.

use crate::instrument::params::LOOK_CHROMATIC;
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const CHROMATIC: Effect = Effect {
    group: EffectGroup::Light,
    params: &[LOOK_CHROMATIC.id()],
    is_neutral: |v| v.f32(LOOK_CHROMATIC) == 0.0,
    write: |v, _, uniform| uniform.push(&[0.05 * v.f32(LOOK_CHROMATIC)]),
    ..Effect::new("chromatic", include_str!("chromatic.wgsl"))
};
