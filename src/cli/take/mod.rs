//! `latentloop take`: what was played, played again.

mod cut;
mod info;
mod render;

use std::path::Path;

use anyhow::{Context, bail};

use crate::instrument::Table;
use crate::library::{self, TakeFile};
use crate::take::Take;

#[cfg(feature = "live")]
pub(super) use render::render_take;

/// Work with takes: what was played, and when
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Render(render::Args),
    Info(info::Args),
    Trim(cut::TrimArgs),
    ToPreset(cut::PresetArgs),
}

/// Runs `latentloop take`.
///
/// # Errors
/// When the take, its preset or its model cannot be read, or what is asked for cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Render(args) => render::run(args),
        Command::Info(args) => info::run(args),
        Command::Trim(args) => cut::trim(args),
        Command::ToPreset(args) => cut::to_preset(args),
    }
}

/// Opens a logged take; a script is refused, for the reason that `instead` gives.
fn logged(file: &Path, table: &Table, instead: &str) -> anyhow::Result<Take> {
    match library::take(file, table)? {
        TakeFile::Logged(take) => Ok(take),
        TakeFile::Script(_) => bail!("{} is a take written as a text: {instead}", file.display()),
    }
}

/// Writes a file whole or not at all.
fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    crate::files::write_atomic(file, bytes)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Reads seconds, 0 or more.
fn secs(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(secs) if (0.0..=1e6).contains(&secs) => Ok(secs),
        _ => Err("give seconds, 0 or more".to_owned()),
    }
}
