//! Displacement along the picture's own gradient.

use crate::instrument::params::LOOK_DISPLACE;
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const DISPLACE: Effect = Effect {
    group: EffectGroup::Frame,
    params: &[LOOK_DISPLACE.id()],
    is_neutral: |v| v.f32(LOOK_DISPLACE) == 0.0,
    write: |v, _, uniform| uniform.push(&[0.25 * v.f32(LOOK_DISPLACE)]),
    ..Effect::new("displace", include_str!("displace.wgsl"))
};
