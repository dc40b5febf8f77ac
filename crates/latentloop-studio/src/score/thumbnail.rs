//! Pictures small enough to compare each with each.

/// Side of a thumbnail in pixels; smaller pictures are kept as they are.
const SIDE: usize = 64;

/// A picture of at most 64 x 64 pixels, planes apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thumbnail(Vec<u8>);

impl Thumbnail {
    /// Scales down a picture `[3, size, size]`: each pixel is the mean of those that it covers, to the nearest level.
    pub(super) fn new(picture: &[u8], size: usize) -> Self {
        if size <= SIDE {
            return Self(picture.to_vec());
        }
        let edge = |place: usize| place * size / SIDE;
        let mut levels = Vec::with_capacity(3 * SIDE * SIDE);
        for plane in picture.chunks_exact(size * size) {
            for row in 0..SIDE {
                let mut sums = [0u32; SIDE];
                for line in plane[edge(row) * size..edge(row + 1) * size].chunks_exact(size) {
                    for (column, sum) in sums.iter_mut().enumerate() {
                        let pixels = &line[edge(column)..edge(column + 1)];
                        *sum += pixels.iter().map(|&level| u32::from(level)).sum::<u32>();
                    }
                }
                let height = edge(row + 1) - edge(row);
                levels.extend(sums.iter().enumerate().map(|(column, sum)| {
                    let pixels = (height * (edge(column + 1) - edge(column))) as u32;
                    ((sum + pixels / 2) / pixels) as u8
                }));
            }
        }
        Self(levels)
    }

    /// Summed squared differences from another of the same size; at most 3 x 64 x 64 x 255 x 255, which fits.
    pub(super) fn squared(&self, other: &Self) -> u32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs
            .map(|(&a, &b)| {
                let difference = i16::from(a) - i16::from(b);
                (i32::from(difference) * i32::from(difference)) as u32
            })
            .sum()
    }

    /// The root of the mean of such a sum, in levels of 0..255.
    pub(super) fn levels(&self, squared: u32) -> f64 {
        (f64::from(squared) / self.0.len() as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_scaled_down_by_their_means() {
        let picture: Vec<u8> = (0..3 * 128 * 128)
            .map(|at| if at % 2 == 0 { 10 } else { 21 })
            .collect();
        assert_eq!(Thumbnail::new(&picture, 128).0, vec![16; 3 * 64 * 64]);
        assert_eq!(Thumbnail::new(&[7; 3 * 32 * 32], 32).0, [7; 3 * 32 * 32]);
    }

    #[test]
    fn distances_are_in_levels() {
        let [black, dark, white] =
            [0, 3, 255].map(|level| Thumbnail::new(&vec![level; 3 * 256 * 256], 256));
        assert_eq!(black.levels(black.squared(&dark)), 3.0);
        assert_eq!(black.levels(white.squared(&black)), 255.0);
        assert_eq!(dark.squared(&dark), 0);
    }
}
