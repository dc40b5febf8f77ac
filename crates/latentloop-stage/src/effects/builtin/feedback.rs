//! Video feedback.

use crate::instrument::TICKS_PER_SEC;
use crate::stage::effects::effect::{Effect, SecondInput};

pub(super) const FEEDBACK: Effect = Effect {
    is_pointwise: true,
    second: SecondInput::Feedback,
    is_neutral: |v| v.feedback == 0.0,
    write: |v, context, uniform| {
        let secs = context.elapsed as f32 / TICKS_PER_SEC as f32;
        uniform.push(&[
            // A share is one at thirty pictures a second; at another rate as much is left after a second.
            libm::powf(0.98 * v.feedback, 30.0 * secs),
            libm::powf(1.0 - 0.5 * v.feedback_decay, 30.0 * secs),
            libm::powf(2.0, v.feedback_zoom * secs),
            (v.feedback_rotate * secs).to_radians(),
            (v.feedback_hue * secs).to_radians(),
        ]);
    },
    ..Effect::new("feedback", include_str!("feedback.wgsl"))
};
