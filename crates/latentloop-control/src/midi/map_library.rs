//! The map library: the controller maps that ship, and the performer's own, which win.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use toml::Spanned;

use super::event::ControlType;
use super::learning::LearnedControl;
use super::map::{Binding, BindingMode, ControllerMap};
use super::map_file::{BindingEntry, Channel, MapError, MapFile};
use crate::control::Notices;
use crate::files::{read_text_limited, write_atomic};
use crate::instrument::params::nearest;
use crate::instrument::{Kind, ParamId, Table};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most files of a folder that are looked at.
const MAX_FILES: usize = 256;
/// The map of a device that no other map is for.
const GENERIC: &str = "generic";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The maps that ship: file name without its ending, and text.
        pub const SHIPPED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../controllers/", $name, ".toml")))),*
        ];
    };
}

shipped![
    "akai-apc-mini-mk2",
    "akai-midimix",
    "arturia-beatstep",
    "behringer-x-touch-mini",
    "generic",
    "korg-nanokontrol2",
    "novation-launch-control-xl",
    "novation-launchpad-mini-mk3",
];

/// Parses a map of the performer's, with the map that it is based on.
///
/// # Errors
/// When the text is no map, or names what there is not.
pub fn parse_user_map(text: &str, table: &Table) -> Result<ControllerMap, MapError> {
    let file = MapFile::parse(text)?;
    let base = match &file.base {
        None => None,
        Some(name) => {
            let (base, _) = find_shipped(name)?;
            Some(base)
        }
    };
    ControllerMap::new(&file, text, base.as_ref(), table)
}

fn find_shipped(name: &str) -> Result<(MapFile, &'static str), MapError> {
    match SHIPPED.iter().find(|(stem, _)| *stem == name) {
        Some((_, text)) => Ok((MapFile::parse(text)?, text)),
        None => {
            let stems = SHIPPED.iter().map(|(stem, _)| *stem);
            let nearest = nearest(name, stems);
            let reason = format!(
                "its base {name:?} is no map that ships; nearest: {}",
                nearest.unwrap_or(GENERIC)
            );
            Err(MapError { line: None, reason })
        }
    }
}

/// The result of learning a control.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnResult {
    /// The parameter.
    pub param: ParamId,
    /// Its name.
    pub name: String,
    /// The control that has it now, for people.
    pub control: String,
    /// The parameters that this control moved on this page before.
    pub replaced: Vec<String>,
}

/// A map of the performer's.
#[derive(Clone, Debug)]
struct UserMap {
    /// The version of the file that was read last.
    version: FileVersion,
    /// The last one that was right.
    good: Option<(MapFile, String)>,
}

/// A library of controller maps.
pub(super) struct MapLibrary {
    table: Arc<Table>,
    folder: Option<PathBuf>,
    shipped: Vec<(&'static str, MapFile)>,
    user: BTreeMap<PathBuf, UserMap>,
}

impl MapLibrary {
    /// A library of the maps that ship; the performer's are read with [`MapLibrary::refresh`].
    pub(super) fn new(table: Arc<Table>, folder: Option<PathBuf>) -> Self {
        let file = |(stem, text): &(&'static str, &str)| match MapFile::parse(text) {
            Ok(file) => Some((*stem, file)),
            Err(error) => {
                tracing::error!("the map {stem} that ships: {error}");
                None
            }
        };
        Self {
            table,
            folder,
            shipped: SHIPPED.iter().filter_map(file).collect(),
            user: BTreeMap::new(),
        }
    }

    /// Reads files that are new or were changed in the folder; true where a map was. A faulty map is named, and its last good one stays.
    pub(super) fn refresh(&mut self, notices: &Notices) -> bool {
        let files = self.folder.as_deref().map(files).unwrap_or_default();
        let known = self.user.len();
        self.user
            .retain(|path, _| files.iter().any(|(there, _)| there == path));
        let mut changed = self.user.len() != known;
        for (path, version) in files {
            if self
                .user
                .get(&path)
                .is_some_and(|own| own.version == version)
            {
                continue;
            }
            let before = self.user.remove(&path).and_then(|own| own.good);
            let good = match read(&path, &self.table) {
                Ok(good) => {
                    changed = true;
                    Some(good)
                }
                Err(reason) => {
                    let stays = if before.is_some() {
                        "; the last good one stays"
                    } else {
                        ""
                    };
                    let path = path.display();
                    notices.warn(format!(
                        "cannot use the controller map {path}: {reason}{stays}"
                    ));
                    before
                }
            };
            self.user.insert(path, UserMap { version, good });
        }
        changed
    }

