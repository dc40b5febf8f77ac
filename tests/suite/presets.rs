//! Presets while the show goes on: saved, recalled from the bank, faded, and read again when their file changes.

use std::path::Path;

use rosc::OscType;

use crate::support::{Show, wait_until};

fn preset(folder: &Path, name: &str, more: &str, speed: f64) {
    let text = format!(
        "version = 1\nmodel = \"m.safetensors\"\n{more}keyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n\"loop.speed\" = {speed}\n"
    );
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn presets_are_saved_banked_faded_and_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let show = Show::in_folder(folder).headless();
    show.small_model();
    preset(folder, "a.toml", "", 0.5);
    preset(folder, "b.toml", "bank = 5\n", 1.5);
    let mut show = show.plays(folder.join("a.toml")).start();
    let osc = &show.osc;
    osc.wait_for_value("/loop/speed", 0.5);
    // A place of the bank, with a fade that can be seen under way.
    osc.number("/preset/fade_secs", 5.0);
    osc.send("/preset/bank/5", vec![]);
    osc.wait_for("/loop/speed", |speed| speed > 0.6 && speed < 1.4);
    osc.wait_for_value("/loop/speed", 1.5);
    osc.number("/preset/fade_secs", 0.0);
    // The file of the preset that plays changes.
    preset(folder, "b.toml", "bank = 5\n", 2.5);
    osc.wait_for_value("/loop/speed", 2.5);
    // Broken, it is named, and mended, it is read.
    std::fs::write(folder.join("b.toml"), "version = 1\nspeed = 3\n").unwrap();
    show.wait_for_log("unknown field `speed`");
    assert_eq!(osc.ask("/loop/speed"), 2.5);
    preset(folder, "b.toml", "bank = 5\n", 3.5);
    osc.wait_for_value("/loop/speed", 3.5);
    // Saved and loaded again.
    osc.number("/loop/speed", -1.0);
    osc.send("/keyframe/2/seed", vec![OscType::Int(77)]);
    osc.wait_for_value("/keyframe/2/seed", 77.0);
    osc.text("/preset/save", "mine");
    let saved = folder.join("mine.toml");
    wait_until("the saved preset", || saved.exists());
    osc.text("/preset/load", "a");
    osc.wait_for_value("/loop/speed", 0.5);
    osc.text("/preset/load", "mine");
    osc.wait_for_value("/loop/speed", -1.0);
    assert_eq!(osc.ask("/keyframe/2/seed"), 77.0);
    // Names cannot leave the folder.
    osc.text("/preset/save", "../outside");
    osc.text("/preset/load", "/etc/passwd");
    osc.text("/model/load", "../m");
    show.quit();
    let log = show.log();
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
