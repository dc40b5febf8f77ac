//! Films of flashes through an output, held to the counter, which knows nothing of the limiter.

use rayon::prelude::*;

use crate::photosensitivity::{Counter, Rule};
use crate::stage::{Canvas, Filter, Fit, OutputFrame, Projection};

/// What a film shows at a time: a picture, and how it meets the frame.
struct Shot {
    picture: Canvas,
    fit: Fit,
}

type Film = Box<dyn Fn(f64) -> Shot + Sync>;

const PICTURE: (u32, u32) = (48, 48);
/// As a screen is.
const FRAME: (u32, u32) = (64, 36);
const RATES: [f64; 5] = [24.0, 25.0, 30.0, 50.0, 60.0];
/// Flashes a second, and those between them.
const HERTZ: &[f64] = &[3.5, 5.0, 7.5, 10.0, 15.0];
const MORE_HERTZ: &[f64] = &[4.2, 6.0, 8.6, 12.0, 20.0];

fn drawn(size: (u32, u32), pixel: impl Fn(f32, f32) -> [u8; 3]) -> Canvas {
    let mut canvas = Canvas::black(size);
    for (at, out) in canvas.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = (at % size.0 as usize, at / size.0 as usize);
        let place = |at: usize, side: u32| (at as f32 + 0.5) / side as f32;
        out[..3].copy_from_slice(&pixel(place(x, size.0), place(y, size.1)));
    }
    canvas
}

fn is_on(secs: f64, hertz: f64) -> bool {
    (secs * hertz + 1e-9).fract() < 0.5
}

/// A film whose pictures fill the frame.
fn film(pixel: impl Fn(f64, f32, f32) -> [u8; 3] + Sync + 'static) -> Film {
    Box::new(move |secs| Shot {
        picture: drawn(PICTURE, |x, y| pixel(secs, x, y)),
        fit: Fit::Stretch,
    })
}

fn grey(level: u8) -> [u8; 3] {
    [level; 3]
}

/// A picture with something in it.
fn scene(x: f32, y: f32) -> u8 {
    (110.0 + 60.0 * (x * 9.0).sin() + 50.0 * (y * 7.0 + x * 3.0).cos()) as u8
}

fn families(all: bool) -> Vec<(String, Film)> {
    let mut families: Vec<(String, Film)> = Vec::new();
    let mut add = |name: String, film: Film| families.push((name, film));
    for hertz in [HERTZ, if all { MORE_HERTZ } else { &[] }].concat() {
        for (dark, light) in [(0, 255), (60, 180), (100, 190), (140, 220)] {
            add(
                format!("strobe {hertz} {dark} {light}"),
                film(move |secs, _, _| grey(if is_on(secs, hertz) { light } else { dark })),
            );
        }
        add(
            format!("strobe that begins dark {hertz}"),
            film(move |secs, _, _| grey(if is_on(secs, hertz) { 0 } else { 255 })),
        );
        add(
            format!("strobed scene {hertz}"),
            film(move |secs, x, y| grey(if is_on(secs, hertz) { scene(x, y) } else { 0 })),
        );
        add(
            format!("fades {hertz}"),
            film(move |secs, x, y| {
                let part = 0.5 + 0.5 * (secs * hertz * std::f64::consts::TAU).sin();
                grey((f64::from(scene(x, y)) * part) as u8)
            }),
        );
        for (name, other) in [
            ("black", [0, 0, 0]),
            ("cyan", [0, 200, 200]),
            ("blue", [0, 0, 255]),
            ("green", [0, 140, 0]),
            ("dark red", [60, 0, 0]),
        ] {
            add(
                format!("red on {name} {hertz}"),
                film(move |secs, _, _| {
                    if is_on(secs, hertz) {
                        [220, 0, 0]
                    } else {
                        other
                    }
                }),
            );
        }
        add(
            format!("red columns on cyan {hertz}"),
            film(move |secs, x, _| {
                let is_red = ((x * 24.0) as usize).is_multiple_of(2) && is_on(secs, hertz);
                if is_red { [255, 0, 0] } else { [0, 255, 255] }
            }),
        );
        for side in [8.0, 12.0, 24.0].into_iter().chain(all.then_some(20.0)) {
            add(
                format!("checkers of {side} {hertz}"),
                film(move |secs, x, y| {
                    let is_light = ((x * side) as usize + (y * side) as usize).is_multiple_of(2);
                    grey(if is_light == is_on(secs, hertz) {
                        255
                    } else {
                        0
                    })
                }),
            );
        }
        for share in [0.15, 0.19, 0.24, 0.3] {
            add(
                format!("band of {share} {hertz}"),
                film(move |secs, _, y| {
                    let is_inside = (y - 0.5).abs() < share / 2.0;
                    grey(if is_inside && is_on(secs, hertz) {
                        255
                    } else {
                        20
                    })
                }),
            );
        }
        for radius in [0.1f32, 0.18, 0.25] {
            add(
                format!("spot of {radius} {hertz}"),
                film(move |secs, x, y| {
                    let is_inside = (x - 0.4).hypot(y - 0.6) < radius;
                    grey(if is_inside && is_on(secs, hertz) {
                        255
                    } else {
                        20
                    })
                }),
            );
        }
        add(
            format!("halves in turn {hertz}"),
            film(move |secs, x, _| {
                grey(if (x < 0.5) == is_on(secs, hertz / 2.0) {
                    255
                } else {
                    0
                })
            }),
        );
        add(
            format!("quarters in turn {hertz}"),
            film(move |secs, x, y| {
                let now = (secs * hertz) as usize % 4;
                let mine = usize::from(x >= 0.5) + 2 * usize::from(y >= 0.5);
                grey(if now == mine { 255 } else { 0 })
            }),
        );
        add(
            format!("moving band {hertz}"),
            film(move |secs, x, _| {
                let at = (secs * hertz / 2.0).fract() as f32 * 1.3 - 0.15;
                grey(if (x - at).abs() < 0.15 { 255 } else { 10 })
            }),
        );
        add(
            format!("fits in turn {hertz}"),
            Box::new(move |secs| Shot {
                picture: drawn(PICTURE, |_, _| grey(255)),
                fit: if is_on(secs, hertz) {
                    Fit::Fit
                } else {
                    Fit::OneToOne
                },
            }),
        );
        add(
            format!("band that fills {hertz}"),
            Box::new(move |secs| Shot {
                picture: drawn(PICTURE, |_, y| {
                    grey(if (y - 0.5).abs() < 0.095 && is_on(secs, hertz) {
                        255
                    } else {
                        20
                    })
                }),
                fit: Fit::Fill,
            }),
        );
        add(
            format!("models of two sizes {hertz}"),
            Box::new(move |secs| Shot {
                picture: if is_on(secs, hertz) {
                    drawn((40, 40), |_, _| grey(230))
                } else {
                    drawn((60, 30), |_, _| grey(30))
                },
                fit: Fit::Fit,
            }),
        );
    }
    for length in 1..=4 {
        for apart in [0.11, 0.17, 0.26] {
            add(
                format!("pulses of {length} pictures each {apart} s"),
                film(move |secs, x, y| {
                    let is_pulse = secs % apart < f64::from(length) / 60.0;
                    grey(if is_pulse { 255 } else { scene(x, y) / 2 })
                }),
            );
            add(
                format!("dips of {length} pictures each {apart} s"),
                film(move |secs, x, y| {
                    let is_dip = secs % apart < f64::from(length) / 60.0;
                    grey(if is_dip { 0 } else { scene(x, y) })
                }),
            );
        }
    }
    add(
        "uneven blackouts".to_owned(),
        film(|secs, x, y| {
            let beats = [
                0.0, 0.31, 0.44, 0.7, 0.78, 1.2, 1.29, 1.37, 1.9, 2.05, 2.11, 2.5,
            ];
            let count = beats.iter().filter(|&&beat| secs % 2.6 >= beat).count();
            grey(if count % 2 == 0 { 0 } else { scene(x, y) })
        }),
    );
    add(
        "a chirp".to_owned(),
        film(|secs, _, _| {
            let turns = 2.0 * secs + secs * secs;
            grey(if turns.fract() < 0.5 { 255 } else { 0 })
        }),
    );
    families
}

