//! The counter held to films whose verdict is known.

use super::*;

const SIZE: (u32, u32) = (100, 64);

/// Whether each rule holds for a film of a picture's pixels, sRGB, by time in seconds and place.
fn broken(secs: f64, fps: f64, pixel: impl Fn(f64, usize, usize) -> [u8; 3]) -> Vec<Rule> {
    let mut counter = Counter::new(SIZE);
    for frame in 0..(secs * fps) as usize {
        let at = frame as f64 / fps;
        let mut rgba = Vec::new();
        for y in 0..SIZE.1 as usize {
            for x in 0..SIZE.0 as usize {
                rgba.extend(pixel(at, x, y));
                rgba.push(255);
            }
        }
        counter.add(&rgba, at);
    }
    let broken = counter.verdicts().iter().filter(|verdict| !verdict.holds);
    broken.map(|verdict| verdict.rule).collect()
}

fn square(secs: f64, hertz: f64) -> bool {
    (secs * hertz).fract() < 0.5
}

fn grey(level: u8) -> [u8; 3] {
    [level; 3]
}

#[test]
fn a_square_wave_of_three_hertz_holds_but_for_the_extended_rule_and_four_do_not() {
    let whole = |hertz: f64, secs: f64| {
        broken(secs, 60.0, move |at, _, _| {
            grey(if square(at, hertz) { 255 } else { 0 })
        })
    };
    assert_eq!(whole(3.0, 8.0), [Rule::Extended]);
    assert_eq!(whole(3.0, 4.0), []);
    let four = whole(4.0, 4.0);
    assert!(
        four.contains(&Rule::General) && four.contains(&Rule::GeneralField),
        "{four:?}"
    );
}

#[test]
fn ten_hertz_on_24_hundredths_of_the_picture_holds_and_on_26_does_not() {
    let part = |share: f64| {
        broken(2.0, 60.0, move |at, x, _| {
            let is_inside = (x as f64) < share * f64::from(SIZE.0);
            grey(if is_inside && square(at, 10.0) {
                255
            } else {
                0
            })
        })
    };
    let (less, more) = (part(0.24), part(0.26));
    assert!(
        !less.contains(&Rule::General) && less.contains(&Rule::GeneralField),
        "{less:?}"
    );
    assert!(more.contains(&Rule::General), "{more:?}");
}

#[test]
fn what_is_faint_or_bright_or_small_or_seldom_holds() {
    assert_eq!(
        broken(2.0, 30.0, |at, _, _| grey(if square(at, 10.0) {
            100
        } else {
            115
        })),
        []
    );
    assert_eq!(
        broken(2.0, 30.0, |at, _, _| grey(if square(at, 10.0) {
            232
        } else {
            255
        })),
        []
    );
    assert_eq!(
        broken(2.0, 30.0, |at, x, y| grey(
            if x < 10 && y < 10 && square(at, 10.0) {
                255
            } else {
                0
            }
        )),
        []
    );
    assert_eq!(
        broken(7.0, 30.0, |at, _, _| grey(if square(at, 1.5) {
            255
        } else {
            0
        })),
        []
    );
}

#[test]
fn the_first_change_counts_whichever_way_it_goes() {
    // Seven changes within a second, from light or from dark.
    for first in [0, 255] {
        let changes = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        let film = |count: usize| {
            broken(2.0, 60.0, move |at, _, _| {
                let done = changes[..count]
                    .iter()
                    .filter(|&&change| at >= change)
                    .count();
                grey(if done.is_multiple_of(2) {
                    first
                } else {
                    255 - first
                })
            })
        };
        assert_eq!(film(6), []);
        assert!(film(7).contains(&Rule::General), "{first}");
    }
}

#[test]
fn red_counts_a_pixel_at_a_time_and_against_any_colour() {
    for other in [[0, 0, 0], [60, 0, 0], [0, 128, 128], [0, 0, 255]] {
        let red = broken(
            2.0,
            30.0,
            move |at, _, _| if square(at, 6.0) { [140, 0, 0] } else { other },
        );
        assert!(
            red.contains(&Rule::Red) && red.contains(&Rule::RedField),
            "{other:?}: {red:?}"
        );
    }
    // Columns whose mean is never red.
    let columns = broken(2.0, 60.0, |at, x, _| {
        if x % 4 < 2 && square(at, 10.0) {
            [255, 0, 0]
        } else {
            [0, 255, 255]
        }
    });
    assert!(columns.contains(&Rule::Red), "{columns:?}");
    let pale = broken(2.0, 30.0, |at, _, _| {
        if square(at, 6.0) {
            [150, 110, 110]
        } else {
            [140, 112, 112]
        }
    });
    assert_eq!(pale, []);
}

#[test]
fn halves_that_pulse_in_turn_are_added_up() {
    let halves = |hertz: f64| {
        broken(2.0, 60.0, move |at, x, _| {
            let is_left = x < SIZE.0 as usize / 2;
            grey(if square(at, hertz) == is_left { 255 } else { 0 })
        })
    };
    assert!(halves(2.5).contains(&Rule::Moving), "{:?}", halves(2.5));
    assert!(!halves(2.5).contains(&Rule::General));
    assert_eq!(halves(1.0), []);
}

#[test]
fn stripes_over_a_quarter_are_a_pattern_and_few_or_faint_or_uneven_ones_are_none() {
    let stripes = |wide: usize, share: f64, light: u8| {
        broken(0.1, 30.0, move |_, x, y| {
            let is_inside = (y as f64) < share * f64::from(SIZE.1);
            grey(if is_inside && (x / wide).is_multiple_of(2) {
                light
            } else {
                40
            })
        })
    };
    assert_eq!(stripes(4, 1.0, 255), [Rule::Pattern]);
    assert_eq!(stripes(4, 0.2, 255), [], "a fifth");
    assert_eq!(stripes(12, 1.0, 255), [], "four pairs");
    assert_eq!(stripes(4, 1.0, 60), [], "faint");
    let across = broken(0.1, 30.0, |_, _, y| {
        grey(if (y / 3).is_multiple_of(2) { 255 } else { 0 })
    });
    assert_eq!(across, [Rule::Pattern]);
    let diagonal = broken(0.1, 30.0, |_, x, y| {
        grey(if ((x + y) / 4).is_multiple_of(2) {
            255
        } else {
            0
        })
    });
    assert_eq!(diagonal, [Rule::Pattern]);
    let noise = broken(0.1, 30.0, |_, x, y| {
        let hash = (x as u32).wrapping_mul(2_654_435_761) ^ (y as u32).wrapping_mul(2_246_822_519);
        grey((hash.wrapping_mul(747_796_405) >> 24) as u8)
    });
    assert_eq!(noise, []);
}

#[test]
fn the_plot_shows_what_went_too_far() {
    let series: Vec<_> = (0..100)
        .map(|at| (f64::from(at) * 0.1, if at > 50 { 7 } else { 0 }, 7))
        .collect();
    let image = plot(&series);
    assert_eq!(image.dimensions(), (1200, 320));
    let yellow = image
        .pixels()
        .filter(|pixel| pixel.0 == [240, 200, 90])
        .count();
    let blue = image
        .pixels()
        .filter(|pixel| pixel.0 == [90, 150, 230])
        .count();
    assert!(yellow > 100_000 && blue > 100_000, "{yellow} {blue}");
}
