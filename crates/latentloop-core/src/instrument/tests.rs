//! The instrument as a performer knows it.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::latent::{ROWS, seed_row};

mod beat;
mod recall;
mod state;

const LATENT: usize = 6;

fn instrument() -> Instrument {
    Instrument::new(
        &Preset::of_seeds(1..=8),
        Arc::new(Table::standard()),
        LATENT,
    )
    .unwrap()
}

fn set(instrument: &mut Instrument, name: &str, value: f64) {
    let param = instrument.table().id(name).unwrap();
    instrument.apply(&Action::Set { param, value });
}

fn fire(instrument: &mut Instrument, name: &str) {
    let param = instrument.table().id(name).unwrap();
    instrument.apply(&Action::Trigger { param });
}

fn run(instrument: &mut Instrument, secs: f64) {
    (0..ticks(secs)).for_each(|_| instrument.tick());
}

fn latents(instrument: &mut Instrument, rows: usize) -> Vec<f32> {
    let mut out = vec![0.0; rows * LATENT];
    instrument.latents(&mut out);
    out
}

fn seeded(seed: u32, row: usize) -> Vec<f32> {
    let mut out = [0.0; LATENT];
    seed_row(seed, row, &mut out);
    out.map(|v| v as f32).to_vec()
}

#[test]
fn the_head_starts_at_the_first_keyframe_and_walks_at_the_loops_own_pace() {
    let mut it = instrument();
    assert_eq!(latents(&mut it, 1), seeded(1, 0));
    run(&mut it, 10.0);
    assert!((it.position() - 3.0).abs() < 1e-9);
    let all = latents(&mut it, ROWS);
    assert_eq!(
        all[..LATENT],
        latents(&mut it, 1),
        "row 0 is the same in both norms"
    );
}

#[test]
fn an_hour_of_walking_drifts_by_less_than_a_microsecond() {
    let mut it = instrument();
    set(&mut it, "loop.speed", 0.7);
    run(&mut it, 3600.0);
    let expected = (0.7f64 * 3600.0).rem_euclid(8.0);
    let off = (it.position() - expected).abs();
    assert!(
        off.min(8.0 - off) / 0.7 < 1e-6,
        "{} instead of {expected}",
        it.position()
    );
}

#[test]
fn jumps_cut_without_glide_and_move_smoothly_with_it() {
    let mut it = instrument();
    set(&mut it, "loop.pause", 1.0);
    set(&mut it, "loop.glide", 0.0);
    fire(&mut it, "keyframe.3.jump");
    assert_eq!(latents(&mut it, 1), seeded(3, 0));
    set(&mut it, "loop.glide", 1.0);
    fire(&mut it, "keyframe.5.jump");
    assert_eq!(
        latents(&mut it, 1),
        seeded(3, 0),
        "a glide begins where the head was"
    );
    run(&mut it, 0.5);
    let half: Vec<f32> = seeded(3, 0)
        .iter()
        .zip(seeded(5, 0))
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    for (got, want) in latents(&mut it, 1).iter().zip(half) {
        assert!((got - want).abs() < 1e-6);
    }
    run(&mut it, 0.5);
    assert_eq!(latents(&mut it, 1), seeded(5, 0));
}

#[test]
fn a_scrubbing_control_holds_the_head_and_lets_go() {
    let mut it = instrument();
    set(&mut it, "loop.speed", 1.0);
    set(&mut it, "loop.position", 7.5);
    it.tick();
    assert!(
        it.position() > 7.9 || it.position() < 0.1,
        "the head leaves by the short way: {}",
        it.position()
    );
    run(&mut it, 0.06);
    assert_eq!(it.position(), 7.5, "within 50 ms the head is there");
    run(&mut it, 0.15);
    assert_eq!(it.position(), 7.5, "and stands");
    run(&mut it, 1.0);
    assert!(it.position() != 7.5, "then walks on");
}

#[test]
fn rerolls_leave_locked_keyframes_alone_and_undo_takes_them_back() {
    let mut it = instrument();
    set(&mut it, "loop.glide", 0.0);
    set(&mut it, "keyframe.2.lock", 1.0);
    let before: Vec<_> = it.keyframes().to_vec();
    fire(&mut it, "loop.reroll");
    assert_eq!(it.keyframes()[1], before[1]);
    for index in [0, 2, 3, 4, 5, 6, 7] {
        assert!(
            it.keyframes()[index].latents != before[index].latents,
            "keyframe {} kept its latents",
            index + 1
        );
    }
    fire(&mut it, "keyframe.1.reroll");
    set(&mut it, "keyframe.4.seed", 77.0);
    assert_eq!(it.keyframes()[3].seed, Some(77));
    for _ in 0..3 {
        fire(&mut it, "loop.undo");
    }
    assert_eq!(it.keyframes(), before);
    fire(&mut it, "loop.undo");
    assert_eq!(it.keyframes(), before, "there was nothing left to undo");
}

