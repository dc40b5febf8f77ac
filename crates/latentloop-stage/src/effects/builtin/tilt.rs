//! Tilt and crop.

use crate::stage::effects::effect::Effect;

pub(super) const TILT: Effect = Effect {
    is_neutral: |v| v.tilt == 0.0 && v.crop == 0.0,
    // The last tenth of the way would show single pixels.
    write: |v, _, uniform| uniform.push(&[v.tilt.to_radians(), 1.0 - 0.9 * v.crop]),
    ..Effect::new("tilt", include_str!("tilt.wgsl"))
};
