//! Golden pictures: one of every effect, in `tests/golden/look`.

use super::user::with_user_shaders;
use super::*;
use crate::stage::golden;

/// Of 4,096 pixels.
const TOLERANCE: golden::Tolerance = golden::Tolerance {
    levels: 3,
    pixels: 40,
};

#[test]
fn every_effect_draws_its_golden_picture() {
    let v = LookValues {
        limiter: 0.0,
        ..LookValues::default()
    };
    let cases = [
        (
            "tilt",
            LookValues {
                tilt: 20.0,
                crop: 0.3,
                ..v
            },
        ),
        ("displace", LookValues { displace: 0.6, ..v }),
        ("mirror-horizontal", LookValues { mirror: 1.0, ..v }),
        ("mirror-vertical", LookValues { mirror: 2.0, ..v }),
        ("mirror-both", LookValues { mirror: 3.0, ..v }),
        (
            "kaleidoscope",
            LookValues {
                kaleidoscope: 4.0,
                kaleidoscope_turn: 30.0,
                ..v
            },
        ),
        (
            "feedback",
            LookValues {
                feedback: 0.9,
                feedback_zoom: 1.0,
                feedback_rotate: 90.0,
                feedback_decay: 0.1,
                feedback_hue: 180.0,
                ..v
            },
        ),
        (
            "colour",
            LookValues {
                lift: 0.05,
                gamma: 1.3,
                gain: 1.2,
                contrast: 1.2,
                saturation: 0.6,
                hue: 40.0,
                ..v
            },
        ),
        (
            "bloom",
            LookValues {
                bloom: 0.9,
                bloom_threshold: 0.6,
                ..v
            },
        ),
        (
            "halation",
            LookValues {
                bloom: 0.9,
                bloom_threshold: 0.6,
                bloom_warmth: 1.0,
                ..v
            },
        ),
        (
            "chromatic",
            LookValues {
                chromatic: 0.8,
                ..v
            },
        ),
        ("vignette", LookValues { vignette: 0.8, ..v }),
        (
            "grain",
            LookValues {
                grain: 0.6,
                grain_size: 2.0,
                ..v
            },
        ),
        (
            "strobe",
            LookValues {
                strobe: 0.7,
                strobe_rate: 4.0,
                ..v
            },
        ),
        ("palette", LookValues { palette: 0.9, ..v }),
        (
            "dissolve",
            LookValues {
                transition: 1.0,
                transition_amount: 1.0,
                ..v
            },
        ),
        (
            "wipe",
            LookValues {
                transition: 2.0,
                transition_amount: 1.0,
                ..v
            },
        ),
        (
            "zoom",
            LookValues {
                transition: 3.0,
                transition_amount: 1.0,
                ..v
            },
        ),
        (
            "dip",
            LookValues {
                transition: 4.0,
                transition_amount: 0.6,
                ..v
            },
        ),
        (
            "all",
            LookValues {
                crop: 0.1,
                displace: 0.2,
                mirror: 1.0,
                feedback: 0.5,
                saturation: 1.4,
                bloom: 0.4,
                chromatic: 0.3,
                vignette: 0.5,
                grain: 0.2,
                ..v
            },
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
    for place in 0..3 {
        let source = registry.shader(place).unwrap();
        let mut v = LookValues {
            limiter: 0.0,
            ..LookValues::default()
        };
        v.own[place].amount = 1.0;
        for (knob, own) in v.own[place].knobs.iter_mut().zip(&source.knobs) {
            *knob = own.default_unit() as f32;
        }
        let mut finish = with_user_shaders(&registry);
        let mut seen = Canvas::default();
        for number in 0..5 {
            seen = synthetic();
            seen.rgba.rotate_right(4 * number as usize);
            assert!(finish.finish(&mut seen, &frame(v, number)));
        }
        assert!(apart(&seen, &plain) > 20, "{} does something", source.name);
        failed
            .extend(golden::check("look", &format!("own-{}", source.name), &seen, TOLERANCE).err());
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
