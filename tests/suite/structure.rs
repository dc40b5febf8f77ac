//! What holds for the source and its documents as a whole.

use std::fs;

use latentloop::cli::params::{parameters, touchdesigner, tsv};
use latentloop::instrument::Table;

use crate::support::{PROGRAM, root};

#[test]
fn the_documents_tables_are_the_parameter_table() {
    let table = Table::standard();
    let read = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    assert_eq!(
        read("parameters.md"),
        parameters(&table),
        "run `latentloop params --markdown > docs/parameters.md`"
    );
    assert_eq!(
        read("touchdesigner.tsv"),
        tsv(&table),
        "run `latentloop params --tsv > docs/touchdesigner.tsv`"
    );
    #[cfg(feature = "live")]
    assert_eq!(
        read("keys.md"),
        latentloop::cli::keys::markdown(),
        "run `latentloop keys --markdown > docs/keys.md`"
    );
    let page = read("touchdesigner.md");
    let (_, rest) = page.split_once("<!-- channels -->\n").unwrap();
    let (channels, _) = rest.split_once("<!-- /channels -->").unwrap();
    assert_eq!(
        channels,
        touchdesigner(&table),
        "put what `latentloop params --touchdesigner` prints into docs/touchdesigner.md"
    );
}

#[test]
fn what_ships_can_be_opened_and_is_small() {
    let table = Table::standard();
    let mut presets = 0;
    for entry in fs::read_dir(root().join("presets")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        presets += 1;
        let piece = latentloop::library::preset(&path, &table).unwrap();
        assert!(
            (2..=8).contains(&piece.preset.keyframes.len()),
            "{}",
            path.display()
        );
        let weights = latentloop::network::weights::GeneratorWeights::load(&piece.model).unwrap();
        assert_eq!(weights.size(), 256);
        assert!(fs::metadata(&piece.model).unwrap().len() < 8_000_000);
        assert!(
            piece.model.with_extension("md").is_file(),
            "{} has no card",
            piece.model.display()
        );
    }
    assert!(presets >= 4, "{presets} presets");
    let text = fs::read_to_string(root().join("presets/first.take")).unwrap();
    let take = latentloop::take::Script::parse(&text, &table).unwrap();
    assert_eq!(take.length, 20 * 480);
    assert_eq!(take.preset, "first.toml");
}

#[test]
fn a_reader_that_has_read_enough_ends_the_program_quietly() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(PROGRAM)
        .args(["params", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// The sources of the program and its crates, without those of tests: their paths in the tree, and their texts up to their tests.
fn sources() -> Vec<(String, String)> {
    let mut folders = vec![root().join("src"), root().join("crates")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap();
            let name = name.to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("/tests") {
                let text = fs::read_to_string(path).unwrap();
                let text = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                sources.push((name, text));
            }
        }
    }
    assert!(sources.len() > 200, "{}", sources.len());
    sources
}

#[test]
fn folders_are_listed_texts_read_and_errors_told_each_in_one_place() {
    let check = |words: &str, may: &[&str], instead: &str| {
        for (name, text) in sources() {
            let found = text.contains(words) && !may.iter().any(|may| name.ends_with(may));
            assert!(!found, "{name} says {words}: {instead}");
        }
    };
    // Those that look for names that begin with a dot, for any name at all, or in the system's own folders.
    let any = [
        "core/src/files.rs",
        "footage/dataset.rs",
        "midi/jack_ports.rs",
        "record/folder.rs",
        "record/reserve.rs",
        "render/offline_render.rs",
    ];
    check(
        "read_dir(",
        &any,
        "files::list passes over names that begin with a dot",
    );
    let own = ["core/src/files.rs", "app/stats.rs", "train/log.rs"];
    check(
        "read_to_string(",
        &own,
        "files::read_text_limited has bounds and no byte order mark",
    );
    check(":#}\"", &[], "report::chain says each reason once");
}
