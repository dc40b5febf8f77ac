//! The folder of pictures on disk: written beside its place, moved into it when whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::{FootageError, Settings};
use crate::files::read_limited;
use crate::palette::Swatch;

/// Name of the manifest in the folder.
const MANIFEST: &str = "dataset.json";
/// Most bytes of it that are read: it names every film and near-duplicate.
const MAX_MANIFEST: u64 = 256 << 20;

/// The manifest of a set: what `dataset.json` says of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// The version of latentloop that cut it.
    pub latentloop: String,
    /// The clips, in order.
    pub sources: Vec<Source>,
    /// How they were cut.
    pub settings: Settings,
    /// Pictures in the folder, mirrors and repeats counted in.
    pub count: u64,
    /// Taken frames that look like an earlier one; left out where `settings.dedupe` is set.
    pub near_duplicates: u64,
    /// The colours of the pictures, the commonest first.
    pub palette: Vec<Swatch>,
}

/// A source clip of a set.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// File name, without its folder.
    pub file: String,
    /// Of the whole file, in hexadecimal.
    pub sha256: String,
    /// Frames that were decoded.
    pub frames: u64,
    /// Packets that could not be decoded and were passed over.
    pub damaged: u64,
}

/// A set being written. Dropped before it is finished, it leaves nothing.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    partial: PathBuf,
    settings: Settings,
    count: u64,
    finished: bool,
}

impl Writer {
    /// Begins a set that will stand at `folder`.
    pub(super) fn begin(folder: &Path, settings: &Settings) -> Result<Self, FootageError> {
        refuse_foreign(folder)?;
        let name = folder
            .file_name()
            .ok_or_else(|| {
                FootageError::Setting(format!("{}: not a name for a folder", folder.display()))
            })?
            .to_string_lossy();
        let partial = folder.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        io("make the folder", &partial, fs::create_dir_all(&partial))?;
        Ok(Self {
            folder: folder.to_owned(),
            partial,
            settings: settings.clone(),
            count: 0,
            finished: false,
        })
    }

    /// Writes the encoded picture as the next file.
    pub(super) fn write(&mut self, encoded: &[u8]) -> Result<(), FootageError> {
        self.count += 1;
        let extension = self.settings.format.extension();
        let path = self.partial.join(format!("{:06}.{extension}", self.count));
        io("write the picture", &path, fs::write(&path, encoded))
    }

    /// Pictures written so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Writes the manifest and moves the set to its place; an earlier set of ours there is replaced.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), FootageError> {
        let path = self.partial.join(MANIFEST);
        let text = serde_json::to_string_pretty(manifest).map_err(std::io::Error::other);
        let written = text.and_then(|text| fs::write(&path, text + "\n"));
        io("write the manifest", &path, written)?;
        refuse_foreign(&self.folder)?;
        let old = self.partial.with_extension("old");
        let had_old = self.folder.exists();
        if had_old {
            io("move aside", &self.folder, fs::rename(&self.folder, &old))?;
        }
        let moved = fs::rename(&self.partial, &self.folder);
        if moved.is_err() && had_old {
            io("put back", &old, fs::rename(&old, &self.folder))?;
        }
        io("move the finished set to", &self.folder, moved)?;
        self.finished = true;
        if had_old {
            io("remove", &old, fs::remove_dir_all(&old))?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.partial)
        {
            tracing::warn!("cannot remove {}: {error}", self.partial.display());
        }
    }
}

/// Refuses a folder that holds anything but an earlier set of ours, which a new one may replace.
fn refuse_foreign(folder: &Path) -> Result<(), FootageError> {
    if !folder.exists() {
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in io("read the folder", folder, fs::read_dir(folder))? {
        let entry = io("read the folder", folder, entry)?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let is_set = read_limited(&folder.join(MANIFEST), MAX_MANIFEST, "manifest")
        .is_ok_and(|bytes| serde_json::from_slice::<Manifest>(&bytes).is_ok());
    match names.into_iter().find(|name| !(is_set && is_ours(name))) {
        None => Ok(()),
        Some(found) => Err(FootageError::Occupied {
            folder: folder.to_owned(),
            found,
        }),
    }
}

fn is_ours(name: &str) -> bool {
    name == MANIFEST
        || name.split_once('.').is_some_and(|(stem, extension)| {
            stem.len() >= 6
                && stem.bytes().all(|byte| byte.is_ascii_digit())
                && (extension == "jpg" || extension == "png")
        })
}

fn io<T>(doing: &'static str, path: &Path, result: std::io::Result<T>) -> Result<T, FootageError> {
    result.map_err(|source| FootageError::Io {
        doing,
        path: path.to_owned(),
        source,
    })
}
