//! `latentloop take`: takes drawn again offline.

/// Draw a recorded or written take again, offline
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop take`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("take is not built yet")
}
