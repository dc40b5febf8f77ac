//! `latentloop train`: a folder of pictures becomes a checkpoint.

/// Train a network on a folder of pictures
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop train`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("train is not built yet")
}
