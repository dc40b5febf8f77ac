//! Training runs, whole: pictures on disk to checkpoints on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::{Rgb, RgbImage};
use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;

use crate::support::{PROGRAM, Process, limit_file_size, wait_for};

/// A folder of `count` small pictures of a moving gradient.
fn pictures(folder: &Path, count: u32) -> PathBuf {
    let pictures = folder.join("pictures");
    fs::create_dir(&pictures).unwrap();
    for number in 0..count {
        let picture = RgbImage::from_fn(64, 64, |x, y| {
            Rgb([
                (x * 4 + number * 9) as u8,
                (y * 3) as u8,
                (number * 20) as u8,
            ])
        });
        picture
            .save(pictures.join(format!("{number:03}.png")))
            .unwrap();
    }
    pictures
}

/// A run of a network so small that a step takes a moment.
fn training(pictures: &Path, model: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("train")
        .args([pictures, Path::new("-o"), model])
        .args(["--size", "64", "--width", "0.015625", "--latent", "12"])
        .args(["--batch", "4", "--device", "cpu"])
        .args(more);
    if !more.contains(&"--resume") {
        command.arg("--overwrite");
    }
    command
}

fn train(pictures: &Path, model: &Path, more: &[&str]) -> Output {
    training(pictures, model, more).output().unwrap()
}

fn succeed(output: Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn refused(output: Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_run_that_was_stopped_and_resumed_is_the_run_that_was_not() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 11);
    let (whole, halves) = (
        folder.path().join("whole.safetensors"),
        folder.path().join("halves.safetensors"),
    );
    succeed(train(&pictures, &whole, &["--steps", "7", "--seed", "3"]));
    succeed(train(&pictures, &halves, &["--steps", "3", "--seed", "3"]));
    succeed(train(
        &pictures,
        &halves,
        &["--steps", "7", "--seed", "3", "--resume"],
    ));
    assert!(
        fs::read(&whole).unwrap() == fs::read(&halves).unwrap(),
        "the checkpoints differ"
    );
    let log = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(log("whole.log.csv"), log("halves.log.csv"));
    assert_eq!(log("whole.log.csv").lines().count(), 8);

    let other = folder.path().join("other.safetensors");
    succeed(train(&pictures, &other, &["--steps", "7", "--seed", "4"]));
    assert!(
        fs::read(&whole).unwrap() != fs::read(&other).unwrap(),
        "another seed gave the same run"
    );
}

#[test]
fn a_killed_run_resumes_from_its_last_checkpoint_to_the_same_end() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 9);
    let (whole, killed) = (
        folder.path().join("whole.safetensors"),
        folder.path().join("killed.safetensors"),
    );
    succeed(train(&pictures, &whole, &["--steps", "40"]));
    let endless = ["--steps", "1000000", "--checkpoint-every", "3"];
    let mut run = training(&pictures, &killed, &endless);
    let mut run = Process::start(run.stderr(Stdio::null()));
    wait_for("a checkpoint", || {
        assert!(run.ended().is_none(), "the run ended by itself");
        killed.exists().then_some(()).ok_or("there is none")
    });
    drop(run);
    succeed(train(&pictures, &killed, &["--steps", "40", "--resume"]));
    assert!(
        fs::read(&whole).unwrap() == fs::read(&killed).unwrap(),
        "the checkpoints differ"
    );
}

#[test]
fn the_checkpoint_bears_pytorchs_names_and_the_playing_file_holds_the_generator_alone() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.safetensors");
    succeed(train(
        &pictures(folder.path(), 4),
        &model,
        &["--steps", "1"],
    ));
    let checkpoint = fs::read(&model).unwrap();
    let checkpoint = SafeTensors::deserialize(&checkpoint).unwrap();
    let playing = fs::read(folder.path().join("model.playing.safetensors")).unwrap();
    let playing = SafeTensors::deserialize(&playing).unwrap();
    let mut names: Vec<&str> = playing.names();
    names.sort_unstable();
    let mut expected: Vec<String> = vec!["input.bias".into(), "input.weight".into()];
    for layer in 0..4 {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            expected.push(format!("net.{}.{part}", 3 * layer));
        }
        expected.push(format!("net.{}.weight", 3 * layer + 2));
        expected.push(format!("net.{}.bias", 3 * layer + 2));
    }
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(playing.tensor("net.2.weight").unwrap().dtype(), Dtype::F16);
    assert_eq!(
        playing.tensor("net.2.weight").unwrap().shape(),
        [16, 8, 4, 4]
    );
    let mut unprefixed: Vec<&str> = checkpoint
        .names()
        .into_iter()
        .filter(|name| !name.starts_with("discriminator.") && !name.starts_with("adam."))
        .collect();
    unprefixed.sort_unstable();
    assert_eq!(unprefixed, expected);
    assert_eq!(
        checkpoint
            .tensor("discriminator.output.weight")
            .unwrap()
            .shape(),
        [1, 256]
    );
    assert!(
        checkpoint
            .tensor("adam.discriminator.net.2.weight.second")
            .is_ok()
    );
}

