//! Golden pictures: what a test draws, held against what was drawn when somebody last looked.

use std::path::{Path, PathBuf};

use super::Canvas;

/// How far a picture may be from its golden one: so many levels, on all but so many pixels. Cards round and filter a little
/// differently.
#[derive(Clone, Copy)]
pub(super) struct Tolerance {
    pub(super) levels: u8,
    pub(super) pixels: usize,
}

fn path(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(folder)
        .join(format!("{name}.png"))
}

/// How many pixels of a picture are not those of `tests/golden/FOLDER/NAME.png`, and the difference, eight times as strong. All are
/// where its size is another.
pub(super) fn compare(
    folder: &str,
    name: &str,
    seen: &Canvas,
    tolerance: Tolerance,
) -> Result<(usize, Canvas), String> {
    let golden = image::open(path(folder, name))
        .map_err(|error| format!("{name}: {error}"))?
        .to_rgba8();
    let mut difference = Canvas::black(seen.size);
    if golden.dimensions() != seen.size {
        return Ok((seen.rgba.len() / 4, difference));
    }
    let mut off = 0;
    let pixels = seen.rgba.chunks_exact(4).zip(golden.chunks_exact(4));
    for ((seen, golden), out) in pixels.zip(difference.rgba.chunks_exact_mut(4)) {
        let apart = [0, 1, 2].map(|n| seen[n].abs_diff(golden[n]));
        off += usize::from(apart.iter().any(|&level| level > tolerance.levels));
        out[..3].copy_from_slice(&apart.map(|level| level.saturating_mul(8)));
    }
    Ok((off, difference))
}

/// Holds a picture against `tests/golden/FOLDER/NAME.png`; `LATENTLOOP_GOLDEN=write` makes it. Where they differ, what was seen and
/// the difference, eight times as strong, go to `target/golden/FOLDER`.
pub(super) fn check(
    folder: &str,
    name: &str,
    seen: &Canvas,
    tolerance: Tolerance,
) -> Result<(), String> {
    if std::env::var_os("LATENTLOOP_GOLDEN").is_some() {
        return save(&path(folder, name), seen);
    }
    let (off, difference) = compare(folder, name, seen, tolerance)?;
    if off <= tolerance.pixels {
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("target/golden").join(folder);
    save(&folder.join(format!("{name}.seen.png")), seen)?;
    save(&folder.join(format!("{name}.difference.png")), &difference)?;
    Err(format!(
        "{name}: {off} pixels differ; see {}",
        folder.display()
    ))
}

fn save(path: &Path, canvas: &Canvas) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let (width, height) = canvas.size;
    std::fs::create_dir_all(folder)
        .map_err(image::ImageError::from)
        .and_then(|()| {
            image::save_buffer(path, &canvas.rgba, width, height, image::ColorType::Rgba8)
        })
        .map_err(|error| format!("{}: {error}", path.display()))
}
