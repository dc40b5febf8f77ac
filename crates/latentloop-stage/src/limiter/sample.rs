//! What a frame shows at the points of the limiter's grid.

use super::super::Canvas;
use super::super::fit::Placement;
use super::SIDE;

/// A picture, where it lies in a frame, and what light is added to it there.
#[derive(Clone, Copy)]
pub(in super::super) struct Sampled<'a> {
    pub(in super::super) picture: &'a Canvas,
    /// The frame's size in pixels.
    pub(in super::super) frame: (u32, u32),
    pub(in super::super) place: Placement,
    /// What the film does to a level, sRGB 0..=1, at a place of the frame in pixels.
    pub(in super::super) film: &'a dyn Fn([f32; 3], (f32, f32)) -> [f32; 3],
}

impl Sampled<'_> {
    /// The level at a point of the grid, sRGB 0..=1.
    pub(super) fn level(&self, column: usize, row: usize) -> [f32; 3] {
        let along = |at: usize, side: u32| (at as f32 + 0.5) / SIDE as f32 * side as f32;
        let at = (along(column, self.frame.0), along(row, self.frame.1));
        let inside = |at: f32, offset: f64, extent: f64| {
            let part = (at - offset as f32) / extent as f32;
            (0.0..1.0).contains(&part).then_some(part)
        };
        let Placement { offset, extent } = self.place;
        match (
            inside(at.0, offset.0, extent.0),
            inside(at.1, offset.1, extent.1),
        ) {
            (Some(x), Some(y)) => (self.film)(bilinear(self.picture, x, y), at),
            _ => [0.0; 3],
        }
    }
}

/// The picture at a place, 0..1 each way.
fn bilinear(picture: &Canvas, x: f32, y: f32) -> [f32; 3] {
    let (width, height) = (picture.size.0 as usize, picture.size.1 as usize);
    let along = |part: f32, side: usize| {
        let at = (part * side as f32 - 0.5).clamp(0.0, (side - 1) as f32);
        let before = at as usize;
        (before, (before + 1).min(side - 1), at - before as f32)
    };
    let ((left, right, across), (above, below, down)) = (along(x, width), along(y, height));
    let byte = |x: usize, y: usize, channel: usize| {
        f32::from(picture.rgba[(y * width + x) * 4 + channel]) / 255.0
    };
    std::array::from_fn(|channel| {
        let row = |y: usize| {
            let (a, b) = (byte(left, y, channel), byte(right, y, channel));
            a + (b - a) * across
        };
        let (a, b) = (row(above), row(below));
        a + (b - a) * down
    })
}
