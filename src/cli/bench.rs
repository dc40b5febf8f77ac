//! `latentloop bench`: the time of a frame or of a training step.

/// Time a frame or a training step
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop bench`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("bench is not built yet")
}
