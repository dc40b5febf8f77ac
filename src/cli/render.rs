//! `latentloop render`: the loop offline.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::film::{make, pictures, size};
use super::overwrite::OverwriteArgs;
use super::values::{EngineArgs, one_of};
use crate::engine::{Norm, ROWS, Rounding};
use crate::instrument::params::{LOOP_PATH, LOOP_SPEED};
use crate::instrument::preset::KeyframeEntry;
use crate::instrument::{Preset, Table};
use crate::latent::seed_row;
use crate::library;
use crate::record::Codec;
use crate::render::{self, FrameRange};

/// Pictures of a segment in the reference work.
const REFERENCE_FRAMES: u64 = 100;

/// Render the loop to a film or to a folder of pictures
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model (.safetensors) or preset (.toml)
    piece: PathBuf,
    /// A film (.mp4, .mkv, .webm), or a folder for PNG pictures
    #[arg(short, long)]
    output: PathBuf,
    /// Seeds of the keyframes, instead of the preset's (a model alone: 1 to 8)
    #[arg(long, value_delimiter = ',', conflicts_with = "keyframes")]
    seeds: Vec<u32>,
    /// Latents of the keyframes: a tensor `z`, keyframes x rows x latent, of up to eight rows
    #[arg(long, value_name = "FILE.safetensors")]
    keyframes: Option<PathBuf>,
    /// The order in which the loop visits the keyframes, numbered from 1
    #[arg(long, value_delimiter = ',', value_name = "6,3,8,…")]
    order: Vec<usize>,
    /// Pictures from one keyframe to the next [default: 100, or the preset's speed]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000), conflicts_with = "speed")]
    frames: Option<u64>,
    /// Keyframes a second, instead of --frames
    #[arg(long, allow_negative_numbers = true)]
    speed: Option<f64>,
    /// Pictures a second
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// How latents are interpolated between keyframes: lerp, slerp, norm-lerp, smooth
    #[arg(long)]
    path: Option<String>,
    /// Statistics of batch norm
    #[arg(long, value_parser = one_of::<Norm>(), default_value = "batch")]
    norm: Norm,
    /// Width and height of the film, such as 1920x1080 [default: the model's own]
    #[arg(long, value_parser = size, value_name = "WxH")]
    size: Option<(u32, u32)>,
    /// How pictures are coded [default: H.264, or VP9 in .webm]
    #[arg(long, value_parser = one_of::<Codec>())]
    codec: Option<Codec>,
    /// Render only these pictures of it, counted from 0: from the first to the one before the last
    #[arg(long, value_parser = pictures, value_name = "FROM..TO")]
    range: Option<FrameRange>,
    /// The reference work's pictures exactly: both ends of a segment, batch statistics, straight lines, bytes cut down
    #[arg(long, conflicts_with_all = ["speed", "path", "size", "norm"])]
    reference: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs `latentloop render`.
///
/// # Errors
/// When the model cannot be read or drawn, an option does not fit, or the film cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    args.overwrite.permit(&args.output)?;
    let table = Arc::new(Table::standard());
    let piece = library::open(Some(&args.piece), &table)?;
    let mut preset = piece.preset;
    if !args.seeds.is_empty() {
        preset.keyframes = Preset::of_seeds(args.seeds.iter().copied()).keyframes;
        preset.order.clear();
    }
    if let Some(file) = &args.keyframes {
        preset.keyframes = keyframes(file)?;
        preset.order.clear();
    }
    if !args.order.is_empty() {
        preset.order = args.order;
    }
    if let Some(path) = args.path {
        preset.params.insert(
            table.row(LOOP_PATH.id()).name.to_string(),
            toml::Value::String(path),
        );
    }
    // What the options made of the preset is held against the table like a file.
    let preset = Preset::parse(&preset.to_toml()?, &table)?;
    let form = render::RenderSettings {
        fps: args.fps,
        size: args.size,
        norm: Some(args.norm),
        codec: args.codec,
        rounding: Rounding::Nearest,
        range: args.range,
    };
    if args.reference {
        let form = render::RenderSettings {
            norm: Some(Norm::Batch),
            rounding: Rounding::Truncate,
            ..form
        };
        let frames = args.frames.unwrap_or(REFERENCE_FRAMES);
        return make(
            &piece.model,
            &args.output,
            form,
            &args.engine.options(),
            |film, around| render::reference(&preset, &table, frames, film, around),
        );
    }
    let row = table.row(LOOP_SPEED.id());
    let speed = match (args.speed, args.frames, preset.params.get(&*row.name)) {
        (Some(speed), ..) if (row.min..=row.max).contains(&speed) => speed,
        (Some(speed), ..) => bail!(
            "--speed {speed}: takes {} to {} {}",
            row.min,
            row.max,
            row.unit
        ),
        (None, Some(frames), _) => args.fps / frames as f64,
        (None, None, Some(value)) => table.value(&row.name, value)?,
        (None, None, None) => args.fps / REFERENCE_FRAMES as f64,
    };
    make(
        &piece.model,
        &args.output,
        form,
        &args.engine.options(),
        |film, around| render::render_loop(&preset, &table, speed, film, around),
    )
}

/// Keyframes of a file's tensor `z`, keyframes x rows x latent; companions that it leaves out are those of seed 0.
fn keyframes(file: &Path) -> anyhow::Result<Vec<KeyframeEntry>> {
    let (shape, z) = super::draw::tensor(file, "z")?;
    let &[count, rows, latent] = &shape[..] else {
        bail!(
            "{}: its tensor z has shape {shape:?} where [keyframes, rows, latent] was expected",
            file.display()
        );
    };
    if !(1..=ROWS).contains(&rows) || latent == 0 {
        bail!(
            "{}: its tensor z has shape {shape:?}; a keyframe has 1 to {ROWS} rows",
            file.display()
        );
    }
    let numbers: Vec<f64> = z.iter().map(|&v| f64::from(v)).collect();
    let keyframe = |keyframe: &[f64]| {
        let mut latents: Vec<Vec<f64>> =
            keyframe.chunks_exact(latent).map(<[f64]>::to_vec).collect();
        for row in rows..ROWS {
            let mut companion = vec![0.0; latent];
            seed_row(0, row, &mut companion);
            latents.push(companion);
        }
        KeyframeEntry {
            seed: None,
            latents: Some(latents),
            locked: false,
        }
    };
    let all: Vec<_> = numbers.chunks_exact(rows * latent).map(keyframe).collect();
    debug_assert_eq!(all.len(), count);
    Ok(all)
}
