//! The performer's console: the real program's second window under a real pointer.

use std::time::Duration;

use image::RgbImage;
use image::imageops::crop_imm;
use rosc::OscType;

use crate::support::{Desktop, Osc, Show, Window, root, wait_every, wait_for};

/// Names a folder: the screenshots that the README shows are written there.
const SCREENSHOTS: &str = "LATENTLOOP_SCREENSHOTS";

/// Where things are on a console of 1280 x 800.
const BLACKOUT: (i32, i32) = (40, 20);
const FADE: (i32, i32) = (376, 20);
const FIFTH: (i32, i32) = (226, 473);
const SIXTH: (i32, i32) = (97, 419);
const NAME: (i32, i32) = (120, 640);
const MODELS: (i32, i32) = (724, 94);
const RECORD: (i32, i32) = (922, 14);
/// Colours of what is lit, and of a cell without a picture.
const LIT: [u8; 3] = [240, 182, 74];
const CELL: [u8; 3] = [34, 36, 41];

fn is_red(shot: &RgbImage, at: (i32, i32)) -> bool {
    let [red, green, blue] = shot.get_pixel(at.0 as u32, at.1 as u32).0;
    red > 180 && green < 100 && blue < 100
}

/// A small part of the window around a place.
fn around(shot: &RgbImage, at: (i32, i32), half: u32) -> RgbImage {
    let (x, y) = (at.0 as u32 - half, at.1 as u32 - half);
    crop_imm(shot, x, y, 2 * half, 2 * half).to_image()
}

/// The mean difference of two pictures in levels of 255.
fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len() as f64
}

/// Whether a cell of the ring has its picture: a part of it between the badge and the play head's track.
fn is_pictured(shot: &RgbImage, keyframe: usize) -> bool {
    let cell = around(shot, cell(keyframe), 6);
    let level = |pixel: &image::Rgb<u8>| pixel.0.map(u32::from).iter().sum::<u32>();
    let levels: Vec<u32> = cell.pixels().map(level).collect();
    let (least, most) = (levels.iter().min().unwrap(), levels.iter().max().unwrap());
    most - least > 6 && !cell.pixels().any(|pixel| pixel.0 == CELL)
}

/// Inside the cell of a keyframe of eight, counted from 0.
fn cell(keyframe: usize) -> (i32, i32) {
    let angle = keyframe as f64 / 8.0 * std::f64::consts::TAU;
    let (x, y) = (226.0 + 162.0 * angle.sin(), 290.0 - 162.0 * angle.cos());
    (x as i32, y as i32)
}

/// Asks for a trigger's light until it is so.
fn wait_for_light(osc: &Osc, addr: &str, light: f64) {
    wait_for(&format!("the light of {addr}"), || {
        let found = osc.ask(addr);
        (found == light).then_some(()).ok_or(found)
    });
}

/// Keeps a screenshot for the README where that is wanted.
fn keep(name: &str, shot: &RgbImage) {
    if let Some(folder) = std::env::var_os(SCREENSHOTS) {
        let folder = root().join(folder);
        shot.save(folder.join(name)).unwrap();
    }
}

