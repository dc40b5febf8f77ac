//! A tile of grain: normal noise, blurred to the size of grains, that closes on itself.

use std::sync::OnceLock;

/// Width and height of the tile in pixels.
pub(crate) const SIDE: usize = 1024;
/// Binomial weights of the blur, of 256: a deviation of the square root of 2 pixels.
const BLUR: [i32; 9] = [1, 8, 28, 56, 70, 56, 28, 8, 1];

/// Grain, -127..=127 in steps of which a deviation has some 32.
pub(crate) struct Tile {
    /// Height x width.
    pub(crate) noise: Vec<i8>,
}

impl Tile {
    /// The one tile. Made when it is first asked for, which takes a good part of a tenth of a second: not on the frame path.
    pub(crate) fn get() -> &'static Self {
        static TILE: OnceLock<Tile> = OnceLock::new();
        TILE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut across = vec![0i32; SIDE * SIDE];
        let mut line = [0i32; SIDE];
        for (y, out) in across.chunks_exact_mut(SIDE).enumerate() {
            for (x, value) in line.iter_mut().enumerate() {
                *value = normal(x as u32, y as u32);
            }
            for (x, out) in out.iter_mut().enumerate() {
                *out = blurred(|tap| line[(x + SIDE + tap - 4) % SIDE]) >> 8;
            }
        }
        // The sum of six numbers of 16 bits has the variance 6 x 65536^2 / 12; the blur leaves 12870 / 65536 of a deviation.
        let deviation = (0.5f64).sqrt() * 65_536.0 * 12_870.0 / 65_536.0;
        let factor = 127.0 * f64::from(super::TILE_DEVIATION) / (deviation * 256.0);
        let noise = (0..SIDE * SIDE).map(|at| {
            let (x, y) = (at % SIDE, at / SIDE);
            let sum = blurred(|tap| across[(y + SIDE + tap - 4) % SIDE * SIDE + x]);
            (f64::from(sum) * factor).round().clamp(-127.0, 127.0) as i8
        });
        Self {
            noise: noise.collect(),
        }
    }
}

fn blurred(at: impl Fn(usize) -> i32) -> i32 {
    let weighted = BLUR.iter().enumerate();
    weighted.map(|(tap, weight)| weight * at(tap)).sum()
}

/// The sum of six even numbers of 16 bits, 0 on average: nearly normal.
fn normal(x: u32, y: u32) -> i32 {
    let sum: u32 = pcg3d([x, y, 0])
        .iter()
        .map(|part| (part & 0xffff) + (part >> 16))
        .sum();
    sum as i32 - 6 * 32_768
}

/// Jarzynski and Olano, Hash Functions for GPU Rendering, JCGT 9(3), 2020.
fn pcg3d(place: [u32; 3]) -> [u32; 3] {
    let mut v = place.map(|part| part.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let stir = |v: &mut [u32; 3]| {
        v[0] = v[0].wrapping_add(v[1].wrapping_mul(v[2]));
        v[1] = v[1].wrapping_add(v[2].wrapping_mul(v[0]));
        v[2] = v[2].wrapping_add(v[0].wrapping_mul(v[1]));
    };
    stir(&mut v);
    v = v.map(|part| part ^ (part >> 16));
    stir(&mut v);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_is_even_and_nothing_on_average() {
        let noise = &Tile::get().noise;
        let count = noise.len() as f64;
        let mean = noise.iter().map(|&n| f64::from(n)).sum::<f64>() / count;
        let square = noise.iter().map(|&n| f64::from(n).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 0.5, "{mean}");
        assert!((square.sqrt() / 127.0 - 0.25).abs() < 0.01, "{square}");
        // Neighbours are alike, also over the tile's edge, and pixels that are apart are not.
        let alike = |far: usize| {
            let pair = |at: usize| {
                let (x, y) = (at % SIDE, at / SIDE);
                f64::from(noise[at]) * f64::from(noise[y * SIDE + (x + far) % SIDE])
            };
            (0..noise.len()).map(pair).sum::<f64>() / count / square
        };
        assert!(alike(1) > 0.8 && alike(8).abs() < 0.05);
        let last = (0..SIDE).map(|y| {
            let line = &noise[y * SIDE..][..SIDE];
            f64::from(line[0]) * f64::from(line[SIDE - 1])
        });
        assert!(last.sum::<f64>() / SIDE as f64 / square > 0.7);
    }
}
