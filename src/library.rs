//! Presets, models and takes on disk: what an argument means, and what else lies beside it.

use std::ffi::OsString;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};

use crate::files::{self, MAX_TEXT_BYTES, read_text_limited, sha256};
use crate::instrument::{BANK, Preset, Table};
use crate::names;
use crate::take::{self, Script, Take};

pub mod data;

/// The preset that is played where none is named.
const FIRST: &str = "presets/first.toml";
/// Largest logged take that is read, in bytes.
const MAX_TAKE_BYTES: u64 = 1 << 30;

/// Something to play: a preset and the model it is played on.
#[derive(Clone, Debug)]
pub struct Patch {
    /// For people: the preset's or the model's file name.
    pub name: String,
    /// The preset.
    pub preset: Preset,
    /// The model's file.
    pub model: PathBuf,
    /// SHA-256 of the model's file, in hexadecimal digits.
    pub model_sha256: String,
    /// The preset's file, where there is one.
    pub path: Option<PathBuf>,
    /// Its place in the show's [`Bank`], counted from 1.
    pub bank: Option<u8>,
}

/// Opens a preset (`.toml`), a model with the seeds 1 to 8 (anything else), or, with nothing named, the first preset. What is
/// not there as a file is looked for in the [data folders](data::DataFolders).
///
/// # Errors
/// When the file is not there or not right, or the preset's model is not found.
pub fn open(argument: Option<&Path>, table: &Table) -> anyhow::Result<Patch> {
    let argument = argument.map(locate).transpose()?;
    match argument.as_deref() {
        None => preset(&first()?, table),
        Some(path)
            if path
                .extension()
                .is_some_and(|extension| extension == "toml") =>
        {
            preset(path, table)
        }
        Some(path) => {
            files::open(path).with_context(|| {
                let path = path.display();
                format!("cannot open {path}: give a .safetensors file or a preset (.toml)")
            })?;
            let preset = Preset::of_seeds(1..=8);
            Ok(Patch {
                name: file_name(path),
                preset,
                model_sha256: sha256(path)
                    .with_context(|| format!("cannot read {}", path.display()))?,
                model: path.to_owned(),
                path: None,
                bank: None,
            })
        }
    }
}

/// Opens a preset file and finds its model beside it, in `../models` or in a data folder.
///
/// # Errors
/// As [`open`].
pub fn preset(path: &Path, table: &Table) -> anyhow::Result<Patch> {
    let text = read_text_limited(path, MAX_TEXT_BYTES, "preset")
        .with_context(|| format!("cannot open the preset {}", path.display()))?;
    let preset = Preset::parse(&text, table)
        .with_context(|| format!("cannot use the preset {}", path.display()))?;
    let Some(model) = &preset.model else {
        bail!(
            "the preset {} names no model: add a line model = \"FILE.safetensors\"",
            path.display()
        );
    };
    let found = self::model(path, model)
        .with_context(|| format!("the preset {} asks for a model", path.display()))?;
    Ok(Patch {
        name: file_name(path),
        model_sha256: sha256(&found).with_context(|| format!("cannot read {}", found.display()))?,
        model: found,
        preset,
        bank: None,
        path: Some(path.to_owned()),
    })
}

/// The model of that file name, as the file `beside` names it: beside it, in `../models` or in a data folder.
///
/// # Errors
/// When it is in none of them, with every place that was looked at, or the name is no plain file name.
pub fn model(beside: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let name = plain_name(name)?;
    let folder = folder(beside);
    let places = [folder.join(name), folder.join("../models").join(name)];
    if let Some(place) = places.iter().find(|place| place.is_file()) {
        return Ok(place.clone());
    }
    data::folders()
        .find(&format!("models/{name}"))
        .with_context(|| {
            let looked = places.map(|place| place.display().to_string()).join(" or ");
            format!("the model {name} is not at {looked}")
        })
}

/// The file that an argument names: by its path, or by its name in the [data folders](data::DataFolders).
///
/// # Errors
/// When there is neither, with every place that was looked at.
pub fn locate(argument: &Path) -> anyhow::Result<PathBuf> {
    data::folders().locate(argument)
}

/// A take's file.
#[derive(Clone, Debug)]
pub enum TakeFile {
    /// Written by hand.
    Script(Script),
    /// Logged while somebody played.
    Logged(Take),
}

