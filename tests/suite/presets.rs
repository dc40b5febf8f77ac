//! Presets while the show goes on: saved, recalled from the bank, faded, and read again when their file changes.

use std::path::Path;
use std::time::{Duration, Instant};

use rosc::OscType;

use super::play::{Osc, Running, free_port, playing};

fn preset(folder: &Path, name: &str, more: &str, speed: f64) {
    let text = format!(
        "version = 1\nmodel = \"m.safetensors\"\n{more}keyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n\"loop.speed\" = {speed}\n"
    );
    std::fs::write(folder.join(name), text).unwrap();
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn presets_are_saved_banked_faded_and_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = root.join("tests/parity/generator.safetensors");
    std::fs::copy(model, folder.join("m.safetensors")).unwrap();
    preset(folder, "a.toml", "", 0.5);
    preset(folder, "b.toml", "bank = 5\n", 1.5);
    let port = free_port();
    let mut show = Running::start(playing(&folder.join("a.toml"), folder, port).arg("--headless"));
    let osc = Osc::new(port);
    osc.wait_for("/loop/speed", |speed| speed == 0.5);
    // A place of the bank, with a fade that can be seen under way.
    osc.send("/preset/fade_secs", vec![OscType::Float(2.0)]);
    osc.send("/preset/bank/5", vec![]);
    osc.wait_for("/loop/speed", |speed| speed > 0.6 && speed < 1.4);
    osc.wait_for("/loop/speed", |speed| speed == 1.5);
    osc.send("/preset/fade_secs", vec![OscType::Float(0.0)]);
    // The file of the preset that plays changes.
    preset(folder, "b.toml", "bank = 5\n", 2.5);
    osc.wait_for("/loop/speed", |speed| speed == 2.5);
    // Broken, it is named, and mended, it is read.
    std::fs::write(folder.join("b.toml"), "version = 1\nspeed = 3\n").unwrap();
    let log = || std::fs::read_to_string(folder.join("log")).unwrap();
    wait_until("a line about the broken preset", || {
        log().contains("unknown field `speed`")
    });
    assert_eq!(osc.ask("/loop/speed"), 2.5);
    preset(folder, "b.toml", "bank = 5\n", 3.5);
    osc.wait_for("/loop/speed", |speed| speed == 3.5);
    // Saved and loaded again.
    osc.send("/loop/speed", vec![OscType::Float(-1.0)]);
    osc.send("/keyframe/2/seed", vec![OscType::Int(77)]);
    osc.wait_for("/keyframe/2/seed", |seed| seed == 77.0);
    osc.send("/preset/save", vec![OscType::String("mine".into())]);
    let saved = folder.join("mine.toml");
    wait_until("the saved preset", || saved.exists());
    osc.send("/preset/load", vec![OscType::String("a".into())]);
    osc.wait_for("/loop/speed", |speed| speed == 0.5);
    osc.send("/preset/load", vec![OscType::String("mine".into())]);
    osc.wait_for("/loop/speed", |speed| speed == -1.0);
    assert_eq!(osc.ask("/keyframe/2/seed"), 77.0);
    // Names cannot leave the folder.
    osc.send("/preset/save", vec![OscType::String("../outside".into())]);
    osc.send("/preset/load", vec![OscType::String("/etc/passwd".into())]);
    osc.send("/model/load", vec![OscType::String("../m".into())]);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let log = log();
    for words in [
        "unknown field `speed`",
        "\"../outside\" is no plain file name",
        "\"/etc/passwd\" is no plain file name",
        "\"../m\" is no plain file name",
    ] {
        assert!(log.contains(words), "{words} is not in the log: {log}");
    }
    assert!(!folder.parent().unwrap().join("outside.toml").exists());
    let text = std::fs::read_to_string(saved).unwrap();
    assert!(text.contains("model_sha256"), "{text}");
}
