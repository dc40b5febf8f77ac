//! The channel from the show to the console, without a lock: used only while somebody looks, thirty times a second at most.

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
use crate::stage::{Canvas, Readout};

/// The least time between two snapshots, and between two pictures.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(33);
const PICTURE_INTERVAL: Duration = Duration::from_millis(66);
/// The longer side of the preview in pixels; of larger pictures every second, third … pixel is shown.
const PREVIEW: u32 = 512;

/// A snapshot of the show for the console, as far as [`crate::control::Values`] do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::app) struct ConsoleSnapshot {
    /// Keyframes of the loop.
    pub(in crate::app) keyframes: usize,
    /// A bit for each keyframe that was captured, and has no seed.
    pub(in crate::app) captured: u64,
    /// The stamps of their thumbnails.
    pub(in crate::app) stamps: ContentHashes,
    /// Pictures shown in a second, and how many were due and not shown.
    pub(in crate::app) fps: f64,
    pub(in crate::app) dropped: u64,
    /// The time that the engine takes a frame.
    pub(in crate::app) pace: Duration,
    /// The time from one picture to the next that is wanted, and the longest times since the last snapshot.
    pub(in crate::app) interval: Duration,
    pub(in crate::app) longest: Longest,
    /// The length of the recording, and the number of pictures that it lost.
    pub(in crate::app) recording: Option<(Duration, u64)>,
    /// The time for which the disk has room for it, where that is not long.
    pub(in crate::app) disk_left: Option<Duration>,
    /// Whether the sound is there, and its level, low, mid and high.
    pub(in crate::app) sound: Option<(bool, [f32; 4])>,
    /// Whether a gesture waits for the beat.
    pub(in crate::app) waiting: bool,
}

/// State that is seldom written, shared by both ends.
#[derive(Default)]
struct SharedState {
    open: AtomicBool,
    watched: AtomicBool,
    engine: ArcSwap<String>,
    patch: ArcSwapOption<Patch>,
    readout: ArcSwapOption<Readout>,
}

/// The show's end of the channel.
pub(in crate::app) struct ConsoleSender {
    snapshot: Input<ConsoleSnapshot>,
    picture: Input<Canvas>,
    requester: ThumbnailRequester,
    thumbnail_renderer: Option<ThumbnailRenderer>,
    shared: Arc<SharedState>,
    sent_at: Option<Instant>,
    picture_sent_at: Option<Instant>,
    has_readout: bool,
}

/// The console's end of the channel.
pub(in crate::app) struct ConsoleReceiver {
    snapshot: Output<ConsoleSnapshot>,
    picture: Output<Canvas>,
    thumbnails: ThumbnailReceiver,
    shared: Arc<SharedState>,
}

/// A console channel, for a model with latents of that length.
pub(in crate::app) fn console_channel(latent: usize) -> (ConsoleSender, ConsoleReceiver) {
    let (requester, thumbnail_renderer, thumbnails) = thumbnails(latent);
    let (snapshot, seen) = triple_buffer(&ConsoleSnapshot::default());
    let (picture, shown) = triple_buffer(&Canvas::black((PREVIEW, PREVIEW)));
    let shared = Arc::new(SharedState::default());
    let sender = ConsoleSender {
        snapshot,
        picture,
        requester,
        thumbnail_renderer: Some(thumbnail_renderer),
        shared: Arc::clone(&shared),
        sent_at: None,
        picture_sent_at: None,
        has_readout: false,
    };
    let receiver = ConsoleReceiver {
        snapshot: seen,
        picture: shown,
        thumbnails,
        shared,
    };
    (sender, receiver)
}

impl ConsoleSender {
    /// What the engine draws thumbnails with; once.
    pub(in crate::app) fn thumbnail_renderer(&mut self) -> Option<ThumbnailRenderer> {
        self.thumbnail_renderer.take()
    }

