//! `latentloop devices`: what MIDI, sound, monitors and GPUs there are.

/// List MIDI ports, sound devices, monitors and GPUs
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `latentloop devices`.
///
/// # Errors
/// When the work cannot be done; the message says why and what to do.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("devices is not built yet")
}
