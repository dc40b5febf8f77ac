//! Models judged by the real program, alone and while they are trained.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use latentloop::engine::{Backend, EngineOptions, Norm, Rounding, open};
use latentloop::latent::seed_row;
use latentloop::network::weights::GeneratorWeights;
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PROGRAM, model};

/// A folder of `count` pictures of a moving gradient.
fn gradients(folder: &Path, count: u32) -> PathBuf {
    let pictures = folder.join("gradients");
    fs::create_dir(&pictures).unwrap();
    for number in 0..count {
        let picture = RgbImage::from_fn(64, 64, |x, y| {
            Rgb([
                (x * 2 + number * 9) as u8,
                (y * 3) as u8,
                (number * 20) as u8,
            ])
        });
        let path = pictures.join(format!("{number:03}.png"));
        picture.save(path).unwrap();
    }
    pictures
}

/// A folder of the first `count` pictures that the model draws of a seed.
fn drawn(folder: &Path, seed: u32, count: usize) -> PathBuf {
    let pictures = folder.join(format!("drawn-{seed}"));
    fs::create_dir(&pictures).unwrap();
    let weights = GeneratorWeights::load(&model()).unwrap();
    let options = EngineOptions {
        backend: Backend::Cpu,
        threads: Some(1),
        ..EngineOptions::default()
    };
    let mut engine = open(&weights, &options).unwrap();
    let side = engine.size().0;
    let plane = (side * side) as usize;
    let mut row = vec![0.0; engine.latent()];
    for number in 0..count {
        seed_row(seed, number, &mut row);
        let z: Vec<f32> = row.iter().map(|&v| v as f32).collect();
        let mut values = vec![0.0; 3 * plane];
        engine.forward(&z, Norm::Running, &mut values).unwrap();
        let picture = RgbImage::from_fn(side, side, |x, y| {
            let at = (y * side + x) as usize;
            Rgb([0, 1, 2].map(|channel| Rounding::Nearest.byte(values[channel * plane + at])))
        });
        let path = pictures.join(format!("{number:03}.png"));
        picture.save(path).unwrap();
    }
    pictures
}

fn latentloop(command: &str, paths: &[&Path], more: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg(command)
        .args(paths)
        .args(more)
        .output()
        .unwrap()
}

fn succeed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn scores(model: &Path, pictures: &Path, more: &[&str]) -> Value {
    let output = latentloop("score", &[model, pictures], &[&["--json"], more].concat());
    serde_json::from_str(&succeed(&output)).unwrap()
}

fn number(scores: &Value, name: &str) -> f64 {
    scores[name].as_f64().unwrap()
}

fn train(pictures: &Path, model: &Path, more: &[&str]) -> Output {
    let small = [
        "--size",
        "64",
        "--width",
        "0.015625",
        "--latent",
        "12",
        "--batch",
        "4",
        "--device",
        "cpu",
        "--sheet-every",
        "0",
    ];
    let paths = [pictures, Path::new("-o"), model];
    latentloop("train", &paths, &[&small, more].concat())
}

#[test]
fn a_model_judged_by_its_own_pictures_has_full_marks() {
    let folder = TempDir::new().unwrap();
    let own = drawn(folder.path(), 7, 24);
    let same = scores(&model(), &own, &["--seed", "7", "--samples", "24"]);
    for (name, expected) in [
        ("palette_distance", 0.0),
        ("diversity", 1.0),
        ("sharpness", 1.0),
        ("coverage", 1.0),
        ("nearest", 0.0),
    ] {
        let found = number(&same, name);
        assert!((found - expected).abs() < 1e-3, "{name} is {found}: {same}");
    }
    let others = scores(&model(), &own, &["--seed", "8"]);
    for (name, range) in [
        ("palette_distance", 0.01..10.0),
        ("diversity", 0.7..1.4),
        ("sharpness", 0.7..1.4),
        ("coverage", 0.8..1.01),
        ("nearest", 0.1..60.0),
        ("evenness", 0.3..1.0),
    ] {
        let found = number(&others, name);
        assert!(range.contains(&found), "{name} is {found}: {others}");
    }
}

