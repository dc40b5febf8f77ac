//! What was recorded can be played: colours, times, sound, odd sizes, after a crash.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use image::RgbImage;
use latentloop::footage;
use latentloop::record::{Codec, Effort, Encoders, FpsMode, Recorder, Settings, Sound, open_sink};
use latentloop::stage::{Canvas, Projection};

use crate::support::Process;

pub(crate) const RECORDING: &str = "LATENTLOOP_TEST_RECORDING";
pub(crate) const CODEC: &str = "LATENTLOOP_TEST_CODEC";

pub(crate) fn decode(file: &Path) -> Vec<RgbImage> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let settings = footage::Settings {
        size: None,
        format: footage::Format::Png,
        ..footage::Settings::default()
    };
    let stop = AtomicBool::new(false);
    let manifest =
        footage::extract(&[file.into()], &folder, &settings, &stop, &mut |_| {}).unwrap();
    (1..=manifest.count)
        .map(|number| {
            let path = folder.join(format!("{number:06}.png"));
            image::open(path).unwrap().to_rgb8()
        })
        .collect()
}

fn plain(size: (u32, u32), level: u8) -> Vec<u8> {
    [level, level, level, 255].repeat((size.0 * size.1) as usize)
}

/// Offers a plain picture until it is taken.
fn offer(recorder: &Recorder, size: (u32, u32), number: u32, at: Duration) {
    let rgba = plain(size, number as u8);
    let picture = Canvas { size, rgba };
    while !recorder.offer(&picture, &Projection::default(), at) {
        assert!(!recorder.has_failed());
        std::thread::yield_now();
    }
}

const PATCHES: [[u8; 3]; 8] = [
    [255, 255, 255],
    [0, 0, 0],
    [200, 30, 30],
    [30, 180, 40],
    [40, 50, 190],
    [230, 210, 40],
    [128, 128, 128],
    [90, 60, 120],
];

fn patches() -> Vec<u8> {
    let colour = |x: u32| PATCHES[(x / 32) as usize];
    (0..64 * 256u32)
        .flat_map(|at| {
            let [red, green, blue] = colour(at % 256);
            [red, green, blue, 255]
        })
        .collect()
}

#[test]
fn colours_come_back_within_three_levels_and_say_that_they_are_bt_709() {
    for (name, effort) in [
        ("a.mp4", Effort::Live),
        ("b.mp4", Effort::Offline),
        ("c.mkv", Effort::Live),
        ("d.webm", Effort::Live),
        ("e.webm", Effort::Offline),
        ("f-av1.mp4", Effort::Live),
        ("g-av1.mkv", Effort::Offline),
        ("h-av1.webm", Effort::Live),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        let settings = Settings {
            codec: name.contains("av1").then_some(Codec::Av1),
            ..Settings::silent((256, 64), 30.0, effort)
        };
        let mut sink = open_sink(&file, &settings).unwrap();
        for at in 0..10 {
            let at = Duration::from_secs_f64(f64::from(at) / 30.0);
            sink.picture(&patches(), at).unwrap();
        }
        sink.finish().unwrap();
        let pictures = decode(&file);
        assert_eq!(pictures.len(), 10, "{name}");
        for (number, expected) in PATCHES.iter().enumerate() {
            let seen = pictures[9].get_pixel(number as u32 * 32 + 16, 32).0;
            let off = seen.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(3), "{name}: {seen:?} for {expected:?}");
        }
        let input = ffmpeg::format::input(&file).unwrap();
        let stream = input.streams().next().unwrap();
        let decoder = ffmpeg::codec::Context::from_parameters(stream.parameters())
            .unwrap()
            .decoder()
            .video()
            .unwrap();
        assert_eq!(decoder.color_space(), ffmpeg::color::Space::BT709, "{name}");
        assert_eq!(decoder.color_range(), ffmpeg::color::Range::MPEG, "{name}");
        assert_eq!(
            decoder.color_primaries(),
            ffmpeg::color::Primaries::BT709,
            "{name}"
        );
    }
}

