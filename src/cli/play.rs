//! `latentloop play`: the instrument.

/// Play a model: the instrument
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop play`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("play is not built yet")
}
