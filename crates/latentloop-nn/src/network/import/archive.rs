//! PyTorch's files taken apart: the pickle that describes their tensors, and the storages that hold the numbers.

use std::collections::BTreeMap;
use std::io::{BufReader, Cursor, Read};
use std::ops::Range;
use std::path::Path;

use zip::ZipArchive;

use super::pickle::{self, Object, Pickle, Place};
use crate::files;

/// First number of a file that `torch.save` wrote before version 1.6, and the version of that format.
const LEGACY: (i128, i128) = (0x1950_a86a_20f9_469c_fc6c, 1001);

/// How a storage's numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// 16 bits, IEEE 754.
    Half,
    /// 16 bits, the upper half of a single.
    Bfloat16,
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
    /// Whole numbers or truth values of so many bytes: counters, no weights.
    Whole(usize),
}

impl Element {
    /// Size in bytes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Half | Self::Bfloat16 => 2,
            Self::Single => 4,
            Self::Double => 8,
            Self::Whole(bytes) => bytes,
        }
    }

    fn of_class(name: &str) -> Option<Self> {
        Some(match name.rsplit('.').next()? {
            "HalfStorage" => Self::Half,
            "BFloat16Storage" => Self::Bfloat16,
            "FloatStorage" => Self::Single,
            "DoubleStorage" => Self::Double,
            "LongStorage" => Self::Whole(8),
            "IntStorage" => Self::Whole(4),
            "ShortStorage" => Self::Whole(2),
            "ByteStorage" | "CharStorage" | "BoolStorage" => Self::Whole(1),
            _ => return None,
        })
    }
}

/// Which storage a tensor lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StorageName<'a> {
    /// Its key.
    pub(super) key: &'a str,
    /// How its numbers are written.
    pub(super) element: Element,
}

/// Looks whether a zip archive is whole, before it is read: what it holds is told at its end.
///
/// # Errors
/// When it is not. What is no zip archive, or cannot be read, passes.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let Ok(mut file) = files::open(path) else {
        return Ok(());
    };
    let mut head = [0; 2];
    if file.read_exact(&mut head).is_err() || &head != b"PK" {
        return Ok(());
    }
    ZipArchive::new(BufReader::new(file))
        .map(drop)
        .map_err(|error| format!("it is no whole zip archive ({error}); copy it again"))
}

/// A PyTorch file.
pub(super) struct Archive<'a> {
    /// What describes its tensors.
    pub(super) pickle: Pickle,
    storages: Storages<'a>,
}

enum Storages<'a> {
    /// Since PyTorch 1.6: a zip archive, its members stored as they are.
    Zip {
        archive: ZipArchive<Cursor<&'a [u8]>>,
        folder: String,
        /// Bytes that storages may still have: all of them together are smaller than the file.
        rest: usize,
    },
    /// Before: one after the other, behind the pickles.
    Legacy {
        bytes: &'a [u8],
        places: BTreeMap<String, Range<usize>>,
    },
}

