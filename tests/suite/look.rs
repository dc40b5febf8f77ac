//! The look in a show: what is recorded has it, without a screen too.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use latentloop::footage;
use rosc::OscType;

use crate::play::{Desktop, Osc, Running, free_port, latentloop, playing};
use crate::render::{green, make_green_model};

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

/// The film in a folder of takes.
fn film(folder: &Path) -> std::path::PathBuf {
    let log = || std::fs::read_to_string(folder.join("log")).unwrap();
    let mut films = std::fs::read_dir(folder.join("takes")).unwrap();
    films
        .find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|ending| ending == "mp4")
                .then_some(path)
        })
        .unwrap_or_else(|| panic!("no film: {}", log()))
}

#[test]
fn a_show_draws_with_the_palette_of_its_models_footage() {
    let place = tempfile::tempdir().unwrap();
    make_green_model(place.path());
    let port = free_port();
    let model = place.path().join("model.playing.safetensors");
    let mut show = Running::start(playing(&model, place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/look/palette", vec![OscType::Float(1.0)]);
    osc.wait_for("/look/palette", |palette| palette == 1.0);
    // The card is opened beside the show.
    std::thread::sleep(Duration::from_secs(3));
    osc.send("/record/toggle", vec![]);
    std::thread::sleep(Duration::from_secs(2));
    osc.send("/record/toggle", vec![]);
    std::thread::sleep(Duration::from_millis(300));
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let seen = pictures(&film(place.path()));
    assert_eq!(green(seen.last().unwrap()), 64 * 64);
}

#[test]
fn what_a_show_without_a_screen_records_has_its_look() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/pause", vec![OscType::Float(1.0)]);
    osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    std::thread::sleep(Duration::from_millis(800));
    // All of its light is taken away.
    osc.send("/look/gain", vec![OscType::Float(0.0)]);
    osc.wait_for("/look/gain", |gain| gain == 0.0);
    std::thread::sleep(Duration::from_secs(4));
    osc.send("/record/toggle", vec![OscType::Float(0.0)]);
    std::thread::sleep(Duration::from_millis(300));
    osc.send("/show/quit", vec![]);
    let log = || std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(show.ends_well(), "{}", log());
    let begun = Instant::now();
    let seen = light(&film(place.path()));
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(seen[0] > 30, "the plain picture is lit: {seen:?}");
    let last = seen[seen.len() - 1];
    assert!(last <= 2, "the look took its light: {seen:?}\n{}", log());
}

const PICTURE: usize = 64 * 64 * 4;

/// A show whose pictures are looked at as they come.
struct Seen {
    show: Running,
    osc: Osc,
    last: Arc<Mutex<Vec<u8>>>,
}

impl Seen {
    fn start(command: &mut Command, port: u16, folder: &Path) -> Self {
        let mut show = Running(
            command
                .args(["--headless", "--fps", "30", "--out", "pipe:1"])
                .env("LATENTLOOP_CONFIG", folder)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut pictures = show.0.stdout.take().unwrap();
        let last = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&last);
        std::thread::spawn(move || {
            let mut picture = vec![0; PICTURE];
            while pictures.read_exact(&mut picture).is_ok() {
                into.lock().unwrap().clone_from(&picture);
            }
        });
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        Self { show, osc, last }
    }

    fn picture(&self) -> Vec<u8> {
        self.last.lock().unwrap().clone()
    }

    /// Waits until all of the picture has this colour, to a few levels.
    fn wait_for_colour(&self, colour: [u8; 3], why: &str) {
        let is_it = |pixel: &[u8]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 4);
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let picture = self.picture();
            if !picture.is_empty() && picture.chunks_exact(4).all(is_it) {
                return;
            }
            let middle = picture.get(PICTURE / 2..PICTURE / 2 + 3);
            assert!(Instant::now() < deadline, "{why}: {middle:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) {
        self.osc.send("/show/quit", vec![]);
        assert!(self.show.ends_well());
    }
}

fn wait_for_log(folder: &Path, words: &str) {
    let log = || std::fs::read_to_string(folder.join("log")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !log().contains(words) {
        assert!(Instant::now() < deadline, "no {words:?} in: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
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

#[test]
fn a_pass_dropped_in_is_played_mended_and_never_takes_the_picture_away() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let port = free_port();
    let seen = Seen::start(&mut latentloop(folder, port), port, folder);
    let osc = &seen.osc;
    let file = folder.join("looks/ripple.wgsl");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    std::fs::create_dir(folder.join("looks")).unwrap();
    write(&flat("//! name: signal\n", RED, ""));
    wait_for_log(folder, "own pass 1 is signal");
    // Its knob stands where the file wants it; nothing is seen of it yet.
    osc.wait_for("/look/own/1/a", |at| at == 0.25);
    let plain = seen.picture();
    assert!(plain.chunks_exact(4).any(|pixel| pixel[..3] != [255, 0, 0]));
    osc.send("/look/own/1/amount", vec![OscType::Float(1.0)]);
    seen.wait_for_colour([255, 0, 0], "it is drawn");
    // Half of a quarter is an eighth of the light, 99 of 255.
    osc.send("/look/own/1/a", vec![OscType::Float(0.03125)]);
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
        wait_for_log(folder, words);
        seen.wait_for_colour([99, 0, 0], "the last good version goes on");
    }
    write(&flat("", BLUE, "    for (var i = 0; i < 64; i++) {}"));
    seen.wait_for_colour(
        [0, 0, 99],
        "mended, it is read; its knob stays where the hand put it",
    );
    std::fs::remove_file(&file).unwrap();
    wait_for_log(folder, "own pass 1 is empty");
    let deadline = Instant::now() + Duration::from_secs(120);
    while seen
        .picture()
        .chunks_exact(4)
        .all(|pixel| pixel[..2] == [0, 0])
    {
        assert!(Instant::now() < deadline, "it is still drawn");
        std::thread::sleep(Duration::from_millis(20));
    }
    seen.end();
}

#[test]
fn the_order_of_the_passes_comes_with_the_preset_and_into_a_film() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = root.join("tests/parity/generator.safetensors");
    std::fs::copy(model, folder.join("m.safetensors")).unwrap();
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
    let port = free_port();
    let seen = Seen::start(
        &mut playing(&folder.join("a.toml"), folder, port),
        port,
        folder,
    );
    let load = |name: &str| {
        seen.osc
            .send("/preset/load", vec![OscType::String(name.into())]);
    };
    seen.wait_for_colour([0, 0, 255], "the second covers the first");
    load("b");
    seen.wait_for_colour([255, 0, 0], "the other way round");
    load("c");
    wait_for_log(folder, "line 5, column 18");
    wait_for_log(folder, "there is no pass `own.7`; nearest: own.1");
    seen.wait_for_colour([255, 0, 0], "what was there goes on");
    // The order is saved with the rest.
    seen.osc
        .send("/preset/save", vec![OscType::String("d".into())]);
    wait_for_log(folder, "saved");
    load("a");
    seen.wait_for_colour([0, 0, 255], "the first preset again");
    load("d");
    seen.wait_for_colour([255, 0, 0], "the saved one");
    seen.end();
    // A film of it has the folder's passes too.
    let film = Command::new(env!("CARGO_BIN_EXE_latentloop"))
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
    let place = tempfile::tempdir().unwrap();
    let (mut show, osc) = desktop.show(place.path());
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
        osc.send(row, vec![OscType::Float(value)]);
    }
    osc.wait_for("/stage/grain", |grain| grain > 0.1);
    for (transition, filter) in [("dissolve", "bilinear"), ("zoom", "catmull-rom")] {
        for (row, value) in [("/look/transition", transition), ("/stage/upscale", filter)] {
            osc.send(row, vec![OscType::String(value.into())]);
        }
        // What is needed once is taken at first.
        std::thread::sleep(Duration::from_secs(3));
        let before = resident_mb(show.0.id());
        std::thread::sleep(Duration::from_secs(3));
        let after = resident_mb(show.0.id());
        assert!(
            after - before < 10.0,
            "{transition}, {filter}: {before:.1} MB became {after:.1} in three seconds"
        );
    }
    osc.send("/show/quit", vec![]);
    let log = || std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(show.ends_well(), "{}", log());
}
