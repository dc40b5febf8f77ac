//! Tilt and crop.

use crate::instrument::params::{LOOK_CROP, LOOK_TILT};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const TILT: Effect = Effect {
    group: EffectGroup::Frame,
    params: &[LOOK_TILT.id(), LOOK_CROP.id()],
    is_neutral: |v| v.f32(LOOK_TILT) == 0.0 && v.f32(LOOK_CROP) == 0.0,
    // The last tenth of the way would show single pixels.
    write: |v, _, uniform| {
        uniform.push(&[v.f32(LOOK_TILT).to_radians(), 1.0 - 0.9 * v.f32(LOOK_CROP)]);
    },
    ..Effect::new("tilt", include_str!("tilt.wgsl"))
};
