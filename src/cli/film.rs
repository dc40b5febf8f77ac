//! What `render`, `take render` and a `play` without a display share: an engine, a file, a progress bar.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::{Drawing, open};
use crate::network::weights::GeneratorWeights;
use crate::render::{Film, Form, RenderError, Surroundings};

/// Makes a film of a model, with a progress bar; Ctrl-C stops it and leaves nothing.
///
/// # Errors
/// When the model cannot be read or drawn, or the film cannot be written.
pub(super) fn make(
    model: &Path,
    output: &Path,
    form: Form,
    drawing: &Drawing,
    render: impl FnOnce(&mut Film, &mut Surroundings) -> Result<u64, RenderError>,
) -> anyhow::Result<()> {
    let engine = open(&GeneratorWeights::load(model)?, drawing)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} frames  {per_sec}  {eta} left")?;
    let bar = ProgressBar::no_length().with_style(style);
    let mut film = Film::open(output, engine, form)?;
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let around = &mut Surroundings {
        stop: &stop,
        progress: &mut progress,
    };
    let frames = render(&mut film, around)?;
    film.finish()?;
    bar.finish_and_clear();
    super::say(format_args!(
        "{}: {frames} frames, {:.1} s",
        output.display(),
        frames as f64 / form.fps
    ))?;
    Ok(())
}

/// Reads `WIDTHxHEIGHT`.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once(['x', 'X']).and_then(|(width, height)| {
        Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
    });
    match sides {
        Some((width, height)) if (16..=8192).contains(&width) && (16..=8192).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("give WIDTHxHEIGHT in pixels, 16 to 8192, such as 1920x1080".to_owned()),
    }
}
