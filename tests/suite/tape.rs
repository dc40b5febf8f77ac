//! Recordings of a show: armed ones, shows that stall, an X server that dies, plain films, the look.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::disk::pictures;
use crate::support::{Desktop, Pictures, Show, ShowBuilder, refused, wait_for};

#[test]
fn an_armed_recording_begins_and_ends_with_a_bar() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
    osc.number("/beat/tempo", 120.0);
    osc.text("/record/arm", "bar");
    osc.wait_for_value("/record/arm", 2.0);
    // Called off before the bar: there is no file, and no complaint.
    osc.send("/beat/downbeat", vec![]);
    show.press_record();
    show.wait_for_log("waits for its moment");
    show.press_record();
    show.wait_for_log("no longer waits");
    show.press_record();
    osc.wait_for("/beat/phase", |phase| phase > 0.9);
    osc.wait_for("/beat/phase", |phase| (0.3..0.6).contains(&phase));
    show.wait_for_log("recording to takes/");
    show.press_record();
    show.wait_for_log("recorded takes/");
    let stats = show.quit();
    let told = show.log();
    assert!(!told.contains("the recording has ended"), "{told}");
    let films = show.films();
    assert_eq!(films.len(), 1, "{films:?}");
    let table = latentloop::instrument::Table::standard();
    let take = latentloop::library::take(&films[0].with_extension("take"), &table).unwrap();
    let latentloop::library::TakeFile::Logged(take) = take else {
        panic!("it was played");
    };
    // A bar is 960 ticks. It begins and ends with a picture, which may be as late as the latest.
    let off = (take.length() as i64 + 480) % 960 - 480;
    let late = stats["frame_interval_ms"]["max"].as_f64().unwrap() * 0.48;
    assert!(
        (off.abs() as f64) < 30.0 + late && take.length() > 480,
        "{} ticks, a picture may be {late} late",
        take.length()
    );
}

/// The seconds at which the pictures of a film are shown, in order.
fn shown_secs(film: &Path) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0"])
        .args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(film)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let secs = text.lines().map(|line| line.trim_end_matches(','));
    secs.map(|secs| secs.parse().unwrap()).collect()
}

#[test]
fn where_the_x_server_dies_the_recording_plays_up_to_its_last_second() {
    let mut desktop = Desktop::of("640x400x24");
    let show = Show::builder().args(["--fps", "30", "--size", "128x128"]);
    let mut show = show.on(&desktop).start();
    show.osc.number("/loop/speed", 4.0);
    show.press_record();
    show.wait_for_log("recording to takes/");
    let begun = Instant::now();
    let film = wait_for("two seconds of a film", || {
        let film = show.films().pop().ok_or(0.0)?;
        let last = shown_secs(&film).last().copied().unwrap_or(0.0);
        if last < 2.0 { Err(last) } else { Ok(film) }
    });
    let played = begun.elapsed();
    desktop.server.0.kill().unwrap();
    assert!(
        !show.process.ends_well(),
        "there is nothing left to play on"
    );
    let shown = shown_secs(&film);
    let last = *shown.last().unwrap();
    let lost = played.as_secs_f64() - last;
    // Half a second may wait in the file's fragment, and a dozen pictures with the encoder.
    let apart = last / shown.len() as f64;
    let most = 0.5 + 15.0 * apart;
    assert!(lost <= most, "{lost} s are lost of {played:?}, not {most}");
    // The last packet may have been cut off.
    assert!(shown.len() - pictures(&film) <= 1);
}

