//! Thumbnails of the keyframes for the console, drawn by the engine where it has time.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use triple_buffer::{Input, Output, triple_buffer};

use crate::engine::{Engine, EngineError, Norm, ROWS, Rounding};
use crate::instrument::MAX_KEYFRAMES;
use crate::latent::Keyframe;
use crate::stage::Canvas;

/// The longer side of a thumbnail in pixels.
const SIDE: u32 = 128;
/// Thumbnails under way to the console at most.
const UNDER_WAY: usize = 8;
/// An engine that never has time for a thumbnail takes it, this often at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// Content hashes: what tells the picture of each keyframe from every other; 0 where there is no keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentHashes(pub(super) [u64; MAX_KEYFRAMES]);

impl Default for ContentHashes {
    fn default() -> Self {
        Self([0; MAX_KEYFRAMES])
    }
}

/// A small picture.
#[derive(Debug, Default)]
pub(super) struct Thumbnail {
    /// What it is a picture of.
    pub(super) stamp: u64,
    pub(super) canvas: Canvas,
}

/// Keyframes that are looked at: one row of latents each.
#[derive(Clone)]
struct Order {
    stamps: ContentHashes,
    /// Which engine they are meant for.
    generation: u32,
    latent: usize,
    z: Vec<f32>,
}

/// The show's end of the thumbnails: requests those of the keyframes that there are.
pub(super) struct ThumbnailRequester {
    orders: Input<Order>,
    last: ContentHashes,
}

/// The engine's end of the thumbnails: renders what was requested.
pub(super) struct ThumbnailRenderer {
    orders: Output<Order>,
    /// What was drawn of the present order.
    drawn: Vec<u64>,
    painted: Vec<u8>,
    free: Receiver<Thumbnail>,
    done: Sender<Thumbnail>,
    /// When the last one was drawn, and what it took.
    last: Option<Instant>,
    took: Duration,
}

/// The console's end of the thumbnails: receives them.
pub(super) struct ThumbnailReceiver {
    done: Receiver<Thumbnail>,
    free: Sender<Thumbnail>,
}

/// All three ends, for latents of that length. Their memory is taken here.
pub(super) fn thumbnails(
    latent: usize,
) -> (ThumbnailRequester, ThumbnailRenderer, ThumbnailReceiver) {
    let order = Order {
        stamps: ContentHashes::default(),
        generation: 0,
        latent,
        z: vec![0.0; MAX_KEYFRAMES * latent],
    };
    let (wishes, orders) = triple_buffer(&order);
    let (done, arrived) = bounded(UNDER_WAY);
    let (back, free) = bounded(UNDER_WAY);
    for _ in 0..UNDER_WAY {
        let canvas = Canvas::black((SIDE, SIDE));
        // There is room for all of them.
        let _ = back.try_send(Thumbnail { stamp: 0, canvas });
    }
    let requester = ThumbnailRequester {
        orders: wishes,
        last: ContentHashes::default(),
    };
    let renderer = ThumbnailRenderer {
        orders,
        drawn: Vec::with_capacity(MAX_KEYFRAMES),
        painted: Vec::new(),
        free,
        done,
        last: None,
        took: Duration::ZERO,
    };
    let receiver = ThumbnailReceiver {
        done: arrived,
        free: back,
    };
    (requester, renderer, receiver)
}

impl ThumbnailRequester {
    /// Asks for pictures of these keyframes by the engine of that generation, where they are others than before. Allocates only
    /// where latents have become longer.
    pub(super) fn ask(&mut self, keyframes: &[Keyframe], generation: u32) -> ContentHashes {
        let mut stamps = ContentHashes::default();
        let latent = keyframes
            .first()
            .map_or(0, |first| first.latents.len() / ROWS);
        for (stamp, keyframe) in stamps.0.iter_mut().zip(keyframes) {
            *stamp = self::stamp(&keyframe.latents[..latent], generation);
        }
        if stamps != self.last {
            self.last = stamps;
            let order = self.orders.input_buffer_mut();
            (order.stamps, order.generation, order.latent) = (stamps, generation, latent);
            order.z.resize(MAX_KEYFRAMES * latent, 0.0);
            for (row, keyframe) in order.z.chunks_exact_mut(latent.max(1)).zip(keyframes) {
                for (out, &number) in row.iter_mut().zip(&keyframe.latents) {
                    *out = number as f32;
                }
            }
            self.orders.publish();
        }
        stamps
    }
}

