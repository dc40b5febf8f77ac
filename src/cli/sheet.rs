//! `latentloop sheet`: the contact sheet of eight keyframes.

/// Draw the contact sheet of a model's keyframes
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop sheet`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("sheet is not built yet")
}
