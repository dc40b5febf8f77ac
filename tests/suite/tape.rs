//! Recordings of a show: armed ones, shows that stall, an X server that dies, plain films, the look.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rosc::OscType;

use super::disk::{entries, films, log, pictures, wait_for, wait_for_log};
use super::play::{Osc, Running, free_port, latentloop};

#[test]
fn an_armed_recording_begins_and_ends_with_a_bar() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/beat/tempo", vec![OscType::Float(120.0)]);
    osc.send("/record/arm", vec![OscType::String("bar".into())]);
    osc.wait_for("/record/arm", |edge| edge == 2.0);
    // Called off before the bar: there is no file, and no complaint.
    let press = || {
        osc.send("/record/toggle", vec![OscType::Float(0.0)]);
        osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    };
    osc.send("/beat/downbeat", vec![]);
    press();
    wait_for_log(place.path(), "waits for its moment");
    press();
    wait_for_log(place.path(), "no longer waits");
    press();
    osc.wait_for("/beat/phase", |phase| phase > 0.9);
    osc.wait_for("/beat/phase", |phase| (0.3..0.6).contains(&phase));
    wait_for_log(place.path(), "recording to takes/");
    press();
    wait_for_log(place.path(), "recorded takes/");
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let told = log(place.path());
    assert!(!told.contains("the recording has ended"), "{told}");
    let films = films(place.path());
    assert_eq!(films.len(), 1, "{films:?}");
    let table = latentloop::instrument::Table::standard();
    let take = latentloop::library::take(&films[0].with_extension("take"), &table).unwrap();
    let latentloop::library::TakeFile::Logged(take) = take else {
        panic!("it was played");
    };
    // A bar is 960 ticks; a frame late at either end is no fault.
    let off = (take.length() as i64 + 480) % 960 - 480;
    assert!(
        off.abs() < 120 && take.length() > 480,
        "{} ticks",
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
    let mut desktop = super::play::Desktop::of("640x400x24");
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(
        desktop.shows(latentloop(place.path(), port).args(["--fps", "30", "--size", "128x128"])),
    );
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/speed", vec![OscType::Float(4.0)]);
    osc.send("/record/toggle", vec![]);
    wait_for_log(place.path(), "recording to takes/");
    let begun = Instant::now();
    std::thread::sleep(Duration::from_secs(3));
    let played = begun.elapsed();
    desktop.server.0.kill().unwrap();
    assert!(!show.ends_well(), "there is nothing left to play on");
    let film = films(place.path()).remove(0);
    let shown = shown_secs(&film);
    let lost = played.as_secs_f64() - shown.last().unwrap();
    assert!(lost <= 1.0, "{lost} s are lost of {played:?}");
    // The last packet may have been cut off.
    assert!(shown.len() - pictures(&film) <= 1);
}

#[test]
fn a_show_that_is_held_up_is_recorded_at_a_constant_rate_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless").args([
        "--fps",
        "30",
        "--fps-mode",
        "cfr",
    ]));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/record/toggle", vec![]);
    wait_for_log(place.path(), "recording to takes/");
    let signal = |name: &str| {
        let id = show.0.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    };
    std::thread::sleep(Duration::from_millis(700));
    signal("-STOP");
    std::thread::sleep(Duration::from_millis(1500));
    signal("-CONT");
    std::thread::sleep(Duration::from_millis(700));
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
    let shown = shown_secs(&films(place.path())[0]);
    for (number, secs) in shown.iter().enumerate() {
        let due = number as f64 / 30.0;
        assert!((secs - due).abs() < 0.0002, "{number} at {secs}");
    }
    // recorded NAME: S s, N pictures, R repeated, D dropped
    let told = log(place.path());
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
    assert!(number(" repeated") >= 40.0, "{told}");
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
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).args([
        "--headless",
        "--plain-mp4",
        "--codec",
        "vp9",
        "--encoder",
        "software",
    ]));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let press = || {
        osc.send("/record/toggle", vec![OscType::Float(0.0)]);
        osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    };
    press();
    wait_for_log(place.path(), "recording to takes/");
    std::thread::sleep(Duration::from_millis(800));
    press();
    wait_for_log(place.path(), "is a plain mp4 now");
    // The second is ended by the show's end.
    std::thread::sleep(Duration::from_millis(300));
    press();
    wait_for(place.path(), "recording to takes/", 2);
    std::thread::sleep(Duration::from_millis(800));
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
    let films = films(place.path());
    assert_eq!(films.len(), 2, "{films:?}");
    for film in &films {
        assert_eq!(film.extension().unwrap(), "mp4");
        let boxes = boxes(film);
        let place = |kind: &str| boxes.iter().position(|found| found == kind);
        assert!(place("moov") < place("mdat"), "{boxes:?}");
        assert_eq!(place("moof"), None, "{boxes:?}");
        assert!(pictures(film) > 10);
    }
    let figures = super::play::stats(place.path());
    assert_eq!(figures["recorder_encoder"], "libvpx-vp9");
}

#[test]
fn what_does_not_go_into_mp4_is_not_recorded_in_the_hope_of_one() {
    let place = tempfile::tempdir().unwrap();
    let output = latentloop(place.path(), free_port())
        .args(["--headless", "--plain-mp4", "--codec", "ffv1"])
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("--plain-mp4: FFV1 does not go into mp4"),
        "{said}"
    );
}

/// The level of a picture's red, averaged over all of it; nothing where it is being written.
fn mean_red(picture: &Path) -> Option<f64> {
    let picture = image::open(picture).ok()?.to_rgb8();
    let sum: u64 = picture.pixels().map(|pixel| u64::from(pixel.0[0])).sum();
    Some(sum as f64 / f64::from(picture.width() * picture.height()))
}

#[test]
fn a_look_is_in_the_recording_or_is_left_out_of_it() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/generator.safetensors");
    let record = |options: &[&str]| {
        let place = tempfile::tempdir().unwrap();
        let port = free_port();
        std::fs::copy(&model, place.path().join("m.safetensors")).unwrap();
        let preset = "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n[params]\n\"loop.speed\" = 0.0\n\"look.gain\" = 0.25\n";
        let file = place.path().join("p.toml");
        std::fs::write(&file, preset).unwrap();
        let mut show = Running::start(
            super::play::playing(&file, place.path(), port)
                .args(["--headless", "--fps", "20", "--codec", "png"])
                .args(options),
        );
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        osc.send("/record/toggle", vec![]);
        wait_for_log(place.path(), "recording to takes/");
        // The card may come late: the picture is plain until then.
        let deadline =
            Instant::now() + Duration::from_secs(if options.is_empty() { 60 } else { 3 });
        let mut levels = Vec::new();
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
            // The folder is made with the first picture.
            let Some(folder) = entries(&place.path().join("takes"))
                .into_iter()
                .find(|path| path.is_dir())
            else {
                continue;
            };
            levels = entries(&folder)
                .iter()
                .filter_map(|file| mean_red(file))
                .collect();
            let most = levels.iter().copied().fold(0.0, f64::max);
            if levels.iter().any(|level| *level < most * 0.7) {
                break;
            }
        }
        osc.send("/show/quit", vec![]);
        assert!(show.ends_well());
        levels.sort_by(f64::total_cmp);
        (levels[0], levels[levels.len() - 1])
    };
    let (dark, _) = record(&[]);
    let (least, most) = record(&["--without-look"]);
    assert!(dark < 0.7 * least, "{dark} {least}: the look is seen");
    assert!(most - least < 0.01, "{least} {most}: it is left out");
}
