//! From a coded picture to the picture that is trained on: turned upright, square pixels, square shape.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// The fit of a clip's shape into a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of the picture, its aspect not kept, as in the reference work.
    Squash,
    /// The middle square.
    Crop,
    /// All of the picture, with black beside or above it.
    Pad,
}

/// How a coded picture lies in what is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    /// Rows become columns, before the flips.
    pub transposed: bool,
    /// Left becomes right.
    pub flipped_x: bool,
    /// Top becomes bottom.
    pub flipped_y: bool,
    /// Width of a coded pixel over its height.
    pub pixel_aspect: f64,
}

impl Default for Geometry {
    fn default() -> Self {
        Self {
            transposed: false,
            flipped_x: false,
            flipped_y: false,
            pixel_aspect: 1.0,
        }
    }
}

impl Geometry {
    /// Reads the nine numbers of a display matrix (`libavutil/display.h`): a shown point is
    /// (m0 x + m3 y, m1 x + m4 y). Angles between quarter turns go to the nearest one.
    pub(super) fn with_display_matrix(self, matrix: [i32; 9]) -> Self {
        let [xx, xy, _, yx, yy, ..] = matrix.map(i64::from);
        let transposed = xy.abs() + yx.abs() > xx.abs() + yy.abs();
        let (x, y) = if transposed { (yx, xy) } else { (xx, yy) };
        Self {
            transposed,
            flipped_x: x < 0,
            flipped_y: y < 0,
            ..self
        }
    }
}

/// The picture as it is shown, in a square of `size` pixels, or in its own size where there is none. Scaling down
/// averages the area, as Pillow's bilinear filter does.
pub(super) fn frame(coded: &RgbImage, geometry: Geometry, size: Option<u32>, fit: Fit) -> RgbImage {
    let turned = |(a, b): (f64, f64)| if geometry.transposed { (b, a) } else { (a, b) };
    let (coded_width, coded_height) = (f64::from(coded.width()), f64::from(coded.height()));
    let shown = turned((coded_width * geometry.pixel_aspect, coded_height));
    // The share of the shown picture that is kept, and the size that it gets.
    let (kept, inner) = match (size.map(f64::from), fit) {
        (None, _) => ((1.0, 1.0), shown),
        (Some(size), Fit::Squash) => ((1.0, 1.0), (size, size)),
        (Some(size), Fit::Crop) => {
            let side = shown.0.min(shown.1);
            ((side / shown.0, side / shown.1), (size, size))
        }
        (Some(size), Fit::Pad) => {
            let scale = size / shown.0.max(shown.1);
            ((1.0, 1.0), (shown.0 * scale, shown.1 * scale))
        }
    };
    let pixels = |length: f64| (length.round() as u32).max(1);
    let kept = turned(kept);
    let (width, height) = (pixels(coded_width * kept.0), pixels(coded_height * kept.1));
    let view = imageops::crop_imm(
        coded,
        (coded.width() - width) / 2,
        (coded.height() - height) / 2,
        width,
        height,
    );
    let inner = turned(inner);
    let scaled = if (pixels(inner.0), pixels(inner.1)) == (width, height) {
        view.to_image()
    } else {
        imageops::resize(
            &*view,
            pixels(inner.0),
            pixels(inner.1),
            FilterType::Triangle,
        )
    };
    let upright = turn(scaled, geometry);
    match size {
        Some(side) if upright.dimensions() != (side, side) => {
            let mut square = RgbImage::from_pixel(side, side, Rgb([0; 3]));
            let left = i64::from(side.saturating_sub(upright.width()) / 2);
            let top = i64::from(side.saturating_sub(upright.height()) / 2);
            imageops::replace(&mut square, &upright, left, top);
            square
        }
        _ => upright,
    }
}

fn turn(picture: RgbImage, geometry: Geometry) -> RgbImage {
    let mut picture = if geometry.transposed {
        imageops::flip_horizontal(&imageops::rotate90(&picture))
    } else {
        picture
    };
    if geometry.flipped_x {
        imageops::flip_horizontal_in_place(&mut picture);
    }
    if geometry.flipped_y {
        imageops::flip_vertical_in_place(&mut picture);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns and three rows, every pixel its own value.
    fn numbered() -> RgbImage {
        RgbImage::from_fn(2, 3, |x, y| Rgb([(y * 2 + x) as u8; 3]))
    }

    fn values(picture: &RgbImage) -> Vec<u8> {
        picture.pixels().map(|pixel| pixel.0[0]).collect()
    }

    #[test]
    fn display_matrices_turn_and_mirror_the_picture() {
        const ONE: i32 = 1 << 16;
        let check = |[xx, xy, yx, yy]: [i32; 4], expected: &[u8]| {
            let matrix = [xx, xy, 0, yx, yy, 0, 0, 0, 1 << 30];
            let geometry = Geometry::default().with_display_matrix(matrix);
            let shown = frame(&numbered(), geometry, None, Fit::Squash);
            assert_eq!(values(&shown), expected, "{matrix:?}");
        };
        check([ONE, 0, 0, ONE], &[0, 1, 2, 3, 4, 5]);
        check([-ONE, 0, 0, -ONE], &[5, 4, 3, 2, 1, 0]);
        check([-ONE, 0, 0, ONE], &[1, 0, 3, 2, 5, 4]);
        // A quarter turn clockwise: x' = -y, y' = x.
        check([0, ONE, -ONE, 0], &[4, 2, 0, 5, 3, 1]);
        check([0, -ONE, ONE, 0], &[1, 3, 5, 0, 2, 4]);
        check([0, ONE, ONE, 0], &[0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn narrow_pixels_make_a_narrow_picture_whichever_way_it_is_turned() {
        let coded = RgbImage::new(60, 30);
        let narrow = Geometry {
            pixel_aspect: 2.0 / 3.0,
            ..Geometry::default()
        };
        assert_eq!(
            frame(&coded, narrow, None, Fit::Squash).dimensions(),
            (40, 30)
        );
        let turned = Geometry {
            transposed: true,
            ..narrow
        };
        assert_eq!(
            frame(&coded, turned, None, Fit::Squash).dimensions(),
            (30, 40)
        );
    }

    #[test]
    fn crop_keeps_the_middle_and_pad_keeps_all() {
        let coded = RgbImage::from_fn(40, 20, |x, _| {
            Rgb([if (10..30).contains(&x) { 200 } else { 50 }; 3])
        });
        let crop = frame(&coded, Geometry::default(), Some(20), Fit::Crop);
        assert!(values(&crop).iter().all(|&value| value == 200));
        let pad = frame(&coded, Geometry::default(), Some(20), Fit::Pad);
        assert_eq!(pad.get_pixel(10, 2).0[0], 0);
        assert_eq!(pad.get_pixel(10, 10).0[0], 200);
        assert_eq!(pad.get_pixel(1, 10).0[0], 50);
        let squash = frame(&coded, Geometry::default(), Some(20), Fit::Squash);
        assert_eq!(squash.get_pixel(1, 1).0[0], 50);
        assert_eq!(squash.get_pixel(10, 1).0[0], 200);
    }
}
