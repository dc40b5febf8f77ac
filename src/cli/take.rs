//! `latentloop take`: what was played, played again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::film::{make, size};
use crate::engine::{Bytes, Drawing, Norm};
use crate::instrument::Table;
use crate::library::{self, read_text};
use crate::render;
use crate::take::Take;

/// Work with takes: texts of what was played, and when
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Render(RenderArgs),
}

/// Render a take to a film or to a folder of pictures
#[derive(Debug, clap::Args)]
struct RenderArgs {
    /// The take
    take: PathBuf,
    /// A film (.mp4, .mkv, .webm), or a folder for PNG pictures
    #[arg(short, long)]
    output: PathBuf,
    /// Pictures a second
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Statistics of batch norm
    #[arg(long, value_enum, default_value = "running")]
    norm: Norm,
    /// Width and height of the film, such as 1920x1080 [default: the model's own]
    #[arg(long, value_parser = size, value_name = "WxH")]
    size: Option<(u32, u32)>,
    #[command(flatten)]
    drawing: Drawing,
}

/// Runs `latentloop take`.
///
/// # Errors
/// When the take, its preset or its model cannot be read, or the film cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Command::Render(args) = args.command;
    let form = render::Form {
        fps: args.fps,
        size: args.size,
        norm: args.norm,
        bytes: Bytes::Nearest,
    };
    render_take(&args.take, &args.output, form, &args.drawing)
}

/// Renders a take on its preset, which lies beside it or ships.
pub(super) fn render_take(
    file: &Path,
    output: &Path,
    form: render::Form,
    drawing: &Drawing,
) -> anyhow::Result<()> {
    let table = Arc::new(Table::standard());
    let text =
        read_text(file).with_context(|| format!("cannot open the take {}", file.display()))?;
    let take = Take::parse(&text, &table)
        .with_context(|| format!("cannot use the take {}", file.display()))?;
    let beside = library::named_preset(file, &take.preset)
        .with_context(|| format!("the take {} names its preset", file.display()))?;
    let piece = library::preset(&beside, &table)?;
    make(&piece.model, output, form, drawing, |film, around| {
        render::take(&take, &piece.preset, &table, film, around)
    })
}
