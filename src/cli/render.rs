//! `latentloop render`: the loop, offline, to a video or a folder of PNGs.

/// Render the loop to a video or a folder of PNGs
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop render`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("render is not built yet")
}
