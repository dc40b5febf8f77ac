//! What is a preset and what is none.

use super::*;

#[test]
fn a_preset_reads_back_as_it_was_written() {
    let mut preset = Preset::of_seeds(1..=3);
    preset.order = vec![3, 1, 2];
    preset.keyframes[1].locked = true;
    preset
        .params
        .insert("loop.speed".into(), toml::Value::Float(-0.5));
    preset
        .params
        .insert("loop.path".into(), toml::Value::String("slerp".into()));
    let table = Table::standard();
    assert_eq!(
        Preset::parse(&preset.to_toml().unwrap(), &table).unwrap(),
        preset
    );
    assert_eq!(preset.in_order()[0].0, Rows::Seed(3));
    assert_eq!(preset.look_order(), Some(LookOrder::default()));
    preset.keep = Some(vec![Keep::Look]);
    assert_eq!(preset.look_order(), None);
    preset.params.insert("look.grain".into(), 0.5.into());
    assert_eq!(preset.look_order(), Some(LookOrder::default()));
    let order = LookOrder::of(&["grain", "own.1"]).unwrap();
    preset.look = Some(LookEntry { order });
    let read = Preset::parse(&preset.to_toml().unwrap(), &table).unwrap();
    assert_eq!(read, preset);
    assert_eq!(read.look_order(), Some(order));
}

#[test]
fn what_does_not_fit_is_named() {
    let table = Table::standard();
    let keys = "version = 1\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n";
    for (text, words) in [
        ("version = 2\nkeyframes = []", "version is 2"),
        ("version = 1\nkeyframes = [{ seed = 1 }]", "1 keyframes"),
        (
            "version = 1\nkeyframes = [{ seed = 1 }, {}]",
            "keyframe 2: it takes either",
        ),
        (
            "version = 1\nkeyframes = [{ seed = -1 }, { seed = 2 }]",
            "line 2",
        ),
        (&format!("{keys}speed = 3"), "unknown field `speed`"),
        (&format!("{keys}order = [1, 3]"), "[1, 3]"),
        (
            &format!("{keys}[look]\norder = [\"grain\",\n \"feedbak\"]"),
            "line 5",
        ),
        (
            &format!("{keys}[look]\norder = [\"grain\",\n \"feedbak\"]"),
            "nearest: feedback",
        ),
        (
            &format!("{keys}[look]\norder = [\"grain\", \"grain\"]"),
            "line 4",
        ),
        (&format!("{keys}[look]\npasses = []"), "`passes`"),
        (
            &format!("{keys}[params]\n\"loop.sped\" = 1.0"),
            "nearest: loop.speed",
        ),
        (
            &format!("{keys}[params]\n\"loop.speed\" = 9.5"),
            "it takes -8 to 8 keyframes/s",
        ),
        (
            &format!("{keys}[params]\n\"loop.speed\" = nan"),
            "it takes -8 to 8",
        ),
        (
            &format!("{keys}[params]\n\"loop.path\" = \"arc\""),
            "one of lerp, slerp",
        ),
        (
            &format!("{keys}[params]\n\"loop.path\" = true"),
            "one of lerp, slerp",
        ),
        (
            &format!("{keys}[params]\n\"loop.speed\" = \"fast\""),
            "it takes -8 to 8 keyframes/s",
        ),
        (
            &format!("{keys}[params]\n\"look.limiter\" = \"off\""),
            "it takes true or false",
        ),
        (
            &format!(
                "{keys}[[modulation]]\nsource = \"sound.bass\"\ntarget = \"loop.speed\"\ndepth = 1"
            ),
            "none of sound.level",
        ),
    ] {
        let said = Preset::parse(text, &table).unwrap_err().to_string();
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
}
