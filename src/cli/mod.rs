//! The command line: one file a subcommand, no logic of its own.

use std::io::Write;

use clap::{Parser, Subcommand};

pub mod bench;
pub mod check;
#[cfg(feature = "live")]
pub mod devices;
pub mod draw;
mod film;
pub mod frames;
pub mod import;
pub mod info;
#[cfg(feature = "live")]
pub mod keys;
pub mod manual;
pub mod mend;
mod overwrite;
pub mod params;
#[cfg(feature = "live")]
pub mod play;
pub mod render;
pub mod score;
pub mod sheet;
pub mod take;
pub mod train;
mod values;

/// Prints a line, what a terminal would obey in it written out. Unlike `println!` it does not panic where nobody reads on:
/// `latentloop params | head` ends quietly.
fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let line = line.to_string();
    writeln!(std::io::stdout(), "{}", crate::quote::printable(&line))?;
    Ok(())
}

/// A real-time audiovisual instrument: film in, a network trained on its frames out, played live.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Frames(frames::Args),
    Train(train::Args),
    Score(score::Args),
    Sheet(sheet::Args),
    Import(import::Args),
    Info(info::Args),
    Draw(draw::Args),
    Render(render::Args),
    Mend(mend::Args),
    #[cfg(feature = "live")]
    Play(play::Args),
    Take(take::Args),
    Check(check::Args),
    Bench(bench::Args),
    #[cfg(feature = "live")]
    Devices(devices::Args),
    Params(params::Args),
    #[cfg(feature = "live")]
    Keys(keys::Args),
    #[command(hide = true)]
    Man(manual::ManArgs),
    #[command(hide = true)]
    Completions(manual::CompletionsArgs),
}

impl Cli {
    /// Runs the subcommand that was asked for.
    ///
    /// # Errors
    /// Whatever the subcommand reports, with its context chain.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Frames(args) => frames::run(args),
            Command::Train(args) => train::run(args),
            Command::Score(args) => score::run(args),
            Command::Sheet(args) => sheet::run(args),
            Command::Import(args) => import::run(args),
            Command::Info(args) => info::run(args),
            Command::Draw(args) => draw::run(args),
            Command::Render(args) => render::run(args),
            Command::Mend(args) => mend::run(&args),
            #[cfg(feature = "live")]
            Command::Play(args) => play::run(args),
            Command::Take(args) => take::run(args),
            Command::Check(args) => check::run(args),
            Command::Bench(args) => bench::run(args),
            #[cfg(feature = "live")]
            Command::Devices(args) => devices::run(args),
            Command::Params(args) => params::run(args),
            #[cfg(feature = "live")]
            Command::Keys(args) => keys::run(args),
            Command::Man(args) => manual::man(&args),
            Command::Completions(args) => manual::completions(&args),
        }
    }
}