#[test]
fn the_report_is_one_object_and_the_same_each_time() {
    let folder = TempDir::new().unwrap();
    let pictures = gradients(folder.path(), 9);
    for norm in ["running", "batch"] {
        let more = ["--samples", "12", "--norm", norm, "--seed", "3"];
        let report = scores(&model(), &pictures, &more);
        assert_eq!(report, scores(&model(), &pictures, &more));
        let mut fields: Vec<&String> = report.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "coverage",
                "diversity",
                "engine",
                "evenness",
                "model",
                "nearest",
                "norm",
                "palette_distance",
                "pictures",
                "samples",
                "seed",
                "sharpness",
                "size"
            ]
        );
        assert_eq!(report["norm"], norm);
        assert_eq!(
            [&report["samples"], &report["seed"], &report["pictures"]],
            [12, 3, 9]
        );
        let other = scores(&model(), &pictures, &["--samples", "12", "--norm", norm]);
        assert_ne!(report["diversity"], other["diversity"]);
    }
    let text = succeed(&latentloop(
        "score",
        &[&model(), &pictures],
        &["--samples", "12"],
    ));
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.starts_with("palette distance"), "{text}");
}

#[test]
fn what_cannot_be_judged_is_named() {
    let folder = TempDir::new().unwrap();
    let good = gradients(folder.path(), 6);
    let place = |name: &str| {
        let place = folder.path().join(name);
        fs::create_dir(&place).unwrap();
        place
    };
    let (empty, alike) = (place("empty"), place("alike"));
    for number in 0..6 {
        fs::copy(good.join("000.png"), alike.join(format!("{number}.png"))).unwrap();
    }
    let nonsense = folder.path().join("nonsense.safetensors");
    fs::write(&nonsense, b"nonsense").unwrap();
    let missing = folder.path().join("missing");
    let refused = |model: &Path, pictures: &Path, more: &[&str], code: i32, words: &[&str]| {
        let output = latentloop("score", &[model, pictures], more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        assert!(output.stdout.is_empty());
    };
    let model = model();
    refused(
        &model,
        &empty,
        &[],
        1,
        &["empty", "0 pictures", "at least 6", "add pictures"],
    );
    refused(&model, &alike, &[], 1, &["alike", "all the same"]);
    refused(&model, &missing, &[], 1, &["missing", "cannot read"]);
    refused(
        &missing,
        &good,
        &[],
        1,
        &["missing", "cannot open", "no such file"],
    );
    refused(
        &nonsense,
        &good,
        &[],
        1,
        &["nonsense.safetensors", "cannot play the model"],
    );
    refused(
        &good,
        &good,
        &[],
        1,
        &["gradients", "cannot read the model"],
    );
    for samples in ["0", "1", "4097", "99999999999"] {
        let words = [&format!("--samples {samples}"), "from 2 to 4096"];
        refused(&model, &good, &["--samples", samples], 1, &words);
    }
    refused(&model, &good, &["--samples", "-3"], 2, &["-3"]);
    refused(
        &model,
        &good,
        &["--seed", "4294967295"],
        2,
        &["--seed", "2147483647"],
    );
    refused(
        &model,
        &good,
        &["--norm", "none"],
        2,
        &["--norm", "running, batch"],
    );
    fs::remove_file(good.join("000.png")).unwrap();
    refused(&model, &good, &[], 1, &["gradients", "5 pictures"]);
    fs::write(good.join("broken.png"), b"not a picture").unwrap();
    refused(&model, &good, &[], 1, &["broken.png", "cannot decode"]);
}

#[test]
fn a_run_is_scored_as_its_checkpoint_is_and_resumes_to_the_same_log() {
    let folder = TempDir::new().unwrap();
    let pictures = gradients(folder.path(), 11);
    let run = |name: &str, more: &[&str]| {
        let model = folder.path().join(format!("{name}.safetensors"));
        succeed(&train(
            &pictures,
            &model,
            &[&["--seed", "3"], more].concat(),
        ));
        let log = fs::read_to_string(folder.path().join(format!("{name}.log.csv"))).unwrap();
        (fs::read(model).unwrap(), log)
    };
    let whole = run("whole", &["--steps", "7", "--score-every", "2"]);
    run("halves", &["--steps", "3", "--score-every", "2"]);
    let halves = run(
        "halves",
        &["--steps", "7", "--score-every", "2", "--resume"],
    );
    assert_eq!(whole.1, halves.1);
    assert!(whole.0 == halves.0, "the checkpoints differ");
    let unscored = run("unscored", &["--steps", "7", "--score-every", "0"]);
    assert!(whole.0 == unscored.0, "scores change the run");

    let rows: Vec<Vec<&str>> = whole
        .1
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    let names = [
        "palette_distance",
        "diversity",
        "sharpness",
        "coverage",
        "nearest",
        "evenness",
    ];
    assert_eq!(rows[0][4..], names);
    for (step, row) in rows.iter().enumerate().skip(1) {
        assert_eq!(row.len(), rows[0].len());
        let filled = row[4..].iter().filter(|field| !field.is_empty()).count();
        assert_eq!(
            filled,
            if step % 2 == 0 { 6 } else { 0 },
            "step {step}: {row:?}"
        );
    }
    assert!(
        unscored
            .1
            .lines()
            .skip(1)
            .all(|line| line.ends_with(",,,,,,"))
    );

    run("six", &["--steps", "6", "--score-every", "0"]);
    let judged = scores(
        &folder.path().join("six.safetensors"),
        &pictures,
        &["--norm", "batch", "--samples", "64"],
    );
    // The log's walk has other steps, so its evenness is another.
    for (place, name) in names.iter().enumerate().take(5) {
        let logged: f64 = rows[6][4 + place].parse().unwrap();
        let found = number(&judged, name);
        assert!(
            (logged - found).abs() <= 0.001 * found.abs().max(0.1),
            "{name}: {logged} in the log, {found} of the checkpoint"
        );
    }
}

#[test]
fn a_log_without_scores_is_gone_on_with() {
    let folder = TempDir::new().unwrap();
    let pictures = gradients(folder.path(), 6);
    let model = folder.path().join("model.safetensors");
    let log = folder.path().join("model.log.csv");
    succeed(&train(
        &pictures,
        &model,
        &["--steps", "1", "--score-every", "0"],
    ));
    let old = "step,epoch,discriminator_loss,generator_loss\n1,0,1.500000,0.500000\n";
    fs::write(&log, old).unwrap();
    succeed(&train(
        &pictures,
        &model,
        &["--steps", "2", "--score-every", "1", "--resume"],
    ));
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[1], "1,0,1.500000,0.500000,,,,,,");
    let columns: Vec<usize> = lines.iter().map(|line| line.split(',').count()).collect();
    assert_eq!(columns, [10; 3]);
}

