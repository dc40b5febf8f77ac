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
