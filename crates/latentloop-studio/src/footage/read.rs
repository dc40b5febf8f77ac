//! Every picture of a film, as it is shown.

use std::path::Path;

use image::RgbImage;

use super::clip::Clip;
use super::rgb::ToRgb;
use super::{FootageError, Settings};

/// Hands every picture of a film over, RGB of sRGB levels, and the second from which on it is shown; of interlaced frames both fields,
/// as a screen shows them. Returns how many could not be decoded. Of the settings `matrix` and `background` are asked alone.
///
/// # Errors
/// When the film cannot be read, or not one picture of it.
pub fn read(
    file: &Path,
    settings: &Settings,
    mut each: impl FnMut(&RgbImage, f64),
) -> Result<u64, FootageError> {
    let fields = Settings {
        fields: true,
        ..settings.clone()
    };
    let mut clip = Clip::open(file, &fields)?;
    let mut to_rgb = ToRgb::new(settings.matrix, settings.background);
    while let Some((coded, secs)) = clip.next()? {
        match coded.picture(&mut to_rgb) {
            Ok(picture) => each(&picture, secs),
            Err(_) => clip.damaged += 1,
        }
    }
    Ok(clip.damaged)
}