/// FNV-1a over latents and engine, never 0.
fn stamp(latents: &[f64], generation: u32) -> u64 {
    let stamp = crate::fnv::words(latents.iter().map(|number| number.to_bits()));
    (stamp ^ u64::from(generation)).max(1)
}

impl ThumbnailRenderer {
    /// Whether a keyframe has waited long for its picture.
    pub(super) fn is_late(&mut self, generation: u32) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= PATIENCE) && self.next(generation).is_some()
    }

    /// Whether there is something to draw that is done within `time`.
    pub(super) fn fits(&mut self, generation: u32, time: Duration) -> bool {
        self.took < time && self.next(generation).is_some()
    }

    /// Draws one thumbnail.
    ///
    /// # Errors
    /// As [`Engine::paint`]; that keyframe is left out then.
    pub(super) fn work(
        &mut self,
        engine: &mut dyn Engine,
        generation: u32,
    ) -> Result<(), EngineError> {
        let Some((stamp, keyframe)) = self.next(generation) else {
            return Ok(());
        };
        let begun = Instant::now();
        self.last = Some(begun);
        self.drawn.push(stamp);
        let (width, height) = engine.size();
        let bytes = width as usize * height as usize * 4;
        self.painted.resize(bytes, 0);
        let order = self.orders.peek_output_buffer();
        let z = &order.z[keyframe * order.latent..][..order.latent];
        engine.render_rgba(z, Norm::Running, Rounding::Nearest, &mut self.painted)?;
        // There is one, or nothing would be next.
        let Ok(mut thumbnail) = self.free.try_recv() else {
            return Ok(());
        };
        thumbnail.stamp = stamp;
        shrink(&self.painted, (width, height), &mut thumbnail.canvas);
        // As many as there are have room.
        let _ = self.done.try_send(thumbnail);
        self.took = begun.elapsed();
        Ok(())
    }

    /// The next keyframe to be drawn and what tells it from others, where the console can take a picture.
    fn next(&mut self, generation: u32) -> Option<(u64, usize)> {
        if self.orders.update() {
            let wanted = &self.orders.peek_output_buffer().stamps.0;
            self.drawn.retain(|stamp| wanted.contains(stamp));
        }
        let order = self.orders.peek_output_buffer();
        if order.generation != generation || self.free.is_empty() {
            return None;
        }
        let mut stamps = order.stamps.0.iter().enumerate();
        let (keyframe, &stamp) =
            stamps.find(|(_, stamp)| **stamp != 0 && !self.drawn.contains(stamp))?;
        Some((stamp, keyframe))
    }
}

impl ThumbnailReceiver {
    /// Whether a thumbnail has come.
    pub(super) fn has_news(&self) -> bool {
        !self.done.is_empty()
    }

    /// Hands every thumbnail that has come to `keep`.
    pub(super) fn take(&self, mut keep: impl FnMut(&Thumbnail)) {
        while let Ok(thumbnail) = self.done.try_recv() {
            keep(&thumbnail);
            // As many as there are have room.
            let _ = self.free.try_send(thumbnail);
        }
    }
}

