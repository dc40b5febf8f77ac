//! The look on whatever card there is.

use std::sync::Arc;

use super::own::Shelf;
use super::{Finish, Look, LookFrame, LookValues, OwnValues, Palette};
use crate::instrument::LookOrder;
use crate::stage::Canvas;

const SIZE: (u32, u32) = (64, 64);
/// A golden picture may differ by so many levels on so many of its 4,096 pixels: cards round and filter a little differently.
const LEVELS: u8 = 3;
const PIXELS: usize = 40;

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

/// Night blue, rust, amber and cream.
fn amber() -> Palette {
    let four = [
        [0.25, 0.0, -0.06],
        [0.45, 0.09, 0.07],
        [0.7, 0.06, 0.13],
        [0.95, 0.0, 0.04],
    ];
    Palette {
        oklab: std::array::from_fn(|at| four[at / 2]),
    }
}

fn frame(values: LookValues, number: u64) -> LookFrame {
    LookFrame {
        values,
        brightness: 1.0,
        blackout: false,
        tick: number * 16,
        seed: 7,
        palette: Some(amber()),
    }
}

/// The last of so many pictures that a look makes of the synthetic one, shifted by a pixel each time.
fn drawn(values: LookValues, pictures: u64) -> Canvas {
    drawn_by(Look::headless().unwrap().waiting(), values, pictures)
}

fn drawn_by(look: Look, values: LookValues, pictures: u64) -> Canvas {
    let mut finish = Finish::with(look);
    let mut canvas = Canvas::default();
    for number in 0..pictures {
        canvas = synthetic();
        canvas.rgba.rotate_right(4 * number as usize);
        let mut frame = frame(values, number);
        // Half a keyframe goes by while a golden picture is drawn.
        frame.values.position += 0.125 * number as f32;
        if finish.finish(&mut canvas, &frame) {
            assert!(finish.read_waiting(&mut canvas));
        }
    }
    canvas
}

fn save(path: &std::path::Path, canvas: &Canvas) {
    image::save_buffer(path, &canvas.rgba, SIZE.0, SIZE.1, image::ColorType::Rgba8).unwrap();
}

fn golden(name: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/look")
        .join(format!("{name}.png"))
}

/// How many pixels of a picture are not those of `tests/golden/look/NAME.png`, and by how much each level differs.
fn compare(name: &str, seen: &Canvas) -> Result<(usize, Vec<u8>), String> {
    let picture = image::open(golden(name)).map_err(|error| format!("{name}: {error}"))?;
    let picture = picture.to_rgba8();
    if seen.rgba.len() != picture.len() {
        return Err(format!("{name}: its size is another"));
    }
    let levels = seen.rgba.iter().zip(picture.as_raw());
    let differences: Vec<u8> = levels.map(|(a, b)| a.abs_diff(*b)).collect();
    let pixels = differences.chunks_exact(4);
    let off = pixels.filter(|pixel| pixel.iter().any(|&d| d > LEVELS));
    Ok((off.count(), differences))
}

/// Holds a picture against its golden one; `LATENTLOOP_GOLDEN=write` makes it.
fn check(name: &str, seen: &Canvas) -> Result<(), String> {
    if std::env::var_os("LATENTLOOP_GOLDEN").is_some() {
        save(&golden(name), seen);
        return Ok(());
    }
    let (off, differences) = compare(name, seen)?;
    if off <= PIXELS {
        return Ok(());
    }
    let folder = std::env::temp_dir().join("latentloop-golden");
    std::fs::create_dir_all(&folder).unwrap();
    let mut difference = Canvas::black(SIZE);
    for (out, d) in difference
        .rgba
        .chunks_exact_mut(4)
        .zip(differences.chunks_exact(4))
    {
        for (out, d) in out.iter_mut().zip(&d[..3]) {
            *out = d.saturating_mul(8);
        }
    }
    save(&folder.join(format!("{name}.seen.png")), seen);
    save(&folder.join(format!("{name}.difference.png")), &difference);
    Err(format!(
        "{name}: {off} pixels differ; see {}",
        folder.display()
    ))
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
        failed.extend(check(name, &seen).err());
        let (off, _) = compare(name, &plain).unwrap();
        assert!(
            off > PIXELS,
            "a {name} that does nothing would not be found: {off}"
        );
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// How far two pictures are apart at most, in levels.
fn apart(a: &Canvas, b: &Canvas) -> u8 {
    let levels = a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b));
    levels.max().unwrap_or(0)
}

