//! Enlarging on the processor: separable Catmull-Rom (Catmull and Rom 1974; Keys 1981 with a = -0.5).

use super::Fit;

/// Scales pictures of one size into frames of another. Its buffers are made once.
#[derive(Clone, Debug)]
pub struct Scaler {
    from: (u32, u32),
    to: (u32, u32),
    across: Vec<Taps>,
    down: Vec<Taps>,
    /// Rows of the picture, scaled across: from height x to width x 4.
    rows: Vec<f32>,
}

/// Which of the picture's pixels make up one of the frame's, and by how much; none outside the picture.
#[derive(Clone, Debug)]
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Scaler {
    /// A scaler from pictures to frames, sizes in pixels.
    pub fn new(from: (u32, u32), to: (u32, u32), fit: Fit) -> Self {
        let extent = fit.extent(from, to);
        Self {
            from,
            to,
            across: taps(from.0, to.0, extent.0),
            down: taps(from.1, to.1, extent.1),
            rows: vec![0.0; from.1 as usize * to.0 as usize * 4],
        }
    }

    /// Sizes of the pictures that it takes and of the frames that it makes.
    pub fn sizes(&self) -> ((u32, u32), (u32, u32)) {
        (self.from, self.to)
    }

    /// Scales one picture; both are RGBA of the scaler's sizes. What the picture does not cover is black.
    pub fn scale(&mut self, picture: &[u8], frame: &mut [u8]) {
        let (from_width, to_width) = (self.from.0 as usize, self.to.0 as usize);
        for (line, row) in picture
            .chunks_exact(from_width * 4)
            .zip(self.rows.chunks_exact_mut(to_width * 4))
        {
            for (taps, out) in self.across.iter().zip(row.chunks_exact_mut(4)) {
                let mut sum = [0.0f32; 4];
                let pixels = line[taps.first * 4..].chunks_exact(4);
                for (&weight, pixel) in taps.weights.iter().zip(pixels) {
                    for (sum, &byte) in sum.iter_mut().zip(pixel) {
                        *sum += weight * f32::from(byte);
                    }
                }
                out.copy_from_slice(&sum);
            }
        }
        let stride = to_width * 4;
        for (taps, line) in self.down.iter().zip(frame.chunks_exact_mut(stride)) {
            let at = |tap: usize| &self.rows[(taps.first + tap) * stride..][..stride];
            match taps.weights[..] {
                [a, b, c, d] => {
                    let rows = at(0).iter().zip(at(1)).zip(at(2)).zip(at(3));
                    for (out, (((&p, &q), &r), &s)) in line.iter_mut().zip(rows) {
                        *out = (a * p + b * q + c * r + d * s + 0.5) as u8;
                    }
                }
                _ => {
                    for (x, out) in line.iter_mut().enumerate() {
                        let parts = taps.weights.iter().enumerate();
                        let sum: f32 = parts.map(|(tap, &weight)| weight * at(tap)[x]).sum();
                        *out = (sum + 0.5) as u8;
                    }
                }
            }
            line.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
        }
    }
}

/// The taps of each of `frame` pixels, the picture's `picture` pixels lying over `extent` of them in the middle.
fn taps(picture: u32, frame: u32, extent: f64) -> Vec<Taps> {
    let factor = f64::from(picture) / extent;
    // Where the picture is made smaller the kernel is widened, so that nothing falls between the taps.
    let reach = factor.max(1.0);
    let left = (f64::from(frame) - extent) / 2.0;
    let last = picture as isize - 1;
    let tap = |at: u32| {
        let place = f64::from(at) + 0.5 - left;
        if place <= 0.0 || place >= extent {
            return Taps {
                first: 0,
                weights: Vec::new(),
            };
        }
        let centre = place * factor - 0.5;
        let (begin, end) = (
            (centre - 2.0 * reach).floor() as isize + 1,
            (centre + 2.0 * reach).ceil() as isize - 1,
        );
        // Pixels beyond the edge are those at the edge.
        let (first, until) = (begin.clamp(0, last), end.clamp(0, last));
        let mut weights = vec![0.0; (until - first + 1) as usize];
        for place in begin..=end {
            let weight = catmull_rom((place as f64 - centre) / reach);
            weights[(place.clamp(0, last) - first) as usize] += weight;
        }
        let sum: f64 = weights.iter().sum();
        let weights = weights.iter().map(|weight| (weight / sum) as f32).collect();
        Taps {
            first: first as usize,
            weights,
        }
    };
    (0..frame).map(tap).collect()
}

fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(from: (u32, u32), to: (u32, u32), fit: Fit, picture: &[u8]) -> Vec<u8> {
        let mut frame = vec![7; (to.0 * to.1 * 4) as usize];
        Scaler::new(from, to, fit).scale(picture, &mut frame);
        frame
    }

    fn pixel(frame: &[u8], width: u32, x: u32, y: u32) -> [u8; 3] {
        let at = ((y * width + x) * 4) as usize;
        [frame[at], frame[at + 1], frame[at + 2]]
    }

    #[test]
    fn at_its_own_size_a_picture_stays_as_it_is() {
        let picture: Vec<u8> = (0..8 * 6 * 4u32)
            .map(|i| {
                if i % 4 == 3 {
                    255
                } else {
                    (i * 37 % 251) as u8
                }
            })
            .collect();
        assert_eq!(scaled((8, 6), (8, 6), Fit::Fit, &picture), picture);
    }

    #[test]
    fn an_even_picture_stays_even_larger_and_smaller_and_what_it_leaves_is_black() {
        let picture = [10, 120, 250, 255].repeat(16 * 16);
        for to in [(64, 64), (37, 37), (7, 7)] {
            let frame = scaled((16, 16), to, Fit::Fit, &picture);
            assert!(
                frame.chunks_exact(4).all(|p| p == [10, 120, 250, 255]),
                "{to:?}"
            );
        }
        let frame = scaled((16, 16), (64, 32), Fit::Fit, &picture);
        assert_eq!(pixel(&frame, 64, 15, 16), [0, 0, 0]);
        assert_eq!(pixel(&frame, 64, 16, 16), [10, 120, 250]);
        assert_eq!(pixel(&frame, 64, 48, 16), [0, 0, 0]);
        let frame = scaled((16, 16), (64, 32), Fit::Fill, &picture);
        assert!(frame.chunks_exact(4).all(|p| p == [10, 120, 250, 255]));
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let picture: Vec<u8> = (0..16u8).flat_map(|x| [x * 16, 0, 0, 255]).collect();
        let frame = scaled((16, 1), (64, 1), Fit::Stretch, &picture);
        // Away from the edges Catmull-Rom gives back a straight line.
        for x in 8..56u32 {
            let expected = ((f64::from(x) + 0.5) / 4.0 - 0.5) * 16.0;
            let seen = f64::from(pixel(&frame, 64, x, 0)[0]);
            assert!((seen - expected).abs() <= 1.0, "{x}: {seen} for {expected}");
        }
    }
}
