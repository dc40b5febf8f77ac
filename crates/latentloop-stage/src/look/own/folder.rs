//! The folder of a performer's own passes, looked at again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::check::check;
use super::{Arrival, Header, Shelf, Source};
use crate::instrument::{OWN_KNOBS, OWN_PASSES};

/// The folder is looked at this often.
const INTERVAL: Duration = Duration::from_millis(300);
/// A file that is not there for so many looks is gone: editors take one away for a moment.
const LOOKS: u32 = 4;
/// What naga needs for the worst of the files that are let in.
pub(crate) const STACK: usize = 256 << 20;

/// Looks after a folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts the thread that reads the folder's `.wgsl` files onto the shelf, now and whenever they change. A folder that is
    /// not there is an empty one.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub fn start(folder: PathBuf, shelf: Arc<Shelf>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("look-files".into())
            .stack_size(STACK)
            .spawn(move || {
                let mut folder = Folder::new(folder, &shelf);
                loop {
                    folder.look();
                    if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Shelf {
    /// Reads a folder once, and waits until that is done.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub fn read(self: &Arc<Self>, folder: PathBuf) -> std::io::Result<()> {
        let shelf = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("look-files".into())
            .stack_size(STACK)
            .spawn(move || Folder::new(folder, &shelf).look())?;
        match thread.join() {
            Ok(()) => Ok(()),
            // It was reported when it happened.
            Err(_) => Err(std::io::Error::other("reading the folder failed")),
        }
    }
}

/// When a file was written, and how long it is.
type Stamp = (Option<SystemTime>, u64);

/// A file that was seen.
#[derive(Default)]
struct File {
    stamp: Option<Stamp>,
    /// Its last good version, and the place that that asks for.
    good: Option<(Arc<Source>, Option<usize>)>,
    place: Option<usize>,
    /// Looks for which it was not there.
    missing: u32,
    /// Whether it was told that there is no place for it.
    is_told: bool,
}

struct Folder<'a> {
    path: PathBuf,
    shelf: &'a Shelf,
    files: BTreeMap<PathBuf, File>,
    /// Which file stood in each place last.
    last: [Option<PathBuf>; OWN_PASSES],
}

impl<'a> Folder<'a> {
    fn new(path: PathBuf, shelf: &'a Shelf) -> Self {
        Self {
            path,
            shelf,
            files: BTreeMap::new(),
            last: Default::default(),
        }
    }

    fn look(&mut self) {
        let found = listed(&self.path);
        for (path, file) in &mut self.files {
            let is_there = found.iter().any(|(other, _)| other == path);
            file.missing = if is_there { 0 } else { file.missing + 1 };
        }
        let shelf = self.shelf;
        self.files.retain(|path, file| {
            if file.missing < LOOKS {
                return true;
            }
            if let Some(place) = file.place {
                shelf.put(place, None);
                shelf.tell(format!(
                    "{} is gone: own pass {} is empty",
                    path.display(),
                    place + 1
                ));
            }
            false
        });
        let mut changed = Vec::new();
        for (path, stamp) in found {
            let file = self.files.entry(path.clone()).or_default();
            // An empty file is one that is being written.
            if file.stamp != Some(stamp) && stamp.1 > 0 {
                file.stamp = Some(stamp);
                if read(&path, file, shelf) {
                    changed.push(path);
                }
            }
        }
        self.place(&changed);
    }

    /// Gives places to those that have none: first to those that ask for one, then by name.
    fn place(&mut self, changed: &[PathBuf]) {
        for asks in [true, false] {
            let all: Vec<PathBuf> = self.files.keys().cloned().collect();
            for path in all {
                self.find_place(&path, asks);
            }
        }
        for path in changed {
            if let Some(File {
                good: Some((source, _)),
                place: Some(place),
                ..
            }) = self.files.get(path)
            {
                self.set(*place, source);
            }
        }
    }

    fn find_place(&mut self, path: &Path, asks: bool) {
        let taken: Vec<Option<usize>> = self.files.values().map(|file| file.place).collect();
        let is_free = |place: &usize| !taken.contains(&Some(*place));
        let Some(file) = self.files.get_mut(path) else {
            return;
        };
        let Some((_, wanted)) = &file.good else {
            return;
        };
        if wanted.is_some() != asks || (file.place.is_some() && file.place == *wanted) {
            return;
        }
        if file.place.is_some() && wanted.is_none() {
            return;
        }
        let free = match wanted {
            Some(wanted) => Some(*wanted).filter(is_free),
            None => (0..OWN_PASSES).find(is_free),
        };
        if let Some(place) = free {
            if let Some(before) = file.place.replace(place) {
                self.shelf.put(before, None);
            }
            file.is_told = false;
            let source = file.good.as_ref().map(|(source, _)| Arc::clone(source));
            if let Some(source) = source {
                self.arrive(place, path, &source);
            }
        } else if !file.is_told {
            file.is_told = true;
            let reason = match wanted {
                Some(wanted) => format!("slot {} is taken by another file", wanted + 1),
                None => format!("all {OWN_PASSES} slots are taken"),
            };
            let what = if file.place.is_some() {
                "it stays where it was"
            } else {
                "it is not drawn"
            };
            self.shelf
                .warn(format!("{}: {reason}: {what}", path.display()));
        }
    }

    /// A file comes to a place.
    fn arrive(&mut self, place: usize, path: &Path, source: &Arc<Source>) {
        self.set(place, source);
        let before = self.last[place].replace(path.to_owned());
        if before.as_deref() == Some(path) {
            return;
        }
        let rest = |at: usize| source.knobs.get(at).map_or(0.5, |knob| knob.rest());
        self.shelf.announce(Arrival {
            place,
            replaces: before.is_some(),
            rests: std::array::from_fn(rest),
        });
        let knobs = source.knobs.iter().zip(OWN_KNOBS);
        let knobs: Vec<String> = knobs
            .map(|(knob, row)| format!("{row}: {}", knob.name))
            .collect();
        self.shelf.tell(format!(
            "own pass {} is {} ({}){}",
            place + 1,
            source.name,
            path.display(),
            if knobs.is_empty() {
                String::new()
            } else {
                format!(", {}", knobs.join(", "))
            }
        ));
    }

    fn set(&self, place: usize, source: &Arc<Source>) {
        let there = self.shelf.source(place);
        if !there.is_some_and(|there| Arc::ptr_eq(&there, source)) {
            self.shelf.put(place, Some(Arc::clone(source)));
        }
    }
}

/// The folder's `.wgsl` files by name, with their stamps.
fn listed(folder: &Path) -> Vec<(PathBuf, Stamp)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(PathBuf, Stamp)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_hidden = path.file_name()?.to_string_lossy().starts_with('.');
            let is_shader = path.extension().is_some_and(|ending| ending == "wgsl");
            let told = std::fs::metadata(&path).ok()?;
            (is_shader && !is_hidden && told.is_file())
                .then(|| (path, (told.modified().ok(), told.len())))
        })
        .collect();
    found.sort();
    found
}

/// Reads a file; true where there is a new good version. What is wrong is told.
fn read(path: &Path, file: &mut File, shelf: &Shelf) -> bool {
    let read =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let checked = read.and_then(|text| match check(&text) {
        Ok(checked) => Ok((text, checked)),
        Err(fault) => Err(format!("{}:{fault}", path.display())),
    });
    match checked {
        Ok((text, checked)) => {
            let Header { place, .. } = checked.header;
            let is_first = file.good.is_none();
            file.good = Some((Arc::new(Source::new(path, text, checked)), place));
            if !is_first {
                shelf.tell(format!("read {} again", path.display()));
            }
            true
        }
        Err(reason) => {
            let then = if file.good.is_some() {
                "its last good version goes on"
            } else {
                "it is not drawn"
            };
            shelf.warn(format!("{reason}; {then}"));
            false
        }
    }
}

#[cfg(test)]
mod tests;
