//! The limiter held to what WCAG counts.

use super::*;

/// A picture of a frame's number.
type Picture<'a> = &'a dyn Fn(usize) -> Vec<u8>;

const SIZE: (u32, u32) = (64, 48);

/// Pairs of opposing changes by a tenth of the range in the worst second, of the mean relative luminance of a picture's part.
fn flashes(levels: &[f32], fps: usize) -> usize {
    let mut times = Vec::new();
    let (mut extreme, mut direction) = (levels[0], 0.0);
    for (at, &level) in levels.iter().enumerate() {
        let change = level - extreme;
        if direction * change >= 0.0 && direction != 0.0 {
            extreme = level;
        } else if change.abs() >= 0.1 && level.min(extreme) < 0.8 {
            times.push(at);
            direction = change.signum();
            extreme = level;
        }
    }
    let within = |from: usize| {
        times
            .iter()
            .filter(|&&at| at >= from && at < from + fps)
            .count()
    };
    times
        .iter()
        .map(|&from| within(from) / 2)
        .max()
        .unwrap_or(0)
}

fn grey(level: u8) -> Vec<u8> {
    [level, level, level, 255].repeat((SIZE.0 * SIZE.1) as usize)
}

fn canvas(rgba: Vec<u8>) -> Canvas {
    Canvas { size: SIZE, rgba }
}

fn rule(frame: usize, fps: usize) -> Rule {
    Rule {
        tick: (frame * TICKS_PER_SEC as usize / fps) as u64,
        limits: true,
        darkens: false,
        visible: Visible::default(),
    }
}

/// The mean luminance of each of five seconds' pictures, before and after the limiter.
fn through(fps: usize, limits: bool, picture: impl Fn(usize) -> Vec<u8>) -> (Vec<f32>, Vec<f32>) {
    let mut limiter = Limiter::default();
    let mean = |canvas: &Canvas| {
        let all = means(canvas);
        all.iter().map(|&mean| luminance(mean)).sum::<f32>() / CELLS as f32
    };
    (0..fps * 5)
        .map(|frame| {
            let picture = canvas(picture(frame));
            let before = mean(&picture);
            let rule = Rule {
                limits,
                ..rule(frame, fps)
            };
            (before, mean(limiter.limit(&picture, 1.0, rule)))
        })
        .unzip()
}

#[test]
fn a_strobe_of_ten_hertz_over_the_whole_picture_is_held_to_three_flashes_a_second() {
    for fps in [30, 60] {
        for (dark, light) in [(0, 255), (60, 180), (100, 190)] {
            let strobe = |frame: usize| {
                grey(if (frame * 20 / fps).is_multiple_of(2) {
                    dark
                } else {
                    light
                })
            };
            let (before, after) = through(fps, true, strobe);
            assert!(flashes(&before, fps) >= 9, "the strobe is one");
            assert!(
                flashes(&after, fps) <= 3,
                "{fps} {dark} {light}: {}",
                flashes(&after, fps)
            );
            assert!(flashes(&after, fps) >= 2, "it is held, not put out");
            let (_, free) = through(fps, false, strobe);
            assert_eq!(before, free, "switched off it changes nothing");
        }
    }
}

#[test]
fn what_flashes_seldom_or_small_or_in_bright_light_is_left_alone() {
    let fps = 30;
    let corner = |frame: usize| {
        // Less than a quarter: 6 of 16 cells each way.
        let mut rgba = grey(20);
        let wide = SIZE.0 as usize * 6 / 16;
        if frame.is_multiple_of(3) {
            for line in rgba
                .chunks_exact_mut(SIZE.0 as usize * 4)
                .take(SIZE.1 as usize * 6 / 16)
            {
                line[..wide * 4].fill(255);
            }
        }
        rgba
    };
    let slow = |frame: usize| {
        grey(if (frame / 6).is_multiple_of(2) {
            0
        } else {
            255
        })
    };
    let faint = |frame: usize| grey(if frame.is_multiple_of(2) { 100 } else { 115 });
    let bright = |frame: usize| grey(if frame.is_multiple_of(2) { 232 } else { 255 });
    let cases: [(&str, Picture); 4] = [
        ("corner", &corner),
        ("slow", &slow),
        ("faint", &faint),
        ("bright", &bright),
    ];
    for (name, picture) in cases {
        let (before, after) = through(fps, true, picture);
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn a_red_flash_is_held_though_its_luminance_hardly_changes() {
    let fps = 30;
    let red = |frame: usize| {
        let colour = if frame.is_multiple_of(3) {
            [140, 0, 0, 255]
        } else {
            [60, 0, 0, 255]
        };
        colour.repeat((SIZE.0 * SIZE.1) as usize)
    };
    let (before, after) = through(fps, true, red);
    assert!(flashes(&before, fps) == 0, "no general flash");
    let changes = |levels: &[f32]| {
        levels
            .windows(2)
            .filter(|pair| (pair[0] - pair[1]).abs() >= RED_STEP * 0.2126)
            .count()
    };
    assert!(
        changes(&before) > 80 && changes(&after) <= 32,
        "{} {}",
        changes(&before),
        changes(&after)
    );
}

#[test]
fn a_blackout_waits_for_nothing() {
    let mut limiter = Limiter::default();
    for frame in 0..40usize {
        let picture = canvas(grey(if frame.is_multiple_of(2) { 0 } else { 255 }));
        limiter.limit(&picture, 1.0, rule(frame, 30));
    }
    let darkens = Rule {
        darkens: true,
        ..rule(40, 30)
    };
    let black = canvas(grey(0));
    assert_eq!(limiter.limit(&black, 1.0, darkens), &black);
}
