//! Pictures and sound of a recording stay together, whatever their clocks do. Time is counted here, not waited for.

use std::path::Path;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::media::Type;
use latentloop::record::{Effort, Recorder, Settings, Sound};
use latentloop::stage::{Canvas, Projection};

const SIZE: (u32, u32) = (32, 32);
/// Pictures a second.
const FPS: u32 = 10;
/// Frames that a device delivers at once.
const BLOCK: u64 = 1024;
/// Pictures that are not shown, for the show is held up.
const STALL: std::ops::Range<u32> = 2003..2015;

/// A sound card, heard by a show that takes what has come once a picture.
struct Card {
    true_rate: f64,
    heard: u64,
}

impl Card {
    /// A click a second: a tone for its first hundredth, and silence.
    fn level(&self, frame: u64) -> f32 {
        let since = (frame as f64 / self.true_rate).fract();
        if since < 0.01 {
            0.8 * (since * 3000.0 * std::f64::consts::TAU).sin() as f32
        } else {
            0.0
        }
    }

    /// The blocks that were delivered by `now`, some of them a little late, and when the last of them was heard.
    fn take(&mut self, now: f64) -> (Vec<f32>, f64) {
        let late = |block: u64| (block * 7919 % 6) as f64 / 1000.0;
        let mut samples = Vec::new();
        let mut until = 0.0;
        loop {
            let end = self.heard + BLOCK;
            let delivered = end as f64 / self.true_rate + late(end / BLOCK);
            if delivered > now {
                return (samples, until);
            }
            samples.extend((self.heard..end).map(|frame| self.level(frame)));
            self.heard = end;
            until = delivered;
        }
    }
}

/// Records so many seconds, each with a flash and a click, with the sound of a card whose rate is off. Once the show is held up,
/// and then takes all that it missed at once. The card delivers from a second on.
fn record(file: &Path, rate: u32, parts_per_million: f64, secs: u32, from_secs: f64) {
    let settings = Settings {
        sound: Some(Sound { rate, channels: 1 }),
        ..Settings::silent(SIZE, FPS.into(), Effort::Live)
    };
    let recorder = Recorder::start(file, &settings).unwrap();
    let true_rate = f64::from(rate) * (1.0 + parts_per_million / 1e6);
    let mut card = Card {
        true_rate,
        heard: (from_secs * true_rate) as u64,
    };
    let picture = |level: u8| {
        let mut picture = Canvas::black(SIZE);
        picture.rgba.fill(level);
        picture
    };
    let (dark, bright) = (picture(20), picture(230));
    for number in (0..secs * FPS).filter(|number| !STALL.contains(number)) {
        let now = f64::from(number) / f64::from(FPS);
        let picture = if number % FPS == 0 { &bright } else { &dark };
        while !recorder.offer(
            picture,
            &Projection::default(),
            Duration::from_secs_f64(now),
        ) {
            assert!(!recorder.has_failed());
            std::thread::yield_now();
        }
        let (samples, until) = card.take(now);
        assert!(recorder.offer_sound(&samples, Duration::from_secs_f64(until)));
    }
    recorder.finish().unwrap();
}

/// When the flashes and the clicks of a film are, in seconds.
fn events(file: &Path) -> (Vec<f64>, Vec<f64>) {
    let mut input = ffmpeg::format::input(file).unwrap();
    let parameters = |kind| input.streams().best(kind).unwrap().parameters();
    let decoder = |kind| {
        ffmpeg::codec::Context::from_parameters(parameters(kind))
            .unwrap()
            .decoder()
    };
    let mut video = decoder(Type::Video).video().unwrap();
    let mut audio = decoder(Type::Audio).audio().unwrap();
    let (mut flashes, mut clicks): (Vec<f64>, Vec<f64>) = Default::default();
    let mut packets: Vec<_> = input
        .packets()
        .map(|(stream, packet)| (stream.index(), f64::from(stream.time_base()), packet))
        .collect();
    packets.sort_by_key(|(stream, ..)| *stream);
    for (stream, base, packet) in &packets {
        if *stream == 0 {
            video.send_packet(packet).unwrap();
            let mut frame = ffmpeg::frame::Video::empty();
            while video.receive_frame(&mut frame).is_ok() {
                if frame.data(0)[0] > 128 {
                    flashes.push(frame.pts().unwrap() as f64 * base);
                }
            }
        } else {
            audio.send_packet(packet).unwrap();
            let mut frame = ffmpeg::frame::Audio::empty();
            while audio.receive_frame(&mut frame).is_ok() {
                let begin = frame.pts().unwrap() as f64 * base;
                let levels: &[f32] = frame.plane(0);
                for (at, level) in levels.iter().enumerate() {
                    let secs = begin + at as f64 / f64::from(frame.rate());
                    let is_new = clicks.last().is_none_or(|last| secs - last > 0.5);
                    if level.abs() > 0.3 && is_new {
                        clicks.push(secs);
                    }
                }
            }
        }
    }
    (flashes, clicks)
}

/// How far clicks are from flashes at worst, in seconds, after the first five; and how many there are.
fn worst(name: &str, rate: u32, parts_per_million: f64, secs: u32, from_secs: f64) -> (f64, usize) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join(name);
    record(&file, rate, parts_per_million, secs, from_secs);
    let (flashes, clicks) = events(&file);
    let stalled = usize::from(STALL.start < secs * FPS);
    assert_eq!(flashes.len(), secs as usize - stalled, "{name}");
    let near = |click: &f64| {
        let off = flashes.iter().map(|flash| click - flash);
        off.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    let settled = clicks.iter().filter(|click| **click > 5.0);
    let offs: Vec<f64> = settled
        .filter_map(near)
        .filter(|off| off.abs() < 0.5)
        .collect();
    let worst = offs
        .iter()
        .fold(0.0f64, |a, &b| if b.abs() > a.abs() { b } else { a });
    println!("{name}: at worst {:.1} ms", worst * 1000.0);
    (worst, offs.len())
}

#[test]
fn after_ten_minutes_pictures_and_sound_of_a_card_that_is_off_are_together_to_ten_milliseconds() {
    for (name, rate, parts_per_million) in [("a.mp4", 48_000, 150.0), ("b.mkv", 44_100, -150.0)] {
        let (worst, clicks) = worst(name, rate, parts_per_million, 600, 0.0);
        assert!(clicks >= 592, "{name}: {clicks} clicks");
        assert!(worst.abs() < 0.010, "{name}: {worst} s apart");
    }
}

#[test]
fn a_card_that_comes_late_is_together_with_the_pictures_in_every_format() {
    for name in ["a.mp4", "b.mov", "c.mkv", "d.webm"] {
        let (worst, clicks) = worst(name, 48_000, 0.0, 20, 2.8);
        assert!(clicks >= 13, "{name}: {clicks} clicks");
        assert!(worst.abs() < 0.010, "{name}: {worst} s apart");
    }
}
