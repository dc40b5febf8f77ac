//! Clips become sets of pictures, or one clear error and nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use image::RgbImage;
use latentloop::footage::{Fit, FootageError, Format, Manifest, Matrix, Settings, extract, read};

use crate::support::{PROGRAM, Process, root, wait_for};

pub(crate) fn clip(name: &str) -> PathBuf {
    root().join("tests/footage").join(name)
}

fn own_size() -> Settings {
    Settings {
        size: None,
        format: Format::Png,
        ..Settings::default()
    }
}

fn cut_into(folder: &Path, clips: &[&str], settings: &Settings) -> Result<Manifest, FootageError> {
    let clips: Vec<_> = clips.iter().map(|name| clip(name)).collect();
    extract(
        &clips,
        folder,
        settings,
        &AtomicBool::new(false),
        &mut |_| {},
    )
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn picture(folder: &Path, number: u32) -> RgbImage {
    image::open(folder.join(format!("{number:06}.png")))
        .unwrap()
        .to_rgb8()
}

#[test]
fn every_frame_of_a_clip_becomes_a_picture_whatever_its_form() {
    let check = |name: &str, frames: u64, size: (u32, u32)| {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        let manifest = cut_into(&folder, &[name], &own_size()).unwrap();
        assert_eq!(manifest.count, frames, "{name}");
        assert_eq!(manifest.sources[0].frames, frames, "{name}");
        assert_eq!(names(&folder).len() as u64, frames + 1, "{name}");
        assert_eq!(picture(&folder, 1).dimensions(), size, "{name}");
        assert_eq!(names(place.path()), ["set"], "nothing else is left");
    };
    check("nosferatu.mp4", 25, (160, 120));
    check("flower.mp4", 15, (192, 108));
    check("ten-bit.webm", 6, (213, 120));
    check("odd-sizes.webm", 10, (161, 121));
    check("narrow-pixels.mp4", 10, (213, 180));
    check("no-duration.webm", 15, (160, 90));
    check("turned.mp4", 4, (32, 48));
}

#[test]
fn turned_and_mirrored_clips_stand_as_they_are_shown() {
    let corners = |name: &str| {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        cut_into(&folder, &[name], &own_size()).unwrap();
        let picture = picture(&folder, 1);
        [(8, 12), (24, 12), (8, 36), (24, 36)].map(|(x, y)| {
            let pixel = picture.get_pixel(x, y).0;
            ["red", "lime", "blue"][(0..3).max_by_key(|&channel| pixel[channel]).unwrap()]
        })
    };
    assert_eq!(corners("turned.mp4"), ["blue", "red", "red", "lime"]);
    assert_eq!(
        corners("turned-and-mirrored.mp4"),
        ["red", "blue", "lime", "red"]
    );
}

#[test]
fn what_is_no_film_ends_in_one_error_with_exit_code_1_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let empty = place.path().join("empty.webm");
    std::fs::write(&empty, "").unwrap();
    let check = |file: &Path, expected: &str| {
        let folder = place.path().join("set");
        let run = Command::new(PROGRAM)
            .arg("frames")
            .args([&clip("nosferatu.mp4"), file])
            .arg("-o")
            .arg(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{said}");
        let errors: Vec<_> = said
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors.len(), 1, "{said}");
        assert!(errors[0].contains(expected), "{said}");
        assert!(errors[0].contains(&file.display().to_string()), "{said}");
        assert_eq!(names(place.path()), ["empty.webm"]);
    };
    check(&empty, "0 bytes");
    check(&clip("sound-only.mp4"), "no video");
    check(&clip("cover.m4a"), "the picture of a cover");
    check(&clip("malformed.mp4"), "broken");
    check(&clip("none.mp4"), "No such file");
}

