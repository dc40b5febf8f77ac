//! Mirroring, horizontal, vertical or both.

use crate::instrument::params::{LOOK_MIRROR, Mirror};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const MIRROR: Effect = Effect {
    group: EffectGroup::Frame,
    params: &[LOOK_MIRROR.id()],
    is_neutral: |v| v.get(LOOK_MIRROR) == Mirror::Off,
    write: |v, _, uniform| {
        let mirror = v.get(LOOK_MIRROR);
        let is_on = |axes: [Mirror; 2]| if axes.contains(&mirror) { 1.0 } else { 0.0 };
        uniform.push(&[
            is_on([Mirror::Horizontal, Mirror::Both]),
            is_on([Mirror::Vertical, Mirror::Both]),
        ]);
    },
    ..Effect::new("mirror", include_str!("mirror.wgsl"))
};
