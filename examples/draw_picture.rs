//! Draws the picture of a seed.
//!
//! ```sh
//! cargo run --release --example draw_picture -- models/nosferatu.safetensors 5 doorway.png
//! ```

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::RgbaImage;
use latentloop::engine::{self, EngineOptions, Norm, Rounding};
use latentloop::latent::seed_row;
use latentloop::network::weights::GeneratorWeights;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "give a model, a seed and the picture to write";
    let model = PathBuf::from(arguments.next().context(usage)?);
    let seed = arguments.next().context(usage)?.parse()?;
    let output = PathBuf::from(arguments.next().context(usage)?);
    draw(&model, seed, &output)
}

/// Draws the picture of a seed with a model.
pub(crate) fn draw(model: &Path, seed: u32, output: &Path) -> anyhow::Result<()> {
    let weights = GeneratorWeights::load(model)?;
    let mut engine = engine::open(&weights, &EngineOptions::default())?;

    // A seed is standard normals, the same on every machine.
    let mut latent = vec![0.0; engine.latent()];
    seed_row(seed, 0, &mut latent);
    let z: Vec<f32> = latent.iter().map(|&number| number as f32).collect();

    let (width, height) = engine.size();
    let mut picture = RgbaImage::new(width, height);
    engine.render_rgba(&z, Norm::Running, Rounding::Nearest, &mut picture)?;
    picture.save(output)?;
    println!("{}: drawn by {}", output.display(), engine.name());
    Ok(())
}
