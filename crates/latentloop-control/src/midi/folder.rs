//! The performer's own maps on disk.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::sheet::Sheet;
use super::shelf::parse_own;
use crate::instrument::Table;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most files of a folder that are looked at.
const MAX_FILES: usize = 256;

/// When a file was written, and how long it is.
pub(super) type Seen = (Option<SystemTime>, u64);

/// What tells a file's versions apart.
pub(super) fn seen(data: &std::fs::Metadata) -> Seen {
    (data.modified().ok(), data.len())
}

/// The maps of a folder and their stamps, by name.
pub(super) fn files(folder: &Path) -> Vec<(PathBuf, Seen)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let map = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let data = std::fs::metadata(&path).ok()?;
        let right = path.extension().is_some_and(|ending| ending == "toml") && data.is_file();
        right.then(|| (path, seen(&data)))
    };
    let mut found: Vec<_> = entries.filter_map(map).take(MAX_FILES).collect();
    found.sort();
    found
}

/// Reads a map and holds it against the table.
pub(super) fn read(path: &Path, table: &Table) -> Result<(Sheet, String), String> {
    let length = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .len();
    if length > MAX_BYTES {
        return Err(format!("it has {length} bytes, more than any map"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse_own(&text, table).map_err(|error| error.to_string())?;
    let sheet = Sheet::parse(&text).map_err(|error| error.to_string())?;
    Ok((sheet, text))
}

/// A name that any disk takes.
pub(super) fn slug(name: &str) -> String {
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