/// Reads a take of either kind.
///
/// # Errors
/// When it cannot be read, is too large, or is no take.
pub fn take(path: &Path, table: &Table) -> anyhow::Result<TakeFile> {
    let open = || format!("cannot open the take {}", path.display());
    let cannot_use = || format!("cannot use the take {}", path.display());
    let mut file = files::open(path).with_context(open)?;
    let mut magic = [0; take::log::MAGIC.len()];
    // A shorter file is no log.
    let is_log = file.read_exact(&mut magic).is_ok() && magic == take::log::MAGIC;
    if !is_log {
        let text = read_text_limited(path, MAX_TEXT_BYTES, "take").with_context(open)?;
        let script = Script::parse(&text, table).with_context(cannot_use)?;
        return Ok(TakeFile::Script(script));
    }
    let length = file.metadata().with_context(open)?.len();
    if length > MAX_TAKE_BYTES {
        let error = anyhow!("it has {length} bytes, more than {MAX_TAKE_BYTES}; no take has");
        return Err(error.context(open()));
    }
    let source = magic.chain(BufReader::new(file.take(MAX_TAKE_BYTES)));
    let take = Take::read_from(source, table).with_context(cannot_use)?;
    Ok(TakeFile::Logged(take))
}

/// The preset `steps` after this one in its folder, by name, round and round; the first where it is not there itself.
pub fn neighbour(path: &Path, steps: isize) -> Option<PathBuf> {
    let presets = presets(folder(path));
    let place = presets
        .iter()
        .position(|preset| preset.file_name() == path.file_name());
    let next = place.map_or(0, |place| {
        (place as isize + steps).rem_euclid(presets.len() as isize)
    });
    presets.into_iter().nth(next as usize)
}

/// The bank where presets have had these places: they keep those that no other preset asks for.
fn arranged(beside: &Path, table: &Table, before: &[Option<OsString>]) -> Vec<Option<PathBuf>> {
    let mut places = vec![None; BANK];
    let mut rest = Vec::new();
    for path in presets(folder(beside)) {
        let preset = read_text_limited(&path, MAX_TEXT_BYTES, "preset")
            .ok()
            .and_then(|text| Preset::parse(&text, table).ok());
        let place = preset.and_then(|preset| preset.bank).unwrap_or(0);
        match usize::from(place).checked_sub(1) {
            Some(place) if places[place].is_none() => places[place] = Some(path),
            _ => rest.push(path),
        }
    }
    for (place, name) in places.iter_mut().zip(before) {
        let is_it = |path: &PathBuf| path.file_name() == name.as_deref();
        if place.is_none() && name.is_some() {
            let found = rest.iter().position(is_it);
            *place = found.map(|at| rest.remove(at));
        }
    }
    let free = places.iter_mut().filter(|place| place.is_none());
    for (place, path) in free.zip(rest) {
        *place = Some(path);
    }
    places
}

/// The bank of a show: a preset for each of the places 1 to [`BANK`] that is taken.
///
/// A preset that says `bank = 3` is the third; those that say nothing fill the free places by name. What has come to a place stays
/// there while other files come and go.
#[derive(Debug, Default)]
pub struct Bank(Mutex<Remembered>);

/// The presets at the places of a folder's bank, by file name.
#[derive(Debug, Default)]
struct Remembered {
    folder: PathBuf,
    names: Vec<Option<OsString>>,
}

impl Bank {
    /// The presets of the folder that `beside` lies in at their places.
    pub fn places(&self, beside: &Path, table: &Table) -> Vec<Option<PathBuf>> {
        let folder = folder(beside);
        // All shared folders have one bank.
        let shared = data::folders().beside(folder);
        let folders = shared.iter().map(PathBuf::as_path).chain([folder]);
        let folder = folders.min().unwrap_or(folder);
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.folder != folder {
            *remembered = Remembered {
                folder: folder.to_owned(),
                names: Vec::new(),
            };
        }
        let places = arranged(beside, table, &remembered.names);
        let name = |path: &Option<PathBuf>| Some(path.as_deref()?.file_name()?.to_owned());
        remembered.names = places.iter().map(name).collect();
        places
    }

    /// The place of a preset's file, counted from 1; nothing where the bank has none for it.
    pub fn place_of(&self, preset: &Path, table: &Table) -> Option<u8> {
        place_among(&self.places(preset, table), preset)
    }

    /// The place that a preset is to be saved with: the one that its file has, or the first empty one; nothing in a full bank.
    pub fn place_to_save(&self, preset: &Path, table: &Table) -> Option<u8> {
        let places = self.places(preset, table);
        place_among(&places, preset).or_else(|| {
            let free = places.iter().position(Option::is_none)?;
            u8::try_from(free + 1).ok()
        })
    }
}

