//! The picture that edges are found in.

/// Pixels beyond each side that are those at the edge.
pub(super) const PAD: usize = 2;

pub(super) struct Source {
    size: (usize, usize),
    /// RGB in levels of 255 and 1, with [`PAD`] around.
    pixels: Vec<[f32; 4]>,
    luma: Vec<f32>,
    /// Products of the derivatives: across squared, across by down, down squared; before they are smoothed, and after.
    products: Vec<[f32; 3]>,
    tensors: Vec<[f32; 3]>,
}

impl Source {
    /// Room for pictures of that size.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let size = (width as usize, height as usize);
        let padded = (size.0 + 2 * PAD) * (size.1 + 2 * PAD);
        Self {
            size,
            pixels: vec![[0.0; 4]; padded],
            luma: vec![0.0; padded],
            products: vec![[0.0; 3]; size.0 * size.1],
            tensors: vec![[0.0; 3]; size.0 * size.1],
        }
    }

    /// Pixels of a row, counted with the pad.
    pub(super) fn row(&self, row: usize) -> &[[f32; 4]] {
        let stride = self.size.0 + 2 * PAD;
        &self.pixels[row * stride..][..stride]
    }

    /// Tensors of a row, counted with the pad, which they do not have.
    pub(super) fn tensors(&self, row: usize) -> &[[f32; 3]] {
        let row = row.saturating_sub(PAD).min(self.size.1 - 1);
        &self.tensors[row * self.size.0..][..self.size.0]
    }

    /// Takes a picture, RGBA.
    pub(super) fn take(&mut self, rgba: &[u8]) {
        let (width, height) = self.size;
        let stride = width + 2 * PAD;
        for at in 0..self.pixels.len() {
            let within = |at: usize, size: usize| at.saturating_sub(PAD).min(size - 1);
            let (x, y) = (within(at % stride, width), within(at / stride, height));
            let pixel = &rgba[(y * width + x) * 4..][..4];
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            self.pixels[at] = [r, g, b, 1.0];
            self.luma[at] = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255.0;
        }
        self.derive();
        self.smooth();
    }

    fn derive(&mut self) {
        let (width, height) = self.size;
        let stride = width + 2 * PAD;
        for y in 0..height {
            let row = |down: usize| &self.luma[(y + PAD - 1 + down) * stride + PAD - 1..];
            let [above, here, below] = [row(0), row(1), row(2)];
            for x in 0..width {
                let across = 3.0 * (above[x + 2] - above[x] + below[x + 2] - below[x])
                    + 10.0 * (here[x + 2] - here[x]);
                let down = 3.0 * (below[x] - above[x] + below[x + 2] - above[x + 2])
                    + 10.0 * (below[x + 1] - above[x + 1]);
                let (across, down) = (across / 32.0, down / 32.0);
                self.products[y * width + x] = [across * across, across * down, down * down];
            }
        }
    }

    fn smooth(&mut self) {
        let (width, height) = self.size;
        for y in 0..height {
            let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
            let [above, here, below] = rows.map(|row| &self.products[row * width..][..width]);
            for x in 0..width {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let part = |n: usize| {
                    let sum = |x: usize| above[x][n] + 2.0 * here[x][n] + below[x][n];
                    (sum(left) + 2.0 * sum(x) + sum(right)) / 16.0
                };
                self.tensors[y * width + x] = [part(0), part(1), part(2)];
            }
        }
    }
}
