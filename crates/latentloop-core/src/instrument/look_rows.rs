//! The rows of the look: what is done to the picture after it is drawn. All but the limiter are neutral at start.

use super::param::{Curve, Kind, Row, Scope};

/// How a picture is mirrored.
pub const MIRRORS: [&str; 4] = ["off", "horizontal", "vertical", "both"];
/// Segments of the kaleidoscope.
pub const SEGMENTS: [&str; 8] = ["off", "3", "4", "5", "6", "8", "10", "12"];

/// How the look goes from one keyframe to the next.
pub const TRANSITIONS: [&str; 5] = ["off", "dissolve", "wipe", "zoom", "dip"];
/// Knobs of each of the performer's own passes.
pub const OWN_KNOBS: [&str; 4] = ["a", "b", "c", "d"];

/// The rows; later ones came later.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        number(
            "tilt",
            -180.0,
            180.0,
            0.0,
            "degrees",
            "Turns the picture; its edges are mirrored",
        ),
        amount(
            "crop",
            "Comes closer: the middle of the picture fills all of it",
        ),
        amount(
            "displace",
            "Shifts every point along the picture's own gradient",
        ),
        choice(
            "mirror",
            &MIRRORS,
            "Mirrors one half of the picture onto the other",
        ),
        choice(
            "kaleidoscope",
            &SEGMENTS,
            "Mirrors one segment of the picture all around",
        ),
        number(
            "kaleidoscope_turn",
            -180.0,
            180.0,
            0.0,
            "degrees",
            "Turns the kaleidoscope's segments",
        ),
        amount("feedback", "How much of the last picture stays"),
        number(
            "feedback_zoom",
            -2.0,
            2.0,
            0.0,
            "octaves/s",
            "The last picture grows or shrinks by so much",
        ),
        number(
            "feedback_rotate",
            -180.0,
            180.0,
            0.0,
            "degrees/s",
            "The last picture turns by so much",
        ),
        amount("feedback_decay", "How fast the last picture darkens"),
        number(
            "feedback_hue",
            -360.0,
            360.0,
            0.0,
            "degrees/s",
            "The last picture's colours turn by so much",
        ),
        number(
            "lift",
            -0.5,
            0.5,
            0.0,
            "",
            "Raises or lowers the dark parts",
        ),
        number(
            "gamma",
            0.25,
            4.0,
            1.0,
            "",
            "Brightens or darkens the middle tones",
        ),
        number(
            "gain",
            0.0,
            4.0,
            1.0,
            "",
            "Raises or lowers the bright parts",
        ),
        number("contrast", 0.0, 2.0, 1.0, "", "Contrast around middle grey"),
        number("saturation", 0.0, 2.0, 1.0, "", "Strength of the colours"),
        number("hue", -180.0, 180.0, 0.0, "degrees", "Turns the colours"),
        amount("bloom", "Light around the bright parts"),
        number(
            "bloom_threshold",
            0.0,
            1.0,
            0.5,
            "",
            "How bright a part must be to bloom",
        ),
        number("bloom_radius", 0.0, 1.0, 0.4, "", "How far bloom reaches"),
        amount("bloom_warmth", "Turns bloom into the red halation of film"),
        amount(
            "chromatic",
            "Draws red and blue apart, the more the nearer to the edges",
        ),
        amount("vignette", "Darkens the corners"),
        amount("grain", "Film grain"),
        number("grain_size", 1.0, 8.0, 1.0, "pixels", "Size of the grain"),
        amount("strobe", "Darkens every other half of the strobe's period"),
        number(
            "strobe_rate",
            0.25,
            30.0,
            2.0,
            "Hz",
            "Flashes of the strobe in a second",
        ),
        Row {
            default: 1.0,
            kind: Kind::Toggle,
            smoothing_secs: 0.0,
            ..amount(
                "limiter",
                "Holds what flashes to three flashes in a second (WCAG 2.3.1)",
            )
        },
        amount(
            "palette",
            "Draws the picture with the eight colours of the model's footage",
        ),
        choice(
            "transition",
            &TRANSITIONS,
            "How the picture goes from one keyframe to the next",
        ),
        number(
            "transition_amount",
            0.0,
            1.0,
            0.5,
            "",
            "How much of the way to the next keyframe the transition takes; how dark a dip is",
        ),
    ];
    for place in 1..=super::OWN_PASSES {
        rows.push(amount(
            &format!("own.{place}.amount"),
            "How much of your own pass in this place is seen",
        ));
        for knob in OWN_KNOBS {
            rows.push(number(
                &format!("own.{place}.{knob}"),
                0.0,
                1.0,
                0.5,
                "",
                "A knob of your own pass in this place; its file says for what, and from where to where",
            ));
        }
    }
    rows
}

fn number(name: &str, min: f64, max: f64, default: f64, unit: &'static str, help: &str) -> Row {
    Row {
        name: format!("look.{name}"),
        kind: Kind::Float,
        min,
        max,
        default,
        unit,
        curve: Curve::Linear,
        smoothing_secs: 0.05,
        scope: Scope::Stage,
        read_only: false,
        help: help.to_owned(),
    }
}

fn amount(name: &str, help: &str) -> Row {
    number(name, 0.0, 1.0, 0.0, "", help)
}

fn choice(name: &str, names: &'static [&'static str], help: &str) -> Row {
    Row {
        kind: Kind::Choice(names),
        max: (names.len() - 1) as f64,
        smoothing_secs: 0.0,
        ..amount(name, help)
    }
}
