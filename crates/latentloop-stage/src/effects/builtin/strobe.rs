//! Strobe.

use crate::instrument::TICKS_PER_SEC;
use crate::instrument::params::{LOOK_STROBE, LOOK_STROBE_RATE};
use crate::stage::effects::effect::{Effect, EffectGroup};

pub(super) const STROBE: Effect = Effect {
    group: EffectGroup::Flashes,
    params: &[LOOK_STROBE.id(), LOOK_STROBE_RATE.id()],
    is_pointwise: true,
    is_neutral: |v| v.f32(LOOK_STROBE) == 0.0,
    write: |v, context, uniform| {
        let is_dark = is_dark(v.f32(LOOK_STROBE_RATE), context.tick);
        uniform.push(&[if is_dark {
            1.0 - v.f32(LOOK_STROBE)
        } else {
            1.0
        }]);
    },
    ..Effect::new("strobe", include_str!("strobe.wgsl"))
};

/// Whether a strobe is in the dark half of its period.
fn is_dark(rate: f32, tick: u64) -> bool {
    let periods = tick as f64 / TICKS_PER_SEC as f64 * f64::from(rate);
    periods - libm::floor(periods) >= 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strobe_is_dark_for_half_of_each_period() {
        let dark = (0..480).filter(|&tick| is_dark(4.0, tick)).count();
        assert_eq!(dark, 240);
        assert!(!is_dark(4.0, 0) && is_dark(4.0, 60) && !is_dark(4.0, 120));
    }
}
