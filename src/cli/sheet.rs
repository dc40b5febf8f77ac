//! `latentloop sheet`: the contact sheet of a model's keyframes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::{Rgb, RgbImage};

use super::overwrite::OverwriteArgs;
use super::values::{EngineArgs, one_of};
use crate::engine::{Engine, Norm, Rounding, open};
use crate::instrument::{Preset, Table};
use crate::latent::Keyframe;
use crate::library;
use crate::network::weights::GeneratorWeights;
use crate::sheet::contact_sheet;

/// Draw the contact sheet of a model's or preset's keyframes, seeds written under them
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model (.safetensors) or preset (.toml)
    model: PathBuf,
    /// The picture to write
    #[arg(short, long, value_name = "FILE.png")]
    output: PathBuf,
    /// Seeds to draw instead of the preset's (a model alone: 1 to 8)
    #[arg(long, value_delimiter = ',')]
    seeds: Vec<u32>,
    /// Statistics of batch norm
    #[arg(long, value_parser = one_of::<Norm>(), default_value = "batch")]
    norm: Norm,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs `latentloop sheet`.
///
/// # Errors
/// When the model cannot be read or drawn, or the picture not written.
pub fn run(args: Args) -> anyhow::Result<()> {
    args.overwrite.permit(&args.output)?;
    let piece = library::open(Some(&args.model), &Table::standard())?;
    let preset = if args.seeds.is_empty() {
        piece.preset
    } else {
        Preset::of_seeds(args.seeds)
    };
    let mut engine = open(
        &GeneratorWeights::load(&piece.model)?,
        &args.engine.options(),
    )?;
    let mut pictures = Vec::new();
    let mut captions = Vec::new();
    for (rows, _) in preset.in_order() {
        let keyframe = Keyframe::new(&rows, engine.latent());
        pictures.push(picture(engine.as_mut(), &keyframe.latents, args.norm)?);
        captions.push(
            keyframe
                .seed
                .map_or_else(|| "-".to_owned(), |seed| seed.to_string()),
        );
    }
    save(&contact_sheet(&pictures, &captions), &args.output)
}

fn picture(engine: &mut dyn Engine, latents: &[f64], norm: Norm) -> anyhow::Result<RgbImage> {
    let (width, height) = engine.size();
    let z: Vec<f32> = latents[..norm.rows() * engine.latent()]
        .iter()
        .map(|&v| v as f32)
        .collect();
    let mut rgba = vec![0; (width * height * 4) as usize];
    engine.render_rgba(&z, norm, Rounding::Nearest, &mut rgba)?;
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let at = ((y * width + x) * 4) as usize;
        Rgb([rgba[at], rgba[at + 1], rgba[at + 2]])
    }))
}

/// Writes a picture whole or not at all.
pub(super) fn save(picture: &RgbImage, path: &Path) -> anyhow::Result<()> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png)?;
    crate::files::write_atomic(path, bytes.get_ref())
        .with_context(|| format!("cannot write the picture {}", path.display()))
}
