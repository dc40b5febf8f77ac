//! The last picture of one model, fading out over those of the next.

use super::{Canvas, Filter, Fit, Projection, Scaler};

/// A picture that fades out. It does nothing until one begins.
#[derive(Debug, Default)]
pub struct Crossfade {
    from: Canvas,
    /// In ticks: when it began, and how long it takes.
    begun: u64,
    length: u64,
}

impl Crossfade {
    /// Begins at tick `now` with the picture that is shown last, to take `length` ticks and to end in pictures of `size`.
    /// Allocates where the size is another.
    pub fn begin(&mut self, last: &Canvas, size: (u32, u32), now: u64, length: u64) {
        // What is still fading is part of what is shown.
        let share = self.share(now);
        if share < 1.0 && self.from.size == last.size {
            mix(&mut self.from.rgba, &last.rgba, share);
        } else {
            self.from.copy_from(last);
        }
        if self.from.size != size {
            let mut scaler = Scaler::new(Filter::CatmullRom, 1);
            let mut scaled = Canvas::black(size);
            scaler.scale(&self.from, &mut scaled, &Projection::plain(Fit::Fill));
            self.from = scaled;
        }
        (self.begun, self.length) = (now, length);
    }

    /// How much of a picture the new model's is, 0 to 1.
    fn share(&self, now: u64) -> f32 {
        let past = now.saturating_sub(self.begun);
        if past >= self.length {
            1.0
        } else {
            past as f32 / self.length as f32
        }
    }

    /// Whether anything is still fading at tick `now`, over pictures of that size.
    fn is_on(&self, now: u64, size: (u32, u32)) -> bool {
        self.share(now) < 1.0 && self.from.size == size
    }

    /// Lays what is still there at tick `now` over a picture.
    pub fn apply(&self, canvas: &mut Canvas, now: u64) {
        if self.is_on(now, canvas.size) {
            mix(&mut canvas.rgba, &self.from.rgba, 1.0 - self.share(now));
        }
    }
}

/// Becomes `to` by a share of it, 0 to 1.
fn mix(picture: &mut [u8], to: &[u8], share: f32) {
    let share = (share * 256.0).round() as u32;
    for (byte, &to) in picture.iter_mut().zip(to) {
        let mixed = u32::from(*byte) * (256 - share) + u32::from(to) * share;
        *byte = ((mixed + 128) >> 8) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: u8, size: (u32, u32)) -> Canvas {
        let mut canvas = Canvas::black(size);
        for pixel in canvas.rgba.chunks_exact_mut(4) {
            pixel[..3].fill(level);
        }
        canvas
    }

    #[test]
    fn the_old_picture_goes_evenly_and_a_second_change_begins_from_what_is_seen() {
        let mut fade = Crossfade::default();
        let size = (8, 8);
        let seen = |fade: &Crossfade, level: u8, now: u64| {
            let mut canvas = flat(level, size);
            fade.apply(&mut canvas, now);
            assert_eq!(canvas.rgba[3], 255);
            canvas.rgba[0]
        };
        assert_eq!(seen(&fade, 77, 0), 77, "nothing fades");
        fade.begin(&flat(200, size), size, 1000, 480);
        for (now, expected) in [
            (1000, 200),
            (1120, 160),
            (1240, 120),
            (1480, 40),
            (9000, 40),
        ] {
            assert_eq!(seen(&fade, 40, now), expected, "{now}");
        }
        // Half-way a third model comes: no leap.
        fade.begin(&flat(40, size), size, 1240, 480);
        assert_eq!(seen(&fade, 250, 1240), 120);
        fade.begin(&flat(40, size), size, 5000, 0);
        assert_eq!(seen(&fade, 250, 5000), 250, "no time is a cut");
    }

    #[test]
    fn a_picture_of_another_size_is_brought_to_the_new_one() {
        let mut fade = Crossfade::default();
        fade.begin(&flat(200, (64, 64)), (16, 16), 0, 480);
        let mut canvas = flat(0, (16, 16));
        fade.apply(&mut canvas, 240);
        assert!((99..=101).contains(&canvas.rgba[0]), "{}", canvas.rgba[0]);
        let mut other = flat(9, (64, 64));
        fade.apply(&mut other, 240);
        assert_eq!(other.rgba[0], 9, "not over what it does not fit");
    }
}
