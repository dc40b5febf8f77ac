//! Generators of PyTorch, imported by the real program: `import/make.py` made them, and the pictures that they draw.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PROGRAM, root};

/// A file of `tests/import`.
fn made(name: &str) -> PathBuf {
    root().join("tests/import").join(name)
}

/// Runs the program in a folder of its own.
fn latentloop<A: AsRef<OsStr>>(place: &TempDir, args: impl IntoIterator<Item = A>) -> Output {
    Command::new(PROGRAM)
        .current_dir(place.path())
        .args(args)
        .output()
        .unwrap()
}

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Imports `file` as `model.safetensors`.
fn import(place: &TempDir, file: &Path, options: &[&str]) -> Output {
    let mut args = vec![OsStr::new("import"), file.as_os_str()];
    args.extend(["-o", "model.safetensors"].map(OsStr::new));
    args.extend(options.iter().map(OsStr::new));
    latentloop(place, args)
}

/// Shape and numbers of a tensor of f32.
fn tensor(file: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor(name).unwrap();
    let numbers = view.data().chunks_exact(4);
    let numbers = numbers.map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    (view.shape().to_vec(), numbers.collect())
}

/// The largest difference between what `model.safetensors` draws and every fifth pixel of every fifth row that PyTorch drew.
fn difference(place: &TempDir, expected: &Path, norm: &str) -> f32 {
    let args = [
        "draw",
        "model.safetensors",
        "--norm",
        norm,
        "-o",
        "drawn.safetensors",
    ];
    let mut args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    args.insert(2, expected.as_os_str());
    succeeded(&latentloop(place, args));
    let (shape, drawn) = tensor(&place.path().join("drawn.safetensors"), "pictures");
    let (points, expected) = tensor(expected, norm);
    let (&[2, 3, height, width], &[channels, rows, columns]) = (&shape[..], &points[..]) else {
        panic!("pictures of {shape:?} and {points:?}");
    };
    assert_eq!([rows, columns], [height.div_ceil(5), width.div_ceil(5)]);
    let mut worst = 0.0f32;
    for (place, expected) in expected.iter().enumerate() {
        let (y, x) = (place / columns % rows, place % columns);
        // A grey picture is drawn as three channels alike.
        for channel in (place / columns / rows..3).step_by(channels) {
            let drawn = drawn[(channel * height + 5 * y) * width + 5 * x];
            worst = worst.max((drawn - expected).abs());
        }
    }
    // The pictures are no plain grey, in which anything would agree.
    let ends = |most: f32, v: &f32| most.max((v - expected[0]).abs());
    assert!(expected.iter().fold(0.0, ends) > 0.1);
    worst
}

#[test]
fn imported_generators_draw_what_pytorch_draws() {
    let relu = ["--activation", "relu"];
    let odd = [
        "--activation",
        "relu",
        "--layers",
        "s1p1,s2p1o1,s2p2o1,s2p1",
    ];
    let both = ["running", "batch"].as_slice();
    for (file, options, expected, norms) in [
        ("tutorial.pth", &relu[..], "tutorial", both),
        ("tutorial-legacy.pth", &relu, "tutorial", both),
        ("tutorial-half.pth", &relu, "tutorial-half", both),
        (
            "tutorial-nested.pth",
            &["--activation", "relu", "--key", "netG"],
            "tutorial",
            both,
        ),
        // Its first batch norm, one number a row, is folded into the stem with its running statistics.
        (
            "linear.pth",
            &["--activation", "leaky_relu"],
            "linear",
            &["running"],
        ),
        ("odd.pth", &odd, "odd", both),
        ("odd.safetensors", &odd, "odd", both),
    ] {
        let place = tempfile::tempdir().unwrap();
        succeeded(&import(&place, &made(file), options));
        for norm in norms {
            let expected = made(&format!("{expected}.expected.safetensors"));
            let worst = difference(&place, &expected, norm);
            assert!(worst < 1e-4, "{file}, {norm}: {worst}");
        }
    }
}

#[test]
fn a_model_in_half_precision_is_smaller_and_draws_nearly_the_same() {
    let place = tempfile::tempdir().unwrap();
    let size = || {
        fs::metadata(place.path().join("model.safetensors"))
            .unwrap()
            .len()
    };
    succeeded(&import(
        &place,
        &made("linear.pth"),
        &["--activation", "leaky_relu"],
    ));
    let single = size();
    let half = ["--activation", "leaky_relu", "--precision", "f16"];
    succeeded(&import(&place, &made("linear.pth"), &half));
    assert!(size() < single);
    let worst = difference(&place, &made("linear.expected.safetensors"), "running");
    assert!((1e-6..1e-2).contains(&worst), "{worst}");
}

