//! Displacement along the picture's own gradient.

use crate::stage::effects::effect::Effect;

pub(super) const DISPLACE: Effect = Effect {
    is_neutral: |v| v.displace == 0.0,
    write: |v, _, uniform| uniform.push(&[0.25 * v.displace]),
    ..Effect::new("displace", include_str!("displace.wgsl"))
};
