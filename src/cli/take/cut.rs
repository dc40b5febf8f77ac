//! `latentloop take trim` and `take to-preset`: parts of a take.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};

use super::{logged, secs, write};
use crate::cli::overwrite::OverwriteArgs;
use crate::instrument::{Table, ticks};
use crate::take::{self, Player};

/// Cut a part out of a logged take; it begins exactly there
#[derive(Debug, clap::Args)]
pub(super) struct TrimArgs {
    /// The take
    take: PathBuf,
    /// The new take
    #[arg(short, long)]
    output: PathBuf,
    /// Where it begins, in seconds
    #[arg(long, value_parser = secs, default_value = "0", value_name = "SECS")]
    from: f64,
    /// Where it ends, in seconds [default: the take's end]
    #[arg(long, value_parser = secs, value_name = "SECS")]
    to: Option<f64>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

pub(super) fn trim(args: TrimArgs) -> anyhow::Result<()> {
    args.overwrite.permit(&args.output)?;
    let table = Arc::new(Table::standard());
    let take = logged(&args.take, &table, "cut it with an editor")?;
    let length = take::secs(take.length());
    let to = args.to.unwrap_or(length);
    if args.from >= to || args.from >= length {
        bail!(
            "nothing is left of {} from {} s to {to} s: it is {length:.3} s long",
            args.take.display(),
            args.from
        );
    }
    let part = take::trim(&take, ticks(args.from), ticks(to), &table)
        .with_context(|| format!("cannot play the take {}", args.take.display()))?;
    write(&args.output, &part.write(&table)?)?;
    super::super::say(format_args!(
        "{}: {:.3} s",
        args.output.display(),
        take::secs(part.length())
    ))
}

/// Make a preset of where a logged take stands
#[derive(Debug, clap::Args)]
pub(super) struct PresetArgs {
    /// The take
    take: PathBuf,
    /// The preset (.toml)
    #[arg(short, long)]
    output: PathBuf,
    /// When, in seconds [default: the take's end]
    #[arg(long, value_parser = secs, value_name = "SECS")]
    at: Option<f64>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

pub(super) fn to_preset(args: PresetArgs) -> anyhow::Result<()> {
    args.overwrite.permit(&args.output)?;
    let table = Arc::new(Table::standard());
    let take = logged(&args.take, &table, "it names its preset")?;
    let length = take.length();
    let at = args.at.map_or(length, |secs| ticks(secs).min(length));
    let text = preset(&take, at, &table)
        .with_context(|| format!("cannot play the take {}", args.take.display()))?;
    write(&args.output, text.as_bytes())?;
    super::super::say(args.output.display())
}

fn preset(take: &take::Take, at: u64, table: &Arc<Table>) -> anyhow::Result<String> {
    let mut player = Player::take(take, table)?;
    player.advance(take.start() + at)?;
    Ok(player.preset().to_toml()?)
}