#[test]
fn a_show_that_is_held_up_is_recorded_at_a_constant_rate_all_the_same() {
    let show = Show::builder().headless();
    let mut show = show.args(["--fps", "30", "--fps-mode", "cfr"]).start();
    show.press_record();
    show.wait_for_log("recording to takes/");
    show.wait_for_fragments(1);
    show.process.signal("-STOP");
    let held = Instant::now();
    // It is held up for as long as this, and no less.
    std::thread::sleep(Duration::from_millis(1500));
    let held = held.elapsed().as_secs_f64();
    show.process.signal("-CONT");
    show.wait_for_fragments(2);
    show.quit();
    let shown = shown_secs(&show.films()[0]);
    for (number, secs) in shown.iter().enumerate() {
        let due = number as f64 / 30.0;
        assert!((secs - due).abs() < 0.0002, "{number} at {secs}");
    }
    // recorded NAME: S s, N pictures, R repeated, D dropped
    let told = show.log();
    let told = told
        .lines()
        .find(|line| line.contains("recorded "))
        .unwrap();
    let number = |before: &str| -> f64 {
        let words = told.split(before).next().unwrap();
        words
            .rsplit([' ', '\u{a0}'])
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert!(number(" repeated") >= held * 30.0 - 5.0, "{held} s: {told}");
    assert_eq!(
        number(" pictures") + number(" repeated"),
        shown.len() as f64
    );
    let clock = number(" s,");
    let length = shown.last().unwrap();
    assert!(
        (length - clock).abs() < 0.1,
        "{length} s in the film: {told}"
    );
}

/// The kinds of a film's outermost boxes, in order.
fn boxes(film: &Path) -> Vec<String> {
    let bytes = std::fs::read(film).unwrap();
    let (mut at, mut kinds) = (0, Vec::new());
    while at + 8 <= bytes.len() {
        let word = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap();
        kinds.push(String::from_utf8_lossy(&word(at + 4)).into_owned());
        at += match u32::from_be_bytes(word(at)) as usize {
            0 => break,
            1 => u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize,
            size => size,
        };
    }
    kinds
}

#[test]
fn recordings_become_plain_mp4_files_when_it_is_asked_for() {
    let show = Show::builder().headless().args(["--plain-mp4"]);
    let mut show = show
        .args(["--codec", "vp9", "--encoder", "software"])
        .start();
    let record = |times: usize| {
        show.press_record();
        show.wait_for_logs("recording to takes/", times);
        wait_for("a dozen pictures of a film", || {
            let films = show.films();
            let shown = films
                .get(times - 1)
                .map_or(0, |film| shown_secs(film).len());
            if shown < 12 { Err(shown) } else { Ok(()) }
        });
    };
    record(1);
    show.press_record();
    show.wait_for_log("is a plain mp4 now");
    // The second is ended by the show's end.
    record(2);
    let figures = show.quit();
    let films = show.films();
    assert_eq!(films.len(), 2, "{films:?}");
    for film in &films {
        assert_eq!(film.extension().unwrap(), "mp4");
        let boxes = boxes(film);
        let place = |kind: &str| boxes.iter().position(|found| found == kind);
        assert!(place("moov") < place("mdat"), "{boxes:?}");
        assert_eq!(place("moof"), None, "{boxes:?}");
        assert!(pictures(film) > 10);
    }
    assert_eq!(figures["recorder_encoder"], "libvpx-vp9");
}

#[test]
fn what_does_not_go_into_mp4_is_not_recorded_in_the_hope_of_one() {
    let place = tempfile::tempdir().unwrap();
    let model = crate::support::model();
    let play = [
        "play",
        model.to_str().unwrap(),
        "--headless",
        "--osc",
        "none",
    ];
    let play = [&play[..], &["--plain-mp4", "--codec", "ffv1"]].concat();
    let words = ["--plain-mp4: FFV1 does not go into mp4"];
    refused(place.path(), &play, 1, &words);
}

/// The levels of red of recorded pictures, averaged over each of them, in order. One that is being written is left out.
fn levels(show: &Show) -> Vec<f64> {
    let Some(folder) = show.films().pop() else {
        return Vec::new();
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let level = |file: &std::path::PathBuf| {
        let picture = image::open(file).ok()?.to_rgb8();
        let sum: u64 = picture.pixels().map(|pixel| u64::from(pixel.0[0])).sum();
        Some(sum as f64 / f64::from(picture.width() * picture.height()))
    };
    files.iter().filter_map(level).collect()
}

#[test]
fn a_look_is_in_the_recording_or_is_left_out_of_it() {
    let show = |options: &[&str]| -> ShowBuilder {
        let preset = "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n[params]\n\"loop.speed\" = 0.0\n";
        let show = Show::builder().headless().preset("p.toml", preset);
        show.args(["--fps", "20", "--codec", "png"]).args(options)
    };
    let record = |options: &[&str]| {
        let (mut show, seen) = Pictures::start(show(options));
        let level = |pixels: &[[u8; 4]]| {
            let sum: u64 = pixels.iter().map(|pixel| u64::from(pixel[0])).sum();
            sum as f64 / pixels.len() as f64
        };
        seen.wait_until("a picture", |pixels| level(pixels) > 20.0);
        let plain = level(seen.last().as_chunks().0);
        // The card may come late, and the picture is plain until then.
        show.osc.number("/look/gain", 0.25);
        seen.wait_until("a picture that its look has darkened", |pixels| {
            level(pixels) < plain * 0.7
        });
        show.press_record();
        let levels = wait_for("three recorded pictures", || {
            let levels = levels(&show);
            if levels.len() < 4 {
                Err(format!("{levels:?}"))
            } else {
                Ok(levels)
            }
        });
        show.quit();
        // The first may come from before.
        levels[1..].to_vec()
    };
    let dark = record(&[])[0];
    let bare = record(&["--without-look"]);
    let (least, most) = (
        bare.iter().copied().fold(f64::MAX, f64::min),
        bare.iter().copied().fold(0.0, f64::max),
    );
    assert!(dark < 0.7 * least, "{dark} {least}: the look is seen");
    assert!(most - least < 0.01, "{bare:?}: it is left out");
}
