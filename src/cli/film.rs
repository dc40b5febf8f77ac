//! What `render`, `take render` and a `play` without a display share: an engine, a file, a progress bar.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::{EngineOptions, open};
use crate::interrupt;
use crate::network::weights::GeneratorWeights;
use crate::render::{FrameRange, OfflineRender, RenderContext, RenderError, RenderSettings};

/// Sides of a film in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;

/// Makes a film of a model, with a progress bar; Ctrl-C stops it and leaves nothing.
///
/// # Errors
/// When the model cannot be read or drawn, or the film cannot be written.
pub(super) fn make(
    model: &Path,
    output: &Path,
    form: RenderSettings,
    engine: &EngineOptions,
    render: impl FnOnce(&mut OfflineRender, &mut RenderContext) -> Result<u64, RenderError>,
) -> anyhow::Result<()> {
    let weights = GeneratorWeights::load(model)?;
    let painter = (open(&weights, engine)?, weights.palette);
    drop(weights);
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    interrupt::listen(move || flag.store(true, Ordering::Relaxed))?;
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} frames  {per_sec}  {eta} left")?;
    let bar = ProgressBar::no_length().with_style(style);
    let mut film = OfflineRender::open(output, painter, form)?;
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let around = &mut RenderContext {
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
        Some((width, height)) if SIDES.contains(&width) && SIDES.contains(&height) => {
            Ok((width, height))
        }
        Some((width, height)) => Err(format!(
            "{width} x {height} is out of range: sides go from 16 to 8192 pixels"
        )),
        None => Err("give WIDTHxHEIGHT in pixels, 16 to 8192, such as 1920x1080".to_owned()),
    }
}

/// Reads `FROM..TO`; either may be left out.
pub(super) fn pictures(text: &str) -> Result<FrameRange, String> {
    let number = |text: &str, without: Option<u64>| match text.trim() {
        "" => Ok(without),
        number => number.parse().map(Some),
    };
    let sides = text.split_once("..").and_then(|(from, to)| {
        let from = number(from, Some(0)).ok()??;
        Some((from, number(to, None).ok()?))
    });
    match sides {
        Some((from, to)) if to.is_none_or(|to| from < to) => Ok(FrameRange { from, to }),
        _ => Err("give FROM..TO in pictures, counted from 0, such as 0..400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ranges_are_read_and_what_cannot_be_is_named_with_its_limit() {
        assert_eq!(size("1920x1080"), Ok((1920, 1080)));
        assert!(size("16384x16384").unwrap_err().contains("8192"));
        assert!(size("4x4").unwrap_err().contains("16 to 8192"));
        assert!(size("wide").unwrap_err().contains("1920x1080"));
        for (text, from, to) in [
            ("0..400", 0, Some(400)),
            ("7..", 7, None),
            ("..9", 0, Some(9)),
        ] {
            assert_eq!(pictures(text), Ok(FrameRange { from, to }));
        }
        for text in ["", "4", "9..9", "9..3", "-1..4", "a..b", "1...4"] {
            assert!(pictures(text).unwrap_err().contains("0..400"), "{text}");
        }
    }
}
