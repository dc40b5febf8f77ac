//! Generators of PyTorch, imported by the real program: `import/make.py` made them, and the pictures that they draw.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
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
    args.extend(["-o", "model.safetensors", "--overwrite"].map(OsStr::new));
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
        "--overwrite",
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

/// The largest difference between what `model.safetensors` draws and the whole pictures that PyTorch drew.
fn whole_difference(place: &TempDir, expected: &Path) -> f32 {
    let words = [
        "draw",
        "model.safetensors",
        "--norm",
        "running",
        "-o",
        "drawn.safetensors",
        "--overwrite",
    ];
    let mut args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    args.insert(2, expected.as_os_str());
    succeeded(&latentloop(place, args));
    let [drawn, expected] =
        [&place.path().join("drawn.safetensors"), expected].map(|file| tensor(file, "pictures"));
    assert_eq!(drawn.0, expected.0);
    let apart = drawn.1.iter().zip(&expected.1);
    apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_stem_without_an_activation_is_drawn_without_one_and_what_was_assumed_is_said() {
    for (name, without, behind) in [
        (
            "stem-linear-no-activation",
            "none,relu,relu",
            "relu behind fc, t_conv1.1, t_conv2.1,",
        ),
        (
            "stem-conv-bn-no-activation",
            "none,relu",
            "relu behind net.0.1, net.1.1,",
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = made(&format!("{name}.pth"));
        let expected = made(&format!("{name}.expected.safetensors"));
        let said = succeeded(&import(&place, &file, &["--activation", without]));
        assert!(!said.contains("assumed: relu"), "{said}");
        let worst = whole_difference(&place, &expected);
        assert!(worst < 2e-3, "{name}: {worst}");
        let said = succeeded(&import(&place, &file, &["--activation", "relu"]));
        assert!(said.contains(&format!("assumed: {behind}")), "{said}");
        assert!(said.contains(without), "{said}");
        assert!(whole_difference(&place, &expected) > 0.1, "{name}");
        let said = import(&place, &file, &["--activation", "none,relu,relu,relu"]).stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("gives 4 activations"), "{said}");
    }
}

/// A safetensors file of f32 tensors; numbers of a tensor follow from its place and theirs.
fn written(file: &Path, tensors: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = tensors
        .iter()
        .enumerate()
        .map(|(place, (name, shape))| {
            let count: usize = shape.iter().product();
            let number = |at: usize| ((at * 37 + place * 11) % 23) as f32 / 23.0 - 0.45;
            let numbers = (0..count).map(|at| match name.ends_with("running_var") {
                true => number(at).abs() + 0.2,
                false => number(at),
            });
            ((*name).to_owned(), shape.to_vec(), numbers.collect())
        })
        .collect();
    save(file, &tensors);
    tensors
}

fn save(file: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., numbers)| numbers.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The numbers that `model.safetensors` draws of a latent of four.
fn drawn(place: &TempDir) -> Vec<f32> {
    let latents = place.path().join("z.safetensors");
    save(
        &latents,
        &[("z".to_owned(), vec![1, 4], vec![0.5, -1.0, 0.25, 2.0])],
    );
    let args = [
        "draw",
        "model.safetensors",
        "z.safetensors",
        "--norm",
        "running",
        "-o",
        "drawn.safetensors",
        "--overwrite",
    ];
    succeeded(&latentloop(place, args));
    tensor(&place.path().join("drawn.safetensors"), "pictures").1
}

const SEQUENTIAL: [(&str, &[usize]); 9] = [
    ("main.0.weight", &[4, 3, 4, 4]),
    ("main.1.weight", &[3]),
    ("main.1.bias", &[3]),
    ("main.1.running_mean", &[3]),
    ("main.1.running_var", &[3]),
    ("main.2.weight", &[3, 3, 4, 4]),
    ("main.2.bias", &[3]),
    ("main.4.weight", &[3, 3, 4, 4]),
    ("main.4.bias", &[3]),
];

#[test]
fn gaps_in_a_sequentials_numbers_are_believed() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("g.safetensors");
    written(&file, &SEQUENTIAL);
    let said = succeeded(&import(&place, &file, &["--activation", "relu"]));
    assert!(said.contains("no activation behind main.1:"), "{said}");
    assert!(!said.contains("assumed: relu"), "{said}");
    assert!(
        said.contains("layer 1        batch norm, transposed"),
        "{said}"
    );
    assert!(said.contains("layer 2        ReLU, transposed"), "{said}");
    let believed = drawn(&place);
    succeeded(&import(&place, &file, &["--activation", "none,relu"]));
    assert_eq!(drawn(&place), believed);
    // What is given for each layer stands.
    succeeded(&import(&place, &file, &["--activation", "relu,relu"]));
    assert_ne!(drawn(&place), believed);

    // An activation before the batch norm is drawn before it: here by a network of the same numbers without one, for which
    // the norm is worked into the biases by hand.
    let before = SEQUENTIAL.map(|(name, shape)| {
        let name = name
            .replace("main.4", "main.5")
            .replace("main.2", "main.3")
            .replace("main.1", "main.2");
        (name, shape)
    });
    let before: Vec<(&str, &[usize])> = before
        .iter()
        .map(|(name, shape)| (name.as_str(), *shape))
        .collect();
    let tensors = written(&file, &before);
    let said = succeeded(&import(&place, &file, &["--activation", "relu"]));
    assert!(said.contains("layer 1        ReLU, conv 1 x 1"), "{said}");
    assert!(
        said.contains("layer 2        batch norm, transposed"),
        "{said}"
    );
    let found = drawn(&place);
    let expected = by_hand(&tensors);
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    assert!(worst.fold(0.0, f32::max) < 1e-4);
}