#[test]
fn times_and_counts_choose_the_frames() {
    let check = |settings: Settings, expected: u64| {
        let place = tempfile::tempdir().unwrap();
        let manifest = cut_into(&place.path().join("set"), &["nosferatu.mp4"], &settings).unwrap();
        assert_eq!(manifest.count, expected, "{settings:?}");
    };
    let from = |change: fn(&mut Settings)| {
        let mut settings = Settings {
            size: Some(32),
            ..Settings::default()
        };
        change(&mut settings);
        settings
    };
    check(from(|settings| settings.start_secs = 0.4), 15);
    check(from(|settings| settings.end_secs = Some(0.4)), 10);
    check(from(|settings| settings.every = 10), 3);
    check(from(|settings| settings.fps = Some(5.0)), 5);
    check(from(|settings| settings.fps = Some(100.0)), 25);
    check(from(|settings| settings.mirror = true), 50);
    check(from(|settings| settings.repeat = 3), 75);
    let place = tempfile::tempdir().unwrap();
    let late = from(|settings| settings.start_secs = 9.0);
    let error = cut_into(&place.path().join("set"), &["nosferatu.mp4"], &late).unwrap_err();
    assert!(error.to_string().contains("after 9 s"), "{error}");
}

#[test]
fn a_mirrored_picture_follows_its_original() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let settings = Settings {
        mirror: true,
        ..own_size()
    };
    cut_into(&folder, &["nosferatu.mp4"], &settings).unwrap();
    let mirrored = image::imageops::flip_horizontal(&picture(&folder, 7));
    assert_eq!(picture(&folder, 8), mirrored);
    assert_ne!(picture(&folder, 7), mirrored);
}

#[test]
fn near_duplicates_are_counted_and_left_out_when_asked() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let twice = ["flower.mp4", "flower.mp4"];
    let settings = Settings {
        fit: Fit::Crop,
        ..Settings::default()
    };
    let kept = cut_into(&folder, &twice, &settings).unwrap();
    assert_eq!(kept.count, 30);
    assert!(kept.near_duplicates >= 15, "{}", kept.near_duplicates);
    let settings = Settings {
        dedupe: true,
        ..settings
    };
    let left = cut_into(&folder, &twice, &settings).unwrap();
    assert_eq!(left.near_duplicates, kept.near_duplicates);
    assert_eq!(left.count, 30 - kept.near_duplicates);
    let manifest = std::fs::read(folder.join("dataset.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Manifest>(&manifest).unwrap(),
        left,
        "the earlier set was replaced"
    );
    assert_eq!(names(&folder).len() as u64, left.count + 1);
    assert!((4..=8).contains(&left.palette.len()));
}

#[test]
fn a_folder_that_holds_anything_else_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    cut_into(&folder, &["turned.mp4"], &Settings::default()).unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let error = cut_into(&folder, &["turned.mp4"], &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(names(&folder).len(), 6);
    assert_eq!(names(place.path()), ["set"]);
}

/// The first picture of a clip, in its own size.
fn first(name: &str, settings: &Settings) -> RgbImage {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    cut_into(&folder, &[name], settings).unwrap();
    picture(&folder, 1)
}

fn is_within(picture: &RgbImage, at: (u32, u32), expected: [u8; 3], levels: u8) {
    let found = picture.get_pixel(at.0, at.1).0;
    let far = found
        .iter()
        .zip(expected)
        .any(|(&found, expected)| found.abs_diff(expected) > levels);
    assert!(!far, "{found:?} at {at:?} where {expected:?} is due");
}

#[test]
fn light_of_hlg_and_pq_becomes_a_screens_with_reference_white_white() {
    let hlg = first("hlg_patches.mov", &own_size());
    is_within(&hlg, (32, 32), [255, 0, 0], 12);
    is_within(&hlg, (96, 32), [0, 180, 60], 12);
    is_within(&hlg, (160, 32), [30, 60, 220], 12);
    is_within(&hlg, (224, 32), [200; 3], 12);
    let white = first("hlg.mov", &own_size());
    assert!(white.get_pixel(32, 32).0.iter().all(|&level| level >= 220));
    let pq = first("pq_patches.mov", &own_size());
    is_within(&pq, (16, 16), [255, 0, 0], 12);
    is_within(&pq, (48, 16), [200; 3], 12);
}

