//! Colour palettes: the few colours that a set of pictures is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::light;

/// Colours of a palette, at most.
pub const COLOURS: usize = 8;
/// The colours of a palette in OKLab, the commonest first; where there are fewer, the last comes again.
pub type Oklab = [[f32; 3]; COLOURS];

/// Rounds of k-means; it has settled long before.
const ROUNDS: usize = 24;

/// Red, green and blue levels of sRGB; as a text `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rgb(pub [u8; 3]);

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl From<Rgb> for String {
    fn from(colour: Rgb) -> Self {
        colour.to_string()
    }
}

impl FromStr for Rgb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        // A sign is no digit, though the number may have one.
        match number.filter(|_| !text.contains('+')) {
            Some(number) => Ok(Self([16, 8, 0].map(|shift| (number >> shift) as u8))),
            None => Err(format!("{text:?} is no colour: give #rrggbb")),
        }
    }
}

impl TryFrom<String> for Rgb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A colour and how much of the pictures it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swatch {
    /// The colour.
    pub colour: Rgb,
    /// 0..1.
    pub share: f64,
}

/// One to eight colours, the commonest first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Vec<Swatch>", try_from = "Vec<Swatch>")]
pub struct Palette {
    /// Where there are fewer than eight, the last comes again.
    all: [Swatch; COLOURS],
    count: usize,
}

impl Palette {
    /// Its colours, the commonest first.
    pub fn swatches(&self) -> &[Swatch] {
        &self.all[..self.count]
    }

    /// Its colours as the look draws with them.
    pub fn oklab(&self) -> Oklab {
        self.all.map(|Swatch { colour, .. }| {
            let place = oklab(colour.0.map(f64::from));
            place.map(|value| value as f32)
        })
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Swatch { colour, share }) in self.swatches().iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{colour} {:.0} %", 100.0 * share)?;
        }
        Ok(())
    }
}

impl From<Palette> for Vec<Swatch> {
    fn from(palette: Palette) -> Self {
        palette.swatches().to_vec()
    }
}

impl TryFrom<Vec<Swatch>> for Palette {
    type Error = String;

    fn try_from(swatches: Vec<Swatch>) -> Result<Self, String> {
        let count = swatches.len();
        if !(1..=COLOURS).contains(&count) {
            return Err(format!("a palette has 1 to {COLOURS} colours, not {count}"));
        }
        let mut all = swatches.iter();
        if let Some(swatch) = all.find(|swatch| !(0.0..=1.0).contains(&swatch.share)) {
            return Err(format!(
                "{} has a share of {}, not one of 0 to 1",
                swatch.colour, swatch.share
            ));
        }
        Ok(Self {
            all: std::array::from_fn(|at| swatches[at.min(count - 1)]),
            count,
        })
    }
}

/// A histogram of colours: the pixels of pictures, counted.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Pixels in each of 32 x 32 x 32 boxes of the colour cube, with their summed levels.
    boxes: Vec<([u64; 3], u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            boxes: vec![([0; 3], 0); 1 << 15],
        }
    }
}

impl Histogram {
    /// Counts pixels of red, green, blue.
    pub fn add(&mut self, pixels: impl IntoIterator<Item = [u8; 3]>) {
        for pixel in pixels {
            let at = pixel
                .iter()
                .fold(0, |at, &level| at << 5 | usize::from(level >> 3));
            let (sums, count) = &mut self.boxes[at];
            for (sum, level) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(level);
            }
            *count += 1;
        }
    }

    /// Counts the pixels of a picture `[3, height, width]`, planes apart.
    pub fn add_planes(&mut self, picture: &[u8]) {
        let (red, rest) = picture.split_at(picture.len() / 3);
        let (green, blue) = rest.split_at(red.len());
        let pixels = red.iter().zip(green).zip(blue);
        self.add(pixels.map(|((&red, &green), &blue)| [red, green, blue]));
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for ((sums, count), (more_sums, more)) in self.boxes.iter_mut().zip(&other.boxes) {
            for (sum, more) in sums.iter_mut().zip(more_sums) {
                *sum += more;
            }
            *count += more;
        }
    }

    /// The mean levels, 0..=255, of each box with pixels in it, and their number.
    pub fn means(&self) -> impl Iterator<Item = ([f64; 3], u64)> {
        let full = self.boxes.iter().filter(|(_, count)| *count > 0);
        full.map(|&(sums, count)| (sums.map(|sum| sum as f64 / count as f64), count))
    }

    /// Up to eight colours, by k-means in OKLab (Lloyd 1982) from the most frequent colour and those farthest from the ones already
    /// chosen; none where no pixel was counted.
    pub fn palette(&self) -> Option<Palette> {
        let points: Vec<Point> = self
            .means()
            .map(|(levels, count)| Point {
                place: oklab(levels),
                levels,
                weight: count as f64,
            })
            .collect();
        let mut centres = beginnings(&points);
        let mut means = vec![Point::default(); centres.len()];
        for _ in 0..ROUNDS {
            means.fill(Point::default());
            for point in &points {
                means[nearest(&centres, &point.place).0].add(point);
            }
            for (centre, mean) in centres.iter_mut().zip(&means) {
                if mean.weight > 0.0 {
                    *centre = mean.place.map(|sum| sum / mean.weight);
                }
            }
        }
        means.retain(|mean| mean.weight > 0.0);
        means.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let all: f64 = means.iter().map(|mean| mean.weight).sum();
        let swatches: Vec<Swatch> = means
            .iter()
            .map(|mean| Swatch {
                colour: Rgb(mean.levels.map(|sum| (sum / mean.weight).round() as u8)),
                share: (mean.weight / all * 1000.0).round() / 1000.0,
            })
            .collect();
        Palette::try_from(swatches).ok()
    }
}

