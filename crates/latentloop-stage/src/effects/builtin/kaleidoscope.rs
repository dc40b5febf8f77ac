//! Kaleidoscope.

use crate::instrument::params::{LOOK_KALEIDOSCOPE, LOOK_KALEIDOSCOPE_TURN, Segments};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const KALEIDOSCOPE: Effect = Effect {
    group: EffectGroup::Frame,
    params: &[LOOK_KALEIDOSCOPE.id(), LOOK_KALEIDOSCOPE_TURN.id()],
    is_neutral: |v| v.get(LOOK_KALEIDOSCOPE) == Segments::Off,
    write: |v, _, uniform| {
        let segments = v.get(LOOK_KALEIDOSCOPE).count() as f32;
        uniform.push(&[segments, v.f32(LOOK_KALEIDOSCOPE_TURN).to_radians()]);
    },
    ..Effect::new("kaleidoscope", include_str!("kaleidoscope.wgsl"))
};
