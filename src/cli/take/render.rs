//! `latentloop take render`: a take made into a film.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::cli::film::{make, pictures, size};
use crate::cli::overwrite::OverwriteArgs;
use crate::cli::values::{EngineArgs, one_of};
use crate::engine::{EngineOptions, Norm, Rounding, open};
use crate::instrument::Table;
use crate::library::{self, TakeFile};
use crate::network::weights::GeneratorWeights;
use crate::record::Codec;
use crate::render::{self, FrameRange, ModelEngine};
use crate::take::{Model, Player, Take, secs};

/// Render a take to a film or to a folder of pictures
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The take
    take: PathBuf,
    /// A film (.mp4, .mkv, .mov, .webm), or a folder for PNG pictures
    #[arg(short, long, required_unless_present = "verify")]
    output: Option<PathBuf>,
    /// Pictures a second
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Statistics of batch norm [default: as it was played]
    #[arg(long, value_parser = one_of::<Norm>())]
    norm: Option<Norm>,
    /// Width and height of the film, such as 1920x1080 [default: the model's own]
    #[arg(long, value_parser = size, value_name = "WxH")]
    size: Option<(u32, u32)>,
    /// How pictures are coded [default: H.264, or VP9 in .webm]
    #[arg(long, value_parser = one_of::<Codec>())]
    codec: Option<Codec>,
    /// Render only these pictures of it, counted from 0: from the first to the one before the last
    #[arg(long, value_parser = pictures, value_name = "FROM..TO")]
    range: Option<FrameRange>,
    /// Draw with another model of the same name than the one that was played
    #[arg(long)]
    any_model: bool,
    /// Say whether the latents are bit for bit those that were logged; with no --output nothing is drawn
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let table = Arc::new(Table::standard());
    let take = library::locate(&args.take)?;
    let opened = library::take(&take, &table)?;
    if args.verify {
        verify(&take, &opened, &table)?;
    }
    let Some(output) = &args.output else {
        return Ok(());
    };
    args.overwrite.permit(output)?;
    let form = render::RenderSettings {
        fps: args.fps,
        size: args.size,
        norm: args.norm,
        codec: args.codec,
        rounding: Rounding::Nearest,
        range: args.range,
    };
    draw(
        &take,
        opened,
        output,
        form,
        &args.engine.options(),
        args.any_model,
    )
}

/// Renders a take that ships.
#[cfg(feature = "live")]
pub(in crate::cli) fn render_take(
    file: &Path,
    output: &Path,
    form: render::RenderSettings,
    engine: &EngineOptions,
) -> anyhow::Result<()> {
    let take = library::take(file, &Table::standard())?;
    draw(file, take, output, form, engine, false)
}

fn draw(
    file: &Path,
    take: TakeFile,
    output: &Path,
    form: render::RenderSettings,
    engine: &EngineOptions,
    any_model: bool,
) -> anyhow::Result<()> {
    let table = Arc::new(Table::standard());
    match take {
        TakeFile::Script(script) => {
            let beside = library::named_preset(file, &script.preset)
                .with_context(|| format!("the take {} names its preset", file.display()))?;
            let piece = library::preset(&beside, &table)?;
            make(&piece.model, output, form, engine, |film, around| {
                render::script(&script, &piece.preset, &table, film, around)
            })
        }
        TakeFile::Logged(take) => {
            super::info::warn_of(file, &take);
            let mut player = Player::take(&take, &table)
                .with_context(|| format!("cannot play the take {}", file.display()))?;
            let Some(first) = player.model().cloned() else {
                bail!("the take {} names no model", file.display());
            };
            let first = model(file, &first, any_model)?;
            make(&first, output, form, engine, |film, around| {
                let mut change =
                    |other: &Model| model_engine(&model(file, other, any_model)?, other, engine);
                render::take(&mut player, take.length(), film, around, &mut change)
            })
        }
    }
}

/// The file of a model that a take names, if it is the one that was played.
fn model(take: &Path, model: &Model, any: bool) -> anyhow::Result<PathBuf> {
    let file = library::model(take, &model.name)
        .with_context(|| format!("the take {} was played on a model", take.display()))?;
    let found = crate::files::sha256(&file)
        .with_context(|| format!("cannot read the model {}", file.display()))?;
    if found != model.sha256 && !any {
        bail!(
            "the take {} was played on a model {} with SHA-256 {}, but {} has {found}; --any-model draws with it all the same",
            take.display(),
            model.name,
            model.sha256,
            file.display()
        );
    }
    Ok(file)
}

fn model_engine(file: &Path, model: &Model, engine: &EngineOptions) -> anyhow::Result<ModelEngine> {
    let weights = GeneratorWeights::load(file)?;
    let engine = open(&weights, engine)?;
    if engine.latent() != model.latent as usize {
        bail!(
            "{} takes latents of {} numbers, the take was played with {}",
            file.display(),
            engine.latent(),
            model.latent
        );
    }
    Ok((engine, weights.palette))
}

/// Plays the take without drawing it and compares its latents with those that were logged.
fn verify(file: &Path, take: &TakeFile, table: &Arc<Table>) -> anyhow::Result<()> {
    let TakeFile::Logged(take) = take else {
        bail!(
            "{} is a take written as a text: it has no latents to compare with",
            file.display()
        );
    };
    let check =
        check(take, table).with_context(|| format!("cannot play the take {}", file.display()))?;
    let of = check.same + check.different;
    if of == 0 {
        bail!("{} has no latents to compare with", file.display());
    }
    if check.states_taken_over > 0 {
        tracing::warn!(
            "{} states were not what was played up to them, and were taken as they are",
            check.states_taken_over
        );
    }
    match check.first_different {
        None => crate::cli::say(format_args!("{of} of {of} latents agree, bit for bit")),
        Some(tick) => bail!(
            "{} of {of} latents agree; the first that does not is at {:.3} s",
            check.same,
            secs(tick - take.start())
        ),
    }
}

/// How a take that is played agrees with what was logged.
pub(super) fn check(take: &Take, table: &Arc<Table>) -> anyhow::Result<crate::take::Verification> {
    let mut player = Player::take(take, table)?;
    player.advance(take.end)?;
    Ok(player.verification().clone())
}
