//! The slots for users' shaders: what one of them has drawn is mixed into the picture.

use crate::instrument::OWN_KNOBS;
use crate::stage::effects::effect::{Effect, SecondInput};

/// Mixes the second input into the picture; with no settings, not at all: then it copies.
pub(in super::super) const USER_MIX: Effect = Effect::new("user", include_str!("user.wgsl"));

/// The effect of a slot, counted from 0.
pub(super) const fn slot<const SLOT: usize>() -> Effect {
    Effect {
        name: ["own.1", "own.2", "own.3", "own.4"][SLOT],
        second: SecondInput::User(SLOT),
        is_neutral: |v| v.own[SLOT].amount == 0.0,
        is_ready: |context| context.ranges[SLOT].is_some(),
        // The shader itself has the same uniform: what it is told ends with its knobs.
        write: |v, context, uniform| {
            let ranges = context.ranges[SLOT].unwrap_or_default();
            let mut knobs = [0.0; OWN_KNOBS.len()];
            for ((to, [min, max]), unit) in knobs.iter_mut().zip(ranges).zip(v.own[SLOT].knobs) {
                *to = min + (max - min) * unit;
            }
            uniform.push(&knobs);
            uniform.push(&[v.own[SLOT].amount]);
        },
        ..USER_MIX
    }
}
