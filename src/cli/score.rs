//! `latentloop score`: how a model's pictures compare with its footage.

use std::path::PathBuf;

use anyhow::Context;

use super::values::{EngineArgs, ReadingArgs, one_of};
use crate::engine::{EngineError, Norm, open};
use crate::latent::MAX_SEED;
use crate::network::weights::GeneratorWeights;
use crate::score::{Footage, Sampling, Scores, score};
use crate::train::Dataset;

/// Judge a model: compare what it draws with the pictures that it was trained on
///
/// The same numbers stand in the training log, there of fewer samples and drawn as in training.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model
    model: PathBuf,
    /// Folder of pictures, as `latentloop frames` makes it
    #[arg(value_name = "DIR")]
    pictures: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Pictures to draw
    #[arg(long, default_value_t = 256, value_name = "COUNT")]
    samples: usize,
    /// Seed of their latents
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_SEED)))]
    seed: u32,
    /// Statistics of batch norm
    #[arg(long, value_parser = one_of::<Norm>(), default_value = "running")]
    norm: Norm,
    #[command(flatten)]
    engine: EngineArgs,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Report {
    #[serde(flatten)]
    scores: Scores,
    samples: usize,
    seed: u32,
    norm: Norm,
    model: String,
    pictures: usize,
    size: usize,
    engine: String,
}

/// Runs `latentloop score`.
///
/// # Errors
/// When the model or the pictures cannot be read, there is nothing to compare, or the device fails.
pub fn run(args: Args) -> anyhow::Result<()> {
    let sampling = Sampling::new(args.samples, args.seed, args.norm)?;
    let mut engine = open(
        &GeneratorWeights::load(&crate::library::locate(&args.model)?)?,
        &args.engine.options(),
    )?;
    let (width, height) = engine.size();
    let size = width as usize;
    let data = Dataset::read(&args.pictures, args.reading.reading(), size, 0)?;
    let footage = Footage::measure(data.pictures(), size).with_context(|| {
        format!(
            "cannot compare the model with the pictures in {}",
            args.pictures.display()
        )
    })?;
    let latent = engine.latent();
    let numbers = 3 * (width * height) as usize;
    let scores = score(&footage, &sampling, latent, &mut |z| {
        let mut pictures = vec![0.0; z.len() / latent * numbers];
        engine.forward(z, args.norm, &mut pictures)?;
        Ok::<_, EngineError>(pictures)
    })?;
    if args.json {
        let report = Report {
            scores,
            samples: args.samples,
            seed: args.seed,
            norm: args.norm,
            model: args.model.display().to_string(),
            pictures: data.len(),
            size,
            engine: engine.name().to_owned(),
        };
        return super::say(serde_json::to_string(&report)?);
    }
    for (name, value, meaning) in [
        (
            "palette distance",
            scores.palette_distance,
            "Delta E from the footage's colours; 0 is the same",
        ),
        (
            "diversity",
            scores.diversity,
            "of the footage's variety; under 0.1 the model has collapsed",
        ),
        (
            "sharpness",
            scores.sharpness,
            "of the footage's; above 1 is noise or a grid, below is blur",
        ),
        (
            "coverage",
            scores.coverage,
            "of the footage's pictures have a sample close by",
        ),
        (
            "nearest",
            scores.nearest,
            "levels of 255 from a sample to the nearest picture, on average",
        ),
        (
            "evenness",
            scores.evenness,
            "of the motion along the loop; 1 is even",
        ),
    ] {
        super::say(format_args!("{name:16} {value:8.3}  {meaning}"))?;
    }
    Ok(())
}
