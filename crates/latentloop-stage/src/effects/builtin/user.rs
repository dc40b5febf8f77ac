//! The slots for users' shaders: what one of them has drawn is mixed into the picture.

use crate::instrument::OWN_KNOBS;
use crate::instrument::params::{LOOK_OWN_AMOUNT, LOOK_OWN_KNOBS};
use crate::stage::effects::effect::{Effect, EffectGroup, SecondInput};

/// Mixes the second input into the picture; with no settings, not at all: then it copies.
pub(in super::super) const USER_MIX: Effect = Effect::new("user", include_str!("user.wgsl"));

/// The effect of a slot, counted from 0.
pub(super) const fn slot<const SLOT: usize>() -> Effect {
    Effect {
        name: ["own.1", "own.2", "own.3", "own.4"][SLOT],
        group: EffectGroup::User,
        params: &const {
            [
                LOOK_OWN_AMOUNT.at(SLOT).id(),
                LOOK_OWN_KNOBS[0].at(SLOT).id(),
                LOOK_OWN_KNOBS[1].at(SLOT).id(),
                LOOK_OWN_KNOBS[2].at(SLOT).id(),
                LOOK_OWN_KNOBS[3].at(SLOT).id(),
            ]
        },
        second: SecondInput::User(SLOT),
        is_neutral: |v| v.f32(LOOK_OWN_AMOUNT.at(SLOT)) == 0.0,
        is_ready: |context| context.ranges[SLOT].is_some(),
        // The shader itself has the same uniform: what it is told ends with its knobs.
        write: |v, context, uniform| {
            let ranges = context.ranges[SLOT].unwrap_or_default();
            let mut knobs = [0.0; OWN_KNOBS.len()];
            let units = LOOK_OWN_KNOBS.map(|knob| v.f32(knob.at(SLOT)));
            for ((to, [min, max]), unit) in knobs.iter_mut().zip(ranges).zip(units) {
                *to = min + (max - min) * unit;
            }
            uniform.push(&knobs);
            uniform.push(&[v.f32(LOOK_OWN_AMOUNT.at(SLOT))]);
        },
        ..USER_MIX
    }
}
