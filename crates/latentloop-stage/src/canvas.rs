//! A picture on the processor, RGBA, and what is done to it there: blended, dimmed.

use std::time::Duration;

/// A picture, RGBA, height x width x 4 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canvas {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The bytes.
    pub rgba: Vec<u8>,
}

impl Canvas {
    /// A black picture.
    pub fn black(size: (u32, u32)) -> Self {
        let mut canvas = Self::default();
        canvas.resize(size);
        canvas
    }

    /// Takes another size; black where it is new. Allocates only where it grows.
    pub fn resize(&mut self, size: (u32, u32)) {
        if self.size != size {
            self.size = size;
            self.rgba.clear();
            let pixels = size.0 as usize * size.1 as usize;
            self.rgba.resize(pixels * 4, 0);
            self.rgba
                .chunks_exact_mut(4)
                .for_each(|pixel| pixel[3] = 255);
        }
    }

    /// Becomes a copy of another picture. Allocates only where it grows.
    pub fn copy_from(&mut self, other: &Self) {
        self.resize(other.size);
        self.rgba.copy_from_slice(&other.rgba);
    }

    /// Darkens to a brightness of 0..=1.
    pub fn dim(&mut self, brightness: f32) {
        let gain = (brightness.clamp(0.0, 1.0) * 256.0).round() as u32;
        if gain == 256 {
            return;
        }
        for pixel in self.rgba.chunks_exact_mut(4) {
            for byte in &mut pixel[..3] {
                *byte = ((u32::from(*byte) * gain + (1 << 7)) >> 8) as u8;
            }
        }
    }

    /// Becomes `from` at weight 0 and `to` at weight 1 (0..=1), both of this size.
    pub fn compose(&mut self, from: &[u8], to: &[u8], weight: f32) {
        let share = (weight.clamp(0.0, 1.0) * 256.0).round() as u32;
        if share == 256 && to.len() == self.rgba.len() {
            return self.rgba.copy_from_slice(to);
        }
        for ((out, &from), &to) in self.rgba.iter_mut().zip(from).zip(to) {
            let mixed = u32::from(from) * (256 - share) + u32::from(to) * share;
            *out = ((mixed + (1 << 7)) >> 8) as u8;
        }
    }
}

/// The weight of the newest of the engine's frames, `age` after it came, where the engine takes `engine` a frame and the
/// screen `screen`. An engine about as fast as the screen needs no blending.
pub fn blend_weight(age: Duration, engine: Duration, screen: Duration) -> f32 {
    if engine.as_secs_f64() <= 1.25 * screen.as_secs_f64() {
        1.0
    } else {
        // The frame that is being shown now lies half a screen's frame ahead.
        ((age + screen / 2).as_secs_f64() / engine.as_secs_f64()).min(1.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composing_goes_from_one_picture_to_the_other_and_dims() {
        let (from, to) = ([0, 100, 200, 255].repeat(4), [100, 200, 0, 255].repeat(4));
        let mut canvas = Canvas::black((2, 2));
        for (weight, brightness, expected) in [
            (0.0, 1.0, [0, 100, 200]),
            (1.0, 1.0, [100, 200, 0]),
            (0.5, 1.0, [50, 150, 100]),
            (1.0, 0.5, [50, 100, 0]),
            (0.3, 0.0, [0, 0, 0]),
        ] {
            canvas.compose(&from, &to, weight);
            canvas.dim(brightness);
            assert_eq!(canvas.rgba[4..7], expected, "{weight} {brightness}");
        }
    }

    #[test]
    fn only_an_engine_slower_than_the_screen_is_blended() {
        let ms = Duration::from_millis;
        assert_eq!(blend_weight(ms(0), ms(12), ms(16)), 1.0);
        assert_eq!(blend_weight(ms(0), ms(64), ms(16)), 0.125);
        assert_eq!(blend_weight(ms(48), ms(64), ms(16)), 0.875);
        assert_eq!(blend_weight(ms(500), ms(64), ms(16)), 1.0);
    }
}
