//! Contact sheets: pictures in a grid, with what they are written under them.

use image::{Rgb, RgbImage, imageops};

use crate::engine::Rounding;

/// Columns of a sheet.
const COLUMNS: u32 = 4;
/// Pixels between pictures.
const GAP: u32 = 12;
/// Height of the line under a picture.
const CAPTION: u32 = 34;
const BACKGROUND: Rgb<u8> = Rgb([14, 15, 17]);
const INK: Rgb<u8> = Rgb([196, 198, 202]);
/// Pixels of the sheet a pixel of the lettering.
const SCALE: u32 = 2;

/// The picture of three planes, `[3, height, width]` in -1..1.
pub fn picture(planes: &[f32], (width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let at = y as usize * width as usize + x as usize;
        Rgb(Rounding::Nearest.pixel(planes, at))
    })
}

/// Pictures of one size edge to edge, so many to a row.
pub fn grid(pictures: &[RgbImage], columns: u32) -> RgbImage {
    lay_out(pictures, columns, (0, 0), Rgb([0; 3]))
}

/// Pictures of one size, so many to a row, so many pixels apart.
fn lay_out(
    pictures: &[RgbImage],
    columns: u32,
    (gap, caption): (u32, u32),
    background: Rgb<u8>,
) -> RgbImage {
    let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
    let columns = columns.min(pictures.len() as u32).max(1);
    let rows = (pictures.len() as u32).div_ceil(columns).max(1);
    let (cell_width, cell_height) = (width + gap, height + caption + gap);
    let mut sheet = RgbImage::from_pixel(
        columns * cell_width + gap,
        rows * cell_height + gap,
        background,
    );
    for (index, picture) in (0..).zip(pictures) {
        let (column, row) = (index % columns, index / columns);
        let (x, y) = (gap + column * cell_width, gap + row * cell_height);
        imageops::replace(&mut sheet, picture, i64::from(x), i64::from(y));
    }
    sheet
}

/// Lays out pictures of one size four to a row, each over its caption (digits, `-`, `#` and spaces are lettered).
pub fn contact_sheet(pictures: &[RgbImage], captions: &[String]) -> RgbImage {
    let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
    let columns = COLUMNS.min(pictures.len() as u32).max(1);
    let mut sheet = lay_out(pictures, columns, (GAP, CAPTION), BACKGROUND);
    for (index, caption) in (0..pictures.len() as u32).zip(captions) {
        let x = GAP + index % columns * (width + GAP);
        let y = GAP + index / columns * (height + CAPTION + GAP) + height;
        let length = caption.chars().count() as u32 * 6 * SCALE - SCALE;
        let left = x + width.saturating_sub(length) / 2;
        letter(&mut sheet, caption, left, y + (CAPTION - 7 * SCALE) / 2);
    }
    sheet
}

/// Five by seven pixels a sign, a row a number, the leftmost pixel its highest bit.
fn sign(character: char) -> [u8; 7] {
    match character {
        '0' => [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
        '1' => [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
        '2' => [0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f],
        '3' => [0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e],
        '4' => [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
        '5' => [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
        '6' => [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
        '7' => [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
        '8' => [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
        '9' => [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
        '-' => [0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00],
        '#' => [0x0a, 0x0a, 0x1f, 0x0a, 0x1f, 0x0a, 0x0a],
        _ => [0; 7],
    }
}

fn letter(sheet: &mut RgbImage, text: &str, left: u32, top: u32) {
    for (place, character) in text.chars().enumerate() {
        for (row, bits) in sign(character).into_iter().enumerate() {
            for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                for (dx, dy) in (0..SCALE * SCALE).map(|i| (i % SCALE, i / SCALE)) {
                    let x = left + (place as u32 * 6 + column) * SCALE + dx;
                    let y = top + row as u32 * SCALE + dy;
                    if x < sheet.width() && y < sheet.height() {
                        sheet.put_pixel(x, y, INK);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pictures_edge_to_edge() {
        let planes = |level: f32| [[level; 4], [-1.0; 4], [1.0; 4]].concat();
        let pictures = [-1.0, 0.0, 1.0].map(|level| picture(&planes(level), (2, 2)));
        let sheet = grid(&pictures, 2);
        assert_eq!(sheet.dimensions(), (4, 4));
        assert_eq!(*sheet.get_pixel(1, 1), Rgb([0, 0, 255]));
        assert_eq!(*sheet.get_pixel(2, 0), Rgb([128, 0, 255]));
        assert_eq!(*sheet.get_pixel(0, 3), Rgb([255, 0, 255]));
        assert_eq!(*sheet.get_pixel(3, 3), Rgb([0; 3]));
    }

    #[test]
    fn pictures_stand_in_a_grid_over_their_captions() {
        let pictures: Vec<RgbImage> = (1..=5)
            .map(|n| RgbImage::from_pixel(40, 30, Rgb([n * 40, 0, 0])))
            .collect();
        let captions: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        let sheet = contact_sheet(&pictures, &captions);
        assert_eq!(sheet.dimensions(), (4 * 52 + 12, 2 * 76 + 12));
        assert_eq!(*sheet.get_pixel(12 + 20, 12 + 15), Rgb([40, 0, 0]));
        assert_eq!(*sheet.get_pixel(12 + 20, 12 + 76 + 15), Rgb([200, 0, 0]));
        assert!(
            (0..52).any(|x| *sheet.get_pixel(x, 12 + 30 + 17) == INK),
            "the first caption is not lettered"
        );
    }
}