/// Stem, ReLU, batch norm, transposed convolution, ReLU, transposed convolution, tanh, as their definitions are.
fn by_hand(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<f32> {
    let of = |name: &str| -> &[f32] {
        let found = tensors.iter().find(|(known, ..)| known == name);
        found.map_or(&[], |(.., numbers)| numbers)
    };
    let z = [0.5, -1.0, 0.25, 2.0];
    let stem = of("main.0.weight");
    let mut map: Vec<f32> = (0..48)
        .map(|at| (0..4).map(|z_at| z[z_at] * stem[z_at * 48 + at]).sum())
        .collect();
    let norm =
        ["weight", "bias", "running_mean", "running_var"].map(|part| of(&format!("main.2.{part}")));
    for (at, v) in map.iter_mut().enumerate() {
        let [weight, bias, mean, variance] = norm.map(|numbers| numbers[at / 16]);
        *v = (v.max(0.0) - mean) / (variance + 1e-5).sqrt() * weight + bias;
    }
    let transposed = |map: &[f32], side: usize, name: &str| {
        let [weight, bias] = ["weight", "bias"].map(|part| of(&format!("{name}.{part}")));
        let to = 2 * side;
        let mut out: Vec<f32> = (0..3 * to * to).map(|at| bias[at / (to * to)]).collect();
        for (at, v) in map.iter().enumerate() {
            let (input, y, x) = (at / side / side, at / side % side, at % side);
            for tap in 0..48 {
                let (output, ky, kx) = (tap / 16, tap / 4 % 4, tap % 4);
                let (y, x) = ((2 * y + ky).wrapping_sub(1), (2 * x + kx).wrapping_sub(1));
                if y < to && x < to {
                    out[(output * to + y) * to + x] += v * weight[input * 48 + tap];
                }
            }
        }
        out
    };
    let mut map = transposed(&map, 4, "main.3");
    map.iter_mut().for_each(|v| *v = v.max(0.0));
    let picture = transposed(&map, 8, "main.5");
    picture.into_iter().map(f32::tanh).collect()
}

#[test]
fn slopes_curves_ends_and_epsilons_are_what_they_are_called() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("g.safetensors");
    written(&file, &SEQUENTIAL);
    let draw = |options: &[&str], words: &[&str]| {
        let said = succeeded(&import(&place, &file, options));
        let info = succeeded(&latentloop(&place, ["info", "model.safetensors"]));
        for word in words {
            assert!(
                said.contains(word) && info.contains(word),
                "{word:?}: {said}"
            );
        }
        (drawn(&place), said)
    };
    let (plain, said) = draw(&["--activation", "relu"], &["\n               tanh"]);
    assert!(said.contains(
        "assumed: a tanh at the end (--end), batch norms with an epsilon of 1e-5 (--eps)"
    ));
    let mut seen = vec![plain];
    for (options, word) in [
        (&["--activation", "leaky_relu=0.01"][..], "leaky ReLU 0.01"),
        (&["--activation", "leaky_relu"], "leaky ReLU 0.2"),
        (&["--activation", "elu"], "ELU 1,"),
        (&["--activation", "elu=0.5"], "ELU 0.5,"),
        (&["--activation", "selu"], "SELU,"),
        (&["--activation", "silu"], "SiLU,"),
        (
            &["--activation", "relu", "--eps", "0.001"],
            "epsilon 0.001,",
        ),
        (&["--activation", "relu", "--end", "sigmoid"], "tanh"),
        (&["--activation", "relu", "--end", "none"], "picture"),
    ] {
        let (numbers, _) = draw(options, &[word]);
        assert!(!seen.contains(&numbers), "{options:?} changes nothing");
        seen.push(numbers);
    }
    // Numbers before the end are those of a tanh's, and a sigmoid's picture is stretched to -1..1.
    let [tanh, sigmoid, none] = [&seen[0], &seen[8], &seen[9]];
    for ((tanh, sigmoid), none) in tanh.iter().zip(sigmoid).zip(none) {
        let before = tanh.atanh();
        if before.abs() < 3.0 {
            let expected = 2.0 / (1.0 + (-before).exp()) - 1.0;
            assert!((sigmoid - expected).abs() < 1e-4, "{sigmoid}, {expected}");
            assert!((none - before.clamp(-1.0, 1.0)).abs() < 1e-4, "{none}");
        }
    }
    assert!(none.iter().any(|v| v.abs() == 1.0) && none.iter().any(|v| v.abs() < 0.9));
    for (option, value) in [
        ("--activation", "gelu"),
        ("--activation", "leaky_relu=2"),
        ("--end", "softmax"),
        ("--eps", "0"),
    ] {
        let said = import(&place, &file, &[option, value]).stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains(option), "{said}");
    }
}