#[test]
fn a_second_window_plays_the_show_by_pointer_and_keys() {
    let desktop = Desktop::of("1600x1000x24");
    let console = ["--console", "window"];
    let mut show = Show::builder().args(console).on(&desktop).start();
    let osc = &show.osc;
    osc.number("/loop/speed", 0.0);
    osc.number("/loop/glide", 0.0);
    osc.wait_for_value("/loop/speed", 0.0);
    let console = desktop.console();
    let windows = desktop.ask("xdotool", &["search", "--name", "^latentloop"]);
    assert_eq!(windows.lines().count(), 2, "the output and the console");
    console.focus();
    console.wait_until("the console", |shot| {
        shot.dimensions() == (1280, 800) && shot.pixels().any(|p| p.0 == LIT)
    });
    assert!(!is_red(&console.screenshot(), BLACKOUT));
    console.wait_until("a picture of every keyframe", |shot| {
        (0..8).all(|keyframe| is_pictured(shot, keyframe))
    });

    console.click(BLACKOUT);
    osc.wait_for("/master/blackout", |on| on == 1.0);
    console.wait_until("a red blackout", |shot| is_red(shot, BLACKOUT));
    // A change from elsewhere is seen, too.
    osc.number("/master/blackout", 0.0);
    console.wait_until("a dark blackout", |shot| !is_red(shot, BLACKOUT));
    console.click(FADE);
    osc.wait_for("/master/fade", |fade| (0.35..0.65).contains(&fade));

    console.click(FIFTH);
    osc.wait_for("/loop/position", |position| position == 4.0);
    let seed = osc.ask("/keyframe/5/seed");
    let before = around(&console.screenshot(), cell(4), 6);
    console.act(&["keydown", "shift"]);
    console.click(FIFTH);
    console.act(&["keyup", "shift"]);
    osc.wait_for("/keyframe/5/seed", |now| now != seed);
    console.point(NAME);
    console.wait_until("another picture of the fifth keyframe", |shot| {
        difference(&before, &around(shot, cell(4), 6)) > 3.0
    });
    let (fifth, sixth) = (osc.ask("/keyframe/5/seed"), osc.ask("/keyframe/6/seed"));
    let ring = console.screenshot();
    console.drag(FIFTH, SIXTH, || {
        // The cell is carried, over the middle of what it goes to.
        let (x, y) = (SIXTH.0 - 30, SIXTH.1 - 30);
        console.wait_until("a carried picture", |shot| {
            difference(&around(&ring, (x, y), 8), &around(shot, (x, y), 8)) > 4.0
        });
    });
    osc.wait_for("/keyframe/6/seed", |now| now == fifth);
    osc.wait_for("/keyframe/5/seed", |now| now == sixth);

    // Keys are the show's, but for those that are typed into a field.
    console.act(&["key", "7"]);
    osc.wait_for("/loop/position", |position| position == 6.0);
    let field = |shot: &RgbImage| crop_imm(shot, 8, 623, 330, 31).to_image();
    let has_frame = |shot: &RgbImage| field(shot).pixels().filter(|p| p.0 == LIT).count() > 100;
    console.click(NAME);
    let empty = field(&console.wait_until("a field that is typed into", has_frame));
    console.act(&["type", "b2"]);
    console.wait_until("what was typed", |shot| {
        difference(&empty, &field(shot)) > 0.3
    });
    console.act(&["key", "Escape"]);
    console.wait_until("a field that is let go", |shot| !has_frame(shot));
    console.act(&["key", "space"]);
    osc.wait_for("/loop/pause", |pause| pause == 1.0);
    assert_eq!(osc.ask("/master/blackout"), 0.0);
    assert_eq!(osc.ask("/loop/position"), 6.0);

    // Without the console the show goes on.
    console.focus();
    console.act(&["key", "alt+F4"]);
    console.wait_until_gone();
    osc.send("/keyframe/2/jump", vec![]);
    osc.wait_for_value("/loop/position", 1.0);
    show.quit();
}

#[test]
fn dragging_the_console_stops_no_picture_and_it_opens_again_where_it_was() {
    // Room for both windows beside each other.
    let desktop = Desktop::of("2200x1000x24");
    let place = tempfile::tempdir().unwrap();
    let start = || {
        let show = Show::in_folder(place.path()).args(["--console", "window"]);
        show.on(&desktop).start()
    };
    let mut show = start();
    show.osc.number("/loop/speed", 4.0);
    show.osc.wait_for_value("/loop/speed", 4.0);
    let (console, output) = (desktop.console(), desktop.output());
    console.wait_until("the console", |shot| shot.pixels().any(|p| p.0 == LIT));

    // By its title bar, a step at a time; the output's pictures differ from step to step.
    output.put_aside();
    let before = console.place();
    console.act(&["mousemove", "--window", &console.id, "--", "300", "-8"]);
    console.act(&["mousedown", "1"]);
    let mut shown = output.screenshot();
    for _ in 0..8 {
        console.act(&["mousemove_relative", "--", "4", "10"]);
        shown = output.wait_until("another picture while the button is held", |shot| {
            *shot != shown
        });
    }
    console.act(&["mouseup", "1"]);
    wait_for("the console's new place", || {
        let place = console.place();
        let moved = [place[0] - before[0], place[1] - before[1]];
        (moved == [32, 80])
            .then_some(())
            .ok_or(format!("{moved:?}"))
    });

    // Larger, closed and opened by a key, it is as it was.
    show.osc.number("/loop/speed", 0.0);
    console.focus();
    let top = |shot: &RgbImage| crop_imm(shot, 0, 0, 420, 72).to_image();
    let mut large = top(&console.screenshot());
    for _ in 0..3 {
        console.act(&["key", "ctrl+equal"]);
        let shot = console.wait_until("a larger console", |shot| {
            difference(&large, &top(shot)) > 2.0
        });
        // A screen may be taken between two of its pictures.
        large = top(&shot);
        console.wait_until("a console that stands still", |shot| {
            let before = std::mem::replace(&mut large, top(shot));
            difference(&large, &before) < 0.5
        });
    }
    let left = console.place();
    console.act(&["key", "c"]);
    console.wait_until_gone();
    wait_for_light(&show.osc, "/window/console", 0.0);
    output.focus();
    output.act(&["key", "c"]);
    let again = desktop.console();
    wait_for_light(&show.osc, "/window/console", 1.0);
    again.wait_until("the same console", |shot| {
        difference(&large, &top(shot)) < 2.0
    });
    let wait_for_place = |window: &Window<'_>| {
        wait_for("the place at which it stood", || {
            let place = window.place();
            let is_near = place.iter().zip(left).all(|(a, b)| (a - b).abs() <= 2);
            is_near.then_some(()).ok_or(format!("{place:?}, {left:?}"))
        });
    };
    wait_for_place(&again);
    show.quit();

    // The next show opens it there as well.
    let windows = place.path().join("config/windows.toml");
    let text = std::fs::read_to_string(&windows).unwrap();
    assert!(text.contains("zoom = 1.3"), "{text}");
    let mut show = start();
    let next = desktop.console();
    next.wait_until("the same console", |shot| {
        difference(&large, &top(shot)) < 2.0
    });
    wait_for_place(&next);
    show.quit();

    // What is no such file is named and does no harm.
    std::fs::write(&windows, "version = 1\n[console]\nzoom = \"large\"\n").unwrap();
    let mut show = start();
    desktop.console();
    show.quit();
    assert!(show.log().contains("windows.toml"), "{}", show.log());
}

