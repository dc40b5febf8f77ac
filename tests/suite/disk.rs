//! Recordings of a show: disks that fill up, servers that die, shows that stall, recordings that wait for the bar.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rosc::OscType;

use super::play::{Osc, Running, free_port, latentloop};

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn wait_for_log(folder: &Path, words: &str) {
    wait_for(folder, words, 1);
}

/// Waits until the words were said so often.
fn wait_for(folder: &Path, words: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while log(folder).matches(words).count() < times {
        assert!(
            Instant::now() < deadline,
            "no {words:?} in: {}",
            log(folder)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What was recorded, takes apart, in the order of names.
fn films(folder: &Path) -> Vec<PathBuf> {
    let paths = entries(&folder.join("takes")).into_iter();
    let mut films: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e != "take" && e != "other")
        })
        .collect();
    films.sort();
    films
}

/// Decodes a film with FFmpeg's own program, and counts its pictures.
fn pictures(film: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-loglevel", "quiet", "-i"])
        .arg(film)
        .args(["-map", "0:v", "-f", "framemd5", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn a_recording_that_can_no_longer_be_written_plays_and_the_show_goes_on() {
    for codec in ["h264", "h265", "prores", "ffv1", "vp9", "av1"] {
        let place = tempfile::tempdir().unwrap();
        let port = free_port();
        let show = latentloop(place.path(), port);
        // As on a full disk, but for the error's number: no file may grow beyond this.
        let limited = "trap '' XFSZ; ulimit -f 500; exec \"$0\" \"$@\"";
        let mut command = Command::new("bash");
        command
            .current_dir(place.path())
            .args(["-c", limited])
            .arg(show.get_program())
            .args(show.get_args())
            .args([
                "--headless",
                "--codec",
                codec,
                "--size",
                "256x256",
                "--fps",
                "30",
            ])
            .envs(
                show.get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stderr(std::fs::File::create(place.path().join("log")).unwrap());
        let mut show = Running::start(&mut command);
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        osc.send("/loop/speed", vec![OscType::Float(8.0)]);
        osc.send("/record/toggle", vec![]);
        wait_for_log(place.path(), "the recording has ended");
        assert_eq!(osc.ask("/loop/speed"), 8.0, "the show goes on");
        osc.send("/show/quit", vec![]);
        assert!(show.ends_well(), "{codec}: {}", log(place.path()));
        let film = films(place.path()).remove(0);
        let size = std::fs::metadata(&film).unwrap().len();
        assert!(size <= 500 * 1024, "{codec}: {size}");
        let pictures = pictures(&film);
        assert!(
            pictures >= 2,
            "{codec}: {pictures} pictures in {size} bytes"
        );
    }
}

/// A small disk, which is gone with the test.
struct Disk(PathBuf);

impl Disk {
    fn new(at: PathBuf, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }

    /// Another program takes so much of it, or all that there is.
    fn fill(&self, megabytes: usize) {
        let bytes = vec![1; megabytes << 20];
        _ = std::fs::write(self.0.join("else.other"), bytes);
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.join("else.other")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_recording_is_closed_before_the_disk_is_full_and_the_show_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(place.path().join("takes"), 120) else {
        eprintln!("SKIPPED: no small disk can be mounted here; the full disk was not tried");
        return;
    };
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let record = || {
        osc.send("/record/toggle", vec![OscType::Float(0.0)]);
        osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    };
    record();
    wait_for_log(place.path(), "recording to takes/");
    std::thread::sleep(Duration::from_secs(1));
    disk.fill(70);
    wait_for_log(place.path(), "the disk is all but full");
    wait_for_log(place.path(), "recorded takes/");
    // It does not begin again before there is room.
    std::thread::sleep(Duration::from_millis(300));
    record();
    wait_for_log(place.path(), "are kept free");
    disk.clear();
    std::thread::sleep(Duration::from_millis(300));
    record();
    wait_for(place.path(), "recording to takes/", 2);
    std::thread::sleep(Duration::from_secs(1));
    // This time to the last byte, and faster than anyone looks.
    disk.fill(200);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !log(place.path()).contains("the recording has ended")
        && log(place.path()).matches("recorded takes/").count() < 2
    {
        assert!(Instant::now() < deadline, "{}", log(place.path()));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        osc.ask("/loop/speed"),
        f64::from(0.3f32),
        "the show goes on"
    );
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
    let films = films(place.path());
    assert_eq!(films.len(), 2, "{films:?}");
    for film in &films {
        let pictures = pictures(film);
        assert!(pictures > 15, "{}: {pictures} pictures", film.display());
    }
}

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
        latentloop(place.path(), port)
            .env("DISPLAY", &desktop.display)
            .env_remove("WAYLAND_DISPLAY")
            .args(["--fps", "30", "--size", "128x128"]),
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
    assert_eq!(pictures(&film), shown.len());
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

#[test]
fn five_minutes_before_the_disk_is_full_the_performer_is_told_and_at_one_the_film_is_closed() {
    let place = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(place.path().join("takes"), 160) else {
        eprintln!("SKIPPED: no small disk can be mounted here; the warning was not tried");
        return;
    };
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).args([
        "--headless",
        "--fps",
        "30",
        "--size",
        "256x256",
    ]));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/speed", vec![OscType::Float(4.0)]);
    osc.send("/record/toggle", vec![]);
    wait_for_log(place.path(), "recording to takes/");
    // What it writes in a second, and what is free, in MB.
    std::thread::sleep(Duration::from_secs(1));
    let film = films(place.path()).remove(0);
    let size = || std::fs::metadata(&film).unwrap().len() as f64 / 1e6;
    let (before, begun) = (size(), Instant::now());
    std::thread::sleep(Duration::from_secs(4));
    let rate = (size() - before) / begun.elapsed().as_secs_f64();
    // 64 MiB are kept free beyond what is counted on.
    let leave = |secs: f64| {
        let room = 67.2 + rate * secs;
        let taken = 160.0 * 1.048_576 - size() - room;
        disk.fill((taken / 1.048_576) as usize);
    };
    assert!(
        rate * 200.0 < 90.0,
        "{rate} MB a second do not fit the disk"
    );
    leave(200.0);
    wait_for_log(place.path(), "more of this recording");
    assert!(!log(place.path()).contains("all but full"));
    leave(20.0);
    wait_for_log(place.path(), "the disk is all but full");
    wait_for_log(place.path(), "recorded takes/");
    assert_eq!(osc.ask("/loop/speed"), 4.0, "the show goes on");
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
    assert!(pictures(&film) > 60);
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
