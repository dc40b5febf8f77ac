//! Mirroring, horizontal, vertical or both.

use crate::stage::effects::effect::Effect;

pub(super) const MIRROR: Effect = Effect {
    is_neutral: |v| v.mirror == 0.0,
    write: |v, _, uniform| {
        let ways = v.mirror as u8;
        uniform.push(&[f32::from(ways & 1), f32::from(ways >> 1)]);
    },
    ..Effect::new("mirror", include_str!("mirror.wgsl"))
};
