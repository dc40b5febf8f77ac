//! A show's pictures as they come: its `--out pipe:1`, read.

use std::io::Read;
use std::sync::{Arc, Mutex};

use super::{Launched, Show, ShowBuilder, wait_for};

/// Side of the small model's pictures.
const SIDE: usize = 64;

/// The last picture, and how many came before it.
#[derive(Clone, Default)]
struct Seen {
    count: usize,
    rgba: Vec<u8>,
}

/// Reads the pictures that a show writes, beside the test.
pub(crate) struct Pictures(Arc<Mutex<Seen>>);

impl Pictures {
    /// Starts a show of the small model, and looks at it.
    pub(crate) fn start(builder: ShowBuilder) -> (Show, Self) {
        let mut show = builder.args(["--out", "pipe:1"]).piped().start();
        let pictures = Self::of(&mut show);
        (show, pictures)
    }

    fn of(show: &mut Launched) -> Self {
        let mut pipe = show.process.0.stdout.take().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut rgba = vec![0; SIDE * SIDE * 4];
            while pipe.read_exact(&mut rgba).is_ok() {
                let mut seen = into.lock().unwrap();
                seen.count += 1;
                seen.rgba.clone_from(&rgba);
            }
        });
        Self(seen)
    }

    /// How many have come.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }

    /// The last one's pixels in RGBA; none before the first.
    pub(crate) fn last(&self) -> Vec<u8> {
        self.0.lock().unwrap().rgba.clone()
    }

    /// Waits for so many more.
    pub(crate) fn wait_for_more(&self, count: usize) {
        let until = self.count() + count;
        wait_for("more pictures", || {
            let count = self.count();
            (count >= until).then_some(()).ok_or(count)
        });
    }

    /// Waits for a picture of which this holds.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&[[u8; 4]]) -> bool) {
        wait_for(what, || {
            let last = self.last();
            let pixels = last.as_chunks().0;
            let middle = pixels.get(pixels.len() / 2).copied();
            let holds = !pixels.is_empty() && holds(pixels);
            holds.then_some(()).ok_or(format!("{middle:?}"))
        });
    }

    /// Waits until all of the picture has this colour, to a few levels.
    pub(crate) fn wait_for_colour(&self, colour: [u8; 3], what: &str) {
        let is_it = |pixel: &[u8; 4]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 4);
        self.wait_until(what, |pixels| pixels.iter().all(is_it));
    }
}
