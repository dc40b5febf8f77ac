//! Films in fragments become plain ones, or stay as they are.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use latentloop::record::{Effort, Recorder, Settings, Sound, Summary, remux};
use latentloop::stage::{Canvas, Projection};

use super::record::{RECORDING, decode};
use crate::support::limit_file_size;

/// A film in fragments with sound, of pictures that do not become small.
fn fragmented(file: &Path) -> Summary {
    let (rate, size) = (48_000, (64, 64));
    let settings = Settings {
        sound: Some(Sound { rate, channels: 2 }),
        ..Settings::silent(size, 25.0, Effort::Live)
    };
    let recorder = Recorder::start(file, &settings).unwrap();
    let level = |n: u32| (n as f32 / 9.0).sin();
    let block: Vec<f32> = (0..rate / 25 * 2).map(level).collect();
    for number in 0..60u32 {
        let at = Duration::from_millis(u64::from(number) * 40);
        let noise = |at: u32| (at.wrapping_mul(2_654_435_761).rotate_left(number) >> 13) as u8;
        let rgba = (0..size.0 * size.1 * 4).map(noise).collect();
        let picture = Canvas { size, rgba };
        while !recorder.offer(&picture, &Projection::default(), at) {
            std::thread::yield_now();
        }
        while !recorder.offer_sound(&block, at) {
            std::thread::yield_now();
        }
    }
    recorder.finish().unwrap()
}

/// The stream and the time of each packet, and a hash of what is in it.
fn packets(file: &Path) -> Vec<(String, String)> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-copyts", "-i"])
        .arg(file)
        .args(["-map", "0", "-c", "copy", "-f", "framehash", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut packets: Vec<_> = lines
        .map(|line| {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            (format!("{} {}", fields[0], fields[2]), fields[5].to_owned())
        })
        .collect();
    packets.sort();
    packets
}

#[test]
fn a_plain_mp4_has_the_same_packets_at_the_same_times_and_its_counts() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.mp4");
    let recorded = fragmented(&file);
    let before = packets(&file);
    let parts = std::fs::read(&file).unwrap();
    assert!(parts.windows(4).any(|word| word == b"moof"));
    remux(&recorded).unwrap();
    let after = packets(&file);
    assert!(before.len() > 150, "{}", before.len());
    assert_eq!(before, after);
    assert_eq!(decode(&file).len(), 60);
    let whole = std::fs::read(&file).unwrap();
    let find = |kind: &[u8]| whole.windows(4).position(|word| word == kind);
    assert!(find(b"moov") < find(b"mdat"));
    assert_eq!(find(b"moof"), None);
    let input = ffmpeg::format::input(&file).unwrap();
    let comment = input.metadata().get("comment").map(str::to_owned);
    assert_eq!(comment.unwrap(), recorded.counts());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn what_cannot_become_a_plain_mp4_stays_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.mp4");
    let recorded = fragmented(&file);
    let before = std::fs::read(&file).unwrap();
    assert!(before.len() > 200_000, "{}", before.len());
    // As on a disk that fills up meanwhile.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("remux::remux_in_a_small_place")
        .env(RECORDING, &file);
    let output = limit_file_size(&command, 100).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("a plain mp4: "), "{said}");
    assert!(said.contains("it stays as it was recorded"), "{said}");
    assert!(std::fs::read(&file).unwrap() == before);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    // Something in the way of the new one.
    std::fs::create_dir(place.path().join(".partial-a.mp4")).unwrap();
    remux(&recorded).unwrap_err();
    assert!(std::fs::read(&file).unwrap() == before);
    // What is no film.
    std::fs::write(&file, "torn").unwrap();
    remux(&recorded).unwrap_err();
    assert_eq!(std::fs::read(&file).unwrap(), b"torn");
}

#[test]
#[ignore = "needs a limit on the size of files: the test above starts it"]
fn remux_in_a_small_place() {
    let Some(path) = std::env::var_os(RECORDING) else {
        return;
    };
    let recorded = Summary {
        path: path.into(),
        frames: 60,
        dropped: 0,
        repeated: 0,
        skipped: 0,
        duration: Duration::ZERO,
    };
    println!("{}", remux(&recorded).unwrap_err());
}
