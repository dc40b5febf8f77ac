//! The frame of an output that is no window, a file or a pipe: the picture placed, scaled, made film, its flashes limited.

use super::fit::Placement;
use super::limiter::{Limiter, Sampled};
use super::{Canvas, Filter, Projection, Scaler};

/// Makes frames of one size from pictures of any. Allocates where their sizes change, not from picture to picture.
pub struct OutputFrame {
    scaler: Scaler,
    limiter: Limiter,
    darkened: u64,
    frame: Canvas,
}

impl OutputFrame {
    /// An output whose frames have that size in pixels. Its filter is `auto` where a projection names none; scaling is divided among
    /// so many threads.
    pub fn new(size: (u32, u32), auto: Filter, threads: usize) -> Self {
        Self {
            scaler: Scaler::new(auto, threads),
            limiter: Limiter::default(),
            darkened: 0,
            frame: Canvas::black(size),
        }
    }

    /// The frame of a picture, RGBA, height x width x 4 bytes. A picture of the frame's size that nothing is done to is the frame.
    pub fn draw<'a>(&'a mut self, picture: &'a Canvas, projection: &Projection) -> &'a [u8] {
        let is_scaled = self.scale(picture, projection);
        if !self.follow(picture, projection, is_scaled) {
            if !is_scaled {
                self.frame.copy_from(picture);
            }
            self.limiter.apply(&mut self.frame);
            self.darkened += 1;
        } else if !is_scaled {
            return &picture.rgba;
        }
        &self.frame.rgba
    }

    /// How many frames the limiter of flashes has darkened.
    pub fn darkened(&self) -> u64 {
        self.darkened
    }

    /// Takes it that a picture is shown, without drawing it: what comes after is drawn as if it had been.
    pub fn pass(&mut self, picture: &Canvas, projection: &Projection) {
        let is_scaled = projection.film.halation > 0.0 && self.scale(picture, projection);
        self.follow(picture, projection, is_scaled);
    }

    fn scale(&mut self, picture: &Canvas, projection: &Projection) -> bool {
        let is_scaled = picture.size != self.frame.size;
        if is_scaled {
            self.scaler.scale(picture, &mut self.frame, projection);
        }
        is_scaled
    }

    /// Whether the limiter leaves the frame as it is.
    fn follow(&mut self, picture: &Canvas, projection: &Projection, is_scaled: bool) -> bool {
        if picture.size.0 * picture.size.1 == 0 {
            return true;
        }
        let film = |level, at| {
            if is_scaled {
                self.scaler.halated(level, at)
            } else {
                level
            }
        };
        let sampled = Sampled {
            picture,
            frame: self.frame.size,
            place: Placement::of(projection.fit, picture.size, self.frame.size),
            film: &film,
        };
        self.limiter
            .follow(projection.tick, projection.limits, sampled)
    }
}
