//! The look on whatever card there is.

use super::{Finish, Look, LookFrame, LookValues};
use crate::stage::{Canvas, golden};

const SIZE: (u32, u32) = (64, 64);
/// Of 4,096 pixels.
const TOLERANCE: golden::Tolerance = golden::Tolerance {
    levels: 3,
    pixels: 40,
};

/// A picture with edges, slopes, colours, black and white.
fn synthetic() -> Canvas {
    let mut canvas = Canvas::black(SIZE);
    for (at, pixel) in canvas.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((at % 64) as i32, (at / 64) as i32);
        let disc = (x - 22).pow(2) + (y - 26).pow(2) < 170;
        let bar = (44..50).contains(&x) && y > 10;
        let spot = (x - 50).pow(2) + (y - 8).pow(2) < 12;
        let colour = match (disc, bar, spot) {
            (.., true) => [255, 250, 230],
            (true, ..) => [220, 70 + y as u8, 40],
            (_, true, _) => [30, 120, 210],
            _ => [(x * 2) as u8, (y * 2) as u8, (60 + (x + y) / 2) as u8],
        };
        pixel[..3].copy_from_slice(&colour);
    }
    canvas
}

fn frame(values: LookValues, number: u64) -> LookFrame {
    LookFrame {
        values,
        brightness: 1.0,
        blackout: false,
        tick: number * 16,
        seed: 7,
    }
}

/// The last of so many pictures that a look makes of the synthetic one, shifted by a pixel each time.
fn drawn(values: LookValues, pictures: u64) -> Canvas {
    let mut finish = Finish::with(Look::headless().unwrap());
    let mut canvas = Canvas::default();
    for number in 0..pictures {
        canvas = synthetic();
        canvas.rgba.rotate_right(4 * number as usize);
        if finish.finish(&mut canvas, &frame(values, number)) {
            assert!(finish.read_waiting(&mut canvas));
        }
    }
    canvas
}

#[test]
fn every_pass_draws_its_golden_picture() {
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
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn with_defaults_the_picture_is_the_same_bit_for_bit_and_the_card_draws_nothing() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let mut canvas = synthetic();
    let on_card = finish.finish(&mut canvas, &frame(LookValues::default(), 0));
    assert!(!on_card);
    assert!(canvas == synthetic());
}

#[test]
fn the_card_gives_back_what_no_pass_has_changed() {
    let mut finish = Finish::with(Look::headless().unwrap());
    // Every grey there is, and every level of one colour.
    let mut every = Canvas::black(SIZE);
    for (at, pixel) in every.rgba.chunks_exact_mut(4).enumerate() {
        let level = (at % 256) as u8;
        pixel[..3].copy_from_slice(&if at < 2048 {
            [level; 3]
        } else {
            [level, 255 - level, 0]
        });
    }
    // Between the strobe's dark halves, and in the time that the card goes on after it.
    let strobe = LookValues {
        strobe: 1.0,
        ..LookValues::default()
    };
    for (values, number) in [(strobe, 0), (LookValues::default(), 1)] {
        let mut canvas = every.clone();
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        assert!(finish.read_waiting(&mut canvas));
        let worst = canvas
            .rgba
            .iter()
            .zip(&every.rgba)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert_eq!(worst, Some(0));
    }
    let mut canvas = every.clone();
    assert!(!finish.finish(&mut canvas, &frame(LookValues::default(), 100)));
}

/// The pictures of a strobe at ten hertz, on the card or on the processor: mean bytes.
fn strobed(on_card: bool, limiter: f32) -> Vec<u8> {
    let mut finish = if on_card {
        Finish::with(Look::headless().unwrap())
    } else {
        Finish::default()
    };
    let mut levels = Vec::new();
    for number in 0..120 {
        let mut canvas = Canvas::black(SIZE);
        let mut values = LookValues {
            limiter,
            ..LookValues::default()
        };
        if on_card {
            (values.strobe, values.strobe_rate) = (1.0, 10.0);
        }
        let is_dark = (number * 16) % 48 >= 24;
        if on_card || !is_dark {
            canvas.rgba.fill(255);
        }
        if finish.finish(&mut canvas, &frame(values, number)) {
            assert!(finish.read_waiting(&mut canvas));
        }
        let sum: u64 = canvas
            .rgba
            .chunks_exact(4)
            .map(|pixel| u64::from(pixel[0]))
            .sum();
        levels.push((sum / 4096) as u8);
    }
    levels
}

