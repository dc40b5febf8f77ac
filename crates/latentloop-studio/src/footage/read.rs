//! Every picture of a film, as it is shown.

use std::path::Path;

use image::RgbImage;

use super::FootageError;
use super::clip::{Clip, ToRgb};

/// Hands every picture of a film over, RGB of sRGB levels, and the second from which on it is shown. Returns how many could not be
/// decoded.
///
/// # Errors
/// When the film cannot be read, or not one picture of it.
pub fn read(file: &Path, mut each: impl FnMut(&RgbImage, f64)) -> Result<u64, FootageError> {
    let mut clip = Clip::open(file)?;
    let mut to_rgb = ToRgb::default();
    while let Some((frame, secs)) = clip.next()? {
        match to_rgb.convert(&frame) {
            Ok(picture) => each(&picture, secs),
            Err(_) => clip.damaged += 1,
        }
    }
    Ok(clip.damaged)
}
