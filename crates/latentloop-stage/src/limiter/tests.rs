//! The limiter by itself. What passes an output is held to the guidelines where the counter is, in the program's own tests.

use super::*;
use crate::stage::{Filter, Fit, OutputFrame, Projection};

const SIZE: (u32, u32) = (96, 54);

fn grey(level: u8) -> Canvas {
    let mut canvas = Canvas::black(SIZE);
    for pixel in canvas.rgba.chunks_exact_mut(4) {
        pixel[..3].fill(level);
    }
    canvas
}

/// A picture with something in it, which changes slowly.
fn scene(number: u64) -> Canvas {
    let mut canvas = Canvas::black(SIZE);
    for (at, pixel) in canvas.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((at % 96) as f32, (at / 96) as f32);
        let phase = number as f32 * 0.02;
        let level = 120.0 + 60.0 * libm::sinf(x * 0.1 + phase) + 50.0 * libm::cosf(y * 0.2 - phase);
        pixel[..3].copy_from_slice(&[level as u8, (level * 0.8) as u8, (level * 0.9) as u8]);
    }
    canvas
}

fn output() -> OutputFrame {
    OutputFrame::new(SIZE, Filter::Nearest, 1)
}

/// A picture's number at 30 a second.
fn at(number: u64) -> Projection {
    Projection {
        limits: true,
        tick: number * 16,
        ..Projection::plain(Fit::Stretch)
    }
}

fn strobe(number: u64) -> Canvas {
    grey(if (number / 2).is_multiple_of(2) {
        255
    } else {
        0
    })
}

#[test]
fn a_calm_picture_is_the_frame_to_the_byte() {
    let mut output = output();
    for number in 0..300 {
        let picture = scene(number);
        assert!(
            output.draw(&picture, &at(number)) == picture.rgba,
            "{number}"
        );
    }
}

#[test]
fn what_goes_dark_goes_dark_at_once_and_comes_back_gradually() {
    let mut output = output();
    for number in 0..60 {
        output.draw(&strobe(number), &at(number));
    }
    let black = grey(0);
    assert!(output.draw(&black, &at(60)) == black.rgba);
    let level = |number: u64, output: &mut OutputFrame| {
        output.draw(&grey(255), &at(number))[4 * (27 * 96 + 48)]
    };
    let levels: Vec<u8> = (61..180).map(|number| level(number, &mut output)).collect();
    assert!(levels[0] < 90, "{levels:?}");
    assert_eq!(levels[118], 255, "{levels:?}");
    assert!(levels.is_sorted(), "{levels:?}");
    let steps = levels.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(steps.max() < Some(40), "{levels:?}");
}

#[test]
fn only_where_it_flashes_is_it_darkened() {
    let mut output = output();
    for number in 0..60 {
        let mut picture = scene(0);
        for line in picture.rgba.chunks_exact_mut(96 * 4) {
            let level = strobe(number).rgba[0];
            line[..40 * 4]
                .chunks_exact_mut(4)
                .for_each(|pixel| pixel[..3].fill(level));
        }
        let shown = output.draw(&picture, &at(number)).to_vec();
        for (line, before) in shown
            .chunks_exact(96 * 4)
            .zip(picture.rgba.chunks_exact(96 * 4))
        {
            assert!(line[70 * 4..] == before[70 * 4..], "{number}");
        }
        // By then it has flashed three times, in the first half second.
        if number == 20 {
            assert!(
                shown[4 * (27 * 96 + 20)] < 90,
                "{}",
                shown[4 * (27 * 96 + 20)]
            );
        }
    }
}

#[test]
fn it_remembers_through_other_sizes_and_what_was_left_out() {
    let mut shown = output();
    let mut passed = output();
    for number in 0..90 {
        let mut picture = strobe(number);
        if number % 7 > 3 {
            picture = Canvas::black((40, 90));
            picture.rgba.fill(strobe(number).rgba[0]);
        }
        let drawn = shown.draw(&picture, &at(number)).to_vec();
        if number < 45 {
            passed.pass(&picture, &at(number));
        } else {
            assert!(passed.draw(&picture, &at(number)) == drawn, "{number}");
        }
    }
}

