//! Files that earlier versions of the program wrote load, play and go on as they did then. `fixtures/v0/README.md` says how
//! they were made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{root, succeed};

fn fixtures() -> PathBuf {
    root().join("tests/fixtures/v0")
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A copy of all of them.
fn copied() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    copy(&fixtures(), place.path());
    place
}

/// Every field of the one is in the other; where that is newer it may have more.
fn assert_holds(newer: &Value, older: &Value, at: &str) {
    match (newer, older) {
        (Value::Object(newer), Value::Object(older)) => {
            for (key, value) in older {
                let found = newer.get(key).unwrap_or(&Value::Null);
                assert_holds(found, value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(newer), Value::Array(older)) => {
            assert_eq!(newer.len(), older.len(), "{at}");
            for (number, (newer, older)) in newer.iter().zip(older).enumerate() {
                assert_holds(newer, older, &format!("{at}.{number}"));
            }
        }
        _ => assert_eq!(newer, older, "{at}"),
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_as_it_would_have() {
    let place = copied();
    let folder = place.path().join("train");
    let log = folder.join("every.log.csv");
    let expected = fs::read_to_string(&log).unwrap();
    let stopped: Vec<&str> = expected.lines().take(4).collect();
    fs::write(&log, stopped.join("\n") + "\n").unwrap();
    let words = "train set -o every.safetensors --size 64 --width 0.015625 --latent 12 --batch 4 --device cpu \
        --sheet-every 0 --score-every 0 --seed 3 --ema 0.9 --augment colour,translation,cutout --r1 0.5 \
        --minibatch-deviation true --resize-convolutions 2 --steps 5 --resume";
    succeed(&folder, &words.split_whitespace().collect::<Vec<_>>());
    let found = fs::read_to_string(&log).unwrap();
    assert_eq!(found.lines().count(), 6, "{found}");
    for (found, expected) in found.lines().zip(expected.lines()).skip(1) {
        // Another processor may add in another order: the last digits are its own.
        for (found, expected) in found.split(',').zip(expected.split(',')).take(4) {
            let [a, b]: [f64; 2] = [found, expected].map(|number| number.parse().unwrap());
            assert!((a - b).abs() < 1e-3, "{found}, not {expected}");
        }
    }
    let playing = folder.join("every.playing.safetensors");
    latentloop::network::weights::GeneratorWeights::load(&playing).unwrap();
}

#[test]
fn takes_are_played_to_the_last_bit_and_look_as_they_did() {
    let place = copied();
    let folder = place.path();
    for (take, latents) in [("logged.take", 206), ("cut.take", 74)] {
        let said = succeed(folder, &["take", "render", take, "--verify"]);
        let expected = format!("{latents} of {latents} latents agree, bit for bit\n");
        assert_eq!(said, expected, "{take}");
    }
    for (take, pictures) in [("logged", [1, 9, 17]), ("script", [1, 3, 4])] {
        let file = format!("{take}.take");
        let told = succeed(folder, &["take", "info", &file, "--json"]);
        let known = fs::read_to_string(folder.join(format!("{take}.info.json"))).unwrap();
        let [told, known] = [&told, &known].map(|text| serde_json::from_str(text).unwrap());
        assert_holds(&told, &known, take);
        let render = ["take", "render", &file, "-o", take, "--fps", "2"];
        succeed(folder, &[&render[..], &["--norm", "running"]].concat());
        for number in pictures {
            let open = |path: PathBuf| image::open(path).unwrap().to_rgb8();
            let found = open(folder.join(format!("{take}/{number:06}.png")));
            let expected = open(folder.join(format!("{take}-{number:06}.png")));
            assert_eq!(found.dimensions(), expected.dimensions());
            let pairs = found.as_raw().iter().zip(expected.as_raw());
            let off = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(off <= 3, "picture {number} of {take} is {off} levels off");
        }
    }
}

#[cfg(feature = "live")]
#[test]
fn a_preset_that_the_program_saved_is_opened_with_every_value_and_saved_again() {
    use crate::support::Show;
    let place = copied();
    let folder = place.path();
    let mut show = Show::in_folder(folder)
        .plays(folder.join("saved.toml"))
        .headless()
        .start();
    show.wait_for_log("own pass 1 is signal");
    let values = fs::read_to_string(folder.join("saved.tsv")).unwrap();
    for line in values.lines() {
        let (address, value) = line.split_once('\t').unwrap();
        let (found, value) = (show.osc.ask(address), value.parse::<f64>().unwrap());
        let off = (found - value).abs() / value.abs().max(1.0);
        assert!(off < 1e-5, "{address} is {found}, not {value}");
    }
    show.osc.text("/preset/save", "again");
    show.wait_for_log("again.toml");
    show.quit();
    let parse = |name: &str| -> Value {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        toml::from_str(&text).unwrap()
    };
    assert_holds(&parse("again.toml"), &parse("saved.toml"), "again");
}

#[cfg(all(feature = "live", target_os = "linux"))]
#[test]
fn a_performers_keys_and_windows_are_as_they_were() {
    use crate::support::{Desktop, Show};
    let desktop = Desktop::of("1600x1000x24");
    let show = Show::builder().args(["--console", "window"]).on(&desktop);
    copy(&fixtures().join("config"), &show.folder().join("config"));
    let mut show = show.start();
    let osc = &show.osc;
    osc.number("/loop/speed", 0.0);
    osc.number("/loop/glide", 0.0);
    osc.wait_for_value("/loop/glide", 0.0);
    let console = desktop.console();
    // The corner is that of the frame, which is as wide as the window manager likes.
    let place = console.place();
    let [left, top, width, height] = place;
    assert!(
        (123..=133).contains(&left) && (45..=85).contains(&top),
        "{place:?}"
    );
    assert_eq!([width, height], [1000, 700]);
    console.focus();
    let seed = osc.ask("/keyframe/2/seed");
    // R does nothing any more.
    for keys in ["r", "g", "Up", "ctrl+shift+z", "7"] {
        desktop.key(keys);
    }
    osc.wait_for_value("/loop/position", 6.0);
    osc.wait_for_value("/master/fade", 0.5);
    osc.wait_for_value("/beat/tempo", 121.0);
    osc.wait_for_value("/loop/path", 1.0);
    assert_eq!(osc.ask("/keyframe/2/seed"), seed);
    show.quit();
    assert!(!show.log().contains("cannot use"), "{}", show.log());
}
