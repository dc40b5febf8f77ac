//! The colours that a set of pictures is made of.

use super::dataset::Swatch;

/// Colours in a palette, at most.
const COLOURS: usize = 7;
/// Rounds of k-means; it has settled long before.
const ROUNDS: usize = 24;

/// Counts colours, coarsely, and finds those that stand for them all.
#[derive(Debug)]
pub(super) struct Palette {
    /// Pixels in each of 32 x 32 x 32 boxes of the colour cube, with their summed levels.
    boxes: Vec<([u64; 3], u64)>,
}

impl Default for Palette {
    fn default() -> Self {
        Self {
            boxes: vec![([0; 3], 0); 1 << 15],
        }
    }
}

impl Palette {
    /// Counts pixels of red, green, blue.
    pub(super) fn add(&mut self, levels: &[u8]) {
        for pixel in levels.chunks_exact(3) {
            let at = pixel
                .iter()
                .fold(0, |at, &level| at << 5 | usize::from(level >> 3));
            let (sums, count) = &mut self.boxes[at];
            for (sum, &level) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(level);
            }
            *count += 1;
        }
    }

    /// Up to seven colours, by k-means from the most frequent colour and those farthest from the ones already chosen;
    /// the commonest first.
    pub(super) fn swatches(&self) -> Vec<Swatch> {
        let points: Vec<([f64; 3], f64)> = self
            .boxes
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|&(sums, count)| (sums.map(|sum| sum as f64 / count as f64), count as f64))
            .collect();
        let mut centres = beginnings(&points);
        let mut shares = vec![0.0; centres.len()];
        for _ in 0..ROUNDS {
            let mut sums = vec![([0.0; 3], 0.0); centres.len()];
            for (colour, count) in &points {
                let (sum, total) = &mut sums[nearest(&centres, colour).0];
                for (sum, level) in sum.iter_mut().zip(colour) {
                    *sum += level * count;
                }
                *total += count;
            }
            for ((centre, share), (sum, total)) in centres.iter_mut().zip(&mut shares).zip(sums) {
                *share = total;
                if total > 0.0 {
                    *centre = sum.map(|sum| sum / total);
                }
            }
        }
        let all: f64 = shares.iter().sum();
        let mut swatches: Vec<Swatch> = centres
            .iter()
            .zip(&shares)
            .filter(|&(_, &share)| share > 0.0)
            .map(|(centre, share)| {
                let [red, green, blue] = centre.map(|level| level.round() as u8);
                Swatch {
                    colour: format!("#{red:02x}{green:02x}{blue:02x}"),
                    share: (share / all * 1000.0).round() / 1000.0,
                }
            })
            .collect();
        swatches.sort_by(|a, b| b.share.total_cmp(&a.share));
        swatches
    }
}

fn beginnings(points: &[([f64; 3], f64)]) -> Vec<[f64; 3]> {
    let mut centres: Vec<[f64; 3]> = points
        .iter()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|&(colour, _)| colour)
        .into_iter()
        .collect();
    while !centres.is_empty() && centres.len() < COLOURS {
        // Weighed by the root of the count, so that a stray pixel does not become a colour of the palette.
        let farthest = points
            .iter()
            .map(|(colour, count)| (colour, nearest(&centres, colour).1 * count.sqrt()))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match farthest {
            Some((&colour, distance)) if distance > 0.0 => centres.push(colour),
            _ => break,
        }
    }
    centres
}

fn nearest(centres: &[[f64; 3]], colour: &[f64; 3]) -> (usize, f64) {
    let distance = |centre: &[f64; 3]| -> f64 {
        centre
            .iter()
            .zip(colour)
            .map(|(a, b)| (a - b).powi(2))
            .sum()
    };
    centres
        .iter()
        .map(distance)
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_names_the_colours_and_their_shares() {
        let mut palette = Palette::default();
        palette.add(&[200, 0, 0].repeat(75));
        palette.add(&[0, 0, 100].repeat(25));
        let swatches = palette.swatches();
        let seen: Vec<_> = swatches
            .iter()
            .map(|swatch| (swatch.colour.as_str(), swatch.share))
            .collect();
        assert_eq!(seen, [("#c80000", 0.75), ("#000064", 0.25)]);
        assert!(Palette::default().swatches().is_empty());
    }
}