/// A colour, or the sum of several.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    /// In OKLab.
    place: [f64; 3],
    levels: [f64; 3],
    /// Pixels.
    weight: f64,
}

impl Point {
    fn add(&mut self, other: &Self) {
        for (sum, value) in self.place.iter_mut().zip(other.place) {
            *sum += value * other.weight;
        }
        for (sum, value) in self.levels.iter_mut().zip(other.levels) {
            *sum += value * other.weight;
        }
        self.weight += other.weight;
    }
}

fn beginnings(points: &[Point]) -> Vec<[f64; 3]> {
    let mut centres: Vec<[f64; 3]> = points
        .iter()
        .max_by(|a, b| a.weight.total_cmp(&b.weight))
        .map(|point| point.place)
        .into_iter()
        .collect();
    while !centres.is_empty() && centres.len() < COLOURS {
        // Weighed by the root of the count, so that a stray pixel does not become a colour of the palette.
        let farthest = points
            .iter()
            .map(|point| {
                let distance = nearest(&centres, &point.place).1;
                (point.place, distance * point.weight.sqrt())
            })
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match farthest {
            Some((place, distance)) if distance > 0.0 => centres.push(place),
            _ => break,
        }
    }
    centres
}

/// The nearest of some colours, and the square of its distance.
fn nearest(centres: &[[f64; 3]], place: &[f64; 3]) -> (usize, f64) {
    let distance = |centre: &[f64; 3]| -> f64 {
        let squares = centre.iter().zip(place).map(|(a, b)| (a - b).powi(2));
        squares.sum()
    };
    centres
        .iter()
        .map(distance)
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0))
}

/// Levels of sRGB, 0..=255, in OKLab (Ottosson 2020, <https://bottosson.github.io/posts/oklab/>).
fn oklab(levels: [f64; 3]) -> [f64; 3] {
    let [r, g, b] = levels.map(|level| light::to_linear(level / 255.0));
    let l = libm::cbrt(0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b);
    let m = libm::cbrt(0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b);
    let s = libm::cbrt(0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b);
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pixels: &[([u8; 3], usize)]) -> Option<Palette> {
        let mut histogram = Histogram::default();
        for &(pixel, times) in pixels {
            histogram.add(std::iter::repeat_n(pixel, times));
        }
        histogram.palette()
    }

    #[test]
    fn a_palette_names_the_colours_and_their_shares_the_commonest_first() {
        let palette = of(&[([0, 0, 100], 25), ([200, 0, 0], 75)]).unwrap();
        let text = serde_json::to_string(&palette).unwrap();
        assert_eq!(
            text,
            r##"[{"colour":"#c80000","share":0.75},{"colour":"#000064","share":0.25}]"##
        );
        assert_eq!(serde_json::from_str::<Palette>(&text).unwrap(), palette);
        assert_eq!(palette.to_string(), "#c80000 75 %, #000064 25 %");
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn many_colours_become_eight_and_a_stray_pixel_is_none_of_them() {
        let ramp = (0..=255).map(|level| ([level, level, 255 - level], 500));
        let mut pixels: Vec<_> = ramp.collect();
        pixels.push(([0, 255, 0], 1));
        let palette = of(&pixels).unwrap();
        assert_eq!(palette.swatches().len(), COLOURS);
        for Swatch { colour, .. } in palette.swatches() {
            let Rgb([red, green, blue]) = colour;
            assert!(
                red.abs_diff(*green) < 8 && red.abs_diff(255 - blue) < 8,
                "{colour}"
            );
        }
        let shares: f64 = palette.swatches().iter().map(|swatch| swatch.share).sum();
        assert!((shares - 1.0).abs() < 0.01);
    }

    #[test]
    fn oklab_is_ottossons_and_the_last_colour_comes_again() {
        let close = |seen: [f32; 3], expected: [f32; 3]| {
            assert!(
                seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3),
                "{seen:?}, not {expected:?}"
            );
        };
        let palette = of(&[([255; 3], 2), ([255, 0, 0], 1)]).unwrap().oklab();
        close(palette[0], [1.0, 0.0, 0.0]);
        close(palette[1], [0.628, 0.225, 0.126]);
        assert_eq!(palette[1], palette[7]);
    }

    #[test]
    fn a_colour_that_is_none_is_refused_and_so_is_a_palette_of_none_or_too_many() {
        assert_eq!("#0A10ff".parse(), Ok(Rgb([10, 16, 255])));
        for text in [
            "", "#", "#12345", "#1234567", "123456", "#12345g", "#+12345", "#ä1234",
        ] {
            let error = text.parse::<Rgb>().unwrap_err();
            assert!(error.contains("#rrggbb"), "{error}");
        }
        let faulty = r##"[{"colour":"#000000","share":-1}]"##;
        let error = serde_json::from_str::<Palette>(faulty).unwrap_err();
        assert!(error.to_string().contains("0 to 1"), "{error}");
        for colours in [0, 9] {
            let swatch = r##"{"colour":"#000000","share":0}"##;
            let text = format!("[{}]", vec![swatch; colours].join(","));
            let error = serde_json::from_str::<Palette>(&text).unwrap_err();
            assert!(error.to_string().contains("1 to 8 colours"), "{error}");
        }
    }
}