#[test]
fn spectral_and_weight_norms_are_worked_into_the_weights() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("g.safetensors");
    let tensors = written(&file, &SEQUENTIAL);
    let relu = ["--activation", "relu"];
    succeeded(&import(&place, &file, &relu));
    let expected = drawn(&place);
    let normed = |older: bool| {
        let mut normed = Vec::new();
        for (name, shape, numbers) in &tensors {
            let part = |older_part: &str, newer: &str| match older {
                true => name.replace(".weight", &format!(".{older_part}")),
                false => name.replace(".weight", &format!(".parametrizations.weight.{newer}")),
            };
            match name.as_str() {
                // A transposed convolution's rows are its second dimension: u picks output 0, v its first column.
                "main.2.weight" => {
                    let mut u = vec![0.0; 3];
                    let mut v = vec![0.0; 48];
                    (u[0], v[0]) = (1.0, 1.0);
                    // Times what u' W v then comes to, so that the norm takes it off again.
                    let scaled: Vec<f32> = numbers.iter().map(|w| w / numbers[0]).collect();
                    let back: Vec<f32> = scaled.iter().map(|w| w * 3.0).collect();
                    normed.push((part("weight_orig", "original"), shape.clone(), back));
                    normed.push((part("weight_u", "0._u"), vec![3], u));
                    normed.push((part("weight_v", "0._v"), vec![48], v));
                }
                "main.4.weight" => {
                    let lengths = numbers
                        .chunks(48)
                        .map(|row| row.iter().map(|w| w * w).sum::<f32>().sqrt());
                    let doubled = numbers.iter().map(|w| w * 2.0).collect();
                    let shape_of_lengths = vec![3, 1, 1, 1];
                    normed.push((
                        part("weight_g", "original0"),
                        shape_of_lengths,
                        lengths.collect(),
                    ));
                    normed.push((part("weight_v", "original1"), shape.clone(), doubled));
                }
                _ => normed.push((name.clone(), shape.clone(), numbers.clone())),
            }
        }
        normed
    };
    // The same network, but for the one scale that the spectral norm takes away.
    let mut plain = tensors.clone();
    let first = plain[5].2[0];
    plain[5].2.iter_mut().for_each(|w| *w /= first);
    save(&file, &plain);
    succeeded(&import(&place, &file, &relu));
    let scaled = drawn(&place);
    assert_ne!(scaled, expected);
    for older in [true, false] {
        save(&file, &normed(older));
        succeeded(&import(&place, &file, &relu));
        let found = drawn(&place);
        let apart = found.iter().zip(&scaled).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-4, "older: {older}");
    }
}

#[test]
fn lightnings_checkpoints_open_by_themselves_and_counters_of_any_type_are_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let relu = ["--activation", "relu"];
    succeeded(&import(&place, &made("half_all.pth"), &relu));
    let lightning = made("lightning_sd.pth");
    for key in ["generator", "state_dict.generator"] {
        let options = ["--activation", "relu", "--key", key];
        let said = succeeded(&import(&place, &lightning, &options));
        assert!(said.contains("latent         16 numbers"), "{said}");
    }
    for (options, words) in [
        (
            &relu[..],
            ["several networks", "--key: state_dict.generator"],
        ),
        (
            &["--activation", "relu", "--key", "netG"],
            [
                "no entry for --key netG",
                "state_dict.generator, state_dict.discriminator",
            ],
        ),
        (
            &["--activation", "relu", "--key", "state_dict.discriminator"],
            ["discriminator", "expected is a DCGAN generator"],
        ),
    ] {
        let output = import(&place, &lightning, options);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{options:?}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
}

#[test]
fn what_lies_in_place_of_a_download_is_called_what_it_is_wherever_a_model_is_read() {
    let place = tempfile::tempdir().unwrap();
    for (name, words) in [
        ("lfs-pointer.pth", ["Git LFS pointer", "14284763 bytes"]),
        (
            "download-page.pth",
            ["web page (File too large to scan)", "download"],
        ),
    ] {
        let copied = place.path().join("m.safetensors");
        fs::copy(made(name), &copied).unwrap();
        let pictures = root().join("tests/fixtures/v0/train/set");
        let resumed = [
            "train",
            pictures.to_str().unwrap(),
            "-o",
            "m.safetensors",
            "--resume",
            "--batch",
            "2",
            "--size",
            "64",
            "--width",
            "0.125",
        ];
        for output in [
            import(&place, &made(name), &["--activation", "relu"]),
            latentloop(&place, ["info", "m.safetensors"]),
            latentloop(&place, resumed),
        ] {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{name}");
            for word in words {
                assert!(said.contains(word), "{word:?} is not in: {said}");
            }
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
