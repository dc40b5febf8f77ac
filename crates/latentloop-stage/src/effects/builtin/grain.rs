//! Film grain of the picture's own size.

use crate::instrument::params::{LOOK_GRAIN, LOOK_GRAIN_SIZE};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const GRAIN: Effect = Effect {
    group: EffectGroup::Grain,
    params: &[LOOK_GRAIN.id(), LOOK_GRAIN_SIZE.id()],
    is_pointwise: true,
    is_neutral: |v| v.f32(LOOK_GRAIN) == 0.0,
    write: |v, _, uniform| uniform.push(&[0.3 * v.f32(LOOK_GRAIN), v.f32(LOOK_GRAIN_SIZE)]),
    ..Effect::new("grain", include_str!("grain.wgsl"))
};
