//! Recordings that were cut off end at their last whole part, whatever cut them off and wherever.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use latentloop::record::{
    Codec, Effort, Mended, Recorder, Settings, mend, mend_left_behind, read_back,
};
use latentloop::stage::{Canvas, Projection};

use super::record::{CODEC, RECORDING};
use crate::support::{PROGRAM, Process, Show};

/// Rounds of the test of random moments, each of all containers; a hundred take five minutes.
const KILLS: &str = "LATENTLOOP_TEST_KILLS";

/// A recording of two and a half seconds: while it was still being written, and when it was closed.
fn recorded(name: &str) -> [Vec<u8>; 2] {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join(name);
    let size = (32, 32);
    let recorder = Recorder::start(&file, &Settings::silent(size, 30.0, Effort::Live)).unwrap();
    let mut written = Vec::new();
    for number in 0..75u32 {
        let rgba = [(number * 3) as u8, 90, 200, 255].repeat(32 * 32);
        let at = Duration::from_secs_f64(f64::from(number) / 30.0);
        let picture = Canvas { size, rgba };
        while !recorder.offer(&picture, &Projection::default(), at) {
            std::thread::yield_now();
        }
    }
    // Four fragments are written when the fifth has begun.
    let begun = Instant::now();
    while ends(&written, name).len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{name}");
        std::thread::sleep(Duration::from_millis(20));
        written = fs::read(&file).unwrap_or_default();
    }
    recorder.finish().unwrap();
    [written, fs::read(&file).unwrap()]
}

/// Where the whole fragments or clusters of a film end, by a look at its bytes.
fn ends(film: &[u8], name: &str) -> Vec<usize> {
    if name.ends_with("mp4") || name.ends_with("mov") {
        let (mut at, mut ends) = (0, Vec::new());
        while let Some(head) = film.get(at..at + 8) {
            let size = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
            at += size;
            if at > film.len() {
                break;
            }
            if &head[4..] == b"mdat" {
                ends.push(at);
            }
        }
        return ends;
    }
    let starts = |id: &'static [u8]| {
        let words = film.windows(4).enumerate();
        words.filter(move |(_, word)| *word == id).map(|(at, _)| at)
    };
    let clusters: Vec<usize> = starts(&[0x1f, 0x43, 0xb6, 0x75]).collect();
    // What follows the last one, in a film that was closed, are its cues; one that is being written has its clusters whole.
    let first = clusters.first().copied().unwrap_or(film.len());
    let cues = starts(&[0x1c, 0x53, 0xbb, 0x6b]).find(|&at| at > first);
    let last = cues.unwrap_or(film.len());
    clusters.into_iter().skip(1).chain([last]).collect()
}

#[test]
fn a_film_that_is_cut_anywhere_in_a_fragment_plays_to_the_fragment_before_it() {
    for name in ["a.mp4", "b.mov", "c.mkv", "d.webm"] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        for film in recorded(name) {
            let ends = ends(&film, name);
            assert!(ends.len() >= 4, "{name}: {ends:?}");
            // Cut behind every fragment: so many pictures.
            let pictures: Vec<u64> = ends
                .iter()
                .map(|&end| {
                    fs::write(&file, &film[..end]).unwrap();
                    mend(&file).unwrap();
                    read_back(&file).unwrap().0
                })
                .collect();
            assert!(pictures.is_sorted_by(|a, b| a < b), "{name}: {pictures:?}");
            let (before, after) = (ends[1], ends[2]);
            for cut in before..after {
                fs::write(&file, &film[..cut]).unwrap();
                mend(&file).unwrap();
                let length = fs::metadata(&file).unwrap().len();
                assert_eq!(length, before as u64, "{name}, cut at {cut}");
                let (found, duration) = read_back(&file).unwrap();
                assert_eq!(found, pictures[1], "{name}, cut at {cut}");
                let expected = (found - 1) as f64 / 30.0;
                assert!((duration.as_secs_f64() - expected).abs() < 0.002);
                assert_eq!(mend(&file).unwrap(), Mended::Whole, "{name}, cut at {cut}");
            }
            // In the first fragment there is nothing before it to go back to, and what plays of it is left.
            let start = ends[0] - 3;
            fs::write(&file, &film[..start]).unwrap();
            let mended = mend(&file);
            assert_eq!(
                mended.is_ok(),
                name.ends_with("mkv") || name.ends_with("webm")
            );
            let (found, _) = read_back(&file).unwrap();
            assert!(found > 1, "{name}: {found}");
            // Disks give zeros where nothing was written.
            let torn = [&film[..before + 20], &[0; 500]].concat();
            fs::write(&file, torn).unwrap();
            mend(&file).unwrap();
            assert_eq!(fs::metadata(&file).unwrap().len(), before as u64, "{name}");
            // FFmpeg's own program agrees, and knows how long it is.
            assert_eq!(super::disk::pictures(&file) as u64, pictures[1], "{name}");
            let probed = probed_secs(&file);
            let expected = pictures[1] as f64 / 30.0;
            assert!((probed - expected).abs() < 0.05, "{name}: {probed} s");
        }
    }
}

