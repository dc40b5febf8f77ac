//! The colours that a model paints most.

use crate::engine::{Bytes, Engine, EngineError, Norm};
use crate::latent::seed_row;

/// Colours of a palette.
const COLOURS: usize = 8;
/// Pictures that it is taken from, and how many of their pixels: every so many-th across and down.
const PICTURES: u32 = 24;
const STEP: usize = 8;
/// Rounds of k-means; it has settled long before.
const ROUNDS: usize = 16;

/// Eight colours in OKLab, the commonest first; where a model paints with fewer, the last comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Palette {
    pub(super) oklab: [[f32; 3]; COLOURS],
}

impl Palette {
    /// The palette of what an engine draws: takes as long as two dozen pictures.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn of_engine(engine: &mut dyn Engine) -> Result<Self, EngineError> {
        let (width, height) = engine.size();
        let width = width as usize;
        let mut rgba = vec![0; width * height as usize * 4];
        let mut row = vec![0.0; engine.latent()];
        let mut points = Vec::new();
        for seed in 1..=PICTURES {
            seed_row(seed, 0, &mut row);
            let z: Vec<f32> = row.iter().map(|&value| value as f32).collect();
            engine.paint(&z, Norm::Running, Bytes::Nearest, &mut rgba)?;
            for line in rgba.chunks_exact(4 * width).step_by(STEP) {
                let pixels = line.chunks_exact(4).step_by(STEP);
                points.extend(pixels.map(|p| oklab([p[0], p[1], p[2]])));
            }
        }
        Ok(Self::of_points(&points))
    }

    /// k-means (Lloyd 1982), from the first point and those farthest from the ones already chosen.
    fn of_points(points: &[[f32; 3]]) -> Self {
        let Some(mut centres) = beginnings(points) else {
            return Self::default();
        };
        let mut counts = [0u32; COLOURS];
        for _ in 0..ROUNDS {
            let mut sums = [[0.0f64; 3]; COLOURS];
            counts = [0; COLOURS];
            for point in points {
                let at = nearest(&centres, point).0;
                counts[at] += 1;
                for (sum, value) in sums[at].iter_mut().zip(point) {
                    *sum += f64::from(*value);
                }
            }
            for ((centre, sum), &count) in centres.iter_mut().zip(sums).zip(&counts) {
                if count > 0 {
                    *centre = sum.map(|sum| (sum / f64::from(count)) as f32);
                }
            }
        }
        let mut order: [usize; COLOURS] = std::array::from_fn(|at| at);
        order.sort_by_key(|&at| std::cmp::Reverse(counts[at]));
        let used = counts.iter().filter(|&&count| count > 0).count();
        Self {
            oklab: std::array::from_fn(|at| centres[order[at.min(used - 1)]]),
        }
    }
}

fn beginnings(points: &[[f32; 3]]) -> Option<[[f32; 3]; COLOURS]> {
    let mut centres = [*points.first()?; COLOURS];
    for at in 1..COLOURS {
        let known = &centres[..at];
        let distance = |point: &&[f32; 3]| nearest(known, point).1;
        let farthest = points
            .iter()
            .max_by(|a, b| distance(a).total_cmp(&distance(b)));
        centres[at] = *farthest?;
    }
    Some(centres)
}

/// The nearest of some colours, and the square of its distance.
fn nearest(centres: &[[f32; 3]], point: &[f32; 3]) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (at, centre) in centres.iter().enumerate() {
        let distance = (0..3).map(|i| (centre[i] - point[i]).powi(2)).sum();
        if distance < best.1 {
            best = (at, distance);
        }
    }
    best
}

/// A colour's bytes in OKLab (Ottosson 2020, <https://bottosson.github.io/posts/oklab/>).
fn oklab(rgb: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = rgb.map(|byte| {
        let level = f32::from(byte) / 255.0;
        if level <= 0.04045 {
            level / 12.92
        } else {
            ((level + 0.055) / 1.055).powf(2.4)
        }
    });
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_finds_the_colours_and_puts_the_commonest_first() {
        let white = oklab([255; 3]);
        assert!((white[0] - 1.0).abs() < 1e-3 && white[1].abs() < 1e-3 && white[2].abs() < 1e-3);
        // From Ottosson's own table: red.
        let red = oklab([255, 0, 0]);
        let expected = [0.628, 0.225, 0.126];
        assert!(
            red.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3),
            "{red:?}"
        );
        let mut points = vec![oklab([10, 20, 120]); 20];
        points.extend(vec![red; 50]);
        points.extend(vec![white; 10]);
        let palette = Palette::of_points(&points).oklab;
        let is_near = |at: usize, to: [f32; 3]| nearest(&[palette[at]], &to).1 < 1e-6;
        assert!(
            is_near(0, red) && is_near(1, points[0]) && is_near(2, white),
            "{palette:?}"
        );
        assert_eq!(palette[3], palette[7], "the last comes again");
        assert_eq!(Palette::of_points(&[]), Palette::default());
    }
}