#[test]
fn interlaced_frames_are_made_whole_and_give_both_fields_where_asked() {
    let place = tempfile::tempdir().unwrap();
    let cut = |fields: bool| {
        let folder = place.path().join(fields.to_string());
        let settings = Settings {
            fields,
            ..own_size()
        };
        let count = cut_into(&folder, &["interlaced-tff.mp4"], &settings)
            .unwrap()
            .count;
        (1..=count as u32)
            .map(|number| picture(&folder, number))
            .collect::<Vec<_>>()
    };
    let bar = |picture: &RgbImage| {
        let middle = picture.height() / 2;
        (0..picture.width())
            .filter(|&x| picture.get_pixel(x, middle).0[1] > 128)
            .min()
            .unwrap()
    };
    let frames = cut(false);
    assert_eq!(frames.len(), 10);
    let fields = cut(true);
    assert_eq!(fields.len(), 20);
    for picture in frames.iter().chain(&fields) {
        for y in 1..picture.height() {
            for x in 0..picture.width() {
                let level = |y| picture.get_pixel(x, y).0[1];
                assert!(level(y).abs_diff(level(y - 1)) <= 60, "a comb at {x}, {y}");
            }
        }
    }
    // The bar moves 12 pixels a field.
    for (fields, step) in [(&frames, 24), (&fields, 12)] {
        for pair in fields.windows(2) {
            let moved = bar(&pair[1]).abs_diff(bar(&pair[0]));
            assert!(moved.abs_diff(step) <= 2, "{moved} in place of {step}");
        }
    }
}

#[test]
fn pictures_are_upright_and_what_is_transparent_shows_the_background() {
    let turned = first("exif6.jpg", &own_size());
    assert_eq!(turned.dimensions(), (32, 64));
    let teal = Settings {
        background: [0, 128, 128],
        ..own_size()
    };
    for name in [
        "alpha-vp9.webm",
        "alpha-qtrle.mov",
        "alpha-png.mov",
        "alpha-prores.mov",
    ] {
        let black = first(name, &own_size());
        is_within(&black, (16, 16), [255, 0, 0], 6);
        is_within(&black, (48, 16), [0; 3], 0);
        is_within(&first(name, &teal), (48, 16), [0, 128, 128], 0);
    }
}

