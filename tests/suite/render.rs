//! Loops and takes rendered offline by the real program.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{PROGRAM, model, refused, root, succeed};

fn picture(folder: &Path, number: usize) -> image::RgbImage {
    image::open(folder.join(format!("{number:06}.png")))
        .unwrap()
        .to_rgb8()
}

#[test]
fn what_is_there_is_replaced_only_by_who_says_so() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let model = model();
    let model = model.to_str().unwrap();
    std::fs::write(folder.join("t.take"), "latentloop take 1\n").unwrap();
    std::fs::create_dir(folder.join("set")).unwrap();
    let z = root().join("tests/parity/expected.safetensors");
    let checkpoint = root().join("tests/import/linear.pth");
    let (z, checkpoint) = (z.to_str().unwrap(), checkpoint.to_str().unwrap());
    let clip = root().join("tests/footage/flower.mp4");
    let commands: [(&[&str], &str); 8] = [
        (&["render", model, "--frames", "1"], "film.mp4"),
        (&["take", "render", "t.take"], "film.mkv"),
        (&["take", "trim", "t.take"], "part.take"),
        (&["take", "to-preset", "t.take"], "p.toml"),
        (&["sheet", model], "sheet.png"),
        (&["draw", model, z], "pictures.safetensors"),
        (
            &["import", checkpoint, "--activation", "relu"],
            "m.safetensors",
        ),
        (&["train", "set"], "trained.safetensors"),
    ];
    for (command, name) in commands {
        std::fs::write(folder.join(name), "an evening's work").unwrap();
        let arguments = [command, &["-o", name]].concat();
        let words = [name, "is there already", "--overwrite"];
        refused(folder, &arguments, 1, &words);
        let kept = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(kept, "an evening's work", "{command:?}");
    }
    refused(
        folder,
        &["train", "set", "-o", "trained.safetensors"],
        1,
        &["--resume"],
    );
    std::fs::write(folder.join("set/dataset.json"), "{}").unwrap();
    let clip = clip.to_str().unwrap();
    refused(
        folder,
        &["frames", clip, "-o", "set"],
        1,
        &["set is there already"],
    );

    // A terminal is asked.
    let asked = |answer: &str| {
        let command = format!("{PROGRAM} sheet {model} -o sheet.png");
        let mut terminal = Command::new("script");
        terminal
            .args(["-qec", &command, "/dev/null"])
            .current_dir(folder);
        let mut terminal = terminal
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = terminal.stdin.take().unwrap();
        writeln!(stdin, "{answer}").unwrap();
        let output = terminal.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Replace it? [y/N]"), "{said}");
        output.status.success()
    };
    assert!(!asked("n") && !asked(""));
    let sheet = || std::fs::read(folder.join("sheet.png")).unwrap();
    assert_eq!(sheet(), b"an evening's work");
    assert!(asked("y"));
    assert_ne!(sheet(), b"an evening's work");
    succeed(
        folder,
        &[
            "render",
            model,
            "--frames",
            "1",
            "-o",
            "film.mp4",
            "--overwrite",
        ],
    );
    assert!(std::fs::metadata(folder.join("film.mp4")).unwrap().len() > 1000);
}

#[test]
fn the_reference_shows_every_keyframe_twice_in_a_row_and_closes() {
    let place = tempfile::tempdir().unwrap();
    let model = model();
    let model = model.to_str().unwrap();
    succeed(
        place.path(),
        &[
            "render",
            model,
            "-o",
            "ref",
            "--reference",
            "--frames",
            "5",
            "--seeds",
            "3,1,2",
        ],
    );
    let folder = place.path().join("ref");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 15);
    assert_eq!(picture(&folder, 5), picture(&folder, 6));
    assert_eq!(picture(&folder, 10), picture(&folder, 11));
    assert_eq!(picture(&folder, 15), picture(&folder, 1));
    assert_ne!(picture(&folder, 1), picture(&folder, 2));
    // Keyframe 1 is the sheet's picture of seed 3, but for how values become bytes.
    succeed(
        place.path(),
        &[
            "render",
            model,
            "-o",
            "order",
            "--reference",
            "--frames",
            "5",
            "--seeds",
            "1,2,3",
            "--order",
            "3,1,2",
        ],
    );
    for number in 1..=15 {
        assert_eq!(
            picture(&folder, number),
            picture(&place.path().join("order"), number)
        );
    }
}