#[test]
fn pictures_are_shown_at_the_times_at_which_they_were_offered() {
    let offered = [0u64, 33, 50, 400, 1000, 1001];
    for name in ["a.mp4", "b.mkv", "c.webm"] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        let settings = Settings::silent((64, 64), 30.0, Effort::Live);
        let mut sink = open_sink(&file, &settings).unwrap();
        for at in offered {
            let picture = plain((64, 64), (at % 251) as u8);
            sink.picture(&picture, Duration::from_millis(at)).unwrap();
        }
        sink.finish().unwrap();
        let mut input = ffmpeg::format::input(&file).unwrap();
        let seen: Vec<u64> = input
            .packets()
            .map(|(stream, packet)| {
                let secs = packet.pts().unwrap() as f64 * f64::from(stream.time_base());
                (secs * 1000.0).round() as u64
            })
            .collect();
        assert_eq!(seen, offered, "{name}");
    }
}

/// The seconds at which the pictures of a file are shown, in order.
fn shown_secs(file: &Path) -> Vec<f64> {
    let mut input = ffmpeg::format::input(file).unwrap();
    let mut secs: Vec<f64> = input
        .packets()
        .map(|(stream, packet)| packet.pts().unwrap() as f64 * f64::from(stream.time_base()))
        .collect();
    secs.sort_by(f64::total_cmp);
    secs
}

#[test]
fn a_stalling_show_has_a_picture_in_every_place_at_a_constant_rate_and_a_gap_at_a_variable_one() {
    // Uneven pictures, as they are shown, and a stall of 1.3 seconds.
    let at = |number: u32| {
        let uneven = f64::from(number * 37 % 11) / 11.0 - 0.5;
        let stall = if number < 40 { 0.0 } else { 1.3 };
        (f64::from(number) + 0.6 * uneven).max(0.0) / 30.0 + stall
    };
    for name in ["a.mp4", "b.mkv", "c.mov"] {
        for fps_mode in [FpsMode::Cfr, FpsMode::Vfr] {
            let place = tempfile::tempdir().unwrap();
            let file = place.path().join(name);
            let settings = Settings {
                fps_mode,
                ..Settings::silent((64, 64), 30.0, Effort::Live)
            };
            let recorder = Recorder::start(&file, &settings).unwrap();
            for number in 0..90 {
                let at = Duration::from_secs_f64(at(number));
                offer(&recorder, (64, 64), number, at);
            }
            let summary = recorder.finish().unwrap();
            assert_eq!(summary.frames, 90, "{name}");
            let secs = shown_secs(&file);
            let apart = |pair: &[f64]| pair[1] - pair[0];
            let longest = secs.windows(2).map(apart).fold(0.0, f64::max);
            if fps_mode == FpsMode::Cfr {
                // Whole milliseconds are what Matroska has.
                for (number, secs) in secs.iter().enumerate() {
                    let due = number as f64 / 30.0;
                    assert!((secs - due).abs() < 0.0006, "{name} {number}: {secs}");
                }
                assert_eq!(secs.len() as u64, 90 + summary.repeated, "{name}");
                assert_eq!(summary.repeated, 39, "{name}");
                let end = secs.last().unwrap() - at(89);
                assert!(end.abs() < 1.01 / 30.0, "{name}: {end} off the clock");
            } else {
                assert_eq!((secs.len(), summary.repeated), (90, 0), "{name}");
                assert!((1.3..1.4).contains(&longest), "{name}: {longest}");
                for (number, secs) in secs.iter().enumerate() {
                    assert!((secs - at(number as u32)).abs() < 0.0006, "{name} {number}");
                }
            }
        }
    }
}

#[test]
fn where_no_card_encodes_the_processor_does_and_only_who_asked_is_told() {
    let place = tempfile::tempdir().unwrap();
    for (codec, file, software) in [
        (Codec::H264, "a.mp4", "libx264"),
        (Codec::H265, "b.mp4", "libx265"),
        (Codec::Av1, "c.mkv", "libaom-av1"),
        (Codec::Ffv1, "d.mkv", "ffv1"),
    ] {
        for encoders in [Encoders::Software, Encoders::Auto, Encoders::Hardware] {
            let path = place.path().join(file);
            let settings = Settings {
                codec: Some(codec),
                encoders,
                ..Settings::silent((256, 256), 30.0, Effort::Live)
            };
            let recorder = Recorder::start(&path, &settings).unwrap();
            for number in 0..10 {
                let at = Duration::from_millis(33 * u64::from(number));
                offer(&recorder, (256, 256), number, at);
            }
            let encoder = recorder.encoder().to_string();
            let told = recorder.fell_back().map(str::to_owned);
            assert_eq!(recorder.finish().unwrap().frames, 10);
            assert_eq!(decode(&path).len(), 10, "{encoder}");
            let input = ffmpeg::format::input(&path).unwrap();
            let stream = input.streams().next().unwrap();
            if file.ends_with("mkv") {
                assert_eq!(stream.metadata().get("ENCODER"), Some(&encoder[..]));
            }
            if encoders == Encoders::Software || encoder == software {
                assert_eq!(encoder, software);
                assert_eq!(told.is_some(), encoders == Encoders::Hardware);
            } else {
                assert_eq!(told, None, "a card has coded it: {encoder}");
            }
            let told = told.unwrap_or_default();
            let names_h264 = told.contains("h264_nvenc:") && told.contains("H.264");
            assert_eq!(
                names_h264,
                codec == Codec::H264 && !told.is_empty(),
                "{told}"
            );
        }
    }
}

