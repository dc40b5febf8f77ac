use super::*;

#[test]
fn the_models_that_a_name_finds_are_listed_once() {
    let place = tempfile::tempdir().unwrap();
    let (presets, models) = (place.path().join("presets"), place.path().join("models"));
    for folder in [&presets, &models] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("both.safetensors"), "").unwrap();
    }
    std::fs::write(models.join("a.safetensors"), "").unwrap();
    std::fs::write(models.join("a.md"), "").unwrap();
    let found = self::models(&presets.join("first.toml"));
    let found: Vec<&PathBuf> = found
        .iter()
        .filter(|path| path.starts_with(place.path()))
        .collect();
    let expected = [
        presets.join("../models/a.safetensors"),
        presets.join("both.safetensors"),
    ];
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    for model in found {
        let name = model.file_name().unwrap().to_string_lossy();
        let named = named_model(&presets.join("first.toml"), &name).unwrap();
        assert_eq!(named, *model);
    }
}

#[test]
fn what_macos_leaves_beside_each_file_is_no_preset_and_no_model() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for name in [
        "a.toml",
        "._a.toml",
        ".b.toml",
        "c.toml",
        "m.safetensors",
        "._m.safetensors",
    ] {
        std::fs::write(at(name), [0, 5, 22, 7]).unwrap();
    }
    assert_eq!(neighbour(&at("a.toml"), 1), Some(at("c.toml")));
    assert_eq!(neighbour(&at("c.toml"), 1), Some(at("a.toml")));
    let bank = Bank::default().places(&at("a.toml"), &Table::standard());
    assert_eq!(bank[..3], [Some(at("a.toml")), Some(at("c.toml")), None]);
    let beside: Vec<_> = self::models(&at("a.toml"))
        .into_iter()
        .filter(|model| model.starts_with(place.path()))
        .collect();
    assert_eq!(beside, [at("m.safetensors")]);
}

#[test]
fn presets_and_takes_that_begin_with_a_byte_order_mark_are_read() {
    let place = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = Table::standard();
    let preset = std::fs::read_to_string(root.join("presets/first.toml")).unwrap();
    let marked = place.path().join("first.toml");
    std::fs::write(&marked, format!("\u{feff}{preset}")).unwrap();
    let model = "nosferatu.safetensors";
    std::fs::copy(root.join("models").join(model), place.path().join(model)).unwrap();
    assert_eq!(
        self::preset(&marked, &table).unwrap().preset.keyframes,
        self::preset(&root.join("presets/first.toml"), &table)
            .unwrap()
            .preset
            .keyframes
    );
    let take = take(&root.join("tests/fixtures/take-with-bom.take"), &table).unwrap();
    assert!(matches!(take, TakeFile::Script(script) if script.length > 0));
}

#[test]
fn presets_models_and_the_bank_go_by_the_numbers_in_their_names() {
    let place = tempfile::tempdir().unwrap();
    let numbers = [1, 2, 3, 10, 11];
    for number in numbers {
        for ending in ["toml", "safetensors"] {
            std::fs::write(place.path().join(format!("{number}.{ending}")), "").unwrap();
        }
    }
    let path = |number: i32| place.path().join(format!("{number}.toml"));
    for two in numbers.windows(2) {
        assert_eq!(neighbour(&path(two[0]), 1), Some(path(two[1])));
        assert_eq!(neighbour(&path(two[1]), -1), Some(path(two[0])));
    }
    let bank = Bank::default().places(&path(1), &Table::standard());
    assert_eq!(bank[..5], numbers.map(|number| Some(path(number))));
    let models = self::models(&path(1));
    let beside: Vec<&Path> = models
        .iter()
        .filter_map(|model| model.strip_prefix(place.path()).ok())
        .collect();
    assert_eq!(
        beside,
        numbers
            .map(|number| format!("{number}.safetensors"))
            .each_ref()
            .map(Path::new)
    );
}

#[test]
fn a_preset_is_saved_beside_its_name_and_never_under_another_one() {
    let place = tempfile::tempdir().unwrap();
    let saved = |name: &str| {
        let patch = Patch {
            name: name.to_owned(),
            preset: Preset::of_seeds(1..=2),
            model: place.path().join("model.safetensors"),
            model_sha256: String::new(),
            path: Some(place.path().join(name)),
            bank: None,
        };
        let path = place_for(&patch, "").unwrap();
        path.file_name().unwrap().to_string_lossy().into_owned()
    };
    for (name, expected) in [
        ("first.toml", "first-2.toml"),
        ("first-2.toml", "first-3.toml"),
        ("drop7.toml", "drop7-2.toml"),
        ("scene 10.toml", "scene 10-2.toml"),
        ("2024.toml", "2024-2.toml"),
        ("2024-2.toml", "2024-3.toml"),
        ("scene-10.toml", "scene-11.toml"),
        ("shot-007.toml", "shot-007-2.toml"),
        ("-2.toml", "-2-2.toml"),
        ("a--.toml", "a---2.toml"),
        (
            "99-99999999999999999999.toml",
            "99-99999999999999999999-2.toml",
        ),
    ] {
        assert_eq!(saved(name), expected);
    }
    std::fs::write(place.path().join("first-2.toml"), "").unwrap();
    assert_eq!(saved("first.toml"), "first-3.toml");
}

#[test]
fn names_cannot_leave_their_folder() {
    let beside = Path::new("presets/first.toml");
    assert_eq!(
        named_preset(beside, "slow").unwrap(),
        Path::new("presets/slow.toml")
    );
    for name in ["../secret", "/etc/passwd", "a/b", "..", "", "a\\b"] {
        assert!(
            named_preset(beside, name).is_err(),
            "{name:?} was let through"
        );
    }
}