#[test]
fn a_loop_takes_as_long_as_its_speed_says_and_is_the_same_every_time() {
    let place = tempfile::tempdir().unwrap();
    let model = model();
    let model = model.to_str().unwrap();
    for name in ["a", "b"] {
        succeed(
            place.path(),
            &[
                "render", model, "-o", name, "--speed", "4", "--fps", "10", "--size", "96x64",
            ],
        );
    }
    let [a, b] = ["a", "b"].map(|name| place.path().join(name));
    assert_eq!(std::fs::read_dir(&a).unwrap().count(), 20);
    for number in 1..=20 {
        assert_eq!(picture(&a, number), picture(&b, number));
    }
    assert_eq!(picture(&a, 1).dimensions(), (96, 64));
    assert_eq!(
        picture(&a, 1).get_pixel(5, 32).0,
        [0; 3],
        "beside the picture"
    );
}

#[test]
fn two_ranges_together_are_the_whole_bit_for_bit() {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(model(), place.path().join("m.safetensors")).unwrap();
    let preset = "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }, { seed = 3 }]\n";
    std::fs::write(place.path().join("p.toml"), preset).unwrap();
    // At the cut the picture is held, and a re-roll glides.
    let take = "latentloop take 1\npreset p.toml\nlength 2\n0 loop.speed 2\n0.5 master.freeze 1\n0.6 loop.reroll\n1.3 master.freeze 0\n";
    std::fs::write(place.path().join("t.take"), take).unwrap();
    let walk = ["render", "p.toml", "--speed", "1.5", "--fps", "10"];
    let reference = ["render", "p.toml", "--reference", "--frames", "7"];
    let performed = ["take", "render", "t.take", "--fps", "10"];
    for (name, command, cut, length) in [
        ("walk", &walk[..], 9, 20),
        ("reference", &reference, 9, 21),
        ("take", &performed, 10, 20),
    ] {
        let render = |to: &str, range: &str| {
            let out = format!("{name}-{to}");
            let arguments = ["-o", &out, "--range", range];
            succeed(place.path(), &[command, &arguments].concat());
            place.path().join(out)
        };
        let whole = render("whole", "0..");
        let (first, second) = (format!("..{cut}"), format!("{cut}..400"));
        let (first, second) = (render("first", &first), render("second", &second));
        assert_eq!(std::fs::read_dir(&whole).unwrap().count(), length);
        assert_eq!(std::fs::read_dir(&first).unwrap().count(), cut);
        assert_eq!(std::fs::read_dir(&second).unwrap().count(), length - cut);
        for number in 1..=length {
            let part = if number <= cut { &first } else { &second };
            let read =
                |folder: &Path| std::fs::read(folder.join(format!("{number:06}.png"))).unwrap();
            assert!(read(part) == read(&whole), "{name}: picture {number}");
        }
        assert_ne!(
            picture(&whole, 1),
            picture(&whole, length / 2),
            "{name} moves"
        );
    }
    let beyond = [&walk[..], &["-o", "none", "--range", "20..30"]].concat();
    refused(place.path(), &beyond, 1, &["there are 20"]);
    assert!(!place.path().join("none").exists());
}

#[test]
fn a_take_is_played_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(model(), place.path().join("m.safetensors")).unwrap();
    let preset = "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }, { seed = 3 }]\n";
    std::fs::write(place.path().join("p.toml"), preset).unwrap();
    let take = "latentloop take 1\npreset p.toml\nlength 1\n0 loop.glide 0\n0 loop.pause\n0.5 keyframe.3.jump\n0.8 master.blackout\n";
    std::fs::write(place.path().join("t.take"), take).unwrap();
    succeed(
        place.path(),
        &["take", "render", "t.take", "-o", "out", "--fps", "10"],
    );
    let out = place.path().join("out");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 10);
    assert_eq!(picture(&out, 1), picture(&out, 5), "it is paused");
    assert_ne!(picture(&out, 5), picture(&out, 6), "it has jumped");
    assert_eq!(picture(&out, 6), picture(&out, 8));
    assert!(
        picture(&out, 9).iter().all(|&byte| byte == 0),
        "it is black"
    );
}

