//! Plays a take that was written by hand, and writes a picture a second.
//!
//! ```sh
//! cargo run --release --example play_take -- presets/first.take pictures
//! ```
//!
//! The instrument is a pure state machine: actions and ticks in, latents out. Here the clock is counted; in a show it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use image::RgbaImage;
use latentloop::engine::{self, EngineOptions, Norm, Rounding};
use latentloop::instrument::{Instrument, Table, ticks};
use latentloop::library::{self, TakeFile};
use latentloop::network::weights::GeneratorWeights;
use latentloop::take::{Player, secs};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = "give a take and a folder for its pictures";
    let file = PathBuf::from(arguments.next().context(usage)?);
    let folder = PathBuf::from(arguments.next().context(usage)?);
    play(&file, &folder)
}

/// Plays the take in `file`, and writes a picture a second into `folder`.
pub(crate) fn play(file: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let table = Arc::new(Table::standard());
    let TakeFile::Script(script) = library::take(file, &table)? else {
        bail!(
            "{} is a logged take: this plays those written by hand",
            file.display()
        );
    };
    let preset = library::named_preset(file, &script.preset)?;
    let piece = library::preset(&preset, &table)?;
    let mut engine = engine::open(
        &GeneratorWeights::load(&piece.model)?,
        &EngineOptions::default(),
    )?;
    let instrument = Instrument::new(&piece.preset, Arc::clone(&table), engine.latent())?;
    let mut player = Player::script(&script, instrument);

    let (width, height) = engine.size();
    let mut picture = RgbaImage::new(width, height);
    let mut z = vec![0.0; engine.latent()];
    for second in 0..=secs(script.length) as u64 {
        player.advance(player.start() + ticks(second as f64))?;
        player.instrument().latents(&mut z);
        engine.render_rgba(&z, Norm::Running, Rounding::Nearest, &mut picture)?;
        picture.save(folder.join(format!("{second:03}.png")))?;
    }
    println!("{}: a picture a second", folder.display());
    Ok(())
}
