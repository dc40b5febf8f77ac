//! Pictures on the disk: which a folder holds, and each of them upright and without transparency.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use thiserror::Error;

use crate::files;

/// How pictures are taken out of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether those of its sub-folders are taken too, as where each class has one.
    pub recursive: bool,
    /// What lies behind transparent pixels, levels of red, green and blue.
    pub background: [u8; 3],
}

/// Why a folder gives no pictures.
#[derive(Debug, Error)]
pub enum ListError {
    /// It could not be read.
    #[error("cannot read the folder of pictures {folder}: {source}")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("cannot read the folder of pictures {given}: it is {kind}")]
    NoFolder {
        /// What was given.
        given: PathBuf,
        /// What it is, and what to do.
        kind: String,
    },
    /// Its pictures lie in folders of its own.
    #[error(
        "{folder} holds no picture itself, but its sub-folders hold {beneath}: add --recursive, or name one of them"
    )]
    Beneath {
        /// The folder.
        folder: PathBuf,
        /// Pictures in folders below it.
        beneath: usize,
    },
}

/// The pictures of a folder (JPEG, PNG, WebP, BMP, TIFF, GIF by name), in the order of their paths. Names that begin with a dot are
/// none, and folders reached by links are not entered.
///
/// # Errors
/// When it cannot be read, is no folder, or has pictures in its sub-folders alone and those are not asked for.
pub fn list(folder: &Path, recursive: bool) -> Result<Vec<PathBuf>, ListError> {
    if let Some(kind) = no_folder(folder) {
        return Err(ListError::NoFolder {
            given: folder.to_owned(),
            kind,
        });
    }
    let unreadable = |source| ListError::Unreadable {
        folder: folder.to_owned(),
        source,
    };
    let (mut found, mut beneath) = (Vec::new(), Vec::new());
    gather(folder, &mut found, &mut beneath).map_err(unreadable)?;
    let mut deeper = Vec::new();
    while let Some(next) = beneath.pop() {
        gather(&next, &mut deeper, &mut beneath).map_err(|source| ListError::Unreadable {
            folder: next,
            source,
        })?;
    }
    if recursive {
        found.append(&mut deeper);
    } else if found.is_empty() && !deeper.is_empty() {
        return Err(ListError::Beneath {
            folder: folder.to_owned(),
            beneath: deeper.len(),
        });
    }
    found.sort();
    Ok(found)
}

fn gather(
    folder: &Path,
    pictures: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for path in files::list(folder)? {
        if path.is_dir() {
            if !path.is_symlink() {
                folders.push(path);
            }
        } else if path.is_file() && ImageFormat::from_path(&path).is_ok() {
            pictures.push(path);
        }
    }
    Ok(())
}

/// What something that is no folder of pictures is, and what to do; none where it is one, or is not there.
fn no_folder(given: &Path) -> Option<String> {
    let place = || given.parent().filter(|at| !at.as_os_str().is_empty());
    let place = place().unwrap_or(Path::new("."));
    if is_pattern(given) {
        Some(format!(
            "a pattern: name the folder, {}, whose pictures are all taken",
            place.display()
        ))
    } else if !given.is_file() {
        None
    } else if ImageFormat::from_path(given).is_ok() {
        Some(format!(
            "one picture: name the folder that it lies in, {}",
            place.display()
        ))
    } else {
        Some(format!(
            "a file: a film is cut into a folder of pictures first, `latentloop frames {} -o pictures`",
            given.display()
        ))
    }
}

/// Whether a path that leads nowhere looks like a pattern of names, as `%04d.png` or `*.png`.
pub fn is_pattern(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = name.split('%').skip(1).any(|rest| {
        rest.trim_start_matches(|digit: char| digit.is_ascii_digit())
            .starts_with('d')
    });
    (numbered || name.contains(['*', '?'])) && !path.exists()
}

