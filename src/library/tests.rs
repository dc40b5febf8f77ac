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
