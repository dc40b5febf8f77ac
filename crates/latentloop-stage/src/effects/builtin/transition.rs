//! Transitions from one keyframe's picture to the next's.

use crate::instrument::TRANSITIONS;
use crate::stage::LookValues;
use crate::stage::effects::effect::{Effect, SecondInput};

pub(in super::super) const TRANSITION: Effect = Effect {
    second: SecondInput::Keyframe,
    is_neutral: |v| v.transition == 0.0 || v.transition_amount == 0.0,
    write: |v, context, uniform| uniform.push(&progress(v, context.direction)),
    ..Effect::new("transition", include_str!("transition.wgsl"))
};

/// How, how much of it has gone, which way, and how dark.
fn progress(v: &LookValues, direction: f32) -> [f32; 4] {
    let way = v.transition as u32;
    let phase = v.position - libm::floorf(v.position);
    let walked = if direction < 0.0 { 1.0 - phase } else { phase };
    let is_dip = TRANSITIONS.get(way as usize) == Some(&"dip");
    let gone = if is_dip {
        walked
    } else {
        (walked / v.transition_amount).min(1.0)
    };
    [f32::from_bits(way), gone, direction, v.transition_amount]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_follows_the_play_head_whichever_way_it_walks() {
        let mut v = LookValues {
            transition: 1.0,
            transition_amount: 0.5,
            position: 3.25,
            ..LookValues::default()
        };
        assert_eq!(progress(&v, 1.0)[1], 0.5);
        assert_eq!(progress(&v, -1.0)[1], 1.0);
        v.transition = 4.0;
        assert_eq!(progress(&v, 1.0)[1..], [0.25, 1.0, 0.5]);
    }
}
