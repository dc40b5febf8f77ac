//! The rows of what comes after the look, at the size of the frame: enlarging, and what makes a picture film.

use super::param::{Curve, Kind, Row, Scope};
use super::rows::{FITS, OUTPUTS};

/// How a picture is enlarged.
pub const UPSCALINGS: [&str; 6] = [
    "auto",
    "nearest",
    "bilinear",
    "catmull-rom",
    "lanczos",
    "edge",
];

/// The rows, in the order of what they do; then the fits of the outputs after the first.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = projection();
    rows.extend((2..=OUTPUTS).map(|number| Row {
        kind: Kind::Choice(&FITS),
        max: (FITS.len() - 1) as f64,
        smoothing_secs: 0.0,
        ..amount(
            &format!("fit_{number}"),
            0.0,
            &format!("How the picture meets the screen of output {number}"),
        )
    }));
    rows
}

fn projection() -> Vec<Row> {
    vec![
        Row {
            kind: Kind::Choice(&UPSCALINGS),
            max: (UPSCALINGS.len() - 1) as f64,
            smoothing_secs: 0.0,
            ..amount(
                "upscale",
                0.0,
                "How the picture is enlarged; auto follows edges where a graphics card draws",
            )
        },
        amount(
            "halation",
            0.0,
            "Red light around highlights, as film has it; at the frame's size, after the limiter",
        ),
        amount(
            "halation_threshold",
            0.6,
            "How bright a highlight must be for halation",
        ),
        amount("halation_radius", 0.3, "How far halation reaches"),
        amount(
            "grain",
            0.0,
            "Film grain at the frame's size, 24 times a second; look.grain is the picture's own",
        ),
        Row {
            min: 0.5,
            max: 4.0,
            ..amount("grain_size", 1.0, "Size of the grain, 1 being 35 mm film's")
        },
    ]
}

fn amount(name: &str, default: f64, help: &str) -> Row {
    Row {
        name: format!("stage.{name}"),
        kind: Kind::Float,
        min: 0.0,
        max: 1.0,
        default,
        unit: "",
        curve: Curve::Linear,
        smoothing_secs: 0.05,
        scope: Scope::Stage,
        read_only: false,
        help: help.to_owned(),
    }
}
