//! The filter that follows edges.
//!
//! Where the picture has an edge is seen by its structure tensor (Bigun and Granlund 1987): the products of Scharr's derivatives,
//! smoothed by a binomial. The kernel is turned along the edge, as in steering kernel regression (Takeda, Farsiu and Milanfar, IEEE
//! TIP 16(2), 2007), in one pass over few taps, as in FSR 1 (Lottes, AMD, 2021): across the edge Keys's cubic, along it a bump. What
//! comes out lies within the four nearest pixels, so that edges have no rings. Where nothing has a direction it is Catmull-Rom.
//! The same numbers are in `shaders/analyse.wgsl` and `shaders/upscale.wgsl`.

use super::super::fit::Place;

/// Pixels beyond each side that are those at the edge.
const PAD: usize = 2;
/// A derivative of this size, in parts of the range, is taken for noise.
const NOISE: f32 = 0.02;
/// From where on, and from where on wholly, what is coherent is an edge.
const COHERENT: (f32, f32) = (0.2, 0.6);
/// Keys's parameter across the edge: sharper than Catmull-Rom, for the bump softens.
const SHARP: f32 = -0.75;

/// What a frame's pixels see of the picture.
pub(super) struct Edge {
    from: (usize, usize),
    columns: Vec<Column>,
    lines: Vec<Column>,
    /// The picture in levels of 255, RGBA, with [`PAD`] around.
    pixels: Vec<[f32; 4]>,
    luma: Vec<f32>,
    /// Products of the derivatives: across squared, across by down, down squared; smoothed, and before.
    tensors: Vec<[f32; 3]>,
    products: Vec<[f32; 3]>,
}

/// A column of the frame, or a line.
struct Column {
    is_inside: bool,
    /// The first of the four taps, counted with the pad, and how far the second is behind.
    first: usize,
    behind: f32,
    plain: [f32; 4],
    bump: [f32; 4],
}

/// What a line is made in.
#[derive(Default)]
pub(super) struct Scratch {
    /// The picture, scaled down to the line by Catmull-Rom, with the pad at both ends.
    pixels: Vec<[f32; 4]>,
    tensors: Vec<[f32; 3]>,
}

impl Edge {
    pub(super) fn new(from: (u32, u32), to: (u32, u32), place: &Place) -> Self {
        let size = (from.0 as usize, from.1 as usize);
        let padded = (size.0 + 2 * PAD) * (size.1 + 2 * PAD);
        Self {
            from: size,
            columns: columns(from.0, to.0, place.offset.0, place.extent.0),
            lines: columns(from.1, to.1, place.offset.1, place.extent.1),
            pixels: vec![[0.0; 4]; padded],
            luma: vec![0.0; padded],
            tensors: vec![[0.0; 3]; size.0 * size.1],
            products: vec![[0.0; 3]; size.0 * size.1],
        }
    }