#[test]
fn pictures_that_cannot_be_trained_on_are_named() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.safetensors");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused(
        train(&empty, &model, &["--steps", "1"]),
        &["empty", "holds 0 pictures", "batch of 4"],
    );
    let missing = train(&folder.path().join("missing"), &model, &["--steps", "1"]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(said.matches("No such file").count(), 1, "{said}");
    refused(missing, &["missing", "No such file"]);
    let few = pictures(folder.path(), 3);
    refused(
        train(&few, &model, &["--steps", "1"]),
        &["holds 3 pictures", "lower --batch"],
    );
    fs::create_dir(folder.path().join("classes")).unwrap();
    fs::rename(&few, folder.path().join("classes/fog")).unwrap();
    refused(
        train(&folder.path().join("classes"), &model, &["--steps", "1"]),
        &["classes", "sub-folders hold 3: add --recursive"],
    );
    refused(
        train(
            &folder.path().join("classes"),
            &model,
            &["--steps", "1", "--recursive"],
        ),
        &["holds 3 pictures", "lower --batch"],
    );
    fs::rename(folder.path().join("classes/fog"), &few).unwrap();
    refused(
        train(&few.join("%04d.jpg"), &model, &["--steps", "1"]),
        &["a pattern: name the folder"],
    );
    fs::write(few.join("broken.jpg"), b"not a picture").unwrap();
    refused(
        train(&few, &model, &["--steps", "1"]),
        &["broken.jpg", "cannot decode"],
    );
    assert!(!model.exists());
}

#[test]
fn a_run_that_does_not_fit_into_memory_is_refused_with_the_flag_that_helps() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 256);
    let model = folder.path().join("model.safetensors");
    let large = Command::new(PROGRAM)
        .args(["train", "--size", "512", "--width", "4", "--batch", "256"])
        .args(["--device", "cpu", "--steps", "1", "-o"])
        .args([&model, &pictures])
        .output()
        .unwrap();
    refused(large, &["--batch 256 takes about", "MB are free: "]);
    assert!(!model.exists());
}

#[test]
fn checkpoints_that_cannot_be_resumed_are_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 5);
    let model = folder.path().join("model.safetensors");
    succeed(train(&pictures, &model, &["--steps", "2"]));
    let good = fs::read(&model).unwrap();
    let resume = &["--steps", "4", "--resume"];

    refused(
        train(
            &pictures,
            &model,
            &["--steps", "4", "--resume", "--seed", "9"],
        ),
        &["--seed is 0", "asks for 9"],
    );
    fs::remove_file(pictures.join("000.png")).unwrap();
    refused(
        train(&pictures, &model, resume),
        &["number of pictures is 5"],
    );

    for bytes in [&good[..good.len() / 2], b"nonsense", b""] {
        fs::write(&model, bytes).unwrap();
        refused(
            train(&pictures, &model, resume),
            &["model.safetensors", "not a training checkpoint"],
        );
        assert_eq!(fs::read(&model).unwrap(), bytes);
    }
    let playing = folder.path().join("model.playing.safetensors");
    let said = train(&pictures, &playing, resume);
    refused(said, &["model.playing.safetensors"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_checkpoint_that_was_there() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 5);
    let model = folder.path().join("model.safetensors");
    succeed(train(&pictures, &model, &["--steps", "2"]));
    let good = fs::read(&model).unwrap();
    // A limit on the size of files stops the writing as a full disk does, part of the way.
    let resumed = training(&pictures, &model, &["--steps", "4", "--resume"]);
    let output = limit_file_size(&resumed, 32).output().unwrap();
    assert!(good.len() > 64 << 10, "the limit is above the file");
    refused(
        output,
        &[
            "cannot write the checkpoint",
            "model.safetensors",
            "untouched",
        ],
    );
    assert!(
        fs::read(&model).unwrap() == good,
        "the checkpoint was harmed"
    );
    let left = fs::read_dir(folder.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".part")),
        "{left:?}"
    );
    succeed(train(&pictures, &model, &["--steps", "4", "--resume"]));
}

/// Every departure from the reference at once.
const DEPARTURES: [&str; 16] = [
    "--ema",
    "0.9",
    "--augment",
    "colour,translation,cutout",
    "--r1",
    "0.5",
    "--minibatch-deviation",
    "true",
    "--generator-rate",
    "0.0001",
    "--discriminator-rate",
    "0.0004",
    "--initial",
    "dcgan",
    "--resize-convolutions",
    "2",
];