#[test]
fn undo_is_sixty_four_gestures_deep() {
    let mut it = instrument();
    let before = it.keyframes().to_vec();
    (0..64).for_each(|_| fire(&mut it, "loop.reroll"));
    (0..64).for_each(|_| fire(&mut it, "loop.undo"));
    assert_eq!(it.keyframes(), before);
}

#[test]
fn capture_keeps_what_is_seen_and_swap_changes_places() {
    let mut it = instrument();
    set(&mut it, "loop.glide", 0.0);
    run(&mut it, 1.5);
    set(&mut it, "loop.pause", 1.0);
    let seen = latents(&mut it, ROWS);
    fire(&mut it, "keyframe.6.capture");
    fire(&mut it, "keyframe.6.jump");
    assert_eq!(latents(&mut it, ROWS), seen);
    fire(&mut it, "keyframe.8.swap");
    assert_eq!(
        (it.keyframes()[7].seed, it.keyframes()[0].seed),
        (Some(1), Some(8))
    );
    fire(&mut it, "loop.undo");
    assert_eq!(
        (it.keyframes()[7].seed, it.keyframes()[0].seed),
        (Some(8), Some(1))
    );
}

#[test]
fn sound_moves_a_parameter_through_its_envelope() {
    let mut preset = Preset::of_seeds(1..=8);
    preset.modulation.push(preset::Modulation {
        source: "sound.low".into(),
        target: "loop.speed".into(),
        depth: 0.25,
        attack_secs: 0.1,
        release_secs: 1.0,
    });
    let mut it = Instrument::new(&preset, Arc::new(Table::standard()), LATENT).unwrap();
    let speed = it.table().id("loop.speed").unwrap();
    it.apply(&Action::Source {
        source: 1,
        value: 1.0,
    });
    run(&mut it, 0.1);
    let risen = it.value(speed) - 0.3;
    assert!(
        (risen - 4.0 * (1.0 - libm::exp(-1.0))).abs() < 0.01,
        "{risen}"
    );
    it.apply(&Action::Source {
        source: 1,
        value: 0.0,
    });
    run(&mut it, 0.1);
    assert!(
        it.value(speed) - 0.3 > 0.85 * risen,
        "release is slower than attack"
    );
    assert_eq!(it.base_value(speed), 0.3);
}

#[test]
fn ping_pong_turns_at_both_ends() {
    let mut it = instrument();
    set(&mut it, "loop.mode", 1.0);
    set(&mut it, "loop.speed", 7.0);
    run(&mut it, 1.5);
    assert!((it.position() - 3.5).abs() < 1e-6, "{}", it.position());
    run(&mut it, 1.0);
    assert!((it.position() - 3.5).abs() < 1e-6, "{}", it.position());
}

proptest! {
    #[test]
    fn the_same_actions_at_the_same_ticks_give_the_same_latents(
        script in prop::collection::vec((0u16..420, -9.0f64..9.0, 0u8..4, 0u64..90), 1..40)
    ) {
        let play = || {
            let mut it = instrument();
            let mut seen = Vec::new();
            for &(param, value, kind, wait) in &script {
                let param = ParamId::at(usize::from(param) % it.table().len()).unwrap();
                it.apply(&match kind {
                    0 => Action::Set { param, value },
                    1 => Action::Nudge { param, delta: value },
                    2 => Action::Trigger { param },
                    _ => Action::Source { source: param.index() % 5, value },
                });
                (0..wait).for_each(|_| it.tick());
                prop_assert!((0.0..8.0).contains(&it.position()), "position {}", it.position());
                seen.extend(latents(&mut it, ROWS).iter().map(|v| v.to_bits()));
            }
            Ok(seen)
        };
        prop_assert_eq!(play()?, play()?);
    }
}

#[test]
fn a_thousand_rolled_seeds_come_back_whole_from_a_client_that_knows_single_floats_alone() {
    let mut it = instrument();
    it.seed(20_261_128);
    let param = it.table().id("keyframe.2.seed").unwrap();
    let mut seeds = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        fire(&mut it, "keyframe.2.reroll");
        let seed = it.base_value(param);
        assert_eq!(f64::from(seed as f32), seed);
        assert!(seed < f64::from(1 << 24), "{seed}");
        seeds.insert(seed as u32);
    }
    // Of 2^24, a thousand meet 0.03 times.
    assert!(seeds.len() >= 998, "{}", seeds.len());
    // Larger ones are taken as before.
    set(&mut it, "keyframe.2.seed", 899_499_305.0);
    assert_eq!(it.base_value(param), 899_499_305.0);
}
