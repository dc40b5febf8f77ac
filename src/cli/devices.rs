//! `latentloop devices`: what this machine has to play with.

use crate::app::{Monitor, monitors, open_display};
use crate::control::midi;
use crate::report::chain;
use crate::sound;
use crate::stage::adapters;

/// List MIDI ports, sound inputs, monitors and graphics cards
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs `latentloop devices`.
///
/// # Errors
/// Never, but for a broken pipe: what does not answer is named.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (ports, mut silent) = midi::ports();
    let inputs = sound::inputs();
    let screens: Vec<Monitor> = match open_display()
        .map_err(anyhow::Error::msg)
        .and_then(monitors)
    {
        Ok(screens) => screens,
        Err(error) => {
            silent.push(format!("no display: {}", chain(error.as_ref())));
            Vec::new()
        }
    };
    let cards = adapters();
    if args.json {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|input| serde_json::json!({"system": input.host, "name": input.name, "id": input.id}))
            .collect();
        let all = serde_json::json!({
            "midi": ports, "sound": inputs, "monitors": screens, "gpus": cards, "silent": silent,
        });
        super::say(serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    let ports = ports
        .iter()
        .map(|port| format!("{} ({})", port.name, port.system));
    section("MIDI ports", ports)?;
    section("Sound inputs", inputs.iter().map(ToString::to_string))?;
    section("Monitors", screens.iter().map(ToString::to_string))?;
    let cards = cards
        .iter()
        .map(|card| format!("{} ({}, {})", card.name, card.backend, card.kind));
    section("Graphics cards", cards)?;
    for line in silent {
        super::say(line)?;
    }
    Ok(())
}

fn section(title: &str, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    super::say(title)?;
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        super::say("  none")?;
    }
    for line in lines {
        super::say(format_args!("  {line}"))?;
    }
    super::say("")
}
