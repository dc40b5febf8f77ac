//! Chromatic aberration.

use crate::stage::effects::effect::Effect;

pub(super) const CHROMATIC: Effect = Effect {
    is_neutral: |v| v.chromatic == 0.0,
    write: |v, _, uniform| uniform.push(&[0.05 * v.chromatic]),
    ..Effect::new("chromatic", include_str!("chromatic.wgsl"))
};