/// Reads a picture as it is shown: turned as its Exif data say, its colours brought to sRGB where its profile says that they are
/// others (phones take pictures in Display P3), what is transparent over `background`.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(file: &Path, background: [u8; 3]) -> ImageResult<RgbImage> {
    let mut decoder = ImageReader::open(file)?
        .with_guessed_format()?
        .into_decoder()?;
    // Data that cannot be read turn and change nothing.
    let orientation = decoder.orientation().ok();
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder)?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(if picture.color().has_alpha() {
        let mut picture = picture.into_rgba8();
        let width = picture.width();
        to_srgb(&mut picture, Layout::Rgba, profile.as_deref());
        over(&picture, width, background)
    } else {
        let mut picture = picture.into_rgb8();
        to_srgb(&mut picture, Layout::Rgb, profile.as_deref());
        picture
    })
}

/// Brings levels to sRGB by a profile of the International Color Consortium. Profiles that mean sRGB, under whatever name, leave every
/// level as it is, and so do those that cannot be read or are of no RGB.
fn to_srgb(levels: &mut [u8], layout: Layout, profile: Option<&[u8]>) {
    // Levels that may be off by rounding alone.
    const SAME: u8 = 2;
    let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok()) else {
        return;
    };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let options = TransformOptions::default();
    let make =
        |layout| profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, options);
    let (Ok(probe), Ok(transform)) = (make(Layout::Rgb), make(layout)) else {
        return;
    };
    let steps = || (0..=255).step_by(51);
    let given: Vec<u8> = steps()
        .flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b])))
        .collect();
    let mut shown = vec![0; given.len()];
    let is_other = probe.transform(&given, &mut shown).is_ok()
        && given.iter().zip(&shown).any(|(a, b)| a.abs_diff(*b) > SAME);
    let mut changed = vec![0; levels.len()];
    if is_other && transform.transform(levels, &mut changed).is_ok() {
        levels.copy_from_slice(&changed);
    }
}

/// Whether a file is one picture, by its name and by its first bytes: not a film in pictures' clothes (GIF, animated PNG, a stream of
/// JPEG pictures).
pub fn is_still(file: &Path) -> bool {
    let named = ImageFormat::from_path(file).is_ok_and(|format| format != ImageFormat::Gif);
    let format = || {
        let mut bytes = BufReader::new(File::open(file).ok()?);
        let format = ImageReader::new(&mut bytes)
            .with_guessed_format()
            .ok()?
            .format()?;
        bytes.rewind().ok()?;
        let moves = format == ImageFormat::Png
            && PngDecoder::new(bytes).is_ok_and(|png| png.is_apng().unwrap_or(false));
        (!moves).then_some(format)
    };
    named && file.is_file() && format().is_some_and(|format| format != ImageFormat::Gif)
}

