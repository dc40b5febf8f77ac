//! Recordings on disks that fill up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rosc::OscType;

use super::play::{Osc, Running, free_port, latentloop};

pub(crate) fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

pub(crate) fn wait_for_log(folder: &Path, words: &str) {
    wait_for(folder, words, 1);
}

/// Waits until the words were said so often.
pub(crate) fn wait_for(folder: &Path, words: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while log(folder).matches(words).count() < times {
        assert!(
            Instant::now() < deadline,
            "no {words:?} in: {}",
            log(folder)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What was recorded, takes apart, in the order of names.
pub(crate) fn films(folder: &Path) -> Vec<PathBuf> {
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
pub(crate) fn pictures(film: &Path) -> usize {
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
    let deadline = Instant::now() + Duration::from_secs(120);
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