#[test]
fn models_are_shown_with_their_sheets_and_loaded_on_a_click() {
    let desktop = Desktop::of("2200x1000x24");
    let mut show = Show::builder()
        .plays(root().join("presets/crystal.toml"))
        .args(["--console", "window", "--fps", "30"])
        .on(&desktop)
        .start();
    let osc = &show.osc;
    let (console, output) = (desktop.console(), desktop.output());
    output.put_aside();
    console.focus();
    console.wait_until("a picture of every keyframe", |shot| {
        (0..8).all(|keyframe| is_pictured(shot, keyframe))
    });
    #[cfg(feature = "video")]
    {
        osc.send("/record/toggle", vec![]);
        console.wait_until("a recording in red", |shot| is_red(shot, RECORD));
    }
    if std::env::var_os(SCREENSHOTS).is_some() {
        // A show that has run for a while, with a knob that has just been turned.
        osc.send("/beat/sync", vec![OscType::Float(1.0)]);
        for step in 0..60 {
            osc.send(
                "/loop/glide",
                vec![OscType::Float(0.5 + step as f32 * 0.01)],
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        keep("console.png", &console.screenshot());
        osc.send("/hud/toggle", vec![]);
        wait_for_light(osc, "/hud/toggle", 1.0);
        output.act(&["windowsize", "--sync", &output.id, "1280", "720"]);
        output.focus();
        std::thread::sleep(Duration::from_secs(3));
        keep("play.png", &output.screenshot());
        output.act(&["windowsize", "--sync", &output.id, "768", "768"]);
        output.put_aside();
        osc.send("/hud/toggle", vec![]);
        console.focus();
    }

    console.click(MODELS);
    // Below the tabs are the sheets, one in each of three columns.
    let sheet = console.wait_until("contact sheets", |shot| {
        [476, 749, 1022].into_iter().all(|left| {
            let part = crop_imm(shot, left, 130, 236, 130).to_image();
            let lit = part.pixels().filter(|pixel| pixel.0[0] > 90).count();
            lit * 8 > part.pixels().len()
        })
    });
    if std::env::var_os(SCREENSHOTS).is_some() {
        keep("models.png", &sheet);
    }
    // The second one is the flower. Its pictures fade in over the last one of the crystal.
    osc.number("/loop/pause", 1.0);
    osc.wait_for_value("/loop/pause", 1.0);
    osc.number("/preset/fade_secs", 8.0);
    osc.wait_for_value("/preset/fade_secs", 8.0);
    let middle = |shot: &RgbImage| {
        let (width, height) = shot.dimensions();
        around(
            shot,
            (width as i32 / 2, height as i32 / 2),
            width.min(height) / 4,
        )
    };
    let crystal = middle(&output.screenshot());
    console.click((860, 220));
    let mut away = Vec::new();
    // Until it stays as it is.
    let is_steady = |away: &[f64]| match away {
        [.., a, b, c] => *a > 10.0 && (a - c).abs() < 0.3 && (b - c).abs() < 0.3,
        _ => false,
    };
    wait_every(Duration::from_millis(100), "a steady picture", || {
        away.push(difference(&crystal, &middle(&output.screenshot())));
        // A busy console may miss a click: egui takes none that lasts longer than 0.8 s by the clock of its pictures.
        if away.len() % 100 == 0 {
            console.click((860, 220));
        }
        is_steady(&away).then_some(()).ok_or(format!("{away:?}"))
    });
    let last = away[away.len() - 1];
    // Nothing else moves: where the one is cut to the other, nothing is between them.
    let between = away
        .iter()
        .filter(|away| (0.15..0.85).contains(&(*away / last)));
    assert!(last > 10.0 && between.count() >= 1, "{away:?}");
    show.wait_for_log("flower.safetensors");
    // The ring shows what the new model makes of the same keyframes: green, where the old one knew none.
    let is_green = |pixel: &image::Rgb<u8>| pixel.0[1] > pixel.0[0].saturating_add(12);
    console.wait_until("the keyframes of the flower", |shot| {
        let ring = crop_imm(shot, 20, 84, 412, 412).to_image();
        ring.pixels().filter(|pixel| is_green(pixel)).count() > 2000
    });
    show.quit();
}
