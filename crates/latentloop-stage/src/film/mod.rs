//! What makes a picture film at the frame's size: halation and grain, as numbers that the card and the processor share.
//!
//! The limiter of flashes comes after halation. It does not see grain, which is zero on average over any area that a flash is counted in.

mod tile;

use super::projection::FilmEmulation;

pub(super) use tile::{SIDE, Tile};

/// Red light that halation adds at most, linear. Green and blue have [`TINT`] of it.
pub(super) const HALATION: f32 = 0.1;
/// The base of a film scatters light back through its red layer first (Kodak, Motion Picture Film, "halation").
pub(super) const TINT: [f32; 3] = [1.0, 0.3, 0.1];
/// What grain does at most: its deviation where it is strongest, in parts of the range.
const GRAIN: f32 = 0.12;
/// Deviation of the tile in parts of its own range.
const TILE_DEVIATION: f32 = 0.25;
/// Lines of a frame in which a pixel of the tile is one of the frame: grain is some two pixels of a frame of 1080 lines wide.
const LINES: f32 = 2160.0;
/// Least width and height of the glow in pixels, where the picture has as many.
const GLOW_SIDE: u32 = 64;
/// Deviation of halation's widest blur, in parts of the picture's shorter side.
const REACH: f32 = 0.08;
/// Pixels of the glow on either side that its blur sees, at most.
pub(super) const TAPS: i32 = 16;

/// A film's settings for a picture and a frame of some size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exposure {
    /// Red light where the glow is 1, linear.
    pub(super) halation: f32,
    /// Linear light from which a part is a highlight.
    pub(super) threshold: f32,
    /// Deviation of the blur, in pixels of the glow.
    pub(super) sigma: f32,
    /// Pixels of the picture that are one of the glow, each way.
    pub(super) block: u32,
    /// What is added where the tile is 1 and grain strongest, in parts of the range.
    pub(super) grain: f32,
    /// From one of the frame's pixels to the next on the tile, in 256ths of its pixels.
    pub(super) step: u32,
    /// Where on the tile the frame's first pixel lies.
    pub(super) shift: [u32; 2],
}

impl Exposure {
    pub(super) fn new(film: &FilmEmulation, picture: (u32, u32), frame: (u32, u32)) -> Self {
        let shorter = picture.0.min(picture.1);
        let block = shorter.div_ceil(GLOW_SIDE);
        let lines = frame.0.min(frame.1).max(1) as f32;
        let place = pcg(film.exposure);
        Self {
            halation: HALATION * film.halation,
            // Half way up looks half as bright.
            threshold: film.halation_threshold * film.halation_threshold,
            sigma: (REACH * film.halation_radius * shorter as f32 / block as f32).max(1.0),
            block,
            grain: GRAIN / TILE_DEVIATION * film.grain,
            step: (256.0 * LINES / (lines * film.grain_size.max(0.5))).round() as u32,
            shift: [place, place >> 16].map(|part| part % SIDE as u32),
        }
    }

    /// Whether it changes nothing.
    pub(super) fn is_neutral(&self) -> bool {
        self.halation <= 0.0 && self.grain <= 0.0
    }

    /// Width and height of a picture's glow in pixels.
    pub(super) fn glow_size(&self, picture: (u32, u32)) -> (u32, u32) {
        (
            picture.0.div_ceil(self.block),
            picture.1.div_ceil(self.block),
        )
    }
}

/// A hash of 32 bits (O'Neill, PCG, 2014; as in Jarzynski and Olano, JCGT 9(3), 2020).
fn pcg(value: u32) -> u32 {
    let state = value.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}