    /// The map of a device of these names.
    pub(super) fn map(&self, names: &[String]) -> Result<ControllerMap, MapError> {
        if let Some((_, file, text)) = self.user_map_of(names) {
            let base = file.base.as_deref().and_then(|base| self.shipped(base));
            return ControllerMap::new(file, text, base, &self.table);
        }
        let (_, file) = self.shipped_of(names)?;
        ControllerMap::new(file, "", None, &self.table)
    }

    fn user_map_of(&self, names: &[String]) -> Option<(&Path, &MapFile, &str)> {
        let good = self.user.iter().filter_map(|(path, own)| {
            let (file, text) = own.good.as_ref()?;
            Some((path.as_path(), file, text.as_str()))
        });
        let best = good
            .clone()
            .filter_map(|own| Some((own.1.fits(names)?, own)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, own)| own);
        // An own generic map is for devices that no map that ships is for.
        let generic = |path: &Path| path.file_stem().is_some_and(|stem| stem == GENERIC);
        best.or_else(|| {
            let fits = |(_, file): &(&str, MapFile)| file.fits(names).is_some();
            let unknown = !self.shipped.iter().any(fits);
            let mut good = good;
            good.find(|(path, ..)| unknown && generic(path))
        })
    }

    fn shipped(&self, name: &str) -> Option<&MapFile> {
        let found = self.shipped.iter().find(|(stem, _)| *stem == name);
        found.map(|(_, file)| file)
    }

    fn shipped_of(&self, names: &[String]) -> Result<(&'static str, &MapFile), MapError> {
        let best = self
            .shipped
            .iter()
            .filter_map(|(stem, file)| Some((file.fits(names)?, (*stem, file))))
            .max_by_key(|(length, _)| *length)
            .map(|(_, found)| found);
        let generic = || Some((GENERIC, self.shipped(GENERIC)?));
        best.or_else(generic).ok_or_else(|| MapError {
            line: None,
            reason: "the generic map is not there".to_owned(),
        })
    }

    /// Binds a control of a device, whose map is given, to a parameter, and writes that into the performer's map.
    pub(super) fn learn(
        &mut self,
        names: &[String],
        map: &ControllerMap,
        param: ParamId,
        found: LearnedControl,
        page: u8,
    ) -> Result<LearnResult, String> {
        let (path, mut file, text) = match self.user_map_of(names) {
            Some((path, file, text)) => (path.to_owned(), file.clone(), text.to_owned()),
            None => self.begin(names)?,
        };
        let control = found.control;
        let before: Vec<&Binding> = map
            .bindings_of(control, page)
            .map(|index| &map.bindings()[index])
            .collect();
        let table = Arc::clone(&self.table);
        let row = table.row(param);
        let mut entry = BindingEntry::plain(control.control_type, None, &row.name);
        let numbered = !matches!(
            control.control_type,
            ControlType::Bend | ControlType::Pressure
        );
        entry.number = numbered.then_some(control.number);
        entry.channel = Some(Channel::One(control.channel + 1));
        entry.page = Some(page);
        entry.learnt = true;
        let presses = matches!(row.kind, Kind::Trigger | Kind::Toggle);
        entry.velocity = control.control_type == ControlType::Note && !presses;
        if control.control_type == ControlType::Cc && !presses {
            let turns = before.iter().find_map(|binding| match binding.mode {
                BindingMode::Relative { encoding, .. } => Some(encoding),
                _ => None,
            });
            entry.relative = turns.or(found.relative);
        }
        // Its LED goes on showing what it does.
        let mut shown = before.iter().filter_map(|binding| binding.feedback);
        if let Some((address, feedback)) = shown.find(|(_, feedback)| feedback.suits(param)) {
            address.describe(feedback, &mut entry);
        }
        let same = |other: &BindingEntry| {
            let channel = match other.channel {
                Some(Channel::One(channel)) => channel == control.channel + 1,
                _ => true,
            };
            other.control_type == entry.control_type
                && other.number == entry.number
                && other.page == Some(page)
                && channel
        };
        file.bindings.retain(|other| !same(other.get_ref()));
        file.bindings.push(Spanned::new(0..0, entry));
        let name = |binding: &&Binding| table.row(binding.param).name.clone();
        let mut replaced: Vec<String> = before.iter().map(name).collect();
        replaced.retain(|name| *name != row.name);
        replaced.dedup();
        self.write(&path, &file, &text)?;
        Ok(LearnResult {
            param,
            name: row.name.clone(),
            control: format!("{} {control}", file.name),
            replaced,
        })
    }

