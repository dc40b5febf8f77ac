//! The registry of users' shaders: the slots in which they are drawn, read by the renderer and the console.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::Knob;
use super::check::Checked;
use crate::instrument::{OWN_KNOBS, OWN_PASSES, ParamId};
use crate::report::Reporter;
use crate::stage::user_slot;

/// News of loaded shaders that can wait.
const WAITING: usize = 16;

/// A user's shader that was checked.
#[derive(Debug)]
pub struct UserShader {
    /// The file.
    pub path: PathBuf,
    /// What the effect is called.
    pub name: String,
    /// Its knobs, in their order.
    pub knobs: Vec<Knob>,
    pub(crate) wgsl: String,
    pub(crate) entry: String,
    /// The most operations that a point takes, a read of a texture counted as sixteen.
    pub(crate) operations: u64,
}

impl UserShader {
    pub(super) fn new(path: &Path, wgsl: String, checked: Checked) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            path: path.to_owned(),
            name: checked.header.name.unwrap_or_else(|| stem.into_owned()),
            knobs: checked.header.knobs,
            wgsl,
            entry: checked.entry,
            operations: checked.operations,
        }
    }

    /// Least and greatest value of every knob.
    pub(crate) fn ranges(&self) -> [[f32; 2]; OWN_KNOBS.len()] {
        let range = |at: usize| self.knobs.get(at).map(|knob| [knob.min, knob.max]);
        std::array::from_fn(|at| range(at).unwrap_or([0.0, 1.0]))
    }
}

/// A file was loaded into a slot where another was, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShaderLoaded {
    /// The slot, counted from 0.
    pub slot: usize,
    /// Whether there was another before.
    pub replaces: bool,
    /// Where its knobs stand at first, 0..=1.
    pub defaults: [f64; OWN_KNOBS.len()],
}

/// The slots for users' shaders. Reading them takes no lock.
pub struct ShaderRegistry {
    slots: [ArcSwapOption<UserShader>; OWN_PASSES],
    version: AtomicU64,
    loaded: (Sender<ShaderLoaded>, Receiver<ShaderLoaded>),
    reporter: Reporter,
}

impl std::fmt::Debug for ShaderRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("ShaderRegistry")
            .field("slots", &self.slots)
            .finish()
    }
}

impl ShaderRegistry {
    /// An empty one.
    pub fn new(reporter: Reporter) -> Self {
        Self {
            slots: Default::default(),
            version: AtomicU64::new(0),
            loaded: bounded(WAITING),
            reporter,
        }
    }

    /// The shader in a slot, counted from 0.
    pub fn shader(&self, slot: usize) -> Option<Arc<UserShader>> {
        self.slots.get(slot)?.load_full()
    }

    /// What the file calls what a row of the table moves; nothing where that is none of these rows, or its slot is empty.
    pub fn label(&self, param: ParamId) -> Option<String> {
        let (slot, knob) = user_slot(param)?;
        let shader = self.shader(slot)?;
        match knob {
            Some(at) => Some(shader.knobs.get(at)?.name.clone()),
            None => Some(shader.name.clone()),
        }
    }

    /// The next file that was loaded into a slot, if one was; does not wait.
    pub fn next_loaded(&self) -> Option<ShaderLoaded> {
        self.loaded.1.try_recv().ok()
    }

    /// A number that changes whenever a slot does.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Fills a slot, or empties it.
    pub(super) fn put(&self, slot: usize, shader: Option<Arc<UserShader>>) {
        self.slots[slot].store(shader);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Takes a shader off: its slot is empty until its file changes. One that has come meanwhile stays.
    pub(crate) fn take_off(&self, slot: usize, shader: &Arc<UserShader>) {
        let there = self.slots[slot].compare_and_swap(shader, None);
        if there
            .as_ref()
            .is_some_and(|there| Arc::ptr_eq(there, shader))
        {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    pub(super) fn announce(&self, loaded: ShaderLoaded) {
        // Where nobody takes them, knobs stay where they are.
        let _ = self.loaded.0.try_send(loaded);
    }

    pub(crate) fn info(&self, text: String) {
        self.reporter.info(text);
    }

    pub(crate) fn warn(&self, text: String) {
        self.reporter.warn(text);
    }
}
