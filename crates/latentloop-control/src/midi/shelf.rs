//! The maps that there are: those that ship, and the performer's own, which win.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::event::Sort;
use super::folder::{Seen, files, read, seen, slug};
use super::learning::Found;
use super::map::{Deed, Map};
use super::sheet::{Channel, Entry, Sheet, SheetError, distance};
use crate::control::Notices;
use crate::files::write_atomic;
use crate::instrument::{Kind, ParamId, Table};

/// The map of a device that no other map is for.
const GENERIC: &str = "generic";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The maps that ship: file name without its ending, and text.
        pub const SHIPPED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../../presets/controllers/", $name, ".toml")))),*
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

/// Reads a map of the performer's, with what it is based on.
///
/// # Errors
/// When the text is no map, or names what there is not.
pub fn parse_own(text: &str, table: &Table) -> Result<Map, SheetError> {
    let sheet = Sheet::parse(text)?;
    let base = match &sheet.base {
        None => None,
        Some(name) => {
            let (base, _) = find_shipped(name)?;
            Some(base)
        }
    };
    Map::new(&sheet, text, base.as_ref(), table)
}

fn find_shipped(name: &str) -> Result<(Sheet, &'static str), SheetError> {
    match SHIPPED.iter().find(|(stem, _)| *stem == name) {
        Some((_, text)) => Ok((Sheet::parse(text)?, text)),
        None => {
            let stems = SHIPPED.iter().map(|(stem, _)| *stem);
            let nearest = stems.min_by_key(|stem| distance(stem, name));
            let reason = format!(
                "its base {name:?} is no map that ships; nearest: {}",
                nearest.unwrap_or(GENERIC)
            );
            Err(SheetError { line: None, reason })
        }
    }
}

/// What learning did.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnt {
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
struct Own {
    /// When it was written and how long it was when it was last looked at.
    seen: Seen,
    /// The last one that was right.
    good: Option<(Sheet, String)>,
}

/// Every map, and the folder of the performer's own.
pub(super) struct Shelf {
    table: Arc<Table>,
    folder: Option<PathBuf>,
    shipped: Vec<(&'static str, Sheet)>,
    own: BTreeMap<PathBuf, Own>,
}

impl Shelf {
    /// The maps that ship; the performer's are read with [`Shelf::look`].
    pub(super) fn new(table: Arc<Table>, folder: Option<PathBuf>) -> Self {
        let sheet = |(stem, text): &(&'static str, &str)| match Sheet::parse(text) {
            Ok(sheet) => Some((*stem, sheet)),
            Err(error) => {
                tracing::error!("the map {stem} that ships: {error}");
                None
            }
        };
        Self {
            table,
            folder,
            shipped: SHIPPED.iter().filter_map(sheet).collect(),
            own: BTreeMap::new(),
        }
    }

    /// Reads what is new or was changed in the folder; whether a map was. A faulty map is named, and its last good one stays.
    pub(super) fn look(&mut self, notices: &Notices) -> bool {
        let files = self.folder.as_deref().map(files).unwrap_or_default();
        let known = self.own.len();
        self.own
            .retain(|path, _| files.iter().any(|(there, _)| there == path));
        let mut changed = self.own.len() != known;
        for (path, seen) in files {
            if self.own.get(&path).is_some_and(|own| own.seen == seen) {
                continue;
            }
            let before = self.own.remove(&path).and_then(|own| own.good);
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
            self.own.insert(path, Own { seen, good });
        }
        changed
    }

    /// The map of a device of these names.
    pub(super) fn map(&self, names: &[String]) -> Result<Map, SheetError> {
        if let Some((_, sheet, text)) = self.own_of(names) {
            let base = sheet.base.as_deref().and_then(|base| self.shipped(base));
            return Map::new(sheet, text, base, &self.table);
        }
        let (_, sheet) = self.shipped_of(names)?;
        Map::new(sheet, "", None, &self.table)
    }

    fn own_of(&self, names: &[String]) -> Option<(&Path, &Sheet, &str)> {
        let good = self.own.iter().filter_map(|(path, own)| {
            let (sheet, text) = own.good.as_ref()?;
            Some((path.as_path(), sheet, text.as_str()))
        });
        let best = good
            .clone()
            .filter_map(|own| Some((own.1.fits(names)?, own)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, own)| own);
        // An own generic map is for devices that no map that ships is for.
        let generic = |path: &Path| path.file_stem().is_some_and(|stem| stem == GENERIC);
        best.or_else(|| {
            let fits = |(_, sheet): &(&str, Sheet)| sheet.fits(names).is_some();
            let unknown = !self.shipped.iter().any(fits);
            let mut good = good;
            good.find(|(path, ..)| unknown && generic(path))
        })
    }

    fn shipped(&self, name: &str) -> Option<&Sheet> {
        let found = self.shipped.iter().find(|(stem, _)| *stem == name);
        found.map(|(_, sheet)| sheet)
    }

    fn shipped_of(&self, names: &[String]) -> Result<(&'static str, &Sheet), SheetError> {
        let best = self
            .shipped
            .iter()
            .filter_map(|(stem, sheet)| Some((sheet.fits(names)?, (*stem, sheet))))
            .max_by_key(|(length, _)| *length)
            .map(|(_, found)| found);
        let generic = || Some((GENERIC, self.shipped(GENERIC)?));
        best.or_else(generic).ok_or_else(|| SheetError {
            line: None,
            reason: "the generic map is not there".to_owned(),
        })
    }