    /// Takes away every learnt binding of a parameter; how many there were.
    pub(super) fn unlearn(&mut self, param: ParamId) -> Result<usize, String> {
        let name = self.table.row(param).name.clone();
        let mut count = 0;
        let own: Vec<_> = self.user.iter().collect();
        let mut changed = Vec::new();
        for (path, own) in own {
            let Some((file, text)) = &own.good else {
                continue;
            };
            let mut file = file.clone();
            let before = file.bindings.len();
            file.bindings.retain(|entry| {
                let entry = entry.get_ref();
                !(entry.learnt && entry.to == name)
            });
            if file.bindings.len() < before {
                count += before - file.bindings.len();
                changed.push((path.clone(), file, text.clone()));
            }
        }
        for (path, file, text) in changed {
            self.write(&path, &file, &text)?;
        }
        Ok(count)
    }

    /// A new map of the performer's for a device that has none: what it does now is its base.
    fn begin(&self, names: &[String]) -> Result<(PathBuf, MapFile, String), String> {
        let Some(folder) = &self.folder else {
            return Err("this system names no folder for settings".to_owned());
        };
        let device = names.first().map_or("device", String::as_str);
        let (stem, base) = self.shipped_of(names).map_err(|error| error.to_string())?;
        let known = stem != GENERIC;
        let file = MapFile {
            version: 1,
            name: if known {
                base.name.clone()
            } else {
                device.to_owned()
            },
            ports: if known {
                base.ports.clone()
            } else {
                vec![device.to_owned()]
            },
            base: Some(stem.to_owned()),
            on_connect: Vec::new(),
            on_leave: Vec::new(),
            bindings: Vec::new(),
        };
        let stem = if known { stem.to_owned() } else { slug(device) };
        let path = (1..)
            .map(|number| match number {
                1 => folder.join(format!("{stem}.toml")),
                _ => folder.join(format!("{stem}-{number}.toml")),
            })
            .find(|path| !path.exists());
        let text = "# What was learnt. Each control that is not here does what the base says.\n";
        match path {
            Some(path) => Ok((path, file, text.to_owned())),
            None => Err("there is no free name".to_owned()),
        }
    }

    /// Writes a map with the comments that its text began with, and takes it up.
    fn write(&mut self, path: &Path, file: &MapFile, text: &str) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| {
            format!(
                "cannot write the controller map {}: {error}",
                path.display()
            )
        };
        let comment = |line: &&str| line.starts_with('#') || line.trim().is_empty();
        let mut new: String = text.split_inclusive('\n').take_while(comment).collect();
        new += &file.to_toml().map_err(|error| said(&error))?;
        // What is written must be what can be read.
        parse_user_map(&new, &self.table).map_err(|error| said(&error))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| said(&error))?;
        }
        write_atomic(path, new.as_bytes()).map_err(|error| said(&error))?;
        let good = MapFile::parse(&new).map_err(|error| said(&error))?;
        let version = std::fs::metadata(path).map_or((None, 0), |data| version(&data));
        let good = Some((good, new));
        self.user.insert(path.to_owned(), UserMap { version, good });
        Ok(())
    }
}

/// The version of a file: when it was written, and how long it is.
type FileVersion = (Option<SystemTime>, u64);

fn version(data: &std::fs::Metadata) -> FileVersion {
    (data.modified().ok(), data.len())
}

/// The map files of a folder and their versions, by name.
fn files(folder: &Path) -> Vec<(PathBuf, FileVersion)> {
    let entries = crate::files::list(folder).unwrap_or_default();
    let map = |path: PathBuf| {
        let data = std::fs::metadata(&path).ok()?;
        let right = path.extension().is_some_and(|ending| ending == "toml") && data.is_file();
        right.then(|| (path, version(&data)))
    };
    let mut found: Vec<_> = entries
        .into_iter()
        .filter_map(map)
        .take(MAX_FILES)
        .collect();
    found.sort();
    found
}

/// Reads a map file, and checks it against the table.
fn read(path: &Path, table: &Table) -> Result<(MapFile, String), String> {
    let text = read_text_limited(path, MAX_BYTES, "map").map_err(|error| error.to_string())?;
    parse_user_map(&text, table).map_err(|error| error.to_string())?;
    let file = MapFile::parse(&text).map_err(|error| error.to_string())?;
    Ok((file, text))
}

/// A name that any disk takes.
fn slug(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    });
    let mut slug = String::new();
    for letter in letters.take(60) {
        if letter != '-' || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push(letter);
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "device".to_owned()
    } else {
        slug.to_owned()
    }
}
