//! What the show tells the console, without a lock: only while one is looked at, thirty times a second at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use triple_buffer::{Input, Output, triple_buffer};

use crate::app::stats::Longest;
use crate::app::thumbnail::{
    ContentHashes, Thumbnail, ThumbnailReceiver, ThumbnailRenderer, ThumbnailRequester, thumbnails,
};
use crate::latent::Keyframe;
use crate::library::Patch;
use crate::stage::Canvas;

/// The least time between two glances, and between two pictures.
const GLANCE_INTERVAL: Duration = Duration::from_millis(33);
const PICTURE_INTERVAL: Duration = Duration::from_millis(66);
/// The longer side of the preview in pixels; of larger pictures every second, third … pixel is shown.
const PREVIEW: u32 = 512;

/// The show at a moment, as far as [`crate::control::Values`] do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::app) struct Glance {
    /// Keyframes of the loop.
    pub(in crate::app) keyframes: usize,
    /// A bit for each that has no seed: it was captured.
    pub(in crate::app) captured: u64,
    /// What their pictures are told apart by.
    pub(in crate::app) stamps: ContentHashes,
    /// Pictures shown in a second, and how many were due and not shown.
    pub(in crate::app) fps: f64,
    pub(in crate::app) dropped: u64,
    /// What the engine takes a frame.
    pub(in crate::app) pace: Duration,
    /// The time from one picture to the next that is wanted, and the longest times since the last glance.
    pub(in crate::app) interval: Duration,
    pub(in crate::app) longest: Longest,
    /// How long a recording has run, and how many pictures it lost.
    pub(in crate::app) recording: Option<(Duration, u64)>,
    /// How long the disk has room for it, where that is not long.
    pub(in crate::app) disk_left: Option<Duration>,
    /// Whether the sound is there, and its level, low, mid and high.
    pub(in crate::app) sound: Option<(bool, [f32; 4])>,
    /// Whether a gesture waits for the beat.
    pub(in crate::app) waiting: bool,
}

/// What is seldom written.
#[derive(Default)]
struct Names {
    open: AtomicBool,
    watched: AtomicBool,
    engine: ArcSwap<String>,
    piece: ArcSwapOption<Patch>,
}

/// The show's end.
pub(in crate::app) struct Feed {
    glance: Input<Glance>,
    picture: Input<Canvas>,
    requester: ThumbnailRequester,
    thumbnail_renderer: Option<ThumbnailRenderer>,
    names: Arc<Names>,
    told: Option<Instant>,
    pictured: Option<Instant>,
}

/// The console's end.
pub(in crate::app) struct Sight {
    glance: Output<Glance>,
    picture: Output<Canvas>,
    receiver: ThumbnailReceiver,
    names: Arc<Names>,
}

/// Both ends, for a model with latents of that length.
pub(in crate::app) fn feed(latent: usize) -> (Feed, Sight) {
    let (requester, thumbnail_renderer, receiver) = thumbnails(latent);
    let (glance, seen) = triple_buffer(&Glance::default());
    let (picture, shown) = triple_buffer(&Canvas::black((PREVIEW, PREVIEW)));
    let names = Arc::new(Names::default());
    let feed = Feed {
        glance,
        picture,
        requester,
        thumbnail_renderer: Some(thumbnail_renderer),
        names: Arc::clone(&names),
        told: None,
        pictured: None,
    };
    let sight = Sight {
        glance: seen,
        picture: shown,
        receiver,
        names,
    };
    (feed, sight)
}

impl Feed {
    /// What the engine draws thumbnails with; once.
    pub(in crate::app) fn thumbnail_renderer(&mut self) -> Option<ThumbnailRenderer> {
        self.thumbnail_renderer.take()
    }

    /// Whether there is a console.
    pub(in crate::app) fn is_open(&self) -> bool {
        self.names.open.load(Ordering::Relaxed)
    }

    /// Has the keyframes drawn small, where they are others than before; gives what their pictures are told apart by.
    pub(in crate::app) fn keyframes(
        &mut self,
        keyframes: &[Keyframe],
        generation: u32,
    ) -> ContentHashes {
        self.requester.ask(keyframes, generation)
    }

    /// Whether somebody looks, and has not been told just now.
    pub(in crate::app) fn is_due(&self, now: Instant) -> bool {
        let is_due = |last: Option<Instant>| {
            last.is_none_or(|last| now.duration_since(last) >= GLANCE_INTERVAL)
        };
        self.names.watched.load(Ordering::Relaxed) && is_due(self.told)
    }

