//! A log that nobody reads: the show goes on all the same.

use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rosc::{OscBundle, OscPacket, OscTime, OscType};

use crate::support::{Osc, Show};

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
    let (reader, writer) = std::io::pipe().unwrap();
    let show = Show::builder().headless();
    let mut show = show.stderr(writer.try_clone().unwrap()).launch();
    // Until it plays somebody reads it.
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while !line.contains("OSC: 127.0.0.1:") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "no port is told");
    }
    let (_, port) = line.trim().rsplit_once(':').unwrap();
    let osc = Osc::new(port.parse().unwrap());
    osc.wait_for("/beat/phase", |phase| phase > 0.0);
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
    osc.wait_for_value("/record/toggle", 1.0);
    let position = osc.ask("/loop/position");
    osc.wait_for("/loop/position", |now| now != position);
    osc.send("/record/toggle", vec![]);
    osc.wait_for_value("/record/toggle", 0.0);
    osc.send("/show/quit", vec![]);
    let stats = show.ends_well();
    assert!(stats["frames_shown"].as_u64().unwrap() > 10, "{stats}");
    let films = show.films();
    assert_eq!(films.len(), 1, "{films:?}");
    assert!(films[0].with_extension("take").exists(), "it has no take");
    drop(reader);
    filling.join().unwrap();
}

#[test]
fn what_fails_last_is_logged_before_the_program_ends() {
    let mut show = Show::builder().headless().start();
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
    show.osc.raw(&rosc::encoder::encode(&bundle).unwrap());
    show.ends_well();
    let log = show.log();
    assert!(log.contains("nowhere.toml"), "{log}");
}

/// A bundle's messages act one after the other, though all of them come between two frames.
#[test]
fn the_messages_of_a_bundle_act_in_order() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
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
    osc.wait_for_value("/keyframe/1/lock", 1.0);
    let after = osc.ask("/keyframe/1/seed");
    assert_ne!(after, before, "it was unlocked when the re-roll came");
    send(vec![
        message("/keyframe/1/lock", Some(0)),
        message("/loop/reroll", None),
        message("/keyframe/1/seed", Some(77)),
        message("/keyframe/2/lock", Some(1)),
    ]);
    osc.wait_for_value("/keyframe/2/lock", 1.0);
    assert_eq!(osc.ask("/keyframe/1/seed"), 77.0);
    show.quit();
}
