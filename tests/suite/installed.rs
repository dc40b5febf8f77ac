//! The program alone, as it is installed: without its source, its models or its presets around it.

use std::path::Path;
use std::process::{Command, Output};

/// The program in a folder of its own, which is its home as well; no data of this machine are seen from there.
fn latentloop(folder: &Path, arguments: &[&str]) -> Output {
    let work = folder.join("work");
    std::fs::create_dir_all(&work).unwrap();
    Command::new(env!("CARGO_BIN_EXE_latentloop"))
        .current_dir(work)
        .env_remove("LATENTLOOP_DATA")
        .env("LATENTLOOP_CONFIG", folder.join("config"))
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("XDG_DATA_DIRS", folder.join("system"))
        .args(arguments)
        .output()
        .unwrap()
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = latentloop(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_renders_its_first_preset_from_an_empty_folder() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let render = "render first -o pictures --range 0..2 --norm running";
    succeeds(folder, &render.split(' ').collect::<Vec<_>>());
    let pictures = std::fs::read_dir(folder.join("work/pictures")).unwrap();
    assert_eq!(pictures.count(), 2);
    // From nowhere else: not from where it was built.
    let model = folder.join("cache/latentloop/builtin/models/nosferatu.safetensors");
    assert!(model.is_file());

    std::fs::create_dir_all(folder.join("data/latentloop/presets")).unwrap();
    let text =
        "version = 1\nmodel = \"nothing.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n";
    std::fs::write(folder.join("data/latentloop/presets/mine.toml"), text).unwrap();
    let missing = latentloop(folder, &["info", "mine"]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(!missing.status.success() && said.contains("nothing.safetensors"));
    for place in ["data/latentloop", "system/latentloop"] {
        let place = folder.join(place);
        assert!(said.contains(&place.display().to_string()), "{said}");
    }
}

#[cfg(feature = "live")]
#[test]
fn it_plays_from_an_empty_folder() {
    let place = tempfile::tempdir().unwrap();
    let show = "play --headless --seconds 1 --osc none --oscquery none --stats stats.json";
    succeeds(place.path(), &show.split(' ').collect::<Vec<_>>());
    let stats = std::fs::read_to_string(place.path().join("work/stats.json")).unwrap();
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert!(stats["frames_shown"].as_u64().unwrap() > 0, "{stats}");
}

#[test]
fn it_writes_its_manual_and_the_completions_of_shells() {
    let place = tempfile::tempdir().unwrap();
    succeeds(place.path(), &["man", "man"]);
    let page = std::fs::read_to_string(place.path().join("work/man/latentloop-take-render.1"));
    assert!(page.unwrap().contains(r"\-\-verify"));
    for (shell, start) in [("bash", "_latentloop()"), ("zsh", "#compdef latentloop")] {
        let script = succeeds(place.path(), &["completions", shell]);
        assert!(script.starts_with(start), "{shell}: {script:.60}");
    }
}