/// Drawn in one go, light is kept in 32 bits from pass to pass and not in 16: the pictures may differ by a level.
#[test]
fn passes_that_are_drawn_in_one_go_make_the_picture_that_they_make_one_by_one() {
    let v = LookValues {
        limiter: 0.0,
        feedback: 0.7,
        feedback_zoom: 0.5,
        feedback_hue: 90.0,
        palette: 0.6,
        gain: 1.2,
        saturation: 1.3,
        hue: 20.0,
        vignette: 0.6,
        grain: 0.3,
        grain_size: 2.0,
        strobe: 0.5,
        strobe_rate: 8.0,
        ..LookValues::default()
    };
    let turned = LookOrder::of(&["grain", "colour", "feedback", "strobe", "palette"]).unwrap();
    // With bloom in the middle there are two runs.
    for (order, bloom) in [
        (LookOrder::default(), 0.0),
        (turned, 0.0),
        (LookOrder::default(), 0.4),
    ] {
        let v = LookValues { order, bloom, ..v };
        let fused = drawn(v, 6);
        let single = drawn_by(Look::headless().unwrap().one_by_one(), v, 6);
        assert!(apart(&fused, &single) <= 1, "{}", apart(&fused, &single));
    }
    let usual = drawn(v, 6);
    let other = drawn(LookValues { order: turned, ..v }, 6);
    assert!(apart(&usual, &other) > 20, "the order makes a difference");
}

/// A pass of one's own, and where its files lie.
fn own(texts: &[(&str, &str)]) -> (Arc<Shelf>, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        std::fs::write(place.path().join(name), text).unwrap();
    }
    let shelf = Arc::new(Shelf::new(Box::new(|is_warning, text| {
        assert!(!is_warning, "{text}");
    })));
    shelf.read(place.path().to_owned()).unwrap();
    (shelf, place)
}

fn worn(shelf: &Arc<Shelf>) -> Finish {
    let mut finish = Finish::default();
    finish.wear(Arc::clone(shelf));
    finish.take_card(Look::headless().unwrap().waiting());
    finish
}

const SETTINGS: &str = "@group(0) @binding(0) var picture: texture_2d<f32>;
@group(1) @binding(0) var last: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;
";

#[test]
fn a_pass_of_ones_own_is_drawn_with_its_knobs_in_its_place() {
    let flat = format!(
        "//! red = 0.5 (0..1)\n//! green = 20 (0..100)\n{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32, red: f32, green: f32 }}
         @fragment fn f() -> @location(0) vec4<f32> {{ return vec4<f32>(settings.red, settings.green / 100.0, 0.0, 1.0); }}"
    );
    let invert = format!(
        "//! slot: 3\n{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32 }}
         @fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{ return 1.0 - textureLoad(picture, vec2<i32>(at.xy), 0); }}"
    );
    let (shelf, _place) = own(&[("flat.wgsl", &flat), ("invert.wgsl", &invert)]);
    let mut v = LookValues {
        limiter: 0.0,
        ..LookValues::default()
    };
    v.own[0].amount = 1.0;
    v.own[0].knobs = [1.0, 0.5, 0.5, 0.5];
    let mut finish = worn(&shelf);
    let mut pixel = |v: LookValues| {
        let mut canvas = synthetic();
        assert!(finish.finish(&mut canvas, &frame(v, 0)));
        assert!(finish.read_waiting(&mut canvas));
        [canvas.rgba[0], canvas.rgba[1], canvas.rgba[2]]
    };
    // Half of the light is 188 of 255.
    assert_eq!(pixel(v), [255, 188, 0]);
    v.own[2].amount = 1.0;
    assert_eq!(pixel(v), [0, 188, 255]);
    // The other way round the flat colour covers all.
    v.order = LookOrder::of(&["own.3", "own.1"]).unwrap();
    assert_eq!(pixel(v), [255, 188, 0]);
    // Half of it lets half of the picture through.
    v.own[2].amount = 0.0;
    v.own[0] = OwnValues {
        amount: 0.5,
        knobs: [0.0, 0.0, 0.5, 0.5],
    };
    assert_eq!(pixel(v), [0, 0, 41], "of 0, 0, 60");
    // An empty place draws nothing.
    v.own[0].amount = 0.0;
    v.own[3].amount = 1.0;
    assert_eq!(pixel(v), [0, 0, 60]);
}

