//! Flashes: counted in films, and held in a show that is played.

use std::path::Path;
#[cfg(feature = "video")]
use std::process::Command;

use serde_json::Value;

#[cfg(all(target_os = "linux", feature = "live", feature = "video"))]
use crate::support::Process;
#[cfg(all(feature = "live", feature = "video"))]
use crate::support::{Osc, Show};
use crate::support::{refused, root, run, succeed};

/// A folder of pictures at 30 a second, grey, of so many levels a second.
fn strobe(folder: &Path, hertz: f64, secs: f64) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..(secs * 30.0) as u32 {
        let is_light = (f64::from(number) / 30.0 * hertz).fract() < 0.5;
        let level = if is_light { 240 } else { 10 };
        let picture = image::RgbImage::from_pixel(40, 30, image::Rgb([level; 3]));
        picture
            .save(folder.join(format!("{number:06}.png")))
            .unwrap();
    }
}

fn verdict<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let rules = report["rules"].as_array().unwrap();
    rules.iter().find(|found| found["rule"] == rule).unwrap()
}

#[test]
fn films_and_folders_are_checked_rule_by_rule() {
    let place = tempfile::tempdir().unwrap();
    strobe(&place.path().join("fast"), 7.5, 2.0);
    strobe(&place.path().join("slow"), 1.0, 2.0);
    // As macOS leaves it on a stick; no picture.
    std::fs::write(place.path().join("slow/._000000.png"), "Mac OS X").unwrap();
    let told = succeed(place.path(), &["check", "slow", "--plot", "slow.png"]);
    assert_eq!(told.matches("holds").count(), 7, "{told}");
    assert!(image::open(place.path().join("slow.png")).is_ok());

    let output = run(place.path(), &["check", "slow", "fast", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 of 2 films breaks a rule"), "{said}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let reports: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports[0]["holds"], true);
    assert_eq!(reports[1]["holds"], false);
    for (rule, holds) in [
        ("general", false),
        ("general_field", false),
        ("red", true),
        ("pattern", true),
    ] {
        assert_eq!(verdict(&reports[1], rule)["holds"], holds, "{rule}");
    }
    assert_eq!(verdict(&reports[1], "general")["worst"], 1.0);
    assert_eq!(reports[1]["pictures"], 60);

    // Slower, the same pictures are none.
    succeed(place.path(), &["check", "fast", "--fps", "4"]);
    std::fs::create_dir(place.path().join("empty")).unwrap();
    refused(place.path(), &["check", "none.mp4"], 1, &["none.mp4"]);
    refused(place.path(), &["check", "empty"], 1, &["it has no picture"]);
    refused(
        place.path(),
        &["check", "fast", "--fps", "0"],
        1,
        &["--fps 0"],
    );
}

#[cfg(feature = "video")]
#[test]
fn a_film_is_checked_by_its_own_times() {
    let place = tempfile::tempdir().unwrap();
    strobe(&place.path().join("fast"), 7.5, 2.0);
    let film = |rate: &str, name: &str| {
        let output = Command::new("ffmpeg")
            .current_dir(place.path())
            .args(["-loglevel", "error", "-r", rate, "-i", "fast/%06d.png"])
            .args(["-c:v", "ffv1", name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    film("30", "fast.mkv");
    film("4", "slow.mkv");
    refused(
        place.path(),
        &["check", "fast.mkv"],
        1,
        &["1 of 1 films breaks a rule"],
    );
    succeed(place.path(), &["check", "slow.mkv"]);
    let plain = std::fs::read(place.path().join("fast/000000.png")).unwrap();
    std::fs::write(place.path().join("cut.mkv"), &plain[..40]).unwrap();
    refused(place.path(), &["check", "cut.mkv"], 1, &["cut.mkv"]);
}

/// Stops the loop, and sets the limiter.
#[cfg(all(feature = "live", feature = "video"))]
fn stand_still(osc: &Osc, limiter: f32) {
    osc.number("/look/limiter", limiter);
    osc.wait_for_value("/look/limiter", limiter.into());
    osc.number("/loop/speed", 0.0);
}

/// Blacks the master out and back five times a second, for four seconds.
#[cfg(all(feature = "live", feature = "video"))]
fn black_out_and_back(osc: &Osc) {
    for turn in 0..40u32 {
        osc.number("/master/blackout", (turn % 2) as f32);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// What is told of a film of a show whose master a hand blacks out and back five times a second.
#[cfg(all(feature = "live", feature = "video"))]
fn blacked_out(limiter: f32) -> (bool, String) {
    let show = Show::builder().headless();
    let mut show = show
        .args(["--fps", "30", "--codec", "ffv1", "--size", "64x36"])
        .start();
    stand_still(&show.osc, limiter);
    show.press_record();
    show.wait_for_log("recording to takes/");
    black_out_and_back(&show.osc);
    show.quit();
    let film = show.films().pop().unwrap();
    check(show.folder(), film.to_str().unwrap())
}

/// The same of its window, filmed from the screen.
#[cfg(all(target_os = "linux", feature = "live", feature = "video"))]
fn blacked_out_on_the_screen(limiter: f32) -> (bool, String) {
    use crate::support::Desktop;

    let desktop = Desktop::of("320x180x24");
    let mut show = Show::builder().on(&desktop).start();
    stand_still(&show.osc, limiter);
    desktop.output().focus();
    desktop.key("f");
    let is_lit = |shot: &image::RgbImage| shot.get_pixel(160, 2).0 != [0; 3];
    desktop.wait_until("the whole screen", is_lit);
    let mut camera = Command::new("ffmpeg");
    camera
        .current_dir(show.folder())
        .args(["-loglevel", "error", "-f", "x11grab", "-framerate", "30"])
        .args(["-video_size", "320x180", "-i", &desktop.display, "-t", "4"])
        .args(["-c:v", "ffv1", "screen.mkv"]);
    let mut camera = Process::start(&mut camera);
    black_out_and_back(&show.osc);
    assert!(camera.ends_well());
    show.quit();
    check(show.folder(), "screen.mkv")
}

#[cfg(all(feature = "live", feature = "video"))]
fn check(folder: &Path, film: &str) -> (bool, String) {
    let output = run(folder, &["check", film]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), told)
}

#[cfg(all(feature = "live", feature = "video"))]
#[test]
fn what_a_hand_blacks_out_and_back_is_recorded_with_three_flashes_a_second_at_most() {
    let (holds, told) = blacked_out(1.0);
    assert!(holds, "{told}");
    let (holds, told) = blacked_out(0.0);
    assert!(!holds, "{told}");
}

#[cfg(all(target_os = "linux", feature = "live", feature = "video"))]
#[test]
fn a_window_filmed_from_the_screen_flashes_three_times_a_second_at_most() {
    let (holds, told) = blacked_out_on_the_screen(1.0);
    assert!(holds, "{told}");
    let (holds, told) = blacked_out_on_the_screen(0.0);
    assert!(!holds, "{told}");
}

#[test]
fn the_presets_that_ship_are_left_as_they_are_and_a_strobe_is_not() {
    let place = tempfile::tempdir().unwrap();
    let rendered = |preset: &Path| {
        let preset = preset.to_str().unwrap();
        let render = [
            "render", preset, "--range", "0..90", "--size", "64x64", "-o", "film",
        ];
        let output = run(place.path(), &render);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        std::fs::remove_dir_all(place.path().join("film")).unwrap();
        said
    };
    // All but `pulse`, which leaps from picture to picture as fast as may be.
    for preset in ["first", "drift", "crystal", "flower"] {
        let said = rendered(&root().join(format!("presets/{preset}.toml")));
        assert!(!said.contains("darkened"), "{preset}: {said}");
    }
    let text = std::fs::read_to_string(root().join("presets/crystal.toml")).unwrap();
    let model = "crystal.safetensors";
    std::fs::copy(root().join("models").join(model), place.path().join(model)).unwrap();
    let strobes = "[params]\n\"look.strobe\" = 1.0\n\"look.strobe_rate\" = 10.0\n";
    let strobe = place.path().join("strobe.toml");
    std::fs::write(&strobe, text.replace("[params]\n", strobes)).unwrap();
    let said = rendered(&strobe);
    assert!(
        said.contains("are darkened where they would have flashed"),
        "{said}"
    );
}