    /// Takes a picture, RGBA, and finds its edges.
    pub(super) fn take(&mut self, rgba: &[u8]) {
        let (width, height) = self.from;
        let stride = width + 2 * PAD;
        for at in 0..self.pixels.len() {
            let within = |at: usize, size: usize| at.saturating_sub(PAD).min(size - 1);
            let (x, y) = (within(at % stride, width), within(at / stride, height));
            let pixel = &rgba[(y * width + x) * 4..][..4];
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            self.pixels[at] = [r, g, b, 255.0];
            self.luma[at] = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255.0;
        }
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

    /// Draws a line of the frame; false where the picture does not reach it.
    pub(super) fn line(&self, y: usize, out: &mut [f32], scratch: &mut Scratch) -> bool {
        let line = &self.lines[y];
        if !line.is_inside {
            return false;
        }
        self.scale_down(line, scratch);
        for (column, out) in self.columns.iter().zip(out.chunks_exact_mut(4)) {
            let mut colour = [0.0; 4];
            if column.is_inside {
                let taps = &scratch.pixels[column.first..][..4];
                for (pixel, weight) in taps.iter().zip(column.plain) {
                    for (sum, value) in colour.iter_mut().zip(pixel) {
                        *sum += weight * value;
                    }
                }
                let (share, edge) = direction(&tensor(&scratch.tensors, column));
                if share > 0.0 {
                    let along = self.along(column, line, edge);
                    for (plain, along) in colour.iter_mut().zip(along) {
                        *plain += (along - *plain) * share;
                    }
                }
            }
            out.copy_from_slice(&colour);
        }
        true
    }

    /// Brings pixels and tensors to the height of a line.
    fn scale_down(&self, line: &Column, scratch: &mut Scratch) {
        let (width, height) = self.from;
        let stride = width + 2 * PAD;
        let row = |tap: usize| &self.pixels[(line.first + tap) * stride..][..stride];
        let [a, b, c, d] = line.plain;
        let rows = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
        scratch.pixels.clear();
        scratch.pixels.extend(rows.map(|(((p, q), r), s)| {
            std::array::from_fn(|n| a * p[n] + b * q[n] + c * r[n] + d * s[n])
        }));
        let above = (line.first + 1).saturating_sub(PAD).min(height - 1);
        let below = (line.first + 2).saturating_sub(PAD).min(height - 1);
        let row = |at: usize| &self.tensors[at * width..][..width];
        scratch.tensors.clear();
        let pairs = row(above).iter().zip(row(below));
        scratch
            .tensors
            .extend(pairs.map(|(a, b)| mixed(a, b, line.behind)));
    }

    /// The colour at a place along an edge, whose normal is given.
    fn along(&self, column: &Column, line: &Column, normal: (f32, f32)) -> [f32; 4] {
        let stride = self.from.0 + 2 * PAD;
        let mut sum = [0.0f32; 4];
        let mut whole = 0.0;
        for (row, &bump) in line.bump.iter().enumerate() {
            let down = (row as f32 - 1.0 - line.behind) * normal.1;
            let pixels = &self.pixels[(line.first + row) * stride + column.first..][..4];
            for (tap, pixel) in pixels.iter().enumerate() {
                let far = (tap as f32 - 1.0 - column.behind) * normal.0 + down;
                let weight = keys(far) * column.bump[tap] * bump;
                whole += weight;
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * value;
                }
            }
        }
        let near = |row: usize| {
            let at = (line.first + row) * stride + column.first;
            (&self.pixels[at + 1], &self.pixels[at + 2])
        };
        let ((a, b), (c, d)) = (near(1), near(2));
        std::array::from_fn(|n| {
            let least = a[n].min(b[n]).min(c[n].min(d[n]));
            let most = a[n].max(b[n]).max(c[n].max(d[n]));
            (sum[n] / whole).clamp(least, most)
        })
    }
}

/// The tensor at a column, of those at the height of a line.
fn tensor(tensors: &[[f32; 3]], column: &Column) -> [f32; 3] {
    let last = tensors.len() - 1;
    let left = (column.first + 1).saturating_sub(PAD).min(last);
    let right = (column.first + 2).saturating_sub(PAD).min(last);
    mixed(&tensors[left], &tensors[right], column.behind)
}

fn mixed(a: &[f32; 3], b: &[f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|n| a[n] + (b[n] - a[n]) * share)
}

/// How much of an edge there is, 0..=1, and its normal.
fn direction(&[across, both, down]: &[f32; 3]) -> (f32, (f32, f32)) {
    let difference = across - down;
    let length = (difference * difference + 4.0 * both * both).sqrt();
    let coherence = length / (across + down + NOISE * NOISE);
    let part = ((coherence - COHERENT.0) / (COHERENT.1 - COHERENT.0)).clamp(0.0, 1.0);
    if part == 0.0 {
        return (0.0, (1.0, 0.0));
    }
    // The tensor has twice the angle.
    let cosine = difference / length;
    let normal = (
        (0.5 + 0.5 * cosine).max(0.0).sqrt(),
        (0.5 - 0.5 * cosine).max(0.0).sqrt().copysign(both),
    );
    (part * part * (3.0 - 2.0 * part), normal)
}

fn columns(picture: u32, frame: u32, offset: f64, extent: f64) -> Vec<Column> {
    let column = |at: u32| {
        let place = f64::from(at) + 0.5 - offset;
        let centre = place * f64::from(picture) / extent - 0.5;
        let behind = (centre - centre.floor()) as f32;
        let is_inside = place >= 0.0 && place < extent;
        Column {
            is_inside,
            // From -1 to one less than there are pixels; one tap lies before.
            first: if is_inside {
                (centre.floor() + 1.0) as usize
            } else {
                0
            },
            behind,
            plain: std::array::from_fn(|tap| cubic(tap as f32 - 1.0 - behind, -0.5)),
            bump: std::array::from_fn(|tap| {
                let far = tap as f32 - 1.0 - behind;
                (1.0 - far * far / 4.0).powi(2)
            }),
        }
    };
    (0..frame).map(column).collect()
}

fn keys(far: f32) -> f32 {
    cubic(far, SHARP)
}

/// Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE TASSP 29(6), 1981.
fn cubic(far: f32, a: f32) -> f32 {
    let x = far.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}
