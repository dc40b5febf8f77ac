//! Kaleidoscope.

use crate::instrument::SEGMENTS;
use crate::stage::effects::effect::Effect;

pub(super) const KALEIDOSCOPE: Effect = Effect {
    is_neutral: |v| v.kaleidoscope == 0.0,
    write: |v, _, uniform| {
        uniform.push(&[segments(v.kaleidoscope), v.kaleidoscope_turn.to_radians()]);
    },
    ..Effect::new("kaleidoscope", include_str!("kaleidoscope.wgsl"))
};

/// How many segments a value of `look.kaleidoscope` stands for.
fn segments(index: f32) -> f32 {
    let name = SEGMENTS.get(index as usize);
    name.and_then(|name| name.parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_the_kaleidoscope_is_a_number_of_segments() {
        let all: Vec<f32> = (0..8).map(|index| segments(index as f32)).collect();
        assert_eq!(all, [1.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0]);
    }
}