    /// Tells how the show stands, and what it shows. Allocates only where the picture grows.
    pub(in crate::app) fn tell(&mut self, now: Instant, glance: Glance, canvas: &Canvas) {
        self.told = Some(now);
        self.glance.write(glance);
        let is_fresh = |last: Instant| now.duration_since(last) < PICTURE_INTERVAL;
        if self.pictured.is_some_and(is_fresh) {
            return;
        }
        self.pictured = Some(now);
        shrink(canvas, self.picture.input_buffer_mut());
        self.picture.publish();
    }

    /// Tells what is played, and what draws it. Allocates: once a piece.
    pub(in crate::app) fn name(&self, piece: &Arc<Patch>, engine: &str) {
        self.names.piece.store(Some(Arc::clone(piece)));
        self.names.engine.store(Arc::new(engine.to_owned()));
    }
}

impl Sight {
    /// Says whether anyone looks: then the show tells.
    pub(super) fn watch(&self, on: bool) {
        self.names.watched.store(on, Ordering::Relaxed);
    }

    /// Says whether there is a console.
    pub(super) fn open(&self, on: bool) {
        self.names.open.store(on, Ordering::Relaxed);
        self.watch(on);
    }

    /// Whether there is something new.
    pub(super) fn is_new(&self) -> bool {
        self.glance.updated() || self.picture.updated() || self.receiver.has_news()
    }

    /// Hands every thumbnail that has come to `keep`.
    pub(super) fn thumbnails(&self, keep: impl FnMut(&Thumbnail)) {
        self.receiver.take(keep);
    }

    /// The newest state.
    pub(super) fn glance(&mut self) -> Glance {
        *self.glance.read()
    }

    /// The newest picture, if it was not taken yet.
    pub(super) fn picture(&mut self) -> Option<&Canvas> {
        self.picture
            .update()
            .then(|| self.picture.peek_output_buffer())
    }

    /// What draws.
    pub(super) fn engine(&self) -> Arc<String> {
        self.names.engine.load_full()
    }

    /// What is played.
    pub(super) fn piece(&self) -> Option<Arc<Patch>> {
        self.names.piece.load_full()
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.open(false);
    }
}

/// Copies a picture; of one that is larger than the preview, every n-th pixel.
fn shrink(from: &Canvas, to: &mut Canvas) {
    let step = from.size.0.max(from.size.1).div_ceil(PREVIEW).max(1);
    if step == 1 {
        to.resize(from.size);
        return to.rgba.copy_from_slice(&from.rgba);
    }
    let (width, height) = (from.size.0 / step, from.size.1 / step);
    to.resize((width.max(1), height.max(1)));
    let line = from.size.0 as usize * 4;
    let step = step as usize;
    let rows = to.rgba.chunks_exact_mut(to.size.0 as usize * 4);
    for (row, out) in rows.enumerate() {
        let source = &from.rgba[row * step * line..][..line];
        for (pixel, out) in out.chunks_exact_mut(4).enumerate() {
            out.copy_from_slice(&source[pixel * step * 4..][..4]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_show_tells_only_who_looks_and_not_too_often() {
        let (mut feed, mut sight) = feed(4);
        let now = Instant::now();
        assert!(!feed.is_due(now), "nobody looks");
        sight.watch(true);
        assert!(feed.is_due(now));
        let glance = Glance {
            keyframes: 8,
            dropped: 3,
            ..Glance::default()
        };
        let canvas = Canvas {
            size: (1, 1),
            rgba: vec![1, 2, 3, 255],
        };
        feed.tell(now, glance, &canvas);
        assert!(sight.is_new());
        assert_eq!(sight.glance(), glance);
        assert_eq!(sight.picture(), Some(&canvas));
        assert_eq!(sight.picture(), None);
        assert!(!feed.is_due(now + Duration::from_millis(20)));
        let later = now + Duration::from_millis(40);
        assert!(feed.is_due(later));
        feed.tell(later, glance, &canvas);
        assert_eq!(sight.picture(), None, "pictures come at half the pace");
        drop(sight);
        assert!(!feed.is_due(now + Duration::from_secs(1)), "it was closed");
    }

    #[test]
    fn a_large_picture_is_thinned_out() {
        let mut large = Canvas::black((1030, 600));
        for (index, pixel) in large.rgba.chunks_exact_mut(4).enumerate() {
            (pixel[0], pixel[1]) = ((index % 1030 / 3) as u8, (index / 1030 / 3) as u8);
        }
        let mut small = Canvas::default();
        shrink(&large, &mut small);
        assert_eq!(small.size, (343, 200));
        let pixel = |x: usize, y: usize| &small.rgba[(y * 343 + x) * 4..][..4];
        assert_eq!(pixel(7, 9), [7, 9, 0, 255]);
        assert_eq!(pixel(200, 150), [200, 150, 0, 255]);
    }
}
