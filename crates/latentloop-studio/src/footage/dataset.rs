//! The folder of pictures on disk: written beside its place, moved into it when whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{FootageError, Matrix, Settings};
use crate::files::read_text_limited;
use crate::palette::Swatch;

/// Name of the manifest in the folder.
const MANIFEST: &str = "dataset.json";
/// What follows the name of a set that is being written, before the number of the process that writes it.
const PARTIAL: &str = ".partial-";
/// Locked in that folder for as long as it is written.
const LOCK: &str = ".lock";
/// Ending of an earlier set while the new one takes its place.
const OLD: &str = "old";
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
    /// The matrix between YUV and RGB that was assumed; none where the clip says its own, or one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_matrix: Option<Matrix>,
}

/// A set being written. Dropped before it is finished, it leaves nothing.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    partial: PathBuf,
    /// Held, and so locked, while the set is written.
    _lock: File,
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
        clear_left_behind(folder, &name);
        let partial = folder.with_file_name(format!(".{name}{PARTIAL}{}", std::process::id()));
        io("make the folder", &partial, fs::create_dir_all(&partial))?;
        let lock = partial.join(LOCK);
        let lock = io(
            "write",
            &lock,
            File::create(&lock).and_then(|file| file.lock().map(|()| file)),
        )?;
        Ok(Self {
            folder: folder.to_owned(),
            partial,
            _lock: lock,
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
        let lock = self.partial.join(LOCK);
        io("remove", &lock, fs::remove_file(&lock))?;
        let old = self.partial.with_extension(OLD);
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

/// Removes what killed runs left of a set at `folder`, and puts an earlier set back that the last of them had moved aside. What is
/// still being written is locked and left alone; what cannot be removed is told and in nobody's way.
fn clear_left_behind(folder: &Path, name: &str) {
    let place = folder
        .parent()
        .filter(|place| !place.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let old = place.join(format!(".{name}.{OLD}"));
    if old.is_dir() && !folder.exists() && refuse_foreign(&old).is_ok() {
        match fs::rename(&old, folder) {
            Ok(()) => tracing::info!(
                "{} was moved aside by a run that was killed: it is back",
                folder.display()
            ),
            Err(error) => tracing::warn!("cannot put {} back: {error}", old.display()),
        }
    }
    let start = format!(".{name}{PARTIAL}");
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_partial = entry
            .file_name()
            .to_string_lossy()
            .strip_prefix(&start)
            .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()));
        let partial = entry.path();
        if !is_partial || !partial.is_dir() || is_being_written(&partial) {
            continue;
        }
        match fs::remove_dir_all(&partial) {
            Ok(()) => tracing::info!(
                "removed {}, which a run that was killed had left",
                partial.display()
            ),
            Err(error) => tracing::warn!("cannot remove {}: {error}", partial.display()),
        }
    }
}

/// Whether another run holds the lock of a partial set, or may be about to.
fn is_being_written(partial: &Path) -> bool {
    match File::options().write(true).open(partial.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_err(),
        Err(_) => {
            let age = fs::metadata(partial).and_then(|about| about.modified());
            let age = age.ok().and_then(|changed| changed.elapsed().ok());
            age.is_none_or(|age| age < Duration::from_secs(60))
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
    let manifest = read_text_limited(&folder.join(MANIFEST), MAX_MANIFEST, "manifest");
    let is_set = manifest.is_ok_and(|text| serde_json::from_str::<Manifest>(&text).is_ok());
    match names.into_iter().find(|name| !(is_set && is_ours(name))) {
        None => Ok(()),
        Some(found) => Err(FootageError::Occupied {
            folder: folder.to_owned(),
            found,
        }),
    }
}

fn is_ours(name: &str) -> bool {
    let left_by_macos = name == ".DS_Store" || name.starts_with("._");
    name == MANIFEST
        || left_by_macos
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
