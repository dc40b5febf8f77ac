//! Raw pictures for other programs, read by real readers.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::play::{Osc, Running, free_port, latentloop, stats};

/// Bytes of a picture of the small model.
const PICTURE: usize = 64 * 64 * 4;

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn wait_for_log(folder: &Path, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !log(folder).contains(words) {
        assert!(
            Instant::now() < deadline,
            "no {words:?} in: {}",
            log(folder)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// FFmpeg, reading raw pictures; it counts what it decodes into `frames.txt`, a line for each.
fn ffmpeg(folder: &Path, size: &str, input: &str, more: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(folder)
        .args(["-loglevel", "error", "-y", "-f", "rawvideo"])
        .args(["-pix_fmt", "rgba", "-s", size, "-r", "60", "-i", input])
        .args(more)
        .args(["-f", "framemd5", "frames.txt"])
        .stdin(Stdio::null());
    command
}

fn frames(folder: &Path) -> u64 {
    let text = std::fs::read_to_string(folder.join("frames.txt")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).count() as u64
}

#[test]
fn pipe_1_is_whole_pictures_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let mut show = latentloop(place.path(), free_port())
        .args([
            "--headless",
            "--seconds",
            "2",
            "--fps",
            "30",
            "--out",
            "pipe:1",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bytes = Vec::new();
    show.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(show.wait().unwrap().success(), "{}", log(place.path()));
    let figures = stats(place.path());
    let pictures = (bytes.len() / PICTURE) as u64;
    assert_eq!(bytes.len() % PICTURE, 0);
    assert!(pictures >= 50, "{pictures} {figures}");
    let shown = figures["frames_shown"].as_u64().unwrap();
    let dropped = figures["out_dropped"].as_u64().unwrap();
    assert!(shown - pictures <= dropped + 3, "{pictures} {figures}");
    for picture in bytes.chunks_exact(PICTURE) {
        assert!(picture.chunks_exact(4).all(|pixel| pixel[3] == 255));
    }
    assert!(
        bytes[..PICTURE] != bytes[bytes.len() - PICTURE..],
        "it moves"
    );
}

#[test]
fn ffmpeg_takes_the_pictures_from_the_standard_output() {
    let place = tempfile::tempdir().unwrap();
    let mut show = latentloop(place.path(), free_port())
        .args(["--headless", "--seconds", "2", "--out", "pipe:1"])
        .args(["--out-size", "64x48"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut receiver = ffmpeg(place.path(), "64x48", "-", &[]);
    let status = receiver.stdin(show.stdout.take().unwrap()).status();
    assert!(status.unwrap().success());
    assert!(show.wait().unwrap().success(), "{}", log(place.path()));
    let figures = stats(place.path());
    let taken = frames(place.path());
    assert!(taken > 60, "{taken} {figures}");
    assert!(taken >= figures["out_sent"].as_u64().unwrap(), "{figures}");
}

#[test]
fn ffmpeg_that_listens_is_found_and_found_again() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let to = format!("tcp://127.0.0.1:{}", free_port());
    let mut show =
        Running::start(latentloop(place.path(), port).args(["--headless", "--out", &to]));
    wait_for_log(place.path(), "no reader yet");
    for _ in 0..2 {
        // Fifty pictures, then it goes.
        let listening = format!("{to}?listen=1");
        let more = ["-frames:v", "50"];
        let status = ffmpeg(place.path(), "64x64", &listening, &more).status();
        assert!(status.unwrap().success());
        assert_eq!(frames(place.path()), 50);
        wait_for_log(place.path(), "the reader has gone");
    }
    let osc = Osc::new(port);
    assert_eq!(
        osc.ask("/loop/speed"),
        f64::from(0.3f32),
        "the show goes on"
    );
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let told = log(place.path());
    assert_eq!(told.matches("a reader is there").count(), 2, "{told}");
    assert!(stats(place.path())["out_sent"].as_u64().unwrap() >= 100);
}

#[test]
#[cfg(unix)]
fn a_named_pipe_is_served_whenever_somebody_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).args([
        "--headless",
        "--out",
        &format!("pipe:{}", pipe.display()),
    ]));
    // The show runs without a reader.
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    wait_for_log(place.path(), "nobody reads it");
    for reader in 1..=2 {
        let mut file = std::fs::File::open(&pipe).unwrap();
        let mut pictures = vec![0; PICTURE * 30];
        file.read_exact(&mut pictures).unwrap();
        for pixel in pictures.chunks_exact(4) {
            assert_eq!(pixel[3], 255, "reader {reader} is not at a picture's start");
        }
        drop(file);
        let deadline = Instant::now() + Duration::from_secs(120);
        while log(place.path()).matches("has gone").count() < reader {
            assert!(Instant::now() < deadline, "{}", log(place.path()));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

#[test]
#[cfg(unix)]
fn a_reader_that_stalls_loses_pictures_and_the_show_loses_none() {
    let place = tempfile::tempdir().unwrap();
    let mut show = latentloop(place.path(), free_port())
        .args(["--headless", "--seconds", "3", "--fps", "30"])
        .args(["--out", "pipe:1", "--out-size", "256x256"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Held, and never read.
    let _unread = show.stdout.take();
    assert!(show.wait().unwrap().success(), "{}", log(place.path()));
    let figures = stats(place.path());
    assert!(figures["out_dropped"].as_u64().unwrap() > 40, "{figures}");
    assert!(figures["frames_shown"].as_u64().unwrap() > 60, "{figures}");
}

#[test]
fn targets_that_can_have_no_reader_and_pictures_too_large_are_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("film.rgba"), "kept").unwrap();
    for (arguments, words) in [
        (&["--out", "pipe:none"][..], "mkfifo none"),
        (&["--out", "pipe:film.rgba"], "no named pipe"),
        (&["--out", "udp://a:1"], "tcp://HOST:PORT"),
        (&["--out", "tcp://a:1", "--out", "tcp://a:1"], "twice"),
        (&["--out-size", "64x64"], "--out"),
        (&["--size", "16384x16384"], "16 to 8192 pixels"),
        (
            &["--out", "tcp://a:1", "--out-size", "16384x16384"],
            "16 to 8192 pixels",
        ),
    ] {
        let mut show = latentloop(place.path(), free_port());
        let output = show
            .args(["--headless", "--seconds", "1"])
            .args(arguments)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    let kept = std::fs::read_to_string(place.path().join("film.rgba"));
    assert_eq!(kept.unwrap(), "kept");
}