/// The presets that share a bank with this one, and when each was changed.
pub fn changes_beside(preset: &Path) -> Vec<(PathBuf, Option<SystemTime>)> {
    let timed = |path: PathBuf| {
        let modified = path.metadata().and_then(|file| file.modified()).ok();
        (path, modified)
    };
    presets(folder(preset)).into_iter().map(timed).collect()
}

/// The place of a preset among those of a bank, counted from 1.
fn place_among(places: &[Option<PathBuf>], preset: &Path) -> Option<u8> {
    let name = preset.file_name();
    let is_here = |place: &Option<PathBuf>| place.as_deref().and_then(Path::file_name) == name;
    let place = places.iter().position(is_here)?;
    u8::try_from(place + 1).ok()
}

/// Where a preset of that name is saved: beside the patch, or in the user's folder where the patch came with the program; under
/// a name that is free where none is given.
///
/// # Errors
/// When the name is no plain file name, or the user's folder of presets cannot be made.
pub fn place_for(patch: &Patch, name: &str) -> anyhow::Result<PathBuf> {
    let beside = folder(patch.path.as_deref().unwrap_or(&patch.model));
    let folder = data::folders().saved_from(beside);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    if !name.is_empty() {
        return Ok(folder.join(with_ending(plain_name(name)?, ".toml")));
    }
    let stem = Path::new(&patch.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    let (stem, first) = numbered(&stem);
    let free = (first..first.saturating_add(10_000))
        .map(|number| folder.join(format!("{stem}-{number}.toml")))
        .find(|path| !path.exists());
    free.context("there are ten thousand presets of that name already")
}

/// The name and the number under which a copy of a preset is saved first: what was saved from `first-2` is `first-3`. A number
/// without a hyphen is part of the name.
fn numbered(stem: &str) -> (&str, u64) {
    let counted = stem.rsplit_once('-').and_then(|(name, number)| {
        let count: u64 = number.parse().ok()?;
        let is_ours = !name.is_empty() && count >= 2 && count.to_string() == number;
        is_ours.then(|| (name, count.saturating_add(1)))
    });
    counted.unwrap_or((stem, 2))
}

/// The model of that name in the folder of this one, in `../models` or in a data folder; the name may leave out `.safetensors`.
///
/// # Errors
/// When the name is no plain file name, or there is no such model.
pub fn named_model(present: &Path, name: &str) -> anyhow::Result<PathBuf> {
    model(present, &with_ending(plain_name(name)?, ".safetensors"))
}

/// Every model that [`named_model`] finds from this one, by name.
pub fn models(present: &Path) -> Vec<PathBuf> {
    let folder = folder(present);
    let places = [folder.to_owned(), folder.join("../models"), "models".into()];
    let mut models: Vec<PathBuf> = Vec::new();
    for place in places.into_iter().chain(data::folders().models()) {
        for path in files(&place, "safetensors") {
            // As with a name, the first place counts.
            if !models
                .iter()
                .any(|known| known.file_name() == path.file_name())
            {
                models.push(path);
            }
        }
    }
    models.sort_by(|a, b| names::compare_files(a, b));
    models
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

/// Presets of a folder by name; of all shared data folders where it is one of them.
fn presets(folder: &Path) -> Vec<PathBuf> {
    let mut presets = files(folder, "toml");
    for shared in data::folders().beside(folder) {
        for path in files(&shared, "toml") {
            // As with a name, the first place counts.
            if !presets
                .iter()
                .any(|known| known.file_name() == path.file_name())
            {
                presets.push(path);
            }
        }
    }
    presets.sort_by(|a, b| names::compare_files(a, b));
    presets
}

/// Files of a folder with that ending, by name; none whose name begins with a dot.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = crate::files::list(folder).unwrap_or_default();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == ending)
    });
    files.sort_by(|a, b| names::compare_files(a, b));
    files
}

/// The preset of that name in the folder of `beside`, or in a data folder where it is not there; the name may leave out `.toml`,
/// and cannot leave the folder.
///
/// # Errors
/// When the name is no plain file name.
pub fn named_preset(beside: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let name = with_ending(plain_name(name)?, ".toml");
    let place = folder(beside).join(&name);
    if place.is_file() {
        return Ok(place);
    }
    let shared = data::folders().find(&format!("presets/{name}"));
    Ok(shared.unwrap_or(place))
}

/// The first preset: what is played where none is named.
///
/// # Errors
/// When it cannot be found, nor written out of the program.
pub fn first() -> anyhow::Result<PathBuf> {
    data::folders().find(FIRST)
}

/// The name with its ending, which it may leave out.
fn with_ending(name: &str, ending: &str) -> String {
    if name.ends_with(ending) {
        return name.to_owned();
    }
    format!("{name}{ending}")
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
mod tests;
