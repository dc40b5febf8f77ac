//! Trains a network on a folder of pictures, and says which file to play.
//!
//! ```sh
//! cargo run --release --example train_folder -- FOLDER fog.safetensors 300
//! ```
//!
//! What `latentloop train` does, with the options that a small clip wants on a processor.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use candle_core::Device;
use latentloop::network::checkpoint::Precision;
use latentloop::network::recipe::{Name, Recipe};
use latentloop::network::spec::Spec;
use latentloop::pictures::Reading;
use latentloop::train::{Length, Settings, run};

/// Side of a picture in pixels.
const SIZE: usize = 64;
/// Share of the reference work's channels.
const WIDTH: f64 = 0.125;
/// Length of a latent.
const LATENT: usize = 100;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = "give a folder of pictures, the file to write, and the number of steps";
    let pictures = arguments.next().context(usage)?;
    let output = arguments.next().context(usage)?;
    let steps = arguments.next().context(usage)?;
    let steps = steps.to_str().and_then(|steps| steps.parse().ok());
    match train(pictures.into(), output.into(), steps.context(usage)?)? {
        Some(model) => println!("latentloop play {}", model.display()),
        None => println!("stopped before its end"),
    }
    Ok(())
}

/// Trains for so many steps; the file to play, where the run came to its end.
pub(crate) fn train(
    pictures: PathBuf,
    output: PathBuf,
    steps: u64,
) -> anyhow::Result<Option<PathBuf>> {
    let spec = Spec::studies(SIZE, WIDTH, LATENT)?;
    let settings = Settings {
        pictures,
        reading: Reading::default(),
        output,
        size: SIZE,
        width: WIDTH,
        latent: LATENT,
        batch: 8,
        recipe: Recipe::named(Name::Steady, spec.channels.len()),
        length: Length::Steps(steps),
        seed: 0,
        device: Device::Cpu,
        resume: false,
        checkpoint_every: 100,
        sheet_every: 100,
        score_every: 0,
        export: None,
        precision: Precision::F16,
    };
    // Set from another thread, it ends the run with a checkpoint to resume from.
    let stop = AtomicBool::new(false);
    let outcome = run(&settings, &stop, &mut |progress| {
        if progress.step % 10 == 0 {
            let losses = progress.losses;
            println!(
                "step {} of {}: discriminator {:.3}, generator {:.3}",
                progress.step, progress.steps, losses.discriminator, losses.generator
            );
        }
    })?;
    Ok(outcome.inference_file)
}
