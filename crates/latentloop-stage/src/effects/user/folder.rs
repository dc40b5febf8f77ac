//! The watcher of the folder of users' shaders: files that come, go and change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::check::check;
use super::{Header, ShaderLoaded, ShaderRegistry, UserShader};
use crate::files::{self, MAX_TEXT_BYTES, read_text_limited};
use crate::instrument::{OWN_KNOBS, OWN_PASSES};

/// The folder is looked at this often.
const INTERVAL: Duration = Duration::from_millis(300);
/// A file that is not there for so many looks is gone: editors take one away for a moment.
const LOOKS: u32 = 4;
/// What naga needs for the worst of the files that are let in.
pub(crate) const STACK: usize = 256 << 20;

/// The thread that watches the folder of users' shaders, until it is dropped.
#[derive(Debug)]
pub struct FolderWatcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FolderWatcher {
    /// Starts the thread that reads the folder's `.wgsl` files onto the registry, now and whenever they change. A folder that is
    /// not there is an empty one.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub fn start(folder: PathBuf, registry: Arc<ShaderRegistry>) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("look-files".into())
            .stack_size(STACK)
            .spawn(move || {
                let mut folder = Folder::new(folder, &registry);
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

impl Drop for FolderWatcher {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl ShaderRegistry {
    /// Reads a folder once, and waits until that is done.
    ///
    /// # Errors
    /// When there is no room for a thread.
    pub fn read(self: &Arc<Self>, folder: PathBuf) -> std::io::Result<()> {
        let registry = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("look-files".into())
            .stack_size(STACK)
            .spawn(move || Folder::new(folder, &registry).look())?;
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
    /// Its last good version, and the slot that that asks for.
    good: Option<(Arc<UserShader>, Option<usize>)>,
    slot: Option<usize>,
    /// Looks for which it was not there.
    missing: u32,
    /// Whether it was reported that there is no slot for it.
    is_reported: bool,
}

struct Folder<'a> {
    path: PathBuf,
    registry: &'a ShaderRegistry,
    files: BTreeMap<PathBuf, File>,
    /// Which file stood in each slot last.
    last: [Option<PathBuf>; OWN_PASSES],
}

impl<'a> Folder<'a> {
    fn new(path: PathBuf, registry: &'a ShaderRegistry) -> Self {
        Self {
            path,
            registry,
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
        let registry = self.registry;
        self.files.retain(|path, file| {
            if file.missing < LOOKS {
                return true;
            }
            if let Some(slot) = file.slot {
                registry.put(slot, None);
                registry.info(format!(
                    "{} is gone: own pass {} is empty",
                    path.display(),
                    slot + 1
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
                if read(&path, file, registry) {
                    changed.push(path);
                }
            }
        }
        self.assign_slots(&changed);
    }

    /// Gives slots to those that have none: first to those that ask for one, then by name.
    fn assign_slots(&mut self, changed: &[PathBuf]) {
        for asks in [true, false] {
            let all: Vec<PathBuf> = self.files.keys().cloned().collect();
            for path in all {
                self.assign_slot(&path, asks);
            }
        }
        for path in changed {
            if let Some(File {
                good: Some((shader, _)),
                slot: Some(slot),
                ..
            }) = self.files.get(path)
            {
                self.publish(*slot, shader);
            }
        }
    }

    fn assign_slot(&mut self, path: &Path, asks: bool) {
        let taken: Vec<Option<usize>> = self.files.values().map(|file| file.slot).collect();
        let is_free = |slot: &usize| !taken.contains(&Some(*slot));
        let Some(file) = self.files.get_mut(path) else {
            return;
        };
        let Some((_, wanted)) = &file.good else {
            return;
        };
        if wanted.is_some() != asks || (file.slot.is_some() && file.slot == *wanted) {
            return;
        }
        if file.slot.is_some() && wanted.is_none() {
            return;
        }
        let free = match wanted {
            Some(wanted) => Some(*wanted).filter(is_free),
            None => (0..OWN_PASSES).find(is_free),
        };
        if let Some(slot) = free {
            if let Some(before) = file.slot.replace(slot) {
                self.registry.put(before, None);
            }
            file.is_reported = false;
            let shader = file.good.as_ref().map(|(shader, _)| Arc::clone(shader));
            if let Some(shader) = shader {
                self.load(slot, path, &shader);
            }
        } else if !file.is_reported {
            file.is_reported = true;
            let reason = match wanted {
                Some(wanted) => format!("slot {} is taken by another file", wanted + 1),
                None => format!("all {OWN_PASSES} slots are taken"),
            };
            let what = if file.slot.is_some() {
                "it stays where it was"
            } else {
                "it is not drawn"
            };
            self.registry
                .warn(format!("{}: {reason}: {what}", path.display()));
        }
    }

    /// Loads a file into a slot.
    fn load(&mut self, slot: usize, path: &Path, shader: &Arc<UserShader>) {
        self.publish(slot, shader);
        let before = self.last[slot].replace(path.to_owned());
        if before.as_deref() == Some(path) {
            return;
        }
        let default = |at: usize| shader.knobs.get(at).map_or(0.5, |knob| knob.default_unit());
        self.registry.announce(ShaderLoaded {
            slot,
            replaces: before.is_some(),
            defaults: std::array::from_fn(default),
        });
        let knobs = shader.knobs.iter().zip(OWN_KNOBS);
        let knobs: Vec<String> = knobs
            .map(|(knob, row)| format!("{row}: {}", knob.name))
            .collect();
        self.registry.info(format!(
            "own pass {} is {} ({}){}",
            slot + 1,
            shader.name,
            path.display(),
            if knobs.is_empty() {
                String::new()
            } else {
                format!(", {}", knobs.join(", "))
            }
        ));
    }

    fn publish(&self, slot: usize, shader: &Arc<UserShader>) {
        let there = self.registry.shader(slot);
        if !there.is_some_and(|there| Arc::ptr_eq(&there, shader)) {
            self.registry.put(slot, Some(Arc::clone(shader)));
        }
    }
}

/// The folder's `.wgsl` files by name, with their stamps.
fn listed(folder: &Path) -> Vec<(PathBuf, Stamp)> {
    let mut found: Vec<(PathBuf, Stamp)> = files::list(folder)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|path| {
            let is_shader = path.extension().is_some_and(|ending| ending == "wgsl");
            let metadata = std::fs::metadata(&path).ok()?;
            (is_shader && metadata.is_file())
                .then(|| (path, (metadata.modified().ok(), metadata.len())))
        })
        .collect();
    found.sort();
    found
}

/// Reads a file; true where there is a new good version. What is wrong is reported.
fn read(path: &Path, file: &mut File, registry: &ShaderRegistry) -> bool {
    let read = read_text_limited(path, MAX_TEXT_BYTES, "pass")
        .map_err(|error| format!("{}: {error}", path.display()));
    let checked = read.and_then(|text| match check(&text) {
        Ok(checked) => Ok((text, checked)),
        Err(fault) => Err(format!("{}:{fault}", path.display())),
    });
    match checked {
        Ok((text, checked)) => {
            let Header { slot, .. } = checked.header;
            let is_first = file.good.is_none();
            file.good = Some((Arc::new(UserShader::new(path, text, checked)), slot));
            if !is_first {
                registry.info(format!("read {} again", path.display()));
            }
            true
        }
        Err(reason) => {
            let then = if file.good.is_some() {
                "its last good version goes on"
            } else {
                "it is not drawn"
            };
            registry.warn(format!("{reason}; {then}"));
            false
        }
    }
}

#[cfg(test)]
mod tests;
