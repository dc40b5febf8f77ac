//! `latentloop info`: what a model is made of.

use std::path::PathBuf;

use crate::instrument::Table;
use crate::library;
use crate::network::description::Description;

/// Say what a model is made of: layers, size, cost of a frame, where it comes from
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model (.safetensors) or preset (.toml); the one that ships where none is given
    model: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs `latentloop info`.
///
/// # Errors
/// When the model cannot be read.
pub fn run(args: Args) -> anyhow::Result<()> {
    let piece = library::open(args.model.as_deref(), &Table::standard())?;
    let description = Description::read(&piece.model)?;
    if args.json {
        return super::say(serde_json::to_string_pretty(&description)?);
    }
    super::say(piece.model.display())?;
    super::say(description)
}