#[test]
fn every_pass_that_lies_there_to_be_copied_is_let_in_and_draws_its_golden_picture() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/presets/looks");
    let shelf = Arc::new(Shelf::new(Box::new(|is_warning, text| {
        assert!(!is_warning, "{text}");
    })));
    shelf.read(folder.into()).unwrap();
    let mut failed = Vec::new();
    let mut plain = synthetic();
    plain.rgba.rotate_right(16);
    for place in 0..3 {
        let source = shelf.source(place).unwrap();
        let mut v = LookValues {
            limiter: 0.0,
            ..LookValues::default()
        };
        v.own[place].amount = 1.0;
        for (knob, own) in v.own[place].knobs.iter_mut().zip(&source.knobs) {
            *knob = own.rest() as f32;
        }
        let mut finish = worn(&shelf);
        let mut seen = Canvas::default();
        for number in 0..5 {
            seen = synthetic();
            seen.rgba.rotate_right(4 * number as usize);
            assert!(finish.finish(&mut seen, &frame(v, number)));
            assert!(finish.read_waiting(&mut seen));
        }
        assert!(apart(&seen, &plain) > 20, "{} does something", source.name);
        failed.extend(check(&format!("own-{}", source.name), &seen).err());
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn what_is_no_number_does_not_stay_in_the_feedback() {
    let text = format!(
        "{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32 }}
         @fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{
             let zero = f32(settings.tick & 0u);
             return vec4<f32>(zero / zero, 1.0 / zero, -1.0 / zero, 1.0);
         }}"
    );
    let (shelf, _place) = own(&[("nan.wgsl", &text)]);
    let mut finish = worn(&shelf);
    let mut v = LookValues {
        limiter: 0.0,
        feedback: 0.9,
        order: LookOrder::of(&["own.1", "feedback"]).unwrap(),
        ..LookValues::default()
    };
    let mut last = Canvas::default();
    for number in 0..60 {
        v.own[0].amount = if number < 3 { 1.0 } else { 0.0 };
        last = synthetic();
        assert!(finish.finish(&mut last, &frame(v, number)));
        assert!(finish.read_waiting(&mut last));
    }
    assert!(
        apart(&last, &synthetic()) <= 2,
        "{}",
        apart(&last, &synthetic())
    );
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

/// Says how long pictures take: `cargo test --lib a_look_is_drawn -- --nocapture`.
#[test]
fn a_look_is_drawn_many_times_in_a_reasonable_time() {
    let values = LookValues {
        feedback: 0.6,
        gain: 1.1,
        grain: 0.3,
        vignette: 0.5,
        ..LookValues::default()
    };
    const PICTURES: u64 = 60;
    let mut canvas = Canvas::black((640, 360));
    let mut time = |look: Look| {
        let mut finish = Finish::with(look);
        let mut begun = std::time::Instant::now();
        for number in 0..PICTURES + 2 {
            if number == 2 {
                // The first two make what the others use.
                begun = std::time::Instant::now();
            }
            assert!(finish.finish(&mut canvas, &frame(values, number)));
            assert!(finish.read_waiting(&mut canvas));
        }
        begun.elapsed() / PICTURES as u32
    };
    let fused = time(Look::headless().unwrap().waiting());
    let single = time(Look::headless().unwrap().one_by_one());
    println!(
        "{fused:?} a picture of 640 x 360 with feedback, colour, grain and vignette in one go, {single:?} one by one"
    );
    assert!(fused < std::time::Duration::from_secs(2));
}