#[test]
fn a_strobe_of_ten_hertz_is_held_on_the_card_as_on_the_processor() {
    let light = |level: u8| (f32::from(level) / 255.0).powf(2.2);
    // Pairs of opposing changes by a tenth of the range in the worst second, as WCAG counts them.
    let flashes = |levels: &[u8]| {
        let changes: Vec<usize> = (1..levels.len())
            .filter(|&at| (light(levels[at]) - light(levels[at - 1])).abs() >= 0.1)
            .collect();
        let within = |from: usize| {
            changes
                .iter()
                .filter(|&&at| at >= from && at < from + 30)
                .count()
        };
        changes
            .iter()
            .map(|&from| within(from) / 2)
            .max()
            .unwrap_or(0)
    };
    let free = strobed(true, 0.0);
    assert!(flashes(&free) >= 9, "{free:?}");
    let (card, processor) = (strobed(true, 1.0), strobed(false, 1.0));
    assert!((2..=3).contains(&flashes(&card)), "{card:?}");
    assert!((2..=3).contains(&flashes(&processor)), "{processor:?}");
    let worst = card
        .iter()
        .zip(&processor)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(worst <= Some(2), "{card:?}\n{processor:?}");
}

#[test]
fn a_strobe_that_comes_and_goes_does_not_get_past_the_limiter() {
    // The card and the processor take turns: each goes on from what the other has shown.
    let mut finish = Finish::with(Look::headless().unwrap());
    let mut levels: Vec<f32> = Vec::new();
    for number in 0..300u64 {
        let mut canvas = Canvas::black(SIZE);
        if (number / 2).is_multiple_of(2) {
            canvas.rgba.fill(255);
        }
        let mut values = LookValues::default();
        // Half a second of grain every four.
        if number % 120 < 15 {
            values.grain = 0.05;
        }
        if finish.finish(&mut canvas, &frame(values, number)) {
            assert!(finish.read_waiting(&mut canvas));
        }
        levels.push((f32::from(canvas.rgba[4 * 2080]) / 255.0).powf(2.2));
    }
    let changes: Vec<usize> = (1..levels.len())
        .filter(|&at| (levels[at] - levels[at - 1]).abs() >= 0.12)
        .collect();
    for &from in &changes {
        let within = changes
            .iter()
            .filter(|&&at| at >= from && at < from + 30)
            .count();
        assert!(within <= 7, "{within} changes from {from}: {levels:?}");
    }
}

#[test]
fn a_blackout_is_black_at_once_behind_feedback_and_grain() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        feedback: 0.9,
        grain: 0.5,
        ..LookValues::default()
    };
    for number in 0..3 {
        finish.finish(&mut synthetic(), &frame(values, number));
    }
    let mut canvas = synthetic();
    let black = LookFrame {
        brightness: 0.0,
        blackout: true,
        ..frame(values, 3)
    };
    assert!(finish.finish(&mut canvas, &black) && finish.read_waiting(&mut canvas));
    assert!(canvas == Canvas::black(SIZE));
}

#[test]
fn pictures_come_back_without_anyone_waiting_for_them() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        gain: 0.5,
        ..LookValues::default()
    };
    let mut come = 0;
    for number in 0..200 {
        let mut canvas = synthetic();
        canvas.resize(if number < 100 { SIZE } else { (60, 36) });
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        let (size, plain) = (canvas.size, canvas.rgba.clone());
        finish.read(&mut canvas, &frame(values, number));
        assert_eq!(canvas.size, size);
        come += usize::from(canvas.rgba != plain);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // How many depends on how busy the machine is.
    assert!(come > 20, "{come}");
}

#[test]
fn a_picture_that_comes_back_says_when_it_was_drawn() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        gain: 1.01,
        ..LookValues::default()
    };
    // Each picture is brighter than the one before: its level says which it is.
    let mut drawn = Vec::new();
    let mut late = 0;
    for number in 0..60u64 {
        let mut canvas = synthetic();
        canvas.rgba.fill(4 * number as u8);
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        let before = std::time::Instant::now();
        let at = finish.read(&mut canvas, &frame(values, number));
        drawn.push(before..=std::time::Instant::now());
        if let Some(at) = at {
            let level = usize::from(canvas.rgba[0]);
            let seen = (level + 2) / 4;
            assert!(drawn[seen].contains(&at), "{number} shows {seen}");
            late += usize::from(seen < number as usize);
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    assert!(late > 0, "none came late, which is what this is about");
}

/// Says how long pictures take: `cargo test --lib a_look_is_drawn -- --nocapture`.
#[test]
fn a_look_is_drawn_many_times_in_a_reasonable_time() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        feedback: 0.6,
        gain: 1.1,
        grain: 0.3,
        vignette: 0.5,
        ..LookValues::default()
    };
    let mut canvas = Canvas::black((640, 360));
    let mut begun = std::time::Instant::now();
    const PICTURES: u64 = 60;
    for number in 0..=PICTURES {
        if number == 1 {
            // The first makes what the others use.
            begun = std::time::Instant::now();
        }
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        assert!(finish.read_waiting(&mut canvas));
    }
    let each = begun.elapsed() / PICTURES as u32;
    println!("{each:?} a picture of 640 x 360 with feedback, colour, grain and vignette");
    assert!(each < std::time::Duration::from_secs(2));
}