#[test]
fn what_is_no_film_is_named_as_what_it_is_and_opened_by_nothing() {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(clip("nosferatu.mp4"), place.path().join("film.mp4")).unwrap();
    image::RgbImage::new(2, 2)
        .save(place.path().join("0001.png"))
        .unwrap();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    let refused = |name: &str, text: Option<&str>, expected: &str| {
        let file = place.path().join(name);
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let folder = place.path().join("set");
        let error = cut_into(&folder, &[&file.to_string_lossy()], &own_size()).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!folder.exists());
    };
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.mp4\n#EXT-X-ENDLIST\n";
    refused("list.m3u8", Some(list), "a list of other files");
    refused("renamed.mp4", Some(list), "a list of other files");
    refused(
        "list.txt",
        Some("ffconcat version 1.0\nfile film.mp4\n"),
        "a list of other files",
    );
    let session =
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n";
    refused("session.sdp", Some(session), "a list of other files");
    let manifest = "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" type=\"static\"></MPD>\n";
    refused("list.mpd", Some(manifest), "a list of other files");
    refused(
        "words.srt",
        Some("1\n00:00:01,000 --> 00:00:02,000\nwords\n"),
        "no film but SubRip",
    );
    refused("%04d.png", None, "latentloop train");
    refused("", None, "latentloop train");
    refused("empty", None, "*.mp4");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_nothing_that_the_next_does_not_remove() {
    let place = tempfile::tempdir().unwrap();
    let many = vec![clip("nosferatu.mp4"); 400];
    let start = || {
        let mut command = Command::new(PROGRAM);
        command.arg("frames").args(&many).arg("-o");
        command.arg(place.path().join("set")).stderr(Stdio::null());
        let mut run = Process::start(&mut command);
        let partial = format!(".set.partial-{}", run.0.id());
        let first = place.path().join(&partial).join("000001.jpg");
        wait_for("the first picture", || {
            assert_eq!(run.ended(), None, "it ended too early");
            first.exists().then_some(()).ok_or("none yet")
        });
        (run, partial)
    };
    let end = |run: &mut Process, signal: &str| {
        run.signal(signal);
        wait_for("its end", || run.ended().ok_or("it runs"))
    };
    for signal in ["-INT", "-TERM", "-HUP"] {
        let (mut run, _) = start();
        assert_eq!(end(&mut run, signal).code(), Some(1));
        assert!(names(place.path()).is_empty(), "{signal}");
    }
    let (mut killed, left) = start();
    end(&mut killed, "-KILL");
    assert_eq!(names(place.path()), [left.as_str()]);
    let (mut alive, held) = start();
    assert_eq!(
        names(place.path()),
        [held.as_str()],
        "what was left is gone"
    );
    let folder = place.path().join("set");
    cut_into(&folder, &["turned.mp4"], &Settings::default()).unwrap();
    assert_eq!(
        names(place.path()),
        [held, "set".into()],
        "what is being written stays"
    );
    end(&mut alive, "-INT");
    assert_eq!(names(place.path()), ["set"]);
    // Killed between moving the earlier set aside and putting the new one in its place.
    std::fs::rename(&folder, place.path().join(".set.old")).unwrap();
    let none = cut_into(&folder, &["malformed.mp4"], &Settings::default());
    assert!(none.is_err());
    assert_eq!(names(place.path()), ["set"]);
    assert_eq!(names(&folder).len(), 5);
}

#[test]
fn pictures_of_soft_telecine_come_once_each_at_their_own_times() {
    let mut pictures: Vec<(RgbImage, f64)> = Vec::new();
    let damaged = read(
        &clip("soft-telecine.m2v"),
        &Settings::default(),
        |picture, secs| {
            pictures.push((picture.clone(), secs));
        },
    );
    assert_eq!(damaged.unwrap(), 0);
    assert_eq!(pictures.len(), 15);
    let field = 1001.0 / 60000.0;
    for (at, pair) in pictures.windows(2).enumerate() {
        assert!(pair[0].0 != pair[1].0, "{at} is doubled");
        // FFmpeg gives the last one no time.
        if at < 13 {
            let fields = (pair[1].1 - pair[0].1) / field;
            let expected = [3.0, 2.0][at % 2];
            assert!((fields - expected).abs() < 0.05, "{at}: {fields} fields");
        }
    }
}

#[test]
fn a_matrix_that_is_not_said_is_assumed_told_and_chosen_otherwise() {
    let cut = |matrix: Option<Matrix>, name: &str| {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("set");
        let settings = Settings {
            matrix,
            ..own_size()
        };
        let manifest = cut_into(&folder, &[name], &settings).unwrap();
        (picture(&folder, 1), manifest.sources[0].assumed_matrix)
    };
    let name = "untagged-hd.mp4";
    let (assumed, told) = cut(None, name);
    is_within(&assumed, (640, 360), [255, 25, 0], 2);
    assert_eq!(told, Some(Matrix::Bt709));
    let (chosen, told) = cut(Some(Matrix::Bt601), name);
    is_within(&chosen, (640, 360), [254, 0, 0], 2);
    assert_eq!(told, None);
    for name in ["hlg.mov", "exif6.jpg", "alpha-png.mov"] {
        assert_eq!(cut(None, name).1, None, "{name}");
    }
    let place = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let output = Command::new(PROGRAM)
            .current_dir(place.path())
            .args(["frames", "-o", "set", "--overwrite"])
            .arg(clip(name))
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = run(&[]);
    assert!(
        said.contains("read by BT.709") && said.contains("--matrix bt601"),
        "{said}"
    );
    assert_eq!(run(&["--matrix", "bt709"]), "");
}