#[test]
fn a_run_with_every_departure_resumes_to_the_same_end() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 9);
    let (whole, halves) = (
        folder.path().join("whole.safetensors"),
        folder.path().join("halves.safetensors"),
    );
    // The penalty comes at steps 16 and 32.
    let with = |length: &[&'static str]| [&DEPARTURES[..], length].concat();
    succeed(train(&pictures, &whole, &with(&["--steps", "33"])));
    succeed(train(&pictures, &halves, &with(&["--steps", "17"])));
    succeed(train(
        &pictures,
        &halves,
        &with(&["--steps", "33", "--resume"]),
    ));
    assert!(
        fs::read(&whole).unwrap() == fs::read(&halves).unwrap(),
        "the checkpoints differ"
    );
    refused(
        train(&pictures, &halves, &["--steps", "34", "--resume"]),
        &["its recipe is --ema 0.9", "asks for --ema 0"],
    );
    for departure in DEPARTURES.chunks(2) {
        let file = folder.path().join("without.safetensors");
        let rest: Vec<&str> = DEPARTURES
            .chunks(2)
            .filter(|other| other != &departure)
            .flatten()
            .copied()
            .collect();
        succeed(train(
            &pictures,
            &file,
            &[&rest[..], &["--steps", "33"]].concat(),
        ));
        assert!(
            fs::read(&whole).unwrap() != fs::read(&file).unwrap(),
            "{departure:?} changes nothing"
        );
    }
}

#[test]
fn the_average_is_what_is_played_with_statistics_of_its_own() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 9);
    let model = folder.path().join("model.safetensors");
    let more = ["--steps", "30", "--ema", "0.9", "--precision", "f32"];
    succeed(train(&pictures, &model, &more));
    let checkpoint = fs::read(&model).unwrap();
    let playing = fs::read(folder.path().join("model.playing.safetensors")).unwrap();
    for tensor in ["net.2.weight", "net.3.running_var"] {
        let played = file_numbers(&playing, tensor);
        assert_eq!(file_numbers(&checkpoint, tensor), played);
        assert_ne!(
            file_numbers(&checkpoint, &format!("trained.{tensor}")),
            played
        );
    }
}

#[test]
fn resize_convolutions_leave_an_even_map_even() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 9);
    let model = folder.path().join("model.safetensors");
    let more = [
        "--steps",
        "5",
        "--resize-convolutions",
        "2",
        "--precision",
        "f32",
    ];
    succeed(train(&pictures, &model, &more));
    let playing = fs::read(folder.path().join("model.playing.safetensors")).unwrap();
    // What each of a filter's four phases sums to, in 2 x 2 taps, is what an even map becomes.
    let unevenness = |layer: usize| {
        let filters = file_numbers(&playing, &format!("net.{}.weight", 3 * layer + 2));
        let phases = |filter: &[f32]| {
            [0, 1, 4, 5].map(|at| {
                [0, 2, 8, 10]
                    .map(|tap| filter[at + tap])
                    .iter()
                    .sum::<f32>()
            })
        };
        let spread = filters.chunks_exact(16).map(|filter| {
            let [a, b, c, d] = phases(filter);
            (a - b).abs().max((a - c).abs()).max((a - d).abs())
        });
        spread.fold(0.0, f32::max)
    };
    assert!(
        unevenness(2) < 1e-5 && unevenness(3) < 1e-5,
        "{}",
        unevenness(3)
    );
    assert!(unevenness(1) > 1e-2, "{}", unevenness(1));
}

#[test]
fn a_recipe_says_what_it_set() {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(folder.path(), 5);
    let model = folder.path().join("model.safetensors");
    let said = |more: &[&str]| {
        let output = train(&pictures, &model, &[&["--steps", "1"], more].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        succeed(output);
        text
    };
    let study = said(&["--recipe", "study"]);
    assert!(
        study.contains("recipe: --batch 4 --ema 0 --augment none"),
        "{study}"
    );
    let steady = said(&["--recipe", "steady"]);
    assert!(!steady.contains("--ema 0 "), "{steady}");
    assert!(said(&["--recipe", "steady", "--ema", "0"]).contains("--ema 0 "));
    refused(
        train(&pictures, &model, &["--ema", "1.5"]),
        &["--ema 1.5", "below 1"],
    );
}

/// The numbers of a tensor of 32 bits.
fn file_numbers(file: &[u8], tensor: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(file).unwrap();
    let tensor = file.tensor(tensor).unwrap();
    let numbers = tensor.data().chunks_exact(4);
    numbers
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}