#[test]
fn the_wrong_activation_or_stride_gives_other_pictures() {
    let place = tempfile::tempdir().unwrap();
    let expected = made("tutorial.expected.safetensors");
    succeeded(&import(
        &place,
        &made("tutorial.pth"),
        &["--activation", "leaky_relu"],
    ));
    assert!(difference(&place, &expected, "running") > 1e-2);
}

#[test]
fn a_bare_generator_of_the_studies_needs_no_options() {
    let place = tempfile::tempdir().unwrap();
    let generator = root().join("tests/parity/generator.safetensors");
    succeeded(&import(&place, &generator, &[]));
    let z = root().join("tests/parity/expected.safetensors");
    for (model, pictures) in [
        (generator.as_path(), "bare.safetensors"),
        (Path::new("model.safetensors"), "imported.safetensors"),
    ] {
        let words = [OsStr::new("draw"), model.as_os_str(), z.as_os_str()];
        let words = words.into_iter().chain(["-o", pictures].map(OsStr::new));
        succeeded(&latentloop(&place, words));
    }
    let drawn = |name: &str| tensor(&place.path().join(name), "pictures");
    assert_eq!(drawn("bare.safetensors"), drawn("imported.safetensors"));
}

#[test]
fn what_is_no_generator_is_refused_with_what_was_found_and_executes_nothing() {
    let relu = ["--activation", "relu"].as_slice();
    let place = tempfile::tempdir().unwrap();
    let cut = place.path().join("cut.pth");
    let whole = fs::read(made("tutorial.pth")).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let cut_legacy = place.path().join("cut-legacy.pth");
    let whole = fs::read(made("tutorial-legacy.pth")).unwrap();
    fs::write(&cut_legacy, &whole[..whole.len() - 9]).unwrap();
    let text = place.path().join("notes.pth");
    fs::write(&text, "no network, but notes").unwrap();
    for (file, options, words) in [
        (
            made("tutorial.pth"),
            [].as_slice(),
            ["--activation relu", "leaky_relu"],
        ),
        (
            made("odd.pth"),
            relu,
            ["--layers", "transposed deconv1 [5, 4, 5, 5]"],
        ),
        (
            made("odd.pth"),
            &["--activation", "relu", "--layers", "s1p1,s2p1"],
            ["gives 2 strides", "4 convolutions"],
        ),
        (
            made("odd.pth"),
            &[
                "--activation",
                "relu",
                "--layers",
                "s1p1,s2p1o2,s2p2o1,s2p1",
            ],
            ["deconv2", "below the stride"],
        ),
        (
            made("odd.pth"),
            &["--activation", "relu", "--layers", "s1p1,2,s2p2o1,s2p1"],
            ["--layers", "s1p0,s2p1"],
        ),
        (made("tutorial-nested.pth"), relu, ["--key", "netG, netD"]),
        (
            made("tutorial-nested.pth"),
            &["--activation", "relu", "--key", "netX"],
            ["no entry for --key netX", "netG"],
        ),
        (
            made("tutorial-nested.pth"),
            &["--activation", "relu", "--key", "netD"],
            ["discriminator", "expected is a DCGAN generator"],
        ),
        (
            made("discriminator.pth"),
            relu,
            ["discriminator", "expected is a DCGAN generator"],
        ),
        (
            made("upsampling.pth"),
            relu,
            ["upsampling", "expected is a DCGAN generator"],
        ),
        (
            made("empty.pth"),
            relu,
            ["empty dict", "state dict of a generator was expected"],
        ),
        (
            made("module.pth"),
            relu,
            ["__main__.Tutorial", "generator.state_dict()"],
        ),
        (
            made("hostile.pth"),
            relu,
            ["posix.system", "state dict of a generator was expected"],
        ),
        (
            made("hostile-legacy.pth"),
            relu,
            ["posix.system", "state dict of a generator was expected"],
        ),
        (
            root().join("models/nosferatu.safetensors"),
            relu,
            ["model of latentloop", "can be played"],
        ),
        (cut, relu, ["no whole zip archive", "copy it again"]),
        (cut_legacy, relu, ["cut short", "copy it again"]),
        (text, relu, ["neither", "safetensors"]),
        (
            place.path().join("absent.pth"),
            relu,
            ["cannot read", "absent.pth"],
        ),
    ] {
        let output = import(&place, &file, options);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{file:?} was imported");
        for word in words {
            assert!(said.contains(word), "{file:?}: {word:?} is not in: {said}");
        }
    }
    let mut left: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["cut-legacy.pth", "cut.pth", "notes.pth"]);
}

#[test]
fn a_file_is_not_imported_over_itself_and_a_pytorch_file_is_not_played() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("model.safetensors");
    fs::copy(made("odd.safetensors"), &file).unwrap();
    let layers = [
        "--activation",
        "relu",
        "--layers",
        "s1p1,s2p1o1,s2p2o1,s2p1",
    ];
    let said = import(&place, &file, &layers).stderr;
    assert!(String::from_utf8_lossy(&said).contains("would be overwritten"));
    assert_eq!(
        fs::read(&file).unwrap(),
        fs::read(made("odd.safetensors")).unwrap()
    );
    for name in ["tutorial.pth", "tutorial-legacy.pth"] {
        let output = latentloop(&place, [OsStr::new("info"), made(name).as_os_str()]);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("latentloop import"), "{said}");
    }
}

