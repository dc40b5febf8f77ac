//! Video feedback.

use crate::instrument::TICKS_PER_SEC;
use crate::instrument::params::{
    LOOK_FEEDBACK, LOOK_FEEDBACK_DECAY, LOOK_FEEDBACK_HUE, LOOK_FEEDBACK_ROTATE, LOOK_FEEDBACK_ZOOM,
};
use crate::stage::effects::effect::{Effect, EffectGroup, SecondInput};

pub(super) const FEEDBACK: Effect = Effect {
    group: EffectGroup::Feedback,
    params: &[
        LOOK_FEEDBACK.id(),
        LOOK_FEEDBACK_ZOOM.id(),
        LOOK_FEEDBACK_ROTATE.id(),
        LOOK_FEEDBACK_DECAY.id(),
        LOOK_FEEDBACK_HUE.id(),
    ],
    is_pointwise: true,
    second: SecondInput::Feedback,
    is_neutral: |v| v.f32(LOOK_FEEDBACK) == 0.0,
    write: |v, context, uniform| {
        let secs = context.elapsed as f32 / TICKS_PER_SEC as f32;
        uniform.push(&[
            // A share is one at thirty pictures a second; at another rate as much is left after a second.
            libm::powf(0.98 * v.f32(LOOK_FEEDBACK), 30.0 * secs),
            libm::powf(1.0 - 0.5 * v.f32(LOOK_FEEDBACK_DECAY), 30.0 * secs),
            libm::powf(2.0, v.f32(LOOK_FEEDBACK_ZOOM) * secs),
            (v.f32(LOOK_FEEDBACK_ROTATE) * secs).to_radians(),
            (v.f32(LOOK_FEEDBACK_HUE) * secs).to_radians(),
        ]);
    },
    ..Effect::new("feedback", include_str!("feedback.wgsl"))
};
