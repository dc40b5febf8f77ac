//! A picture of flashes over time.

use image::{Rgb, RgbImage};

const SIZE: (u32, u32) = (1200, 320);
const MARGIN: u32 = 16;
const PAPER: Rgb<u8> = Rgb([16, 16, 20]);
const LINE: Rgb<u8> = Rgb([60, 60, 70]);
const LIMIT: Rgb<u8> = Rgb([230, 70, 60]);
const PICTURE: Rgb<u8> = Rgb([240, 200, 90]);
const FIELD: Rgb<u8> = Rgb([90, 150, 230]);

/// Plots the series of a [`super::Counter`]: transitions of the last second, 0 to 7 from the bottom to the top, over time; those over a
/// quarter of ten degrees in blue, over a quarter of the picture in yellow, the limit of six in red; a tick for each ten seconds.
pub fn plot(series: &[(f64, usize, usize)]) -> RgbImage {
    let mut image = RgbImage::from_pixel(SIZE.0, SIZE.1, PAPER);
    let (wide, high) = (SIZE.0 - 2 * MARGIN, SIZE.1 - 2 * MARGIN);
    let length = series.last().map_or(1.0, |&(secs, ..)| secs.max(1.0));
    let y = |count: usize| SIZE.1 - MARGIN - (count as u32 * high) / 7;
    let x = |secs: f64| MARGIN + (secs / length * f64::from(wide - 1)) as u32;
    for count in 0..=7 {
        (MARGIN..MARGIN + wide).for_each(|x| image.put_pixel(x, y(count).min(SIZE.1 - 1), LINE));
    }
    for tick in 0..=(length / 10.0) as u32 {
        let x = x(f64::from(tick) * 10.0);
        (SIZE.1 - MARGIN..SIZE.1 - MARGIN / 2).for_each(|y| image.put_pixel(x, y, LINE));
    }
    (MARGIN..MARGIN + wide).for_each(|x| image.put_pixel(x, y(6), LIMIT));
    for (at, &(secs, picture, field)) in series.iter().enumerate() {
        let until = series.get(at + 1).map_or(length, |&(secs, ..)| secs);
        for column in x(secs)..=x(until) {
            for (count, colour) in [(field, FIELD), (picture, PICTURE)] {
                let top = y(count);
                (top..SIZE.1 - MARGIN).for_each(|y| image.put_pixel(column, y, colour));
            }
        }
    }
    (MARGIN..MARGIN + wide).for_each(|x| image.put_pixel(x, y(6), LIMIT));
    image
}