#[test]
fn a_film_has_the_presets_look() {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(model(), place.path().join("m.safetensors")).unwrap();
    let preset = |params: &str| {
        format!(
            "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n{params}\n"
        )
    };
    let film = |name: &str, params: &str| {
        std::fs::write(place.path().join("p.toml"), preset(params)).unwrap();
        succeed(
            place.path(),
            &["render", "p.toml", "-o", name, "--speed", "1", "--fps", "4"],
        );
        place.path().join(name)
    };
    let plain = film("plain", "");
    let look = "\"look.gain\" = 0.25\n\"look.grain\" = 0.5\n\"look.feedback\" = 0.5";
    let (first, second) = (film("first", look), film("second", look));
    let light = |folder: &Path, number| {
        let picture = picture(folder, number);
        picture.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    };
    for number in 1..=8 {
        assert_eq!(picture(&first, number), picture(&second, number));
        assert!(light(&first, number) < light(&plain, number) * 4 / 5);
    }
    assert_ne!(picture(&first, 1), picture(&first, 2), "grain moves");
}

/// Makes `model.playing.safetensors`, which was trained on green pictures, but not one step.
pub(crate) fn make_green_model(folder: &Path) {
    std::fs::create_dir(folder.join("green")).unwrap();
    for number in 0..4 {
        image::RgbImage::from_pixel(64, 64, image::Rgb([10, 160, 40]))
            .save(folder.join(format!("green/{number}.png")))
            .unwrap();
    }
    let words = "train green -o model.safetensors --size 64 --width 0.015625 --latent 12 --batch 4 --steps 0 --device cpu";
    succeed(folder, &words.split(' ').collect::<Vec<_>>());
}

/// How many pixels are plainly green.
pub(crate) fn green(pixels: impl Iterator<Item = [u8; 3]>) -> usize {
    let is_green = |&[red, green, blue]: &[u8; 3]| {
        green > red.saturating_add(20) && green > blue.saturating_add(20)
    };
    pixels.filter(is_green).count()
}

#[test]
fn a_palette_is_that_of_the_models_footage() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    make_green_model(folder);
    let mut seen = Vec::new();
    for palette in [0, 1] {
        std::fs::write(
            folder.join("loop.toml"),
            format!(
                r#"
                version = 1
                model = "model.playing.safetensors"
                keyframes = [{{ seed = 1 }}, {{ seed = 2 }}]
                [params]
                "look.palette" = {palette}
                "#
            ),
        )
        .unwrap();
        let film = folder.join(format!("film-{palette}"));
        let name = film.to_str().unwrap();
        succeed(
            folder,
            &["render", "loop.toml", "-o", name, "--frames", "1"],
        );
        seen.push(picture(&film, 1));
    }
    let [plain, drawn] = [0, 1].map(|number| green(seen[number].pixels().map(|pixel| pixel.0)));
    assert!(plain < 64 * 64 / 2, "{plain}");
    assert_eq!(drawn, 64 * 64);
}