impl<'a> Archive<'a> {
    /// Takes a file of `torch.save` apart.
    ///
    /// # Errors
    /// When the bytes are none, or are cut short or damaged.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.starts_with(b"PK") {
            Self::zip(bytes)
        } else {
            Self::legacy(bytes)
        }
    }

    fn zip(bytes: &'a [u8]) -> Result<Self, String> {
        let broken = |error| format!("it is no whole zip archive ({error}); copy it again");
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        let names: Vec<String> = archive
            .file_names()
            .filter_map(Result::ok)
            .map(Into::into)
            .collect();
        let folder = names
            .iter()
            .filter_map(|name| name.strip_suffix("data.pkl"))
            .find(|folder| folder.is_empty() || folder.ends_with('/'))
            .ok_or("it is a zip archive without the data.pkl that torch.save puts there")?
            .to_owned();
        let order = member(&mut archive, &format!("{folder}byteorder"), 16);
        if order.is_ok_and(|order| order.starts_with(b"big")) {
            return Err("its numbers are in big-endian order; save it on another machine".into());
        }
        let text = member(
            &mut archive,
            &format!("{folder}data.pkl"),
            pickle::MAX_BYTES.min(bytes.len()),
        )?;
        Ok(Self {
            pickle: Pickle::read(&text)?.0,
            storages: Storages::Zip {
                archive,
                folder,
                rest: bytes.len(),
            },
        })
    }

    fn legacy(bytes: &'a [u8]) -> Result<Self, String> {
        let mut at = 0;
        let mut next = || -> Result<Pickle, String> {
            let (pickle, length) = Pickle::read(&bytes[at..])?;
            at += length;
            Ok(pickle)
        };
        let magic = next()?;
        if magic.get(magic.root()) != &Object::Int(LEGACY.0) {
            return Err(format!(
                "it is a pickle of {} that torch.save did not write",
                describe(&magic, magic.root())
            ));
        }
        let version = next()?;
        if version.get(version.root()) != &Object::Int(LEGACY.1) {
            return Err(format!(
                "its format is version {:?} where {} was expected",
                version.get(version.root()),
                LEGACY.1
            ));
        }
        let system = next()?;
        let order = entry(&system, system.root(), "little_endian").map(|place| system.get(place));
        if order == Some(&Object::Bool(false)) {
            return Err("its numbers are in big-endian order; save it on another machine".into());
        }
        let (pickle, keys) = (next()?, next()?);
        let keys = keys
            .sequence(keys.root())
            .map(|places| places.iter().map(|&key| keys.text(key)).collect())
            .and_then(|texts: Option<Vec<&str>>| texts)
            .ok_or("its list of storages is none")?
            .into_iter()
            .map(str::to_owned);
        let mut widths = BTreeMap::new();
        for object in pickle.objects() {
            if let Object::Persistent(place) = object
                && let Ok(storage) = storage(&pickle, *place)
            {
                widths.insert(storage.key, storage.element.bytes());
            }
        }
        let mut places = BTreeMap::new();
        // Where no tensor names a storage, what is missing is tensors.
        for key in keys.filter(|_| !widths.is_empty()) {
            let width = widths
                .get(key.as_str())
                .ok_or_else(|| format!("its storage {key} is of no known type"))?;
            let short = || format!("it is cut short in its storage {key}; copy it again");
            let count = bytes.get(at..at + 8).ok_or_else(short)?;
            let count = count
                .iter()
                .rev()
                .fold(0u64, |number, &byte| (number << 8) | u64::from(byte));
            let length = usize::try_from(count)
                .ok()
                .and_then(|count| count.checked_mul(*width))
                .filter(|length| *length <= bytes.len() - at - 8)
                .ok_or_else(short)?;
            places.insert(key, at + 8..at + 8 + length);
            at += 8 + length;
        }
        Ok(Self {
            pickle,
            storages: Storages::Legacy { bytes, places },
        })
    }

    /// The bytes of a storage.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub(super) fn storage(&mut self, key: &str) -> Result<Vec<u8>, String> {
        match &mut self.storages {
            Storages::Zip {
                archive,
                folder,
                rest,
            } => {
                let storage = member(archive, &format!("{folder}data/{key}"), *rest)?;
                *rest -= storage.len();
                Ok(storage)
            }
            Storages::Legacy { bytes, places } => places
                .get(key)
                .map(|place| bytes[place.clone()].to_vec())
                .ok_or_else(|| format!("it has no storage {key}")),
        }
    }
}

/// Reads a member of a zip archive that has at most `most` bytes. Its claimed size is not believed, and what PyTorch wrote
/// is not compressed: no member is larger than the file.
fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: usize,
) -> Result<Vec<u8>, String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!("its member {name} cannot be read ({error}); copy it again")
    };
    let mut bytes = Vec::new();
    let member = archive.by_name(name).map_err(|error| broken(&error))?;
    let read = member
        .take((most as u64).saturating_add(1))
        .read_to_end(&mut bytes);
    read.map_err(|error| broken(&error))?;
    if bytes.len() > most {
        return Err(format!(
            "its member {name} is larger than its file or than any state dict's"
        ));
    }
    Ok(bytes)
}

/// Reads a storage's persistent id: `("storage", class, key, device, length, …)`. A view into another storage, as the
/// legacy format may have it, is refused.
pub(super) fn storage(pickle: &Pickle, id: Place) -> Result<StorageName<'_>, String> {
    let parts = pickle.sequence(id).unwrap_or_default();
    let &[kind, class, key, _, _, ref view @ ..] = parts else {
        return Err("a tensor lies in no storage".to_owned());
    };
    let class = pickle.class(class).unwrap_or_default();
    let element = Element::of_class(class)
        .ok_or_else(|| format!("a tensor lies in a storage of type {class:?}"))?;
    let is_view = view
        .first()
        .is_some_and(|&view| pickle.get(view) != &Object::Other);
    match pickle.text(key) {
        Some(key) if pickle.text(kind) == Some("storage") && !is_view => {
            Ok(StorageName { key, element })
        }
        _ => Err("a tensor lies in a view of a storage; save it with PyTorch 1.6 or later".into()),
    }
}

/// What stands under a key of the dict at a place.
pub(super) fn entry(pickle: &Pickle, dict: Place, key: &str) -> Option<Place> {
    let pairs = pickle.dict(dict)?;
    let found = pairs
        .iter()
        .find(|(name, _)| pickle.text(*name) == Some(key));
    found.map(|(_, value)| *value)
}

/// A few words on the object at a place.
pub(super) fn describe(pickle: &Pickle, place: Place) -> String {
    match pickle.get(place) {
        Object::Dict(pairs) => format!("a dict of {} entries", pairs.len()),
        Object::Sequence(places) => format!("a list of {}", places.len()),
        Object::Text(_) => "a text".to_owned(),
        Object::Int(_) | Object::Bool(_) => "a number".to_owned(),
        Object::Class(name) => format!("the class {name}"),
        Object::Call { .. } => match pickle.call(place) {
            Some((name, _)) => format!("an object of {name}"),
            None => "an object".to_owned(),
        },
        Object::Persistent(_) | Object::Other => "something else".to_owned(),
    }
}
