//! Feature maps: memory layout of a stack of them, channels last (NHWC).

/// A stack of feature maps, channels last, each with a border of zeros around it:
/// `[batch, height + 2 border, width + 2 border, channels]`.
///
/// The border is what a convolution's padding reads, so that every window is a few runs of neighbouring numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// Pictures.
    pub batch: usize,
    /// Rows, without the border.
    pub height: usize,
    /// Columns, without the border.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Pixels of zeros on each side.
    pub border: usize,
}

impl FeatureMap {
    /// Numbers, the border's included. Panics where they are more than can be counted: kernels read and write within this
    /// length, which must not wrap around.
    pub fn len(&self) -> usize {
        let numbers = || {
            let border = self.border.checked_mul(2)?;
            let rows = self.height.checked_add(border)?;
            let columns = self.width.checked_add(border)?;
            rows.checked_mul(columns)?
                .checked_mul(self.channels)?
                .checked_mul(self.batch)
        };
        numbers().expect("a feature map fits into memory")
    }

    /// Whether it has no numbers at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of a row, the border's included.
    pub fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.channels
    }

    /// Numbers of a picture, the border's included.
    pub fn picture(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// Pixels of all pictures, without the border.
    pub fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Offset of row `y` of a picture, the border left out.
    pub fn start(&self, picture: usize, y: usize) -> usize {
        picture * self.picture() + (y + self.border) * self.row() + self.border * self.channels
    }
}

/// Lays out planes, `[batch, channels, height, width]`, as a map.
pub fn interleave(map: &FeatureMap, planes: &[f32]) -> Vec<f32> {
    let mut numbers = vec![0.0; map.len()];
    let plane = map.height * map.width;
    assert_eq!(
        planes.len(),
        map.batch * map.channels * plane,
        "the planes' length"
    );
    for picture in 0..map.batch {
        for y in 0..map.height {
            let row = &mut numbers[map.start(picture, y)..][..map.width * map.channels];
            for (x, pixel) in row.chunks_exact_mut(map.channels).enumerate() {
                for (channel, number) in pixel.iter_mut().enumerate() {
                    *number =
                        planes[(picture * map.channels + channel) * plane + y * map.width + x];
                }
            }
        }
    }
    numbers
}

/// Takes a map apart into planes, `[batch, channels, height, width]`: the way back of [`interleave`].
pub fn planes(map: &FeatureMap, numbers: &[f32]) -> Vec<f32> {
    assert_eq!(numbers.len(), map.len(), "the map's length");
    let plane = map.height * map.width;
    let mut planes = vec![0.0; map.batch * map.channels * plane];
    for picture in 0..map.batch {
        for y in 0..map.height {
            let row = &numbers[map.start(picture, y)..][..map.width * map.channels];
            for (x, pixel) in row.chunks_exact(map.channels).enumerate() {
                for (channel, &number) in pixel.iter().enumerate() {
                    planes[(picture * map.channels + channel) * plane + y * map.width + x] = number;
                }
            }
        }
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a feature map fits into memory")]
    fn a_length_that_would_wrap_around_is_refused() {
        let map = FeatureMap {
            batch: 4,
            height: 1 << (usize::BITS - 2),
            width: 1,
            channels: 1,
            border: 0,
        };
        map.len();
    }
}
