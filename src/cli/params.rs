//! `latentloop params`: the parameter table.

/// Print the parameter table
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop params`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("params is not built yet")
}
