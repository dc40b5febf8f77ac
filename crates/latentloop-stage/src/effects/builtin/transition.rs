//! Transitions from one keyframe's picture to the next's.

use crate::instrument::Choice;
use crate::instrument::params::{LOOK_TRANSITION, LOOK_TRANSITION_AMOUNT, Transition};
use crate::stage::EffectValues;
use crate::stage::effects::effect::{Effect, EffectGroup, SecondInput};

pub(in super::super) const TRANSITION: Effect = Effect {
    group: EffectGroup::Frame,
    params: &[LOOK_TRANSITION.id(), LOOK_TRANSITION_AMOUNT.id()],
    second: SecondInput::Keyframe,
    is_neutral: |v| {
        v.get(LOOK_TRANSITION) == Transition::Off || v.f32(LOOK_TRANSITION_AMOUNT) == 0.0
    },
    write: |v, context, uniform| uniform.push(&progress(v, context.direction)),
    ..Effect::new("transition", include_str!("transition.wgsl"))
};

/// How, how much of it has gone, which way, and how dark.
fn progress(v: &EffectValues, direction: f32) -> [f32; 4] {
    let (way, amount) = (v.get(LOOK_TRANSITION), v.f32(LOOK_TRANSITION_AMOUNT));
    let phase = v.position - libm::floorf(v.position);
    let walked = if direction < 0.0 { 1.0 - phase } else { phase };
    let gone = match way {
        Transition::Dip => walked,
        _ => (walked / amount).min(1.0),
    };
    [f32::from_bits(way.index() as u32), gone, direction, amount]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_follows_the_play_head_whichever_way_it_walks() {
        let v = EffectValues::default().with_position(3.25);
        let dissolve = v.with(LOOK_TRANSITION, Transition::Dissolve);
        assert_eq!(progress(&dissolve, 1.0)[1], 0.5);
        assert_eq!(progress(&dissolve, -1.0)[1], 1.0);
        let dip = v.with(LOOK_TRANSITION, Transition::Dip);
        let dip = dip.with(LOOK_TRANSITION_AMOUNT, 0.5);
        assert_eq!(progress(&dip, 1.0)[1..], [0.25, 1.0, 0.5]);
    }
}
