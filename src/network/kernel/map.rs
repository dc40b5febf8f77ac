//! Where the numbers of a stack of feature maps lie.

/// A stack of feature maps, channels last, each with a border of zeros around it:
/// `[batch, height + 2 border, width + 2 border, channels]`.
///
/// The border is what a convolution's padding reads, so that every window is a few runs of neighbouring numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
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

impl Map {
    /// Numbers, the border's included.
    pub fn len(&self) -> usize {
        self.batch * self.picture()
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

    /// Where row `y` of a picture begins, the border left out.
    pub fn start(&self, picture: usize, y: usize) -> usize {
        picture * self.picture() + (y + self.border) * self.row() + self.border * self.channels
    }
}