#[test]
fn a_run_warns_once_of_a_collapse() {
    let folder = TempDir::new().unwrap();
    let pictures = gradients(folder.path(), 8);
    let model = folder.path().join("model.safetensors");
    succeed(&train(&pictures, &model, &["--steps", "1"]));
    // Without the weights of its last layer a generator draws one colour, whatever its latents.
    let mut bytes = fs::read(&model).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let (start, end) = metadata.info("net.11.weight").unwrap().data_offsets;
    bytes[8 + header + start..8 + header + end].fill(0);
    fs::write(&model, bytes).unwrap();
    let more = ["--steps", "4", "--resume", "--score-every", "1"];
    let output = train(&pictures, &model, &more);
    succeed(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("the model has collapsed").count(), 1, "{said}");
    assert!(said.contains("another --seed"), "{said}");
}

#[test]
fn a_run_warns_once_where_it_cannot_be_scored() {
    let folder = TempDir::new().unwrap();
    let pictures = gradients(folder.path(), 6);
    let model = folder.path().join("model.safetensors");
    let warnings = |more: &[&str], words: &str| {
        let output = train(&pictures, &model, &[&["--score-every", "1"], more].concat());
        succeed(&output);
        String::from_utf8_lossy(&output.stderr)
            .matches(words)
            .count()
    };
    fs::remove_file(pictures.join("000.png")).unwrap();
    assert_eq!(
        warnings(
            &["--steps", "3"],
            "the run is not scored: there are 5 pictures"
        ),
        1
    );
}
