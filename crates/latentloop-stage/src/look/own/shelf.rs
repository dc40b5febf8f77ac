//! Where checked passes stand, for whatever draws looks and for the console.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::Knob;
use super::check::Checked;
use crate::instrument::{OWN_KNOBS, OWN_PASSES};
use crate::report::Reporter;

/// Arrivals that can wait.
const WAITING: usize = 16;

/// A file that can be drawn with.
#[derive(Debug)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What the pass is called.
    pub name: String,
    /// Its knobs, in their order.
    pub knobs: Vec<Knob>,
    pub(in crate::look) text: String,
    pub(in crate::look) entry: String,
}

impl Source {
    pub(super) fn new(path: &Path, text: String, checked: Checked) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            path: path.to_owned(),
            name: checked.header.name.unwrap_or_else(|| stem.into_owned()),
            knobs: checked.header.knobs,
            text,
            entry: checked.entry,
        }
    }

    /// Least and greatest value of every knob.
    pub(in crate::look) fn ranges(&self) -> [[f32; 2]; OWN_KNOBS.len()] {
        let range = |at: usize| self.knobs.get(at).map(|knob| [knob.min, knob.max]);
        std::array::from_fn(|at| range(at).unwrap_or([0.0, 1.0]))
    }
}

/// A pass has come to a place where another was, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// The place, counted from 0.
    pub place: usize,
    /// Whether there was another before.
    pub replaces: bool,
    /// Where its knobs want to stand at first, 0..=1.
    pub rests: [f64; OWN_KNOBS.len()],
}

/// The places for a performer's own passes. Reading it takes no lock.
pub struct Shelf {
    places: [ArcSwapOption<Source>; OWN_PASSES],
    version: AtomicU64,
    arrivals: (Sender<Arrival>, Receiver<Arrival>),
    reporter: Reporter,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Shelf")
            .field("places", &self.places)
            .finish()
    }
}

impl Shelf {
    /// An empty one.
    pub fn new(reporter: Reporter) -> Self {
        Self {
            places: Default::default(),
            version: AtomicU64::new(0),
            arrivals: bounded(WAITING),
            reporter,
        }
    }

    /// What stands in a place, counted from 0.
    pub fn source(&self, place: usize) -> Option<Arc<Source>> {
        self.places.get(place)?.load_full()
    }

    /// What the file calls what a row of the table moves; nothing where that is none of these rows, or its place is empty.
    pub fn label(&self, row: &str) -> Option<String> {
        let (place, part) = row.strip_prefix("look.own.")?.split_once('.')?;
        let source = self.source(place.parse::<usize>().ok()?.checked_sub(1)?)?;
        match OWN_KNOBS.iter().position(|knob| *knob == part) {
            Some(at) => Some(source.knobs.get(at)?.name.clone()),
            None => Some(source.name.clone()),
        }
    }

    /// The next pass that has come to a place, if one has; does not wait.
    pub fn arrival(&self) -> Option<Arrival> {
        self.arrivals.1.try_recv().ok()
    }

    /// A number that changes whenever something else stands somewhere.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Puts something into a place, or empties it.
    pub(super) fn put(&self, place: usize, source: Option<Arc<Source>>) {
        self.places[place].store(source);
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn announce(&self, arrival: Arrival) {
        // Where nobody takes them, knobs stay where they are.
        let _ = self.arrivals.0.try_send(arrival);
    }

    pub(in crate::look) fn tell(&self, text: String) {
        self.reporter.info(text);
    }

    pub(in crate::look) fn warn(&self, text: String) {
        self.reporter.warn(text);
    }
}
