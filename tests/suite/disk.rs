//! Recordings on disks that fill up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::support::{Show, skip, wait_for};

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
    // A few pictures' worth of each.
    for (codec, kib) in [
        ("h264", 200),
        ("h265", 200),
        ("prores", 500),
        ("ffv1", 500),
        ("vp9", 100),
        ("av1", 100),
    ] {
        let mut show = Show::builder()
            .headless()
            .args(["--codec", codec, "--size", "256x256", "--fps", "30"])
            .largest_file_kib(kib)
            .start();
        show.osc.number("/loop/speed", 8.0);
        show.press_record();
        show.wait_for_log("the recording has ended");
        assert_eq!(show.osc.ask("/loop/speed"), 8.0, "the show goes on");
        show.quit();
        let film = show.films().remove(0);
        let size = std::fs::metadata(&film).unwrap().len();
        assert!(size <= u64::from(kib) * 1024, "{codec}: {size}");
        let pictures = pictures(&film);
        assert!(
            pictures >= 2,
            "{codec}: {pictures} pictures in {size} bytes"
        );
        // What is told is what can be read back, and players know how long it is.
        let log = show.log();
        let told = format!(", {pictures} pictures");
        let line = log
            .lines()
            .find(|line| line.contains("the recording has ended"));
        let line = line.unwrap_or_default();
        assert!(
            line.contains("what plays of it are") && line.contains(&told),
            "{codec}: {line}"
        );
        let secs = super::mend::probed_secs(&film);
        assert!(secs > 0.0, "{codec}: {secs} s");
    }
}

/// A small disk, which is gone with the test.
struct Disk {
    at: PathBuf,
    bytes: u64,
}

impl Disk {
    fn new(at: PathBuf, megabytes: u64) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .status();
        let bytes = megabytes << 20;
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { at, bytes })
    }

    fn other(&self) -> PathBuf {
        self.at.join("else.other")
    }

    /// Another program takes so much of it, or all that there is.
    fn fill(&self, megabytes: usize) {
        let bytes = vec![1; megabytes << 20];
        _ = std::fs::write(self.other(), bytes);
    }

    /// Another program leaves so much of it free.
    fn leave(&self, free: u64) {
        let mut used = 0;
        for entry in std::fs::read_dir(&self.at).unwrap() {
            let path = entry.unwrap().path();
            used += u64::from(path != self.other()) * std::fs::metadata(path).unwrap().len();
        }
        self.fill((self.bytes.saturating_sub(used + free) >> 20) as usize);
    }

    fn clear(&self) {
        std::fs::remove_file(self.other()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

#[test]
fn a_recording_is_closed_before_the_disk_is_full_and_the_show_goes_on() {
    let show = Show::builder().headless();
    let Some(disk) = Disk::new(show.folder().join("takes"), 120) else {
        return skip("disk", "no small disk can be mounted here");
    };
    let mut show = show.start();
    show.press_record();
    show.wait_for_log("recording to takes/");
    show.wait_for_fragments(3);
    disk.fill(70);
    show.wait_for_log("the disk is all but full");
    show.wait_for_log("recorded takes/");
    // It does not begin again before there is room.
    show.press_record();
    show.wait_for_log("are kept free");
    disk.clear();
    show.press_record();
    show.wait_for_logs("recording to takes/", 2);
    show.wait_for_fragments(3);
    // This time to the last byte, and faster than anyone looks.
    disk.fill(200);
    wait_for("the end of the recording", || {
        let log = show.log();
        let is_over =
            log.contains("the recording has ended") || log.matches("recorded takes/").count() >= 2;
        is_over.then_some(()).ok_or(log)
    });
    let speed = show.osc.ask("/loop/speed");
    assert_eq!(speed, f64::from(0.3f32), "the show goes on");
    show.quit();
    let films = show.films();
    assert_eq!(films.len(), 2, "{films:?}");
    for film in &films {
        let pictures = pictures(film);
        assert!(pictures > 5, "{}: {pictures} pictures", film.display());
    }
}

#[test]
fn five_minutes_before_the_disk_is_full_the_performer_is_told_and_at_one_the_film_is_closed() {
    let show = Show::builder().headless();
    let Some(disk) = Disk::new(show.folder().join("takes"), 160) else {
        return skip("disk", "no small disk can be mounted here");
    };
    let mut show = show.args(["--fps", "30", "--size", "256x256"]).start();
    show.osc.number("/loop/speed", 4.0);
    show.press_record();
    show.wait_for_log("recording to takes/");
    // The bytes that it writes in a second.
    show.wait_for_fragments(1);
    let film = show.films().remove(0);
    let size = || std::fs::metadata(&film).unwrap().len() as f64;
    let (before, begun) = (size(), Instant::now());
    show.wait_for_fragments(8);
    let rate = (size() - before) / begun.elapsed().as_secs_f64();
    // 64 MiB are kept free beyond what is counted on.
    let leave = |secs: f64| disk.leave((64 << 20) + (rate * secs) as u64);
    assert!(
        rate * 200.0 < 90e6,
        "{rate} bytes a second do not fit the disk"
    );
    leave(200.0);
    show.wait_for_log("more of this recording");
    assert!(!show.log().contains("all but full"), "{}", show.log());
    leave(20.0);
    show.wait_for_log("the disk is all but full");
    show.wait_for_log("recorded takes/");
    assert_eq!(show.osc.ask("/loop/speed"), 4.0, "the show goes on");
    show.quit();
    assert!(pictures(&film) > 30);
}