/// Scales a picture down to a thumbnail, each pixel the mean of those that it takes the place of.
fn shrink(rgba: &[u8], (width, height): (u32, u32), to: &mut Canvas) {
    let longer = width.max(height).max(1);
    let side = |side: u32| (side * SIDE.min(longer) / longer).max(1);
    to.resize((side(width), side(height)));
    let (columns, rows) = (to.size.0 as usize, to.size.1 as usize);
    let (width, height) = (width as usize, height as usize);
    let line = to.rgba.chunks_exact_mut(columns * 4);
    for (row, line) in line.enumerate() {
        let above = row * height / rows..(row + 1) * height / rows;
        for (column, out) in line.chunks_exact_mut(4).enumerate() {
            let beside = column * width / columns..(column + 1) * width / columns;
            let mut sum = [0u32; 3];
            for y in above.clone() {
                for pixel in rgba[(y * width + beside.start) * 4..(y * width + beside.end) * 4]
                    .chunks_exact(4)
                {
                    for (sum, &byte) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(byte);
                    }
                }
            }
            let count = (above.len() * beside.len()).max(1) as u32;
            for (out, sum) in out.iter_mut().zip(sum) {
                *out = ((sum + count / 2) / count) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latent::Rows;

    /// Paints the first number of its latents everywhere, and counts.
    struct Flat(u32);

    impl Engine for Flat {
        fn name(&self) -> &str {
            "flat"
        }
        fn latent(&self) -> usize {
            3
        }
        fn size(&self) -> (u32, u32) {
            (256, 64)
        }
        fn forward(&mut self, _: &[f32], _: Norm, _: &mut [f32]) -> Result<(), EngineError> {
            Ok(())
        }
        fn render_rgba(
            &mut self,
            z: &[f32],
            norm: Norm,
            _: Rounding,
            rgba: &mut [u8],
        ) -> Result<(), EngineError> {
            assert_eq!((z.len(), norm), (3, Norm::Running));
            self.0 += 1;
            rgba.fill(z[0] as u8);
            Ok(())
        }
    }

    fn keyframes(numbers: &[f64]) -> Vec<Keyframe> {
        let keyframe = |&number: &f64| {
            let rows = Rows::Given(vec![number; 24]);
            Keyframe::new(&rows, 3)
        };
        numbers.iter().map(keyframe).collect()
    }

    #[test]
    fn each_keyframe_is_drawn_once_and_again_only_where_it_or_the_model_changes() {
        let (mut requester, mut renderer, receiver) = thumbnails(3);
        let mut engine = Flat(0);
        let mut drawn = |renderer: &mut ThumbnailRenderer, generation: u32| {
            let before = engine.0;
            while renderer.fits(generation, Duration::MAX) {
                renderer.work(&mut engine, generation).unwrap();
            }
            let mut seen = Vec::new();
            receiver.take(|thumbnail| {
                assert_eq!(thumbnail.canvas.size, (128, 32));
                seen.push((thumbnail.stamp, thumbnail.canvas.rgba[0]));
            });
            assert_eq!(seen.len(), (engine.0 - before) as usize);
            seen
        };
        assert!(!renderer.is_late(0), "nothing was asked for");
        let first = requester.ask(&keyframes(&[10.0, 20.0, 30.0]), 0);
        assert!(renderer.is_late(0));
        let of = |stamps: ContentHashes, at: &[usize]| {
            at.iter().map(|&at| stamps.0[at]).collect::<Vec<_>>()
        };
        let stamps = of(first, &[0, 1, 2]);
        let expected: Vec<_> = stamps.into_iter().zip([10, 20, 30]).collect();
        assert_eq!(drawn(&mut renderer, 0), expected);
        // Another order of the same keyframes needs no picture.
        let swapped = requester.ask(&keyframes(&[20.0, 10.0, 30.0]), 0);
        assert_eq!(of(swapped, &[1, 0, 2]), of(first, &[0, 1, 2]));
        assert_eq!(drawn(&mut renderer, 0), []);
        let changed = requester.ask(&keyframes(&[20.0, 11.0, 30.0]), 0);
        assert_eq!(drawn(&mut renderer, 0), [(changed.0[1], 11)]);
        // Those of another model wait until its engine draws.
        requester.ask(&keyframes(&[20.0, 11.0, 30.0]), 1);
        assert_eq!(drawn(&mut renderer, 0), []);
        assert_eq!(drawn(&mut renderer, 1).len(), 3);
    }

    #[test]
    fn nobody_draws_for_a_console_that_takes_nothing() {
        let (mut requester, mut renderer, receiver) = thumbnails(3);
        let numbers: Vec<f64> = (0..20).map(f64::from).collect();
        requester.ask(&keyframes(&numbers), 0);
        let mut engine = Flat(0);
        for _ in 0..40 {
            renderer.work(&mut engine, 0).unwrap();
        }
        assert_eq!(engine.0, UNDER_WAY as u32);
        receiver.take(|_| {});
        renderer.work(&mut engine, 0).unwrap();
        assert_eq!(engine.0, UNDER_WAY as u32 + 1);
    }

    #[test]
    fn a_thumbnails_pixel_is_the_mean_of_what_it_takes_the_place_of() {
        // Stripes of one pixel become their mean, two halves stay apart.
        let mut rgba = Vec::new();
        for y in 0..256 {
            for x in 0..256u32 {
                let half = if x < 128 { 200 } else { 40 };
                rgba.extend([if y % 2 == 0 { 0 } else { 255 }, half, 7, 255]);
            }
        }
        let mut small = Canvas::default();
        shrink(&rgba, (256, 256), &mut small);
        assert_eq!(small.size, (128, 128));
        assert_eq!(small.rgba[..4], [128, 200, 7, 255]);
        assert_eq!(small.rgba[small.rgba.len() - 4..], [128, 40, 7, 255]);
        // What is small already stays as it is.
        shrink(&[1, 2, 3, 255, 9, 8, 7, 255], (2, 1), &mut small);
        assert_eq!((small.size, small.rgba[4]), ((2, 1), 9));
    }
}
