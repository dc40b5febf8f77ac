//! Names of recordings and takes, reserved: no two shows write one file, and what a crash leaves behind is found again.
//!
//! A name is reserved by an empty file beside it, `.NAME.recording`, made as a new one and locked for as long as it is written
//! under. One that nobody holds is a crash's: the next show mends what it stands for and removes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::disk;
use super::mend::{Mended, mend};
use super::{Codec, RecordError, Settings};

/// What the name of a reservation ends in.
const MARK: &str = ".recording";
/// The endings of films that a show records.
const FILMS: [&str; 4] = [".mp4", ".mov", ".mkv", ".webm"];

/// A name that is this show's alone while it is held.
#[derive(Debug)]
pub struct Reservation {
    path: PathBuf,
    mark: PathBuf,
    /// Whether its folder was made for it.
    made_folder: bool,
    /// Holds the lock.
    _file: File,
}

impl Reservation {
    /// The file, or folder, that is reserved. It is not there yet.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // One that stays behind is removed at the next start.
        let _ = fs::remove_file(&self.mark);
        if self.made_folder
            && let Some(folder) = self.mark.parent()
        {
            // Only where nothing was recorded into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The ending of files that recordings of these settings go into. Without FFmpeg it is a folder's, which has none.
pub fn ending(settings: &Settings) -> &'static str {
    match settings.codec {
        _ if settings.plain_mp4 => ".mp4",
        Some(codec) => codec.ending(),
        None if cfg!(feature = "video") => Codec::H264.ending(),
        None => Codec::Png.ending(),
    }
}

/// Reserves a name in `folder`, the local date and time with that ending, `2026-11-24_21-05-59.mp4`: one that no file has, and
/// no other show. The take beside it, of the same name but `.take`, is reserved as well. The folder is made where it is not
/// there.
///
/// # Errors
/// When the disk is all but full, or the folder cannot be made or written into.
pub fn reserve(folder: &Path, now: SystemTime, ending: &str) -> Result<Reservation, RecordError> {
    disk::check(folder)?;
    let failed = |error| RecordError::write("reserve a name in", folder, error);
    let made_folder = !folder.exists();
    fs::create_dir_all(folder).map_err(failed)?;
    let stamp = chrono::DateTime::<chrono::Local>::from(now).format("%Y-%m-%d_%H-%M-%S");
    let mut number = 1;
    loop {
        let name = match number {
            1 => stamp.to_string(),
            // An underscore sorts behind the full stop of an ending, a hyphen before it.
            number => format!("{stamp}_{number}"),
        };
        if let Some(file) = try_reserve(folder, &name, ending).map_err(failed)? {
            return Ok(Reservation {
                path: folder.join(name.clone() + ending),
                mark: mark(folder, &name),
                made_folder,
                _file: file,
            });
        }
        number += 1;
    }
}

fn mark(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}{MARK}"))
}

/// The locked mark of a name; none where the name is taken.
fn try_reserve(folder: &Path, name: &str, ending: &str) -> io::Result<Option<File>> {
    let mark = mark(folder, name);
    let file = match OpenOptions::new().write(true).create_new(true).open(&mark) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    };
    // Some file systems know no locks: names are reserved there all the same.
    if file.lock().is_ok() && !mark.exists() {
        // Another show took it for one that was left behind, before it was locked.
        return Ok(None);
    }
    // Looked at only now: until the mark stood, another show could make them.
    if [ending, ".take"]
        .iter()
        .any(|ending| folder.join(name.to_owned() + ending).exists())
    {
        fs::remove_file(&mark)?;
        return Ok(None);
    }
    Ok(Some(file))
}

/// What was found of a recording that a crash left behind.
#[derive(Debug)]
pub struct LeftBehind {
    /// The film.
    pub path: PathBuf,
    /// What became of it; where it was mended, its pictures and how long they last.
    pub outcome: Result<(u64, Duration), RecordError>,
}

