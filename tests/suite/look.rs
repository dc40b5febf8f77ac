//! The look in a show: what is recorded has it, without a screen too.

use std::path::Path;
use std::process::Command;

use latentloop::footage;

use crate::render::{green, make_green_model};
use crate::support::{Desktop, PROGRAM, Pictures, Show};

/// Every picture of a film.
fn pictures(film: &Path) -> Vec<image::RgbImage> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let settings = footage::Settings {
        size: None,
        format: footage::Format::Png,
        ..footage::Settings::default()
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let cut = footage::extract(&[film.into()], &folder, &settings, &stop, &mut |_| {}).unwrap();
    let picture = |number: u64| {
        let picture = image::open(folder.join(format!("{number:06}.png"))).unwrap();
        picture.to_rgb8()
    };
    (1..=cut.count as u64).map(picture).collect()
}

/// Mean byte of every picture of a film.
fn light(film: &Path) -> Vec<u64> {
    let mean = |picture: &image::RgbImage| {
        let bytes = picture.as_raw();
        bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>() / bytes.len() as u64
    };
    pictures(film).iter().map(mean).collect()
}

#[test]
fn a_show_draws_with_the_palette_of_its_models_footage() {
    let show = Show::builder().headless();
    make_green_model(show.folder());
    let model = show.folder().join("model.playing.safetensors");
    let (mut show, seen) = Pictures::start(show.plays(model));
    let plain = |pixels: &[[u8; 4]]| green(pixels.iter().map(|[r, g, b, _]| [*r, *g, *b]));
    seen.wait_until("plain pictures", |pixels| plain(pixels) < 64 * 64 / 2);
    show.osc.number("/look/palette", 1.0);
    seen.wait_until("green pictures", |pixels| plain(pixels) == 64 * 64);
    record_a_while(&show);
    show.quit();
    for picture in &pictures(&show.films()[0]) {
        assert_eq!(green(picture.pixels().map(|pixel| pixel.0)), 64 * 64);
    }
}

/// Records until something is on the disk, and a little more.
fn record_a_while(show: &Show) {
    show.press_record();
    show.wait_for_log("recording to takes/");
    show.wait_for_fragments(2);
    show.press_record();
    show.wait_for_log("recorded takes/");
}

#[test]
fn what_a_show_without_a_screen_records_has_its_look() {
    let (mut show, seen) = Pictures::start(Show::builder().headless());
    show.osc.number("/loop/pause", 1.0);
    show.press_record();
    show.wait_for_log("recording to takes/");
    show.wait_for_fragments(2);
    // All of its light is taken away.
    show.osc.number("/look/gain", 0.0);
    seen.wait_for_colour([0; 3], "dark pictures");
    show.wait_for_fragments(2);
    show.press_record();
    show.wait_for_log("recorded takes/");
    show.quit();
    let seen = light(&show.films()[0]);
    assert!(seen[0] > 30, "the plain picture is lit: {seen:?}");
    let last = seen[seen.len() - 1];
    assert!(last <= 2, "the look took its light: {seen:?}");
}

/// A pass that paints all of the picture, with one knob.
fn flat(header: &str, light: &str, body: &str) -> String {
    format!(
        "{header}//! level = 1 (0..4) \"how bright\"
struct Settings {{ size: vec2<f32>, tick: u32, seed: u32, level: f32 }}
@group(2) @binding(0) var<uniform> settings: Settings;
@fragment
fn flat() -> @location(0) vec4<f32> {{
{body}
    return vec4<f32>({light} * settings.level, 1.0);
}}
"
    )
}

const RED: &str = "vec3<f32>(1.0, 0.0, 0.0)";
const BLUE: &str = "vec3<f32>(0.0, 0.0, 1.0)";

/// The address of a show's pass and its row.
fn knob(row: &str) -> String {
    format!("/look/own/1/{row}")
}

#[test]
fn a_pass_dropped_in_is_played_mended_and_never_takes_the_picture_away() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let show = Show::in_folder(folder).headless().args(["--fps", "30"]);
    let (mut show, seen) = Pictures::start(show.env("LATENTLOOP_CONFIG", folder));
    let osc = &show.osc;
    let file = folder.join("looks/ripple.wgsl");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    std::fs::create_dir(folder.join("looks")).unwrap();
    write(&flat("//! name: signal\n", RED, ""));
    show.wait_for_log("own pass 1 is signal");
    // Its knob stands where the file wants it; nothing is seen of it yet.
    osc.wait_for_value(&knob("a"), 0.25);
    seen.wait_until("the plain picture", |pixels| {
        pixels.iter().any(|pixel| pixel[..3] != [255, 0, 0])
    });
    osc.number(&knob("amount"), 1.0);
    seen.wait_for_colour([255, 0, 0], "it is drawn");
    // Half of a quarter is an eighth of the light, 99 of 255.
    osc.number(&knob("a"), 0.03125);
    seen.wait_for_colour([99, 0, 0], "its knob is played");
    // Broken in three ways: each is named with its place, and the last good version goes on.
    for (text, words) in [
        (
            flat("", BLUE, "    let x = 1.0 +;"),
            "ripple.wgsl:6:18: expected expression",
        ),
        (
            flat("", BLUE, "    loop { if settings.level > 9.0 { break; } }"),
            "ripple.wgsl:6:5: a loop must be",
        ),
        (
            flat("", BLUE, "")
                .replace("-> @location(0) vec4<f32> ", "")
                .replace("return", "let x ="),
            "`flat` has no output",
        ),
    ] {
        write(&text);
        show.wait_for_log(words);
        seen.wait_for_more(3);
        seen.wait_for_colour([99, 0, 0], "the last good version goes on");
    }
    write(&flat("", BLUE, "    for (var i = 0; i < 64; i++) {}"));
    seen.wait_for_colour(
        [0, 0, 99],
        "mended, it is read; its knob stays where the hand put it",
    );
    std::fs::remove_file(&file).unwrap();
    show.wait_for_log("own pass 1 is empty");
    seen.wait_until("the plain picture again", |pixels| {
        pixels.iter().any(|pixel| pixel[..2] != [0, 0])
    });
    show.quit();
}

