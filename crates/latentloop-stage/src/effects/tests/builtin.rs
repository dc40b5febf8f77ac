//! Golden pictures: one of every effect, in `tests/golden/look`.

use super::user::with_user_shaders;
use super::*;
use crate::instrument::params::{
    LOOK_BLOOM, LOOK_BLOOM_THRESHOLD, LOOK_BLOOM_WARMTH, LOOK_CHROMATIC, LOOK_CONTRAST, LOOK_CROP,
    LOOK_DISPLACE, LOOK_FEEDBACK, LOOK_FEEDBACK_DECAY, LOOK_FEEDBACK_HUE, LOOK_FEEDBACK_ROTATE,
    LOOK_FEEDBACK_ZOOM, LOOK_GAIN, LOOK_GAMMA, LOOK_GRAIN, LOOK_GRAIN_SIZE, LOOK_HUE,
    LOOK_KALEIDOSCOPE, LOOK_KALEIDOSCOPE_TURN, LOOK_LIFT, LOOK_LIMITER, LOOK_MIRROR,
    LOOK_OWN_AMOUNT, LOOK_OWN_KNOBS, LOOK_PALETTE, LOOK_SATURATION, LOOK_STROBE, LOOK_STROBE_RATE,
    LOOK_TILT, LOOK_TRANSITION, LOOK_TRANSITION_AMOUNT, LOOK_VIGNETTE, Mirror, Segments,
    Transition,
};
use crate::stage::golden;

/// Of 4,096 pixels.
const TOLERANCE: golden::Tolerance = golden::Tolerance {
    levels: 3,
    pixels: 40,
};

#[test]
fn every_effect_draws_its_golden_picture() {
    let v = EffectValues::default().with(LOOK_LIMITER, false);
    let cases = [
        ("tilt", v.with(LOOK_TILT, 20.0).with(LOOK_CROP, 0.3)),
        ("displace", v.with(LOOK_DISPLACE, 0.6)),
        ("mirror-horizontal", v.with(LOOK_MIRROR, Mirror::Horizontal)),
        ("mirror-vertical", v.with(LOOK_MIRROR, Mirror::Vertical)),
        ("mirror-both", v.with(LOOK_MIRROR, Mirror::Both)),
        (
            "kaleidoscope",
            v.with(LOOK_KALEIDOSCOPE, Segments::Six)
                .with(LOOK_KALEIDOSCOPE_TURN, 30.0),
        ),
        (
            "feedback",
            v.with(LOOK_FEEDBACK, 0.9)
                .with(LOOK_FEEDBACK_ZOOM, 1.0)
                .with(LOOK_FEEDBACK_ROTATE, 90.0)
                .with(LOOK_FEEDBACK_DECAY, 0.1)
                .with(LOOK_FEEDBACK_HUE, 180.0),
        ),
        (
            "colour",
            v.with(LOOK_LIFT, 0.05)
                .with(LOOK_GAMMA, 1.3)
                .with(LOOK_GAIN, 1.2)
                .with(LOOK_CONTRAST, 1.2)
                .with(LOOK_SATURATION, 0.6)
                .with(LOOK_HUE, 40.0),
        ),
        (
            "bloom",
            v.with(LOOK_BLOOM, 0.9).with(LOOK_BLOOM_THRESHOLD, 0.6),
        ),
        (
            "halation",
            v.with(LOOK_BLOOM, 0.9)
                .with(LOOK_BLOOM_THRESHOLD, 0.6)
                .with(LOOK_BLOOM_WARMTH, 1.0),
        ),
        ("chromatic", v.with(LOOK_CHROMATIC, 0.8)),
        ("vignette", v.with(LOOK_VIGNETTE, 0.8)),
        ("grain", v.with(LOOK_GRAIN, 0.6).with(LOOK_GRAIN_SIZE, 2.0)),
        (
            "strobe",
            v.with(LOOK_STROBE, 0.7).with(LOOK_STROBE_RATE, 4.0),
        ),
        ("palette", v.with(LOOK_PALETTE, 0.9)),
        (
            "dissolve",
            v.with(LOOK_TRANSITION, Transition::Dissolve)
                .with(LOOK_TRANSITION_AMOUNT, 1.0),
        ),
        (
            "wipe",
            v.with(LOOK_TRANSITION, Transition::Wipe)
                .with(LOOK_TRANSITION_AMOUNT, 1.0),
        ),
        (
            "zoom",
            v.with(LOOK_TRANSITION, Transition::Zoom)
                .with(LOOK_TRANSITION_AMOUNT, 1.0),
        ),
        (
            "dip",
            v.with(LOOK_TRANSITION, Transition::Dip)
                .with(LOOK_TRANSITION_AMOUNT, 0.6),
        ),
        (
            "all",
            v.with(LOOK_CROP, 0.1)
                .with(LOOK_DISPLACE, 0.2)
                .with(LOOK_MIRROR, Mirror::Horizontal)
                .with(LOOK_FEEDBACK, 0.5)
                .with(LOOK_SATURATION, 1.4)
                .with(LOOK_BLOOM, 0.4)
                .with(LOOK_CHROMATIC, 0.3)
                .with(LOOK_VIGNETTE, 0.5)
                .with(LOOK_GRAIN, 0.2),
        ),
    ];
    let plain = drawn(v, 5);
    let mut failed = Vec::new();
    for (name, values) in cases {
        let seen = drawn(values, 5);
        assert!(seen != plain, "{name} does something");
        assert!(seen == drawn(values, 5), "{name} comes out the same again");
        failed.extend(golden::check("look", name, &seen, TOLERANCE).err());
        let (off, _) = golden::compare("look", name, &plain, TOLERANCE).unwrap();
        assert!(
            off > TOLERANCE.pixels,
            "a {name} that does nothing would not be found: {off}"
        );
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_user_shader_that_ships_is_let_in_and_draws_its_golden_picture() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../presets/looks");
    let registry = Arc::new(ShaderRegistry::new(crate::report::Reporter::new(
        |severity, text| {
            assert_eq!(severity, crate::report::Severity::Info, "{text}");
        },
    )));
    registry.read(folder.into()).unwrap();
    let mut failed = Vec::new();
    let mut plain = synthetic();
    plain.rgba.rotate_right(16);
    for slot in 0..3 {
        let shader = registry.shader(slot).unwrap();
        let mut v = EffectValues::default().with(LOOK_LIMITER, false);
        v = v.with(LOOK_OWN_AMOUNT.at(slot), 1.0);
        for (family, knob) in LOOK_OWN_KNOBS.iter().zip(&shader.knobs) {
            v = v.with(family.at(slot), knob.default_unit());
        }
        let mut finish = with_user_shaders(&registry);
        let mut seen = Canvas::default();
        for number in 0..5 {
            seen = synthetic();
            seen.rgba.rotate_right(4 * number as usize);
            assert!(finish.finish(&mut seen, &frame(v, number)));
        }
        assert!(apart(&seen, &plain) > 20, "{} does something", shader.name);
        failed
            .extend(golden::check("look", &format!("own-{}", shader.name), &seen, TOLERANCE).err());
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