/// Which rules a film breaks that has gone through an output, with the limiter or without it.
fn broken(film: &Film, fps: f64, secs: f64, limits: bool) -> Vec<Rule> {
    let mut output = OutputFrame::new(FRAME, Filter::Nearest, 1);
    let mut counter = Counter::new(FRAME);
    for frame in 0..(secs * fps) as usize {
        let at = frame as f64 / fps;
        let shot = film(at);
        let projection = Projection {
            limits,
            tick: (at * 480.0) as u64,
            ..Projection::plain(shot.fit)
        };
        counter.add(output.draw(&shot.picture, &projection), at);
    }
    let broken = counter.verdicts().iter().filter(|verdict| !verdict.holds);
    // Stripes stand still: nothing is darkened for them.
    let rules = broken.map(|verdict| verdict.rule);
    rules.filter(|&rule| rule != Rule::Pattern).collect()
}

/// How long a film is looked at: for longer than the guidelines let flashing go on, where that is what it is about.
fn length(number: usize) -> f64 {
    if number.is_multiple_of(6) { 6.5 } else { 2.6 }
}

#[test]
fn no_film_of_flashes_passes_an_output_with_too_many() {
    // Each at one of the rates; more of them, at every rate, where that is asked for.
    let all = std::env::var_os("LATENTLOOP_ALL_FLASHES").is_some();
    let families = families(all);
    let films: Vec<_> = families
        .iter()
        .enumerate()
        .flat_map(|(number, (name, film))| {
            let rates = RATES.iter().enumerate();
            let rates = rates.filter(move |(at, _)| all || number % RATES.len() == *at);
            rates.map(move |(_, &fps)| (number, name, film, fps))
        })
        .collect();
    let failures: Vec<String> = films
        .par_iter()
        .filter_map(|&(number, name, film, fps)| {
            let secs = if all { 6.5 } else { length(number) };
            let broken = broken(film, fps, secs, true);
            (!broken.is_empty()).then(|| format!("{name} at {fps}: {broken:?}"))
        })
        .collect();
    let count = failures.len();
    assert!(
        count == 0,
        "{count} of {}:\n{}",
        films.len(),
        failures.join("\n")
    );
}

#[test]
fn without_the_limiter_they_break_the_rules() {
    let families = families(false);
    for (number, fps) in [
        (0, 60.0),
        (1, 24.0),
        (4, 25.0),
        (6, 30.0),
        (9, 50.0),
        (12, 30.0),
        (22, 60.0),
    ] {
        let (name, film) = &families[number];
        let broken = broken(film, fps, 2.2, false);
        assert!(!broken.is_empty(), "{name} at {fps}");
    }
}
