//! `latentloop frames`: film clips become a folder of pictures.

/// Cut film clips into a folder of pictures to train on
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop frames`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("frames is not built yet")
}
