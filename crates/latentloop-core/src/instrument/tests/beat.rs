//! The loop and the beat.

use super::*;

fn on_the_beat(tempo: f64) -> Instrument {
    let mut it = instrument();
    set(&mut it, "beat.tempo", tempo);
    set(&mut it, "beat.sync", 1.0);
    it
}

fn off(position: f64, expected: f64) -> f64 {
    let off = (position - expected).rem_euclid(8.0);
    off.min(8.0 - off)
}

#[test]
fn one_keyframe_a_beat_and_no_drift_in_an_hour() {
    let mut it = on_the_beat(127.3);
    run(&mut it, 3600.0);
    let beats = 127.3 * 60.0;
    // A millisecond is 0.002 keyframes here.
    assert!(off(it.position(), beats) < 1e-6, "{}", it.position());
}

#[test]
fn an_hour_of_an_uneven_clock_stays_within_a_millisecond() {
    let mut it = instrument();
    set(&mut it, "beat.source", 1.0);
    set(&mut it, "beat.sync", 1.0);
    let mut noise = 1u64;
    for frame in 0..60 * 3600 {
        // The follower's estimate is off by up to a quarter of a millisecond.
        noise = noise.wrapping_mul(6364136223846793005).wrapping_add(1);
        let jitter = ((noise >> 40) as f64 / (1u64 << 24) as f64 - 0.5) * 0.0005 * 2.0;
        let beat = it.ticks() as f64 / 480.0 * 2.0 + jitter;
        it.apply(&Action::Clock {
            beat,
            tempo: 120.02,
            running: true,
        });
        (0..8).for_each(|_| it.tick());
        if frame > 60 {
            let expected = it.ticks() as f64 / 480.0 * 2.0;
            assert!(off(it.position(), expected) < 0.002, "frame {frame}");
        }
    }
}

#[test]
fn a_rate_of_bars_walks_a_keyframe_a_bar_and_turns_round_in_phase() {
    let mut it = on_the_beat(120.0);
    set(&mut it, "beat.unit", 1.0);
    run(&mut it, 6.0);
    assert!(off(it.position(), 3.0) < 1e-9, "{}", it.position());
    set(&mut it, "beat.rate", -2.0);
    run(&mut it, 2.0);
    let phase = it.position().rem_euclid(1.0);
    assert!(
        phase.min(1.0 - phase) < 1e-9,
        "on a bar it is on a keyframe: {}",
        it.position()
    );
    run(&mut it, 2.0);
    assert!(
        off(it.position(), 8.0 + 3.0 - 4.0) < 1.0 + 1e-9,
        "{}",
        it.position()
    );
}

#[test]
fn a_change_of_the_beat_makes_no_jump_of_the_head() {
    let mut it = on_the_beat(120.0);
    run(&mut it, 1.1);
    for change in ["beat.downbeat", "beat.tap", "loop.reverse"] {
        fire(&mut it, change);
        for _ in 0..200 {
            let before = it.position();
            it.tick();
            assert!(
                off(it.position(), before) < 0.03,
                "{change} leaps from {before} to {}",
                it.position()
            );
        }
    }
    set(&mut it, "loop.mode", 1.0);
    for _ in 0..5000 {
        let before = it.position();
        it.tick();
        assert!(
            (it.position() - before).abs() < 0.03,
            "back and forth leaps at {before}"
        );
    }
}

#[test]
fn gestures_wait_for_the_beat_or_the_bar() {
    let mut it = instrument();
    set(&mut it, "loop.glide", 0.0);
    set(&mut it, "loop.pause", 1.0);
    set(&mut it, "beat.quantise", 1.0);
    run(&mut it, 0.1);
    fire(&mut it, "keyframe.5.jump");
    fire(&mut it, "keyframe.5.jump");
    run(&mut it, 0.35);
    assert_eq!((it.position(), it.is_waiting()), (0.0, true));
    run(&mut it, 0.06);
    assert_eq!((it.position(), it.is_waiting()), (4.0, false));
    set(&mut it, "beat.quantise", 2.0);
    let seed = it.keyframes()[0].seed;
    fire(&mut it, "loop.reroll");
    run(&mut it, 1.4);
    assert_eq!(it.keyframes()[0].seed, seed, "the bar is not over");
    run(&mut it, 0.2);
    assert_ne!(it.keyframes()[0].seed, seed);
    fire(&mut it, "keyframe.2.jump");
    set(&mut it, "beat.quantise", 0.0);
    it.tick();
    assert_eq!(it.position(), 1.0, "what waits comes where quantising ends");
}

#[test]
fn a_jump_on_the_beat_stays_in_phase() {
    let mut it = on_the_beat(120.0);
    set(&mut it, "loop.glide", 0.0);
    run(&mut it, 0.6);
    fire(&mut it, "keyframe.7.jump");
    assert!((it.position() - 6.2).abs() < 0.01, "{}", it.position());
    run(&mut it, 0.4);
    assert!(off(it.position(), 7.0) < 1e-6, "{}", it.position());
}

#[test]
fn halving_and_tapping_set_the_tempo_within_its_range() {
    let mut it = instrument();
    let tempo = it.table().id("beat.tempo").unwrap();
    fire(&mut it, "beat.halve");
    assert_eq!(it.value(tempo), 60.0);
    fire(&mut it, "beat.halve");
    fire(&mut it, "beat.halve");
    assert_eq!(it.value(tempo), 30.0, "15 is below the range");
    for _ in 0..4 {
        fire(&mut it, "beat.tap");
        run(&mut it, 0.4);
    }
    assert_eq!(it.value(tempo), 150.0);
    let phase = it.table().id("beat.phase").unwrap();
    fire(&mut it, "beat.downbeat");
    run(&mut it, 0.8);
    assert!((it.value(phase) - 0.5).abs() < 1e-9);
    set(&mut it, "beat.phase", 0.1);
    assert!((it.value(phase) - 0.5).abs() < 1e-9, "it only tells");
}
