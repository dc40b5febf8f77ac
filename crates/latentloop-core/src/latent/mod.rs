//! Latents, keyframes, the loop through them, and interpolation. Pure: no clock, port, thread or file.
//!
//! Arithmetic is f64 without fused multiply-add, transcendentals come from `libm`: the same seeds and positions give the same
//! latents, bit for bit, on every machine.

mod keyframe;
mod path;

mod neighbourhood;
mod norm;
mod seed;

pub use keyframe::{Keyframe, MAX_SEED, Rows};
pub use neighbourhood::{KeyframeNeighbourhood, NEIGHBOURHOOD};
pub use norm::Norm;
pub use path::{Ease, Path, interpolate};
pub use seed::seed_row;

/// Rows of latents of a keyframe: the one that is shown and its seven companions.
pub const ROWS: usize = 8;

/// Longest row of latents.
pub const MAX_LATENT: usize = 4096;

/// The segment of a position: the keyframe before it (counted from 0), the one after, and the weight of the latter in 0..1.
///
/// The loop closes: after keyframe n comes the first. The position is taken modulo n.
pub fn locate(position: f64, keyframes: usize) -> (usize, usize, f64) {
    let position = wrap(position, keyframes);
    let from = (libm::floor(position) as usize).min(keyframes - 1);
    (from, (from + 1) % keyframes, position - from as f64)
}

/// The position brought into [0, n).
pub fn wrap(position: f64, keyframes: usize) -> f64 {
    let length = keyframes as f64;
    let wrapped = position.rem_euclid(length);
    // For a tiny negative position the remainder rounds up to n itself.
    if wrapped < length { wrapped } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_wrap_into_the_loop() {
        assert_eq!(locate(0.0, 8), (0, 1, 0.0));
        assert_eq!(locate(7.25, 8), (7, 0, 0.25));
        assert_eq!(locate(8.0, 8), (0, 1, 0.0));
        assert_eq!(locate(-0.5, 8), (7, 0, 0.5));
        assert_eq!(locate(-1e-300, 8), (0, 1, 0.0));
    }
}