#[test]
fn odd_sizes_gain_a_column_and_a_row_that_repeat_the_last() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("odd.mp4");
    let settings = Settings::silent((65, 33), 30.0, Effort::Offline);
    let mut sink = open_sink(&file, &settings).unwrap();
    sink.picture(&plain((65, 33), 180), Duration::ZERO).unwrap();
    sink.finish().unwrap();
    let picture = decode(&file).remove(0);
    assert_eq!(picture.dimensions(), (66, 34));
    for (x, y) in [(65, 10), (10, 33), (65, 33)] {
        let seen = picture.get_pixel(x, y).0[0];
        assert!(seen.abs_diff(180) <= 3, "{x} {y}: {seen}");
    }
}

#[test]
fn sound_is_as_long_as_the_pictures_whatever_its_form() {
    for (name, rate, channels) in [
        ("a.mp4", 48_000u32, 2u16),
        ("b.mkv", 44_100, 1),
        ("c.webm", 44_100, 2),
        ("d.webm", 48_000, 6),
        ("e.mp4", 22_050, 2),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        let settings = Settings {
            sound: Some(Sound { rate, channels }),
            ..Settings::silent((64, 64), 25.0, Effort::Live)
        };
        let recorder = Recorder::start(&file, &settings).unwrap();
        let block = vec![0.25f32; (rate / 25) as usize * usize::from(channels)];
        for number in 0..50u32 {
            let at = Duration::from_millis(u64::from(number) * 40);
            // The first second has pictures only, as when a sound card comes late.
            offer(&recorder, (64, 64), number, at);
            while number >= 25 && !recorder.offer_sound(&block, at) {
                assert!(!recorder.has_failed(), "{name}");
                std::thread::yield_now();
            }
        }
        let summary = recorder.finish().unwrap();
        assert_eq!(summary.frames, 50, "{name}");
        let ends = ends_secs(&file);
        assert_eq!(ends.len(), 2, "{name}");
        assert!((ends[0] - 2.0).abs() < 0.1, "{name}: pictures {ends:?}");
        assert!((ends[1] - 2.0).abs() < 0.15, "{name}: sound {ends:?}");
    }
}

#[test]
fn pictures_beside_sound_begin_at_zero_at_exactly_their_rate_and_sound_is_where_it_was() {
    for name in ["a.mp4", "b.mov", "c.mkv", "d.webm"] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        let settings = Settings {
            sound: Some(Sound {
                rate: 48_000,
                channels: 1,
            }),
            fps_mode: FpsMode::Cfr,
            ..Settings::silent((64, 64), 30.0, Effort::Live)
        };
        let recorder = Recorder::start(&file, &settings).unwrap();
        for number in 0..90u32 {
            // A click at one second.
            let mut block = vec![0.0f32; 1600];
            if number == 30 {
                block[..48].fill(0.9);
            }
            let at = |number: u32| Duration::from_secs_f64(f64::from(number) / 30.0);
            offer(&recorder, (64, 64), number, at(number));
            while !recorder.offer_sound(&block, at(number + 1)) {
                assert!(!recorder.has_failed(), "{name}");
                std::thread::yield_now();
            }
        }
        recorder.finish().unwrap();
        let mut probe = Command::new("ffprobe");
        probe.args(["-v", "error", "-select_streams", "v", "-of", "csv=p=0"]);
        probe.args([
            "-show_entries",
            "stream=r_frame_rate,avg_frame_rate,start_time",
        ]);
        let output = probe.arg(&file).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(told, "30/1,30/1,0.000000", "{name}");
        let mut decode = Command::new("ffmpeg");
        decode.args(["-v", "error", "-copyts", "-i"]).arg(&file);
        decode.args(["-map", "0:a", "-af", "aresample=async=1:first_pts=0"]);
        decode.args(["-f", "f32le", "-ar", "48000", "-ac", "1", "-"]);
        let heard = decode.output().unwrap().stdout;
        let levels = heard
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        let click = levels
            .into_iter()
            .position(|level| level.abs() > 0.4)
            .unwrap();
        // AAC smears a click by less than half its frame.
        assert!(click.abs_diff(48_000) < 200, "{name}: {click}");
    }
}