    /// Binds a control of a device, whose map is given, to a parameter, and writes that into the performer's map.
    pub(super) fn learn(
        &mut self,
        names: &[String],
        map: &Map,
        param: ParamId,
        found: Found,
        page: u8,
    ) -> Result<Learnt, String> {
        let (path, mut sheet, text) = match self.own_of(names) {
            Some((path, sheet, text)) => (path.to_owned(), sheet.clone(), text.to_owned()),
            None => self.begin(names)?,
        };
        let control = found.control;
        let mut before = Vec::new();
        map.find(control, page, |place| before.push(&map.bindings()[place]));
        let table = Arc::clone(&self.table);
        let row = table.row(param);
        let mut entry = Entry::plain(control.sort, None, &row.name);
        let numbered = !matches!(control.sort, Sort::Bend | Sort::Pressure);
        entry.number = numbered.then_some(control.number);
        entry.channel = Some(Channel::One(control.channel + 1));
        entry.page = Some(page);
        entry.learnt = true;
        let presses = matches!(row.kind, Kind::Trigger | Kind::Toggle);
        entry.velocity = control.sort == Sort::Note && !presses;
        if control.sort == Sort::Cc && !presses {
            let turns = before.iter().find_map(|binding| match binding.deed {
                Deed::Turn { encoding, .. } => Some(encoding),
                _ => None,
            });
            entry.relative = turns.or(found.relative);
        }
        // Its light goes on showing what it does.
        let mut echoes = before.iter().filter_map(|binding| binding.echo);
        if let Some((address, face)) = echoes.find(|(_, face)| face.suits(&row.name)) {
            address.describe(face, &mut entry);
        }
        let same = |other: &Entry| {
            let channel = match other.channel {
                Some(Channel::One(channel)) => channel == control.channel + 1,
                _ => true,
            };
            other.sort == entry.sort
                && other.number == entry.number
                && other.page == Some(page)
                && channel
        };
        sheet.bindings.retain(|other| !same(other.get_ref()));
        sheet.bindings.push(Spanned::new(0..0, entry));
        let name = |binding: &&super::map::Binding| table.row(binding.param).name.clone();
        let mut replaced: Vec<String> = before.iter().map(name).collect();
        replaced.retain(|name| *name != row.name);
        replaced.dedup();
        self.write(&path, &sheet, &text)?;
        Ok(Learnt {
            param,
            name: row.name.clone(),
            control: format!("{} {control}", sheet.name),
            replaced,
        })
    }

    /// Takes away every learnt binding of a parameter; how many there were.
    pub(super) fn unlearn(&mut self, param: ParamId) -> Result<usize, String> {
        let name = self.table.row(param).name.clone();
        let mut count = 0;
        let own: Vec<_> = self.own.iter().collect();
        let mut changed = Vec::new();
        for (path, own) in own {
            let Some((sheet, text)) = &own.good else {
                continue;
            };
            let mut sheet = sheet.clone();
            let before = sheet.bindings.len();
            sheet.bindings.retain(|entry| {
                let entry = entry.get_ref();
                !(entry.learnt && entry.to == name)
            });
            if sheet.bindings.len() < before {
                count += before - sheet.bindings.len();
                changed.push((path.clone(), sheet, text.clone()));
            }
        }
        for (path, sheet, text) in changed {
            self.write(&path, &sheet, &text)?;
        }
        Ok(count)
    }

    /// A map of the performer's for a device that has none: what it does now is its base.
    fn begin(&self, names: &[String]) -> Result<(PathBuf, Sheet, String), String> {
        let Some(folder) = &self.folder else {
            return Err("this system names no folder for settings".to_owned());
        };
        let device = names.first().map_or("device", String::as_str);
        let (stem, base) = self.shipped_of(names).map_err(|error| error.to_string())?;
        let known = stem != GENERIC;
        let sheet = Sheet {
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
            Some(path) => Ok((path, sheet, text.to_owned())),
            None => Err("there is no free name".to_owned()),
        }
    }

    /// Writes a map with the comments that its text began with, and takes it up.
    fn write(&mut self, path: &Path, sheet: &Sheet, text: &str) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| {
            format!(
                "cannot write the controller map {}: {error}",
                path.display()
            )
        };
        let comment = |line: &&str| line.starts_with('#') || line.trim().is_empty();
        let mut new: String = text.split_inclusive('\n').take_while(comment).collect();
        new += &sheet.to_toml().map_err(|error| said(&error))?;
        // What is written must be what can be read.
        parse_own(&new, &self.table).map_err(|error| said(&error))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| said(&error))?;
        }
        write_atomic(path, new.as_bytes()).map_err(|error| said(&error))?;
        let good = Sheet::parse(&new).map_err(|error| said(&error))?;
        let seen = std::fs::metadata(path).map_or((None, 0), |data| seen(&data));
        let good = Some((good, new));
        self.own.insert(path.to_owned(), Own { seen, good });
        Ok(())
    }
}
