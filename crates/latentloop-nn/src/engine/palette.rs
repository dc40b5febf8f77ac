//! The palette of a model's pictures, where its file does not say what its footage had.

use super::{Engine, EngineError, Norm, Rounding};
use crate::latent::seed_row;
use crate::palette::{Histogram, Palette};

/// Pictures that they are taken from, those of the first seeds, and how many of their pixels: every so many-th across and down.
const PICTURES: u32 = 24;
const STEP: usize = 8;

/// The palette of sampled pictures of an engine: takes as long as two dozen pictures.
///
/// # Errors
/// When the engine fails.
pub fn sample_palette(engine: &mut dyn Engine) -> Result<Option<Palette>, EngineError> {
    let (width, height) = engine.size();
    let (width, height) = (width as usize, height as usize);
    let mut rgba = vec![0; 4 * width * height];
    let mut row = vec![0.0; engine.latent()];
    let mut histogram = Histogram::default();
    for seed in 1..=PICTURES {
        seed_row(seed, 0, &mut row);
        let z: Vec<f32> = row.iter().map(|&value| value as f32).collect();
        engine.render_rgba(&z, Norm::Running, Rounding::Nearest, &mut rgba)?;
        for line in rgba.chunks_exact(4 * width).step_by(STEP) {
            let pixels = line.chunks_exact(4).step_by(STEP);
            histogram.add(pixels.map(|p| [p[0], p[1], p[2]]));
        }
    }
    Ok(histogram.palette())
}