/// The duration that FFmpeg's own program tells.
pub(crate) fn probed_secs(film: &Path) -> f64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration"])
        .args(["-of", "default=nw=1:nk=1"])
        .arg(film)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{}: {text}", film.display()))
}

fn run(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(place).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}{error}")
}

#[test]
fn mend_tells_what_it_did_and_leaves_alone_what_is_whole_or_no_recording() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for name in ["a.mp4", "b.webm"] {
        let [_, film] = recorded(name);
        let end = ends(&film, name)[1];
        fs::write(at(name), &film[..end + 30]).unwrap();
        let output = run(place.path(), &["mend", name]);
        assert!(output.status.success(), "{}", said(&output));
        let told = said(&output);
        assert!(
            told.contains("30 bytes behind its last whole part"),
            "{told}"
        );
        let pictures = super::disk::pictures(&at(name));
        assert!(told.contains(&format!("{pictures} pictures")), "{told}");
        fs::write(at(name), &film).unwrap();
        assert!(said(&run(place.path(), &["mend", name])).contains("it is whole"));
        assert_eq!(fs::read(at(name)).unwrap(), film);
    }
    // A plain film, a picture, a film that has not one whole fragment, a folder, nothing: all are named, all stay.
    let flower = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/footage/flower.mp4");
    fs::copy(flower, at("plain.mp4")).unwrap();
    assert!(said(&run(place.path(), &["mend", "plain.mp4"])).contains("it is whole"));
    let plain = fs::read(flower).unwrap();
    let [_, webm] = recorded("b.webm");
    for (name, bytes, word) in [
        ("cut.mp4", &plain[..plain.len() / 2], "no film in fragments"),
        ("cut.webm", &webm[..200], "before its first cluster"),
        ("picture.png", b"\x89PNG".as_slice(), "neither an MP4"),
        ("empty.mp4", b"", "neither an MP4"),
    ] {
        fs::write(at(name), bytes).unwrap();
        let output = run(place.path(), &["mend", name, "a.mp4"]);
        let told = said(&output);
        assert!(!output.status.success(), "{told}");
        assert!(told.contains(word) && told.contains(name), "{told}");
        assert!(
            told.contains("a.mp4: it is whole"),
            "the others are mended: {told}"
        );
        assert_eq!(fs::read(at(name)).unwrap(), bytes);
    }
    let output = run(place.path(), &["mend", "absent.mp4"]);
    assert!(said(&output).contains("absent.mp4") && !output.status.success());
}

#[test]
fn what_a_crash_left_behind_is_mended_at_the_next_start() {
    let place = tempfile::tempdir().unwrap();
    let [written, _] = recorded("a.mp4");
    let film = place.path().join("2026-01-02_03-04-05.mp4");
    let end = ends(&written, "a.mp4")[1];
    fs::write(&film, &written[..end + 30]).unwrap();
    let mark = place.path().join(".2026-01-02_03-04-05.recording");
    fs::write(&mark, "").unwrap();
    let found = mend_left_behind(place.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, film);
    let (pictures, _) = *found[0].outcome.as_ref().unwrap();
    assert_eq!(pictures, super::disk::pictures(&film) as u64);
    assert_eq!(fs::metadata(&film).unwrap().len(), end as u64);
    assert!(!mark.exists());
}