/// What `latentloop info --json` says of a model.
fn described(place: &TempDir, model: &Path) -> Value {
    let args = [OsStr::new("info"), model.as_os_str(), OsStr::new("--json")];
    serde_json::from_str(&succeeded(&latentloop(place, args))).unwrap()
}

#[test]
fn info_describes_an_imported_model() {
    let place = tempfile::tempdir().unwrap();
    let options = ["--activation", "leaky_relu"];
    let printed = succeeded(&import(&place, &made("linear.pth"), &options));
    let said = described(&place, Path::new("model.safetensors"));
    assert_eq!(said["size"], 28);
    assert_eq!(said["colour"], false);
    assert_eq!(said["latent"], 6);
    assert_eq!(said["stem"], json!({ "channels": 4, "side": 7 }));
    assert_eq!(
        said["layers"][1],
        json!({
            "norm": true,
            "slope": 0.2,
            "filter": { "kernel": 3, "stride": 1, "padding": 1 },
            "transposed": false,
            "gives": { "channels": 3, "side": 14 },
        })
    );
    assert_eq!(
        said["layers"][3]["gives"],
        json!({ "channels": 1, "side": 28 })
    );
    // Stem 6 to 196, then 4 to 3 (4 x 4), 3 to 3 (3 x 3), 3 to 2 (4 x 4), 2 to 1 (3 x 3), each with biases, and batch norms
    // of 3, 3 and 2; that of the stem is folded into it.
    let parameters = 7 * 196 + (192 + 3) + (81 + 3) + (96 + 2) + (18 + 1) + 2 * (3 + 3 + 2);
    assert_eq!(said["parameters"], parameters);
    let multiply_adds = 6 * 196 + 49 * 192 + 196 * 81 + 196 * 96 + 784 * 3 * 18;
    assert_eq!(said["multiply_adds"], multiply_adds);
    assert_eq!(said["precision"], "f32");
    assert_eq!(
        said["card"],
        json!({ "version": 1, "source": "linear.pth" })
    );
    let shown = succeeded(&latentloop(&place, ["info", "model.safetensors"]));
    for line in [
        "picture        28 x 28, grey",
        "stem           linear: 4 x 7 x 7",
        "layer 2        batch norm, leaky ReLU 0.2, conv 3 x 3 stride 1 padding 1: 3 x 14 x 14",
        "parameters     1,784",
        "source         linear.pth",
    ] {
        assert!(shown.contains(line), "{line:?} is not in: {shown}");
        assert!(printed.contains(line), "{line:?} is not in: {printed}");
    }
}

#[test]
fn info_describes_what_ships_and_what_is_trained() {
    let place = tempfile::tempdir().unwrap();
    let shipped = described(&place, &root().join("presets/first.toml"));
    let layers = shipped["layers"].as_array().unwrap();
    assert_eq!((&shipped["size"], layers.len()), (&json!(256), 6));
    assert_eq!(shipped["precision"], "f16");
    assert_eq!(shipped["card"]["width"], 0.25);

    let pictures = place.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for number in 0..4u8 {
        let shade = |x: u32, y: u32| Rgb([(x * 3) as u8, (y * 3) as u8, number * 60]);
        let picture = RgbImage::from_fn(64, 64, shade);
        picture
            .save(pictures.join(format!("{number}.png")))
            .unwrap();
    }
    let settings = "train pictures -o run.safetensors --size 64 --width 0.0625 --latent 8 --batch 2 --steps 1 \
        --sheet-every 0 --score-every 0 --device cpu --export played.safetensors";
    succeeded(&latentloop(&place, settings.split_whitespace()));
    let run = described(&place, Path::new("run.safetensors"));
    let played = described(&place, Path::new("played.safetensors"));
    assert_eq!(run["card"]["step"], 1);
    assert_eq!(run["card"]["recipe"]["initial"], "pytorch");
    let text = succeeded(&latentloop(&place, ["info", "run.safetensors"]));
    assert!(
        text.contains("\nrecipe         --ema 0 --augment none"),
        "{text}"
    );
    // The discriminator and the moments of a training checkpoint do not count.
    assert_eq!(run["parameters"], played["parameters"]);
    assert_eq!(run["multiply_adds"], played["multiply_adds"]);
    assert_eq!(
        (&run["precision"], &played["precision"]),
        (&json!("f32"), &json!("f16"))
    );
    assert!(run["bytes"].as_u64() > played["bytes"].as_u64().map(|bytes| 3 * bytes));
}
