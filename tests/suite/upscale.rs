//! What the audience sees of fits, filters and grain, in a real window.

use std::cell::RefCell;

use crate::support::{Desktop, Show};

const SCREEN: (u32, u32) = (1024, 640);

fn is_lit(shot: &image::RgbImage, x: u32, y: u32) -> bool {
    shot.get_pixel(x, y).0.iter().any(|&level| level > 12)
}

/// How much of the screen is lit: the first column and line, and those after the last.
fn lit(shot: &image::RgbImage) -> Option<[u32; 4]> {
    let (width, height) = shot.dimensions();
    let column = |&x: &u32| (0..height).any(|y| is_lit(shot, x, y));
    let line = |&y: &u32| (0..width).any(|x| is_lit(shot, x, y));
    Some([
        (0..width).find(column)?,
        (0..height).find(line)?,
        (0..width).rev().find(column)? + 1,
        (0..height).rev().find(line)? + 1,
    ])
}

/// Whether the picture of 64 x 64 is squares of ten pixels.
fn is_squares(shot: &image::RgbImage) -> bool {
    (0..640).all(|y| {
        (0..640).all(|x| {
            let first = shot.get_pixel(192 + x / 10 * 10, y / 10 * 10);
            shot.get_pixel(192 + x, y) == first
        })
    })
}

#[test]
fn a_window_shows_a_picture_by_its_fit_and_filter_and_grain_moves_while_it_stands() {
    let desktop = Desktop::of("1024x640x24");
    let mut show = Show::builder().on(&desktop).start();
    let name = |address: &str, name: &str| show.osc.text(address, name);
    let number = |address: &str, value| show.osc.number(address, value);
    number("/loop/pause", 1.0);
    number("/window/fullscreen", 1.0);
    desktop.wait_until("all of the screen's height", |shot| {
        shot.dimensions() == SCREEN && lit(shot).is_some_and(|lit| lit[1] < 4 && lit[3] > 636)
    });

    for (fit, corners) in [
        ("fit", [192, 0, 832, 640]),
        ("fill", [0, 0, 1024, 640]),
        ("1:1", [480, 288, 544, 352]),
        ("stretch", [0, 0, 1024, 640]),
        ("fit", [192, 0, 832, 640]),
    ] {
        name("/stage/fit", fit);
        desktop.wait_until(fit, |shot| {
            // The picture's own edges may be dark.
            let near = |(a, b): (u32, u32)| a.abs_diff(b) <= if fit == "1:1" { 4 } else { 40 };
            lit(shot).is_some_and(|lit| {
                let is_within = lit[0] >= corners[0] && lit[2] <= corners[2];
                is_within && lit.into_iter().zip(corners).all(near)
            })
        });
    }

    name("/stage/upscale", "nearest");
    let squares = desktop.wait_until("squares", is_squares);
    name("/stage/upscale", "edge");
    desktop.wait_until("no squares", |shot| !is_squares(shot));
    name("/stage/upscale", "nearest");
    desktop.wait_until("the same squares again", |shot| *shot == squares);
    number("/stage/grain", 1.0);
    let before = RefCell::new(desktop.wait_until("grain", |shot| !is_squares(shot)));
    desktop.wait_until("another grain", |shot| {
        *shot != before.replace(shot.clone())
    });
    number("/stage/grain", 0.0);
    desktop.wait_until("none", |shot| *shot == squares);
    show.quit();
}