#[test]
fn a_show_mends_what_one_before_it_left_behind_and_names_what_it_records_for_itself() {
    let show = Show::builder().headless();
    let takes = show.folder().join("takes");
    fs::create_dir(&takes).unwrap();
    let [written, _] = recorded("a.mp4");
    let end = ends(&written, "a.mp4")[1];
    fs::write(takes.join("1999.mp4"), &written[..end + 30]).unwrap();
    let mark = takes.join(".1999.recording");
    fs::write(&mark, "").unwrap();
    let mut show = show.start();
    show.wait_for_log("1999.mp4 was left behind by a crash; what plays of it are");
    assert_eq!(
        fs::metadata(takes.join("1999.mp4")).unwrap().len(),
        end as u64
    );
    assert!(!mark.exists());
    // While it records, its own name is reserved; then it is not.
    let marks = || {
        let entries = fs::read_dir(&takes).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".recording"))
            .count()
    };
    show.press_record();
    show.wait_for_log("recording to takes/");
    show.wait_for_fragments(1);
    assert_eq!(marks(), 1);
    show.press_record();
    show.wait_for_log("recorded takes/");
    show.quit();
    assert_eq!(marks(), 0);
}

/// A recorder of its own process, and the last moment at which it took a picture.
fn kill_at(file: &Path, codec: Codec, after: Duration) -> f64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("mend::record_in_real_time")
        .env(RECORDING, file)
        .env(CODEC, codec.to_string())
        .stdout(Stdio::piped());
    let mut child = Process::start(&mut command);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let first = lines.by_ref().map_while(Result::ok);
    assert!(
        first.into_iter().any(|line| line.contains("taken ")),
        "the child ended by itself"
    );
    let reader = std::thread::spawn(move || {
        let taken = lines.map_while(Result::ok).filter_map(|line| {
            let (_, secs) = line.split_once("taken ")?;
            secs.parse().ok()
        });
        taken.last().unwrap_or(0.0)
    });
    // The moment is what is tested.
    std::thread::sleep(after);
    drop(child);
    reader.join().unwrap()
}

#[test]
fn a_recorder_that_is_killed_at_any_moment_loses_a_second_at_most() {
    let rounds = std::env::var(KILLS).map_or(2, |kills| kills.parse().unwrap());
    let kinds = [
        ("a.mp4", Codec::H264),
        ("b.mov", Codec::H264),
        ("c.mkv", Codec::H264),
        ("d.webm", Codec::Vp9),
        ("e.mp4", Codec::H265),
    ];
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let mut random = nanos.as_nanos() as u64 | 1;
    for round in 0..rounds {
        let place = tempfile::tempdir().unwrap();
        // All at once: they are in one another's way, as a show would be.
        std::thread::scope(|scope| {
            for (name, codec) in kinds {
                // Knuth's generator.
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let after = Duration::from_millis(1200 + (random >> 33) % 1500);
                let file: PathBuf = place.path().join(name);
                scope.spawn(move || {
                    let taken = kill_at(&file, codec, after);
                    let plays = super::disk::pictures(&file);
                    mend(&file).unwrap();
                    let (pictures, duration) = read_back(&file).unwrap();
                    assert!(
                        plays > 0 && pictures > 0,
                        "{name}, {after:?}, round {round}"
                    );
                    let lost = taken - duration.as_secs_f64();
                    assert!(
                        lost <= 1.0,
                        "{name} {codec}, killed after {after:?}: {taken} s taken, {lost} s lost"
                    );
                });
            }
        });
    }
}

#[test]
#[ignore = "runs until it is killed: the test above starts it"]
fn record_in_real_time() {
    let Some(file) = std::env::var_os(RECORDING) else {
        return;
    };
    let codec = std::env::var(CODEC).unwrap();
    let size = (320, 180);
    let settings = Settings {
        codec: [Codec::H264, Codec::H265, Codec::Vp9]
            .into_iter()
            .find(|known| known.to_string() == codec),
        ..Settings::silent(size, 30.0, Effort::Live)
    };
    let recorder = Recorder::start(Path::new(&file), &settings).unwrap();
    let begun = Instant::now();
    for number in 0..u32::MAX {
        let due = Duration::from_secs_f64(f64::from(number) / 30.0);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        let noise = |at: u32| (at.wrapping_mul(2_654_435_761).rotate_left(number) >> 13) as u8;
        let rgba = (0..size.0 * size.1 * 4).map(noise).collect();
        let at = begun.elapsed();
        if recorder.offer(&Canvas { size, rgba }, &Projection::default(), at) {
            println!("taken {}", at.as_secs_f64());
        }
    }
}
