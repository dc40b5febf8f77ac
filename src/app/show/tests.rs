//! Whole shows, in a moment.

use std::time::{Duration, Instant};

use super::*;
use crate::app::rehearsal::Rehearsal;
use crate::instrument::Action;

#[test]
fn a_minute_of_a_show_passes_in_a_moment() {
    let begun = Instant::now();
    let rehearsal = Rehearsal::with(|settings| settings.length = Some(Duration::from_secs(60)));
    let (clock, shown) = (rehearsal.clock.clone(), rehearsal.shown.clone());
    let start = clock.now();
    let report = rehearsal.show.run();
    let played = clock.now() - start;
    assert!((59..=61).contains(&played.as_secs()), "{played:?}");
    assert!((3590..=3610).contains(&report.frames_shown), "{report:?}");
    assert_eq!(report.frames_dropped, 0);
    let shown = shown.lock().unwrap();
    assert_eq!(shown.len() as u64, report.frames_shown);
    // The loop moves with the clock: 480 ticks a second, and every picture is of another request.
    let ticks: Vec<_> = shown
        .windows(2)
        .map(|two| two[1].tick - two[0].tick)
        .collect();
    assert!(ticks.iter().all(|ticks| *ticks == 8), "{ticks:?}");
    assert!(
        shown
            .windows(2)
            .all(|two| two[1].number == two[0].number + 1)
    );
    let levels: std::collections::HashSet<_> = shown.iter().map(|shown| shown.pixel).collect();
    assert!(levels.len() > 20, "the picture moves");
    // A real minute would take as long; that it is short is what other tests rest on.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_control_is_part_of_the_next_picture_and_its_latency_is_counted() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.set("master.blackout", 1.0);
    rehearsal.frames(1);
    assert_eq!(rehearsal.last().pixel[..3], [0, 0, 0]);
    assert_eq!(rehearsal.value("master.blackout"), 1.0);
    rehearsal.set("master.blackout", 0.0);
    rehearsal.frames(1);
    assert_ne!(rehearsal.last().pixel[..3], [0, 0, 0]);
    let (report, _) = rehearsal.end();
    assert_eq!(report.events_received, 2);
    let json = serde_json::to_value(&report).unwrap();
    assert!(
        json["control_latency_ms"]["max"].as_f64().unwrap() < 17.0,
        "{json}"
    );
}

#[test]
fn a_frozen_picture_stays_and_the_instrument_goes_on() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.set("master.freeze", 1.0);
    rehearsal.frames(1);
    let frozen = rehearsal.last();
    rehearsal.frames(100);
    let last = rehearsal.last();
    assert_eq!(last.number, frozen.number);
    assert_eq!(last.tick, frozen.tick + 800);
    rehearsal.set("master.freeze", 0.0);
    rehearsal.frames(2);
    assert!(rehearsal.last().number > frozen.number + 50);
}

#[test]
fn time_that_the_show_was_held_up_for_is_made_up_for_but_no_more_than_a_second() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    let before = rehearsal.last().tick;
    let mut clock = rehearsal.clock.clone();
    clock.sleep(Duration::from_millis(500));
    rehearsal.frames(1);
    let caught_up = rehearsal.last().tick;
    assert!(
        (240..=256).contains(&(caught_up - before)),
        "{before} {caught_up}"
    );
    clock.sleep(Duration::from_secs(10));
    rehearsal.frames(1);
    assert_eq!(rehearsal.last().tick, caught_up + 480);
    rehearsal.frames(10);
    let on = rehearsal.last().tick - caught_up - 480;
    assert!(
        (72..=88).contains(&on),
        "what was left out stays left out: {on}"
    );
}

#[test]
fn what_a_hand_does_within_a_frame_acts_in_order() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(2);
    let seeds = |rehearsal: &Rehearsal| -> Vec<f64> {
        (1..=8)
            .map(|n| rehearsal.value(&format!("keyframe.{n}.seed")))
            .collect()
    };
    for n in 1..=8 {
        rehearsal.set(&format!("keyframe.{n}.lock"), 1.0);
    }
    rehearsal.frames(1);
    let before = seeds(&rehearsal);
    rehearsal.fire("loop.reroll");
    rehearsal.frames(1);
    assert_eq!(seeds(&rehearsal), before, "all of them are locked");
    rehearsal.set("keyframe.1.lock", 0.0);
    rehearsal.fire("loop.reroll");
    rehearsal.set("keyframe.1.lock", 1.0);
    rehearsal.frames(1);
    let after = seeds(&rehearsal);
    assert_ne!(after[0], before[0], "it was unlocked when the re-roll came");
    assert_eq!(after[1..], before[1..]);
    rehearsal.set("keyframe.1.lock", 0.0);
    rehearsal.fire("loop.reroll");
    rehearsal.set("keyframe.1.seed", 77.0);
    rehearsal.frames(1);
    assert_eq!(seeds(&rehearsal)[0], 77.0);
    let param = rehearsal.id("loop.speed");
    rehearsal.put(Action::SetUnit { param, unit: 0.9 });
    rehearsal.set("loop.speed", 1.0);
    rehearsal.frames(60);
    assert_eq!(rehearsal.value("loop.speed"), 1.0);
}

#[test]
fn what_is_reported_is_shown_and_a_show_says_what_it_plays() {
    let mut rehearsal = Rehearsal::new();
    assert_eq!(rehearsal.notices(), ["playing one.toml with tiny"]);
    rehearsal.fire("hud.toggle");
    rehearsal.control.notices.warn("a port has gone");
    rehearsal.frames(1);
    assert!(rehearsal.last().has_readout);
    let readout = rehearsal.show.status.hud.visible().unwrap();
    assert!(readout.notices.contains(&"a port has gone".to_owned()));
    let load = rehearsal.control.values.text(rehearsal.id("preset.load"));
    assert_eq!(*load, "one.toml");
}
