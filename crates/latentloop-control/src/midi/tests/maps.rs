//! Maps that ship, and maps that are faulty.

use super::*;

#[test]
fn the_default_map_is_that_of_the_readme() {
    let mut rig = Rig::of(
        SHIPPED
            .iter()
            .find(|(stem, _)| *stem == "generic")
            .unwrap()
            .1,
    );
    assert_eq!(rig.send(&[0xb0, 1, 127]), ["loop.position at 1.000"]);
    assert_eq!(rig.send(&[0xb5, 2, 127]), ["loop.speed = 8.000"]);
    assert_eq!(rig.send(&[0x93, 36, 90]), ["keyframe.1.jump!"]);
    assert_eq!(rig.send(&[0x93, 43, 1]), ["keyframe.8.jump!"]);
    assert_eq!(rig.send(&[0x93, 44, 90]), ["keyframe.1.reroll!"]);
    assert_eq!(rig.send(&[0x93, 51, 90, 51, 0]), ["keyframe.8.reroll!"]);
    assert!(rig.send(&[0x93, 52, 90]).is_empty());
}

#[test]
fn every_map_that_ships_fits_the_table_and_says_where_its_numbers_come_from() {
    let table = Table::standard();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../presets/controllers");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let stems: Vec<String> = SHIPPED
        .iter()
        .map(|(stem, _)| format!("{stem}.toml"))
        .collect();
    assert_eq!(files, stems);
    for (stem, text) in SHIPPED {
        let map =
            ControllerMap::parse(text, &table).unwrap_or_else(|error| panic!("{stem}: {error}"));
        assert!(!map.is_empty() && text.starts_with("# "), "{stem}");
        if *stem == "generic" {
            continue;
        }
        assert!(map.len() >= 20, "{stem} has {} bindings", map.len());
        let has = |name: &str| {
            let param = table.find(name).unwrap();
            map.bindings().iter().any(|binding| binding.param == param)
        };
        for name in [
            "loop.speed",
            "loop.glide",
            "master.fade",
            "master.blackout",
            "keyframe.1.jump",
            "keyframe.1.reroll",
            "record.toggle",
        ] {
            assert!(has(name), "{stem} has no {name}");
        }
        // Pads alone give no way of a knob.
        for name in ["loop.position", "beat.tempo", "sound.depth"] {
            assert!(
                has(name) || stem.contains("launchpad"),
                "{stem} has no {name}"
            );
        }
    }
}

#[test]
fn faulty_maps_are_refused_with_the_line_and_what_would_be_right() {
    let head = "version = 1\nname = \"x\"\n";
    let bound = |inside: &str| format!("{head}bindings = [\n{{ {inside} }},\n]");
    for (text, words) in [
        ("version = 2\nname = \"x\"".to_owned(), vec!["version is 2"]),
        (format!("{head}nam = 3"), vec!["line 3", "nearest: name"]),
        (
            bound(r#"type = "cc", number = 1, to = "loop.sped""#),
            vec!["line 4", "loop.sped", "nearest: loop.speed"],
        ),
        (
            bound(r#"type = "cc", numbr = 1, to = "loop.speed""#),
            vec!["line 4", "nearest: number"],
        ),
        (
            bound(r#"type = "cc13", number = 1, to = "loop.speed""#),
            vec!["line 4", "nearest: cc"],
        ),
        (bound(r#"type = "cc", to = "loop.speed""#), vec!["0 to 127"]),
        (
            bound(r#"type = "cc14", number = 40, to = "loop.speed""#),
            vec!["0 to 31"],
        ),
        (
            bound(r#"type = "cc", number = 1, channel = 17, to = "loop.speed""#),
            vec!["1 to 16"],
        ),
        (
            bound(r#"type = "cc", number = 1, page = 9, to = "loop.speed""#),
            vec!["1 to 8"],
        ),
        (
            bound(r#"type = "cc", number = 1, to = "preset.load""#),
            vec!["text"],
        ),
        (
            bound(r#"type = "cc", number = 1, to = "beat.phase""#),
            vec!["only tells"],
        ),
        (
            bound(r#"type = "note", number = 1, to = "loop.speed""#),
            vec!["velocity"],
        ),
        (
            bound(r#"type = "cc", number = 1, to = "loop.position", takeover = "pickup""#),
            vec!["moves by itself"],
        ),
        (
            bound(r#"type = "cc", number = 1, to = "loop.speed", range = [nan, 2]"#),
            vec!["-8 to 8"],
        ),
        (
            bound(r#"type = "note", number = 1, to = "loop.path", value = "slurp""#),
            vec!["slurp"],
        ),
        (format!("{head}ports = [\" \"]"), vec!["every port"]),
        (
            format!("{head}on_connect = [\"F0 90\"]"),
            vec!["no MIDI message"],
        ),
        (
            format!("{head}base = \"akai-midimx\""),
            vec!["nearest: akai-midimix"],
        ),
    ] {
        let said = parse_user_map(&text, &Table::standard())
            .unwrap_err()
            .to_string();
        for word in words {
            assert!(
                said.contains(word),
                "{word:?} is not in {said:?}, of {text}"
            );
        }
    }
}