/// The second at which each stream's last packet ends.
fn ends_secs(file: &Path) -> Vec<f64> {
    let mut input = ffmpeg::format::input(file).unwrap();
    let mut ends = vec![0.0f64; input.streams().count()];
    for (stream, packet) in input.packets() {
        let end = packet.pts().unwrap() + packet.duration();
        let secs = end as f64 * f64::from(stream.time_base());
        ends[stream.index()] = ends[stream.index()].max(secs);
    }
    ends
}

#[test]
fn a_recorder_that_is_killed_leaves_a_file_that_plays() {
    for (name, codec) in [
        ("killed.mp4", Codec::H264),
        ("killed.mp4", Codec::H265),
        ("killed.mov", Codec::H264),
        ("killed.mov", Codec::Prores),
        ("killed.mkv", Codec::H264),
        ("killed.mkv", Codec::Ffv1),
        ("killed.webm", Codec::Vp9),
        ("killed.mp4", Codec::Av1),
        ("killed.mkv", Codec::Av1),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("record::record_until_killed")
            .env(RECORDING, &file)
            .env(CODEC, codec.to_string())
            .stdout(Stdio::piped());
        let mut child = Process::start(&mut command);
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let reached = lines
            .map_while(Result::ok)
            .any(|line| line.contains("taken 150"));
        drop(child);
        assert!(reached, "{name} {codec}: the child ended by itself");
        // Eight may wait in the queue, and half a second in the muxer: less than a second of thirty frames.
        let frames = decode(&file).len();
        assert!(frames >= 150 - 8 - 16, "{name} {codec}: {frames} frames");
    }
}

#[test]
#[ignore = "runs until it is killed: the test above starts it"]
fn record_until_killed() {
    let Some(file) = std::env::var_os(RECORDING) else {
        return;
    };
    let codec = std::env::var(CODEC).unwrap();
    let codecs = [
        Codec::H264,
        Codec::H265,
        Codec::Prores,
        Codec::Ffv1,
        Codec::Vp9,
        Codec::Av1,
    ];
    let settings = Settings {
        codec: codecs.into_iter().find(|known| known.to_string() == codec),
        ..Settings::silent((128, 128), 30.0, Effort::Live)
    };
    let recorder = Recorder::start(Path::new(&file), &settings).unwrap();
    for number in 0..u32::MAX {
        let at = Duration::from_secs_f64(f64::from(number) / 30.0);
        offer(&recorder, (128, 128), number, at);
        if number == 150 {
            println!("taken 150");
        }
    }
}

#[test]
fn a_folder_of_pictures_keeps_every_level() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("pictures");
    let settings = Settings::silent((256, 64), 30.0, Effort::Offline);
    let mut sink = open_sink(&folder, &settings).unwrap();
    sink.picture(&patches(), Duration::ZERO).unwrap();
    sink.finish().unwrap();
    let picture = image::open(folder.join("000001.png")).unwrap().to_rgb8();
    for (number, expected) in PATCHES.iter().enumerate() {
        assert_eq!(&picture.get_pixel(number as u32 * 32, 5).0, expected);
    }
    let error = open_sink(&folder, &settings).err().unwrap();
    assert!(error.to_string().contains("not empty"), "{error}");
}

#[test]
fn small_pictures_are_recorded_in_the_size_of_a_cinema() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.mp4");
    let settings = Settings {
        source: (64, 64),
        ..Settings::silent((3840, 2160), 30.0, Effort::Live)
    };
    let recorder = Recorder::start(&file, &settings).unwrap();
    for number in 0..4 {
        let at = Duration::from_millis(33 * u64::from(number));
        offer(&recorder, (64, 64), 60 * number, at);
    }
    assert_eq!(recorder.finish().unwrap().frames, 4);
    let picture = decode(&file).remove(3);
    assert_eq!(picture.dimensions(), (3840, 2160));
    assert_eq!(picture.get_pixel(100, 1000).0, [0; 3], "beside the picture");
    let level = picture.get_pixel(1920, 1080).0[0];
    assert!(level.abs_diff(180) <= 3, "{level}");
}