#[test]
fn a_larger_film_is_enlarged_as_its_preset_says_and_is_the_same_in_parts() {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(model(), place.path().join("m.safetensors")).unwrap();
    let film = |name: &str, rows: &str, more: &[&str]| {
        let preset = format!(
            "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n{rows}"
        );
        std::fs::write(place.path().join("p.toml"), preset).unwrap();
        let arguments = ["render", "p.toml", "-o", name, "--speed", "1", "--fps", "4"];
        succeed(place.path(), &[&arguments, more].concat());
        place.path().join(name)
    };
    let own = film("own", "", &[]);
    let size = ["--size", "256x192"];
    let squares = film("squares", "\"stage.upscale\" = \"nearest\"\n", &size);
    let inset = film("inset", "\"stage.fit\" = \"1:1\"\n", &size);
    for number in 1..=8 {
        let (own, squares, inset) = (
            picture(&own, number),
            picture(&squares, number),
            picture(&inset, number),
        );
        for (x, y, pixel) in own.enumerate_pixels() {
            assert_eq!(
                squares.get_pixel(32 + 3 * x + 1, 3 * y + 1),
                pixel,
                "{x} {y}"
            );
            assert_eq!(inset.get_pixel(96 + x, 64 + y), pixel, "{x} {y}");
        }
        assert_eq!(inset.get_pixel(95, 96).0, [0; 3], "beside the picture");
    }
    let auto = film("auto", "", &size);
    let edge = film("edge", "\"stage.upscale\" = \"edge\"\n", &size);
    assert_eq!(picture(&auto, 3), picture(&edge, 3));
    let rows = "\"stage.halation\" = 0.8\n\"stage.grain\" = 0.5\n";
    let grained = film("grained", rows, &size);
    assert_ne!(picture(&auto, 3), picture(&grained, 3));
    assert_ne!(picture(&grained, 3), picture(&grained, 4));
    let part = film("part", rows, &["--size", "256x192", "--range", "3..6"]);
    for number in 4..=6 {
        assert_eq!(picture(&part, number), picture(&grained, number));
    }
    // At the model's own size nothing is enlarged, and nothing made film.
    let plain = film("plain", rows, &[]);
    assert_eq!(picture(&plain, 3), picture(&own, 3));
}

#[test]
fn what_cannot_be_rendered_is_named_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let model = model();
    let model = model.to_str().unwrap();
    let folder = place.path();
    std::fs::write(
        folder.join("short.safetensors"),
        &std::fs::read(model).unwrap()[..3000],
    )
    .unwrap();
    std::fs::create_dir(folder.join("full")).unwrap();
    std::fs::write(folder.join("full/kept.txt"), "kept").unwrap();
    std::fs::write(
        folder.join("bad.take"),
        "latentloop take 1\npreset p.toml\n1 loop.sped 3\n",
    )
    .unwrap();
    let before = std::fs::read_dir(folder).unwrap().count();
    for (arguments, code, words) in [
        (
            &["render", "none.safetensors", "-o", "x.mp4"][..],
            1,
            "none.safetensors",
        ),
        (
            &["render", "short.safetensors", "-o", "x.mp4"],
            1,
            "copy it again",
        ),
        (
            &["render", model, "-o", "x.avi"],
            1,
            ".mp4, .mkv, .mov or .webm",
        ),
        (&["render", model, "-o", "full"], 1, "not empty"),
        (
            &["render", model, "-o", "x", "--speed", "0"],
            1,
            "never closes",
        ),
        (&["render", model, "-o", "x", "--speed", "9"], 1, "-8 to 8"),
        (&["render", model, "-o", "x", "--order", "1,9"], 1, "[1, 9]"),
        (
            &["render", model, "-o", "x", "--path", "arc"],
            1,
            "lerp, slerp",
        ),
        (
            &["render", model, "-o", "x", "--size", "4x4"],
            2,
            "16 to 8192",
        ),
        (
            &[
                "render",
                model,
                "-o",
                "x",
                "--keyframes",
                "short.safetensors",
            ],
            1,
            "short.safetensors",
        ),
        (
            &["render", model, "-o", "x", "--engine", "cuda"],
            1,
            "--engine c",
        ),
        (
            &["take", "render", "bad.take", "-o", "x"],
            1,
            "nearest: loop.speed",
        ),
    ] {
        refused(folder, arguments, code, &[words]);
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), before);
    assert_eq!(
        std::fs::read_to_string(folder.join("full/kept.txt")).unwrap(),
        "kept"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_says_how_far_it_is_and_how_long_it_takes() {
    let place = tempfile::tempdir().unwrap();
    let command = format!("{PROGRAM} render {} -o out --frames 40", model().display());
    // `script` gives it a terminal.
    let output = Command::new("script")
        .current_dir(place.path())
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("/320 frames") && said.contains("s left"),
        "{said}"
    );
}
