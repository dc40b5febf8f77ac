//! A log that nobody reads: the show goes on all the same.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rosc::{OscBundle, OscPacket, OscTime, OscType};

use super::play::{Osc, Running, free_port, latentloop, stats};

/// Fills a pipe and keeps it full, until it has no reader any more; returns when it is full.
fn fill(mut pipe: std::io::PipeWriter) -> std::thread::JoinHandle<()> {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let filling = std::thread::spawn(move || {
        while pipe.write_all(&[b'.'; 256]).is_ok() {
            counted.fetch_add(256, Ordering::Relaxed);
        }
    });
    let (mut last, mut since) = (0, Instant::now());
    while last == 0 || since.elapsed() < Duration::from_millis(300) {
        let now = written.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        std::thread::yield_now();
    }
    filling
}

#[test]
fn a_show_whose_log_nobody_reads_goes_on_records_and_ends() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut show = Running::start(
        latentloop(place.path(), port)
            .arg("--headless")
            .stderr(writer.try_clone().unwrap()),
    );
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let filling = fill(writer);
    // Each of these is told of: by the thread that opens presets, by the one that opens recordings, and by the show's own.
    for _ in 0..100 {
        let text = vec![OscType::String("nowhere".into())];
        osc.send("/preset/load", text);
    }
    osc.send("/record/arm", vec![OscType::Int(1)]);
    osc.send("/record/toggle", vec![]);
    osc.send("/record/toggle", vec![]);
    osc.send("/record/arm", vec![OscType::Int(0)]);
    osc.send("/record/toggle", vec![]);
    osc.wait_for("/record/toggle", |on| on == 1.0);
    let position = osc.ask("/loop/position");
    osc.wait_for("/loop/position", |now| now != position);
    osc.send("/record/toggle", vec![]);
    osc.wait_for("/record/toggle", |on| on == 0.0);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let stats = stats(place.path());
    assert!(stats["frames_shown"].as_u64().unwrap() > 10, "{stats}");
    let takes: Vec<_> = std::fs::read_dir(place.path().join("takes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let is_take = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "take");
    assert_eq!(takes.iter().filter(is_take).count(), 1, "{takes:?}");
    assert!(takes.len() > 1, "a film and its take: {takes:?}");
    drop(reader);
    filling.join().unwrap();
}

#[test]
fn what_fails_last_is_logged_before_the_program_ends() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let message = |addr: &str, args| {
        let addr = addr.to_owned();
        OscPacket::Message(rosc::OscMessage { addr, args })
    };
    let text = vec![OscType::String("nowhere".into())];
    let bundle = OscPacket::Bundle(OscBundle {
        timetag: OscTime::from((0, 1)),
        content: vec![
            message("/preset/load", text),
            message("/show/quit", Vec::new()),
        ],
    });
    osc.raw(&rosc::encoder::encode(&bundle).unwrap());
    assert!(show.ends_well());
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(log.contains("nowhere.toml"), "{log}");
}

/// A bundle's messages act one after the other, though all of them come between two frames.
#[test]
fn the_messages_of_a_bundle_act_in_order() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    let message = |addr: &str, value: Option<i32>| {
        let (addr, args) = (addr.to_owned(), value.map(OscType::Int));
        OscPacket::Message(rosc::OscMessage {
            addr,
            args: args.into_iter().collect(),
        })
    };
    let send = |content: Vec<OscPacket>| {
        let timetag = OscTime::from((0, 1));
        let bundle = OscPacket::Bundle(OscBundle { timetag, content });
        osc.raw(&rosc::encoder::encode(&bundle).unwrap());
    };
    let before = osc.ask("/keyframe/1/seed");
    send(vec![
        message("/keyframe/1/lock", Some(0)),
        message("/loop/reroll", None),
        message("/keyframe/1/lock", Some(1)),
    ]);
    osc.wait_for("/keyframe/1/lock", |locked| locked == 1.0);
    let after = osc.ask("/keyframe/1/seed");
    assert_ne!(after, before, "it was unlocked when the re-roll came");
    send(vec![
        message("/keyframe/1/lock", Some(0)),
        message("/loop/reroll", None),
        message("/keyframe/1/seed", Some(77)),
        message("/keyframe/2/lock", Some(1)),
    ]);
    osc.wait_for("/keyframe/2/lock", |locked| locked == 1.0);
    assert_eq!(osc.ask("/keyframe/1/seed"), 77.0);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}
