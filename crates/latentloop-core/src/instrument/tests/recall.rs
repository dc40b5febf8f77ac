//! Presets taken up while the instrument plays.

use super::*;
use crate::instrument::params::LookOrder;
use crate::instrument::preset::{Keep, LookEntry};

fn recall(it: &mut Instrument, preset: &Preset, secs: f64) {
    let ready = Recall::new(preset, &Arc::clone(it.table()), LATENT).unwrap();
    it.recall(ready, ticks(secs));
}

fn other() -> Preset {
    let mut preset = Preset::of_seeds([21, 22, 23, 24]);
    preset
        .params
        .insert("loop.speed".into(), toml::Value::Float(2.0));
    preset
        .params
        .insert("loop.ease".into(), toml::Value::String("smooth".into()));
    preset
}

#[test]
fn a_preset_is_there_at_once_or_after_its_fade() {
    let mut it = instrument();
    let speed = it.table().id("loop.speed").unwrap();
    let mut cut = it.clone();
    recall(&mut cut, &other(), 0.0);
    assert_eq!(latents(&mut cut, 1), seeded(21, 0));
    assert_eq!(cut.value(speed), 2.0);
    assert_eq!(cut.keyframes().len(), 4);

    set(&mut it, "loop.pause", 1.0);
    let mut paused = other();
    paused
        .params
        .insert("loop.pause".into(), toml::Value::Boolean(true));
    recall(&mut it, &paused, 2.0);
    assert_eq!(
        latents(&mut it, 1),
        seeded(1, 0),
        "a fade begins at the old loop"
    );
    run(&mut it, 1.0);
    assert!((it.value(speed) - 1.15).abs() < 0.01, "{}", it.value(speed));
    let half: Vec<f32> = seeded(1, 0)
        .iter()
        .zip(seeded(21, 0))
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    for (got, want) in latents(&mut it, 1).iter().zip(half) {
        assert!((got - want).abs() < 1e-6);
    }
    run(&mut it, 1.0);
    assert_eq!(latents(&mut it, 1), seeded(21, 0));
    assert_eq!(it.value(speed), 2.0);
}

#[test]
fn a_hand_on_a_knob_takes_it_from_the_fade() {
    let mut it = instrument();
    let speed = it.table().id("loop.speed").unwrap();
    recall(&mut it, &other(), 2.0);
    run(&mut it, 0.5);
    set(&mut it, "loop.speed", -1.0);
    run(&mut it, 2.0);
    assert_eq!(it.value(speed), -1.0);
}

#[test]
fn the_beat_the_stage_and_the_program_keep_what_a_preset_leaves_out() {
    let mut it = instrument();
    for (name, value) in [
        ("beat.tempo", 90.0),
        ("master.fade", 0.5),
        ("preset.fade_secs", 4.0),
        ("loop.glide", 3.0),
    ] {
        set(&mut it, name, value);
    }
    recall(&mut it, &other(), 0.0);
    let value = |name: &str| it.base_value(it.table().id(name).unwrap());
    assert_eq!(value("beat.tempo"), 90.0);
    assert_eq!(value("master.fade"), 0.5);
    assert_eq!(value("preset.fade_secs"), 4.0);
    assert_eq!(value("loop.glide"), 0.5, "the loop's go to their defaults");
}

#[test]
fn a_preset_states_everything_but_what_it_keeps() {
    let mut it = instrument();
    let before = [
        ("look.hue", 40.0),
        ("look.feedback", 0.8),
        ("look.own.2.amount", 0.5),
        ("stage.grain", 0.5),
        ("loop.glide", 3.0),
        ("sound.depth", 2.0),
    ];
    for (name, value) in before {
        set(&mut it, name, value);
    }
    let value = |it: &Instrument, name: &str| it.base_value(it.table().id(name).unwrap());
    let keeping = |keep: &[Keep]| {
        let keep = Some(keep.to_vec());
        Preset { keep, ..other() }
    };
    let order = LookOrder::of(&["grain", "feedback"]).unwrap();
    let mut first = keeping(&[Keep::Look]);
    first.look = Some(LookEntry { order });
    recall(&mut it, &first, 0.0);
    assert_eq!((value(&it, "look.hue"), it.look_order()), (40.0, order));
    assert_eq!(value(&it, "stage.grain"), 0.0);

    recall(&mut it, &keeping(&[Keep::Look]), 0.0);
    assert_eq!((value(&it, "look.hue"), it.look_order()), (40.0, order));
    let (as_in_old_takes, all) = (other().of_a_take(), other());
    recall(&mut it, &as_in_old_takes, 0.0);
    assert_eq!((value(&it, "look.hue"), it.look_order()), (40.0, order));
    recall(&mut it, &all, 0.0);
    assert_eq!(it.look_order(), LookOrder::default());
    for (name, _) in before {
        let default = it.table().row(it.table().id(name).unwrap()).default;
        assert_eq!(value(&it, name), default, "{name}");
    }
}

#[test]
fn panic_gets_the_picture_back_and_a_reset_the_look_alone() {
    let mut it = instrument();
    let put = |it: &mut Instrument| {
        for (name, value) in [
            ("look.feedback", 1.0),
            ("look.kaleidoscope", 3.0),
            ("look.limiter", 0.0),
            ("look.dry", 1.0),
            ("master.fade", 0.0),
            ("master.blackout", 1.0),
            ("master.freeze", 1.0),
            ("loop.speed", 2.0),
        ] {
            set(it, name, value);
        }
        run(it, 1.0);
    };
    let value = |it: &Instrument, name: &str| it.value(it.table().id(name).unwrap());
    put(&mut it);
    fire(&mut it, "look.reset");
    assert_eq!(value(&it, "look.kaleidoscope"), 0.0);
    assert_eq!(value(&it, "master.blackout"), 1.0);
    // It glides there, as under a hand.
    assert!(value(&it, "look.feedback") > 0.5);
    run(&mut it, 1.0);
    assert!(value(&it, "look.feedback") < 1e-3);

    put(&mut it);
    fire(&mut it, "master.panic");
    for (name, wanted) in [
        ("look.feedback", 0.0),
        ("look.kaleidoscope", 0.0),
        ("look.dry", 0.0),
        ("master.fade", 1.0),
        ("master.blackout", 0.0),
        ("master.freeze", 0.0),
    ] {
        assert_eq!(value(&it, name), wanted, "{name}");
    }
    assert_eq!(value(&it, "look.limiter"), 0.0, "it is no look");
    assert_eq!(value(&it, "loop.speed"), 2.0);
}

#[test]
fn what_is_played_saves_as_a_preset_that_plays_the_same() {
    let mut it = instrument();
    for (name, value) in [("loop.path", 1.0), ("loop.glide", 0.0), ("beat.rate", 0.25)] {
        set(&mut it, name, value);
    }
    set(&mut it, "keyframe.2.lock", 1.0);
    fire(&mut it, "keyframe.3.reroll");
    run(&mut it, 5.0);
    fire(&mut it, "keyframe.6.capture");
    let preset = it.preset();
    let text = preset.to_toml().unwrap();
    let read = Preset::parse(&text, it.table()).unwrap();
    assert_eq!(read, preset);
    let mut again = Instrument::new(&read, Arc::clone(it.table()), LATENT).unwrap();
    assert_eq!(again.keyframes(), it.keyframes());
    assert_eq!(latents(&mut again, ROWS), latents(&mut it, ROWS));
}