/// Mends the recordings in `folder` that a crash left behind, and forgets that they were. Those that another show still
/// writes are left alone. Takes the time that reading them takes.
pub fn mend_left_behind(folder: &Path) -> Vec<LeftBehind> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let name = file_name
            .to_str()
            .and_then(|name| name.strip_prefix('.')?.strip_suffix(MARK));
        let Some(name) = name else {
            continue;
        };
        // Opening a pipe would wait.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(mark) = OpenOptions::new().write(true).open(entry.path()) else {
            continue;
        };
        match mark.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
        }
        for ending in FILMS {
            let path = folder.join(name.to_owned() + ending);
            if path.is_file() {
                found.push(left_behind(path));
            }
        }
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!("cannot remove {}: {error}", entry.path().display());
        }
    }
    found
}

fn left_behind(path: PathBuf) -> LeftBehind {
    let outcome = mend(&path).and_then(|mended| match mended {
        Mended::Whole | Mended::Cut(_) => super::read_back(&path),
    });
    LeftBehind { path, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Effort;

    #[test]
    fn a_second_recording_in_the_same_second_gets_a_later_name() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let first = reserve(folder.path(), now, ".mp4").unwrap();
        fs::write(first.path(), "taken").unwrap();
        let second = reserve(folder.path(), now, ".mp4").unwrap();
        assert!(first.path() < second.path(), "in the order of names");
        assert!(!second.path().exists());
        // Whatever its ending: the takes beside them would be one file.
        let third = reserve(folder.path(), now, ".webm").unwrap();
        assert!(third.path().to_string_lossy().ends_with("_3.webm"));
        let (one, two) = (first.path().to_owned(), second.path().to_owned());
        drop((first, second, third));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // The first is written, the second never was; a take stands in the way of neither but its own.
        let take = reserve(folder.path(), now, ".take").unwrap();
        assert_eq!(take.path(), one.with_extension("take"));
        fs::write(take.path(), "taken").unwrap();
        drop(take);
        assert_eq!(reserve(folder.path(), now, ".mp4").unwrap().path(), two);
    }

    #[test]
    fn shows_that_reserve_at_once_never_get_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let held: Vec<Vec<Reservation>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let reserved = (0..25).map(|_| reserve(folder.path(), now, ".mp4"));
                        reserved.collect::<Result<_, _>>().unwrap()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let mut paths: Vec<&Path> = held.iter().flatten().map(Reservation::path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 100);
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_is_gone_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("takes");
        drop(reserve(&folder, SystemTime::now(), ".mp4").unwrap());
        assert!(!folder.exists());
        let reserved = reserve(&folder, SystemTime::now(), ".mp4").unwrap();
        fs::write(reserved.path(), "recorded").unwrap();
        drop(reserved);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(place.path().join("file"), "in the way").unwrap();
        let refused = reserve(&place.path().join("file/takes"), SystemTime::now(), ".mp4");
        assert!(refused.unwrap_err().to_string().contains("file/takes"));
    }

    #[test]
    fn marks_that_are_held_are_left_alone_and_others_go() {
        let folder = tempfile::tempdir().unwrap();
        let held = reserve(folder.path(), SystemTime::now(), ".mp4").unwrap();
        fs::write(held.path(), "being written").unwrap();
        fs::write(folder.path().join(".gone.recording"), "").unwrap();
        fs::write(folder.path().join("gone.mp4"), "no film").unwrap();
        let found = mend_left_behind(folder.path());
        assert_eq!(found.len(), 1);
        assert!(found[0].path.ends_with("gone.mp4"));
        assert!(found[0].outcome.is_err());
        assert!(!folder.path().join(".gone.recording").exists());
        assert_eq!(fs::read(held.path()).unwrap(), b"being written");
        assert!(mend_left_behind(folder.path()).is_empty());
    }

    #[test]
    fn every_codec_has_its_ending() {
        let mut settings = Settings::silent((64, 64), 30.0, Effort::Live);
        for (codec, expected) in [
            (Codec::H265, ".mp4"),
            (Codec::Prores, ".mov"),
            (Codec::Ffv1, ".mkv"),
            (Codec::Vp9, ".webm"),
            (Codec::Av1, ".mp4"),
            (Codec::Png, ""),
        ] {
            settings.codec = Some(codec);
            assert_eq!(ending(&settings), expected);
        }
        (settings.codec, settings.plain_mp4) = (Some(Codec::Vp9), true);
        assert_eq!(ending(&settings), ".mp4");
    }
}