#[test]
fn the_order_of_the_passes_comes_with_the_preset_and_into_a_film() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let show = Show::in_folder(folder).headless().args(["--fps", "30"]);
    show.small_model();
    std::fs::create_dir(folder.join("looks")).unwrap();
    std::fs::write(folder.join("looks/one.wgsl"), flat("", RED, "")).unwrap();
    std::fs::write(folder.join("looks/two.wgsl"), flat("", BLUE, "")).unwrap();
    let preset = |name: &str, order: &str| {
        let text = format!(
            "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n\
             [look]\norder = [{order}]\n[params]\n\"look.own.1.amount\" = 1.0\n\"look.own.2.amount\" = 1.0\n"
        );
        std::fs::write(folder.join(name), text).unwrap();
    };
    preset("a.toml", "\"own.1\", \"own.2\"");
    preset("b.toml", "\"own.2\", \"own.1\"");
    preset("c.toml", "\"tilt\", \"own.7\"");
    let show = show.plays(folder.join("a.toml"));
    let (mut show, seen) = Pictures::start(show.env("LATENTLOOP_CONFIG", folder));
    let load = |name: &str| show.osc.text("/preset/load", name);
    seen.wait_for_colour([0, 0, 255], "the second covers the first");
    load("b");
    seen.wait_for_colour([255, 0, 0], "the other way round");
    load("c");
    show.wait_for_log("line 5, column 18");
    show.wait_for_log("there is no pass `own.7`; nearest: own.1");
    seen.wait_for_more(3);
    seen.wait_for_colour([255, 0, 0], "what was there goes on");
    // The order is saved with the rest.
    show.osc.text("/preset/save", "d");
    show.wait_for_log("saved");
    load("a");
    seen.wait_for_colour([0, 0, 255], "the first preset again");
    load("d");
    seen.wait_for_colour([255, 0, 0], "the saved one");
    show.quit();
    // A film of it has the folder's passes too.
    let film = Command::new(PROGRAM)
        .current_dir(folder)
        .args([
            "render", "b.toml", "-o", "film", "--speed", "8", "--range", "0..2",
        ])
        .env("LATENTLOOP_CONFIG", folder)
        .output()
        .unwrap();
    assert!(
        film.status.success(),
        "{}",
        String::from_utf8_lossy(&film.stderr)
    );
    let picture = image::open(folder.join("film/000001.png"))
        .unwrap()
        .to_rgb8();
    assert!(
        picture.pixels().all(|pixel| pixel.0 == [255, 0, 0]),
        "{:?}",
        picture.get_pixel(9, 9)
    );
}

/// Memory of a process in MB.
#[cfg(target_os = "linux")]
fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024.0
}

/// A driver that compiles a shader anew for every picture takes half a megabyte for each.
#[test]
#[cfg(target_os = "linux")]
fn pictures_take_no_memory_that_stays() {
    let desktop = Desktop::of("640x360x24");
    let (mut show, seen) = Pictures::start(Show::builder().on(&desktop));
    let osc = &show.osc;
    for (row, value) in [
        ("/window/fullscreen", 1.0),
        ("/look/feedback", 0.4),
        ("/look/saturation", 1.2),
        ("/look/bloom", 0.3),
        ("/look/grain", 0.3),
        ("/look/vignette", 0.5),
        ("/stage/halation", 0.5),
        ("/stage/grain", 0.2),
    ] {
        osc.number(row, value);
    }
    osc.wait_for("/stage/grain", |grain| grain > 0.1);
    for (transition, filter) in [("dissolve", "bilinear"), ("zoom", "catmull-rom")] {
        osc.text("/look/transition", transition);
        osc.text("/stage/upscale", filter);
        // What is needed once is taken at first.
        seen.wait_for_more(60);
        let before = resident_mb(show.process.0.id());
        seen.wait_for_more(60);
        let after = resident_mb(show.process.0.id());
        assert!(
            after - before < 10.0,
            "{transition}, {filter}: {before:.1} MB became {after:.1} in sixty pictures"
        );
    }
    show.quit();
}