/// Pixels of red, green, blue and opacity over a colour. Levels are mixed, not light, as programs that make pictures mix them.
pub(crate) fn over(rgba: &[u8], width: u32, background: [u8; 3]) -> RgbImage {
    let (pixels, _) = rgba.as_chunks::<4>();
    let mixed = |level: u8, behind: u8, alpha: u8| {
        let (alpha, rest) = (u32::from(alpha), u32::from(255 - alpha));
        ((u32::from(level) * alpha + u32::from(behind) * rest + 127) / 255) as u8
    };
    let levels: Vec<u8> = pixels
        .iter()
        .flat_map(|&[red, green, blue, alpha]| {
            let [r, g, b] = background;
            [
                mixed(red, r, alpha),
                mixed(green, g, alpha),
                mixed(blue, b, alpha),
            ]
        })
        .collect();
    let height = pixels.len() as u32 / width.max(1);
    RgbImage::from_raw(width, height, levels).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, Rgba, RgbaImage};

    #[test]
    fn transparent_pixels_show_the_background_and_never_the_hidden_colour() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("glass.png");
        let mut picture = RgbaImage::from_pixel(3, 1, Rgba([200, 100, 50, 255]));
        picture.put_pixel(1, 0, Rgba([200, 100, 50, 0]));
        picture.put_pixel(2, 0, Rgba([200, 100, 50, 51]));
        picture.save(&file).unwrap();
        let black = read(&file, [0; 3]).unwrap();
        assert_eq!(black.as_raw(), &[200, 100, 50, 0, 0, 0, 40, 20, 10]);
        let white = read(&file, [255; 3]).unwrap();
        assert_eq!(white.get_pixel(1, 0), &Rgb([255; 3]));
        assert_eq!(white.get_pixel(2, 0), &Rgb([244, 224, 214]));
    }

    #[test]
    fn colours_of_a_profile_become_those_of_srgb_and_srgb_stays_as_it_is() {
        use image::codecs::png::PngEncoder;
        use image::{ExtendedColorType, ImageEncoder};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picture.png");
        let read_with = |profile: Vec<u8>, levels: &[u8], kind: ExtendedColorType| {
            let mut encoder = PngEncoder::new(File::create(&file).unwrap());
            encoder.set_icc_profile(profile).unwrap();
            encoder.write_image(levels, 1, 1, kind).unwrap();
            read(&file, [0; 3]).unwrap().into_raw()
        };
        let p3 = || ColorProfile::new_display_p3().encode().unwrap();
        // By SMPTE ST 432-1's primaries and the curve of sRGB.
        for found in [
            read_with(p3(), &[200, 100, 50], ExtendedColorType::Rgb8),
            read_with(p3(), &[200, 100, 50, 255], ExtendedColorType::Rgba8),
        ] {
            for (found, expected) in found.iter().zip([215u8, 93, 31]) {
                assert!(found.abs_diff(expected) <= 2, "{found} for {expected}");
            }
        }
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        let given = [200, 100, 50];
        assert_eq!(read_with(srgb, &given, ExtendedColorType::Rgb8), given);
        assert_eq!(
            read_with(vec![7; 9], &given, ExtendedColorType::Rgb8),
            given
        );
    }

    #[test]
    fn each_kind_of_wrong_folder_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let said = |path: &Path| list(path, false).unwrap_err().to_string();
        std::fs::create_dir_all(at("set/cats/deep")).unwrap();
        for name in [
            "a.png",
            "set/cats/b.png",
            "set/cats/deep/c.png",
            "set/cats/._b.png",
        ] {
            RgbImage::new(2, 2).save(at(name)).unwrap();
        }
        std::fs::write(at("film.mp4"), "film").unwrap();
        assert!(said(&at("set")).contains("sub-folders hold 2: add --recursive"));
        assert!(said(&at("a.png")).contains("one picture: name the folder"));
        assert!(said(&at("film.mp4")).contains("latentloop frames"));
        assert!(said(&at("%04d.png")).contains("a pattern: name the folder"));
        assert!(said(&at("*.png")).contains("a pattern: name the folder"));
        assert!(said(&at("none")).contains("No such file"));
        let found = list(&at("set"), true).unwrap();
        assert_eq!(found, [at("set/cats/b.png"), at("set/cats/deep/c.png")]);
        assert_eq!(list(folder.path(), false).unwrap(), [at("a.png")]);
    }

    #[test]
    fn what_moves_is_no_still_picture() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        RgbImage::new(2, 2).save(at("still.png")).unwrap();
        RgbaImage::new(2, 2).save(at("film.gif")).unwrap();
        RgbImage::new(2, 2).save(at("still.jpg")).unwrap();
        std::fs::copy(at("still.jpg"), at("stream.mjpeg")).unwrap();
        std::fs::write(at("film.png"), "none").unwrap();
        assert!(is_still(&at("still.png")) && is_still(&at("still.jpg")));
        for name in ["film.gif", "stream.mjpeg", "film.png", "none.png"] {
            assert!(!is_still(&at(name)), "{name}");
        }
    }
}