#[test]
fn switched_off_it_changes_nothing_and_still_looks() {
    let mut output = output();
    for number in 0..60 {
        let free = Projection {
            limits: false,
            ..at(number)
        };
        assert!(output.draw(&strobe(number), &free) == strobe(number).rgba);
    }
    // Dark, then light: it has flashed enough.
    output.draw(&grey(0), &at(60));
    assert!(output.draw(&grey(255), &at(61))[0] < 90);
}

#[test]
fn what_is_laid_over_a_frame_counts_as_a_flash_everywhere() {
    let moment = Moment {
        overlaid: 1,
        ..Pace::default().next(480, true)
    };
    let mut ledger: Ledger = bytemuck::Zeroable::zeroed();
    let all = Count { all: 256, again: 0 };
    let admits = |ledger: &Ledger, tick: u32| {
        let moment = Moment { tick, ..moment };
        ledger.admits(all, Count::default(), 0, &moment)
    };
    assert!(admits(&ledger, moment.tick));
    for _ in 0..3 {
        // It comes, and goes.
        ledger.update(Count::default(), Count::default(), 0, &moment);
    }
    assert!(!admits(&ledger, moment.tick + SECOND - 1));
    assert!(admits(&ledger, moment.tick + SECOND));
}

#[test]
fn a_limiter_whose_card_was_lost_takes_it_that_there_were_flashes() {
    let mut state: Box<State> = Box::new(bytemuck::Zeroable::zeroed());
    let mut pace = Pace::default();
    let mut show = |state: &mut State, level: f32, is_cautious: u32, tick: u64| {
        let moment = Moment {
            is_cautious,
            ..pace.next(tick, true)
        };
        state.decide((0..POINTS).map(|_| [level; 3]), &moment);
        state.gains[70]
    };
    assert_eq!(show(&mut state, 0.2, 1, 5000), 1.0);
    assert!(show(&mut state, 0.9, 1, 5016) < 0.6);
    let mut fresh: Box<State> = Box::new(bytemuck::Zeroable::zeroed());
    assert_eq!(show(&mut fresh, 0.2, 0, 5000), 1.0);
    assert_eq!(show(&mut fresh, 0.9, 0, 5016), 1.0);
}

#[test]
fn the_shader_has_the_same_numbers_and_the_same_memory() {
    let wgsl = include_str!("limiter.wgsl");
    for (name, value) in [
        ("SIDE", SIDE as u32),
        ("POINTS", POINTS as u32),
        ("BLOCK", BLOCK as u32),
        ("BLOCKS", BLOCKS as u32),
        ("ALL_BLOCKS", (BLOCKS * BLOCKS) as u32),
        ("CELL", CELL as u32),
        ("CELLS", CELLS as u32),
        ("FIELD", FIELD as u32),
        ("FIELDS", FIELDS as u32),
        ("AREAS", AREAS as u32),
        ("SECOND", SECOND),
        ("LONG", LONG),
        ("AGAIN", AGAIN),
        ("PAUSE", PAUSE),
        ("LAST", LAST),
        ("MANY", MANY as u32),
    ] {
        let line = format!("const {name}: u32 = {value}u;");
        assert!(wgsl.contains(&line), "{line}");
    }
    assert!(wgsl.contains(&format!("const FLASHING: f32 = {FLASHING};")));
    assert!(wgsl.contains(&format!("const LEAST: f32 = {LEAST};")));
    assert!(wgsl.contains(&format!("const KEEPS: f32 = {KEEPS};")));
    for (name, step) in [("LUMINANCE", signal::LUMINANCE), ("RED", RED)] {
        let (change, held) = step.numbers();
        let line = format!("const {name}: Step = Step({change}, {held}, ");
        assert!(wgsl.contains(&line), "{line}");
    }
    // As WGSL lays out structs of f32 and u32: no gaps.
    assert_eq!(size_of::<Ledger>(), 4 * (12 + MANY));
    assert_eq!(size_of::<Point>(), 4 * 12);
    assert_eq!(
        size_of::<State>(),
        4 * (2 * BLOCKS * BLOCKS + AREAS * 2 * (12 + MANY) + POINTS * 12 + 1)
    );
}
