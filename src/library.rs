//! Presets and models on disk: what a MODEL|PRESET argument means, and what else lies beside it.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use crate::instrument::{Preset, Table};

/// The preset that is played where none is named.
const FIRST: &str = "presets/first.toml";
/// Largest preset or take that is read, in bytes.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// Something to play: a preset and the model it is played on.
#[derive(Clone, Debug)]
pub struct Piece {
    /// For people: the preset's or the model's file name.
    pub name: String,
    /// The preset.
    pub preset: Preset,
    /// The model's file.
    pub model: PathBuf,
    /// The preset's file, where there is one.
    pub path: Option<PathBuf>,
}

/// Opens a preset (`.toml`), a model with the seeds 1 to 8 (anything else), or, with nothing named, the preset that ships.
///
/// # Errors
/// When the file is not there or not right, or the preset's model is not found.
pub fn open(argument: Option<&Path>, table: &Table) -> anyhow::Result<Piece> {
    match argument {
        None => preset(&first()?, table),
        Some(path)
            if path
                .extension()
                .is_some_and(|extension| extension == "toml") =>
        {
            preset(path, table)
        }
        Some(path) => {
            if !path.is_file() {
                bail!(
                    "there is no model {}: give a .safetensors file or a preset (.toml)",
                    path.display()
                );
            }
            let preset = Preset::of_seeds(1..=8);
            Ok(Piece {
                name: file_name(path),
                preset,
                model: path.to_owned(),
                path: None,
            })
        }
    }
}

/// Opens a preset file and finds its model beside it, in `../models` or in `models`.
///
/// # Errors
/// As [`open`].
pub fn preset(path: &Path, table: &Table) -> anyhow::Result<Piece> {
    let text =
        read_text(path).with_context(|| format!("cannot open the preset {}", path.display()))?;
    let preset = Preset::parse(&text, table)
        .with_context(|| format!("cannot use the preset {}", path.display()))?;
    let Some(model) = &preset.model else {
        bail!(
            "the preset {} names no model: add a line model = \"FILE.safetensors\"",
            path.display()
        );
    };
    let name = plain_name(model)
        .with_context(|| format!("the preset {} names the model {model:?}", path.display()))?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let places = [
        folder.join(name),
        folder.join("../models").join(name),
        Path::new("models").join(name),
    ];
    let Some(model) = places.iter().find(|place| place.is_file()) else {
        let looked = places.map(|place| place.display().to_string()).join(", ");
        bail!(
            "the preset {} asks for the model {model}, which is not there (looked at {looked})",
            path.display()
        );
    };
    Ok(Piece {
        name: file_name(path),
        model: model.clone(),
        preset,
        path: Some(path.to_owned()),
    })
}

/// The preset after this one in its folder, by name; the first one after the last.
pub fn next_preset(path: &Path) -> Option<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?;
    let mut presets: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    presets.sort();
    let place = presets
        .iter()
        .position(|preset| preset.file_name() == path.file_name());
    presets
        .get(place.map_or(0, |place| (place + 1) % presets.len()))
        .cloned()
}

/// The preset of that name in the folder of `beside`; the name may leave out `.toml`, and cannot leave the folder.
///
/// # Errors
/// When the name is no plain file name.
pub fn named_preset(beside: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let name = plain_name(name)?;
    let name = if name.ends_with(".toml") {
        name.to_owned()
    } else {
        format!("{name}.toml")
    };
    Ok(beside.parent().unwrap_or_else(|| Path::new(".")).join(name))
}

/// The preset that ships.
///
/// # Errors
/// When it is nowhere to be found.
pub fn first() -> anyhow::Result<PathBuf> {
    shipped(FIRST)
}

/// A file that ships, such as `presets/first.take`: in the working folder, beside the program, or where it was built.
///
/// # Errors
/// When it is in none of those places.
pub fn shipped(relative: &str) -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join(relative)));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(relative);
    let places = [Some(PathBuf::from(relative)), beside, Some(built)];
    match places.iter().flatten().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => {
            bail!("{relative} is not here: run in latentloop's folder, or name a model or preset")
        }
    }
}

/// The folder of the performer's own settings, which need not be there yet: `LATENTLOOP_CONFIG`, or else the platform's.
pub fn config_folder() -> Option<PathBuf> {
    match std::env::var_os("LATENTLOOP_CONFIG") {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => Some(dirs::config_dir()?.join("latentloop")),
    }
}

/// Reads a text file of bounded size.
///
/// # Errors
/// When it cannot be read, is too large or is not UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > MAX_TEXT_BYTES {
        bail!("it has {length} bytes, more than any preset or take");
    }
    Ok(std::fs::read_to_string(path)?)
}

fn plain_name(name: &str) -> anyhow::Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) if !name.contains(['/', '\\']) => Ok(name),
        _ => bail!("{name:?} is no plain file name: folders are not followed"),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
