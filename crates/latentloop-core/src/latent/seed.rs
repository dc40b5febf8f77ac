//! A seed's latents.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Row `row` of the latents of `seed`: standard normals, `out.len()` of them.
///
/// Row r is ChaCha8 stream r of the seed, so the row that is shown is the same however many companions it has. Normals come
/// in pairs from pairs of uniforms (Box and Muller 1958, <https://doi.org/10.1214/aoms/1177706645>).
///
/// ```
/// use latentloop_core::latent::seed_row;
///
/// let (mut once, mut again) = ([0.0; 200], [0.0; 200]);
/// seed_row(14, 0, &mut once);
/// seed_row(14, 0, &mut again);
/// assert_eq!(once, again);
/// seed_row(15, 0, &mut again);
/// assert_ne!(once, again);
/// ```
pub fn seed_row(seed: u32, row: usize, out: &mut [f64]) {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(seed));
    rng.set_stream(row as u64);
    for pair in out.chunks_mut(2) {
        // In (0, 1], so that the logarithm is finite; multiples of 2^-53.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - unit(&mut rng)));
        let angle = std::f64::consts::TAU * unit(&mut rng);
        pair[0] = radius * libm::cos(angle);
        if let Some(second) = pair.get_mut(1) {
            *second = radius * libm::sin(angle);
        }
    }
}

/// Uniform in [0, 1), a multiple of 2^-53.
fn unit(rng: &mut impl RngCore) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_standard_normals_that_never_change() {
        let mut row = vec![0.0; 20_001];
        seed_row(7, 3, &mut row);
        let count = row.len() as f64;
        let mean = row.iter().sum::<f64>() / count;
        let variance = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03,
            "mean {mean}, variance {variance}"
        );
        let mut short = [0.0; 3];
        seed_row(7, 3, &mut short);
        assert_eq!(short, row[..3]);
        let mut golden = [0.0; 2];
        seed_row(1, 0, &mut golden);
        assert_eq!(golden.map(f64::to_bits), GOLDEN);
    }

    /// What seed 1 gives, on every machine.
    const GOLDEN: [u64; 2] = [4606174990331787498, 4602517740700767737];
}