    /// Whether there is a console.
    pub(in crate::app) fn is_open(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Has the keyframes drawn small, where they are others than before; gives what their pictures are told apart by.
    pub(in crate::app) fn keyframes(
        &mut self,
        keyframes: &[Keyframe],
        generation: u32,
    ) -> ContentHashes {
        self.requester.ask(keyframes, generation)
    }

    /// Whether somebody looks, and the last snapshot is old enough.
    pub(in crate::app) fn is_due(&self, now: Instant) -> bool {
        let is_due = |last: Option<Instant>| {
            last.is_none_or(|last| now.duration_since(last) >= SNAPSHOT_INTERVAL)
        };
        self.shared.watched.load(Ordering::Relaxed) && is_due(self.sent_at)
    }

    /// Sends how the show stands, and what it shows. Allocates only where the picture grows.
    pub(in crate::app) fn send(
        &mut self,
        now: Instant,
        snapshot: ConsoleSnapshot,
        canvas: &Canvas,
    ) {
        self.sent_at = Some(now);
        self.snapshot.write(snapshot);
        let is_fresh = |last: Instant| now.duration_since(last) < PICTURE_INTERVAL;
        if self.picture_sent_at.is_some_and(is_fresh) {
            return;
        }
        self.picture_sent_at = Some(now);
        downsample(canvas, self.picture.input_buffer_mut());
        self.picture.publish();
    }

    /// Sends the tables that lie over the console: `fresh` where it is another than the last. Allocates where it sends some.
    pub(in crate::app) fn set_readout(&mut self, readout: Option<&Readout>, fresh: bool) {
        if readout.is_some() == self.has_readout && !(fresh && self.has_readout) {
            return;
        }
        self.has_readout = readout.is_some();
        let tables = |readout: &Readout| {
            Arc::new(Readout {
                open: false,
                ..readout.clone()
            })
        };
        self.shared.readout.store(readout.map(tables));
    }

    /// Sends what is played, and what draws it. Allocates: once a patch.
    pub(in crate::app) fn set_patch(&self, patch: &Arc<Patch>, engine: &str) {
        self.shared.patch.store(Some(Arc::clone(patch)));
        self.shared.engine.store(Arc::new(engine.to_owned()));
    }
}

impl ConsoleReceiver {
    /// Says whether anyone looks: then the show sends.
    pub(super) fn watch(&self, on: bool) {
        self.shared.watched.store(on, Ordering::Relaxed);
    }

    /// Says whether there is a console.
    pub(in crate::app) fn open(&self, on: bool) {
        self.shared.open.store(on, Ordering::Relaxed);
        self.watch(on);
    }

    /// Whether something new has come.
    pub(super) fn is_new(&self) -> bool {
        self.snapshot.updated() || self.picture.updated() || self.thumbnails.has_news()
    }

    /// Hands every thumbnail that has come to `keep`.
    pub(super) fn thumbnails(&self, keep: impl FnMut(&Thumbnail)) {
        self.thumbnails.take(keep);
    }

    /// The newest state.
    pub(super) fn snapshot(&mut self) -> ConsoleSnapshot {
        *self.snapshot.read()
    }

    /// The newest picture, if it was not taken yet.
    pub(super) fn picture(&mut self) -> Option<&Canvas> {
        self.picture
            .update()
            .then(|| self.picture.peek_output_buffer())
    }

    /// The name of the engine that draws.
    pub(super) fn engine(&self) -> Arc<String> {
        self.shared.engine.load_full()
    }

    /// What lies over the console.
    pub(in crate::app) fn readout(&self) -> Option<Arc<Readout>> {
        self.shared.readout.load_full()
    }

    /// The patch that is played.
    pub(super) fn patch(&self) -> Option<Arc<Patch>> {
        self.shared.patch.load_full()
    }
}

impl Drop for ConsoleReceiver {
    fn drop(&mut self) {
        self.open(false);
    }
}

/// Copies a picture; of one that is larger than the preview, every n-th pixel.
fn downsample(from: &Canvas, to: &mut Canvas) {
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
        let (mut sender, mut receiver) = console_channel(4);
        let now = Instant::now();
        assert!(!sender.is_due(now), "nobody looks");
        receiver.watch(true);
        assert!(sender.is_due(now));
        let snapshot = ConsoleSnapshot {
            keyframes: 8,
            dropped: 3,
            ..ConsoleSnapshot::default()
        };
        let canvas = Canvas {
            size: (1, 1),
            rgba: vec![1, 2, 3, 255],
        };
        sender.send(now, snapshot, &canvas);
        assert!(receiver.is_new());
        assert_eq!(receiver.snapshot(), snapshot);
        assert_eq!(receiver.picture(), Some(&canvas));
        assert_eq!(receiver.picture(), None);
        assert!(!sender.is_due(now + Duration::from_millis(20)));
        let later = now + Duration::from_millis(40);
        assert!(sender.is_due(later));
        sender.send(later, snapshot, &canvas);
        assert_eq!(receiver.picture(), None, "pictures come at half the pace");
        drop(receiver);
        assert!(
            !sender.is_due(now + Duration::from_secs(1)),
            "it was closed"
        );
    }

    #[test]
    fn a_large_picture_is_thinned_out() {
        let mut large = Canvas::black((1030, 600));
        for (index, pixel) in large.rgba.chunks_exact_mut(4).enumerate() {
            (pixel[0], pixel[1]) = ((index % 1030 / 3) as u8, (index / 1030 / 3) as u8);
        }
        let mut small = Canvas::default();
        downsample(&large, &mut small);
        assert_eq!(small.size, (343, 200));
        let pixel = |x: usize, y: usize| &small.rgba[(y * 343 + x) * 4..][..4];
        assert_eq!(pixel(7, 9), [7, 9, 0, 255]);
        assert_eq!(pixel(200, 150), [200, 150, 0, 255]);
    }
}
