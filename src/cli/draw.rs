//! `latentloop draw`: given latents become pictures.

/// Draw given latents as float pictures or PNGs
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop draw`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("draw is not built yet")
}
