//! CPU kernels of the 4 x 4, stride 2, padding 1 convolution between a fine map and a coarse map of half its side.
//!
//! PyTorch lays out the weights of `Conv2d` (fine to coarse) and of `ConvTranspose2d` (coarse to fine) alike, as
//! `[coarse, fine, 4, 4]`, so three kernels serve both, forward and backward: [`down`] (fine to coarse), [`up`] (coarse to
//! fine) and [`weight_gradient`]. Work is cut into tiles of coarse rows that fit a core's cache; every number is written
//! by one tile in a fixed order, so a result depends on the number of threads only where [`weight_gradient`] says so.

#![allow(
    unsafe_code,
    reason = "strided matrix products write disjoint columns of one buffer from several threads"
)]

use std::cell::RefCell;

use gemm::Parallelism;
use rayon::prelude::*;

/// Channels, batch and coarse side of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the coarse map.
    pub coarse: usize,
    /// Channels of the fine map.
    pub fine: usize,
    /// Pictures in the batch.
    pub batch: usize,
    /// Height of the coarse map; the fine one has twice as many rows.
    pub height: usize,
    /// Width of the coarse map.
    pub width: usize,
}

/// Taps of the 4 x 4 filter.
const TAPS: usize = 16;
/// Bytes of columns that a tile of [`up`] may take.
const TILE_BYTES: usize = 3 << 19;
/// Columns that a tile of [`down`] has at least, where there are as many.
const TILE_COLUMNS: usize = 384;

impl ConvShape {
    /// Numbers in the coarse map.
    pub fn coarse_len(&self) -> usize {
        self.coarse * self.columns()
    }

    /// Numbers in the fine map.
    pub fn fine_len(&self) -> usize {
        self.fine * self.columns() * 4
    }

    /// Numbers in the weights.
    pub fn weight_len(&self) -> usize {
        self.coarse * self.fine * TAPS
    }

    fn columns(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Coarse rows of all pictures, one after the other.
    fn rows(&self) -> usize {
        self.batch * self.height
    }

    fn tile_rows(&self) -> usize {
        TILE_COLUMNS.div_ceil(self.width).min(self.rows())
    }
}

/// A buffer that several threads write in disjoint places.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: every user writes places that no other tile writes, and the buffer outlives the parallel loop.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

/// A matrix in memory: where its first number is and how far apart rows and columns are.
#[derive(Clone, Copy)]
struct Strided {
    start: *const f32,
    row: usize,
    column: usize,
}

impl Strided {
    fn rows(start: *const f32, row: usize) -> Self {
        Self {
            start,
            row,
            column: 1,
        }
    }

    fn transposed(self) -> Self {
        Self {
            row: self.column,
            column: self.row,
            ..self
        }
    }
}

/// `out = a b` (or `out += a b`) for `a` of m x k and `b` of k x n, `out` having contiguous rows `out_row` apart.
///
/// # Safety
/// The matrices must lie in live memory, `out` must not overlap the others and nobody else may touch its m x n numbers.
unsafe fn multiply(
    [m, n, k]: [usize; 3],
    a: Strided,
    b: Strided,
    out: *mut f32,
    out_row: usize,
    add: bool,
) {
    // SAFETY: the caller vouches for the memory.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            out_row as isize,
            add,
            a.start,
            a.column as isize,
            a.row as isize,
            b.start,
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Lays out what each of the filter's taps sees at coarse rows `first..last`: `columns` becomes
/// `[fine * 16, (last - first) * width]`.
fn gather_columns(
    shape: &ConvShape,
    fine: &[f32],
    first: usize,
    last: usize,
    columns: &mut Vec<f32>,
) {
    let (height, width) = (shape.height, shape.width);
    let count = (last - first) * width;
    columns.resize(shape.fine * TAPS * count, 0.0);
    for (channel, block) in columns.chunks_exact_mut(TAPS * count).enumerate() {
        for (ky, taps) in block.chunks_exact_mut(4 * count).enumerate() {
            let (left, rest) = taps.split_at_mut(count);
            let (even, rest) = rest.split_at_mut(count);
            let (odd, right) = rest.split_at_mut(count);
            for row in first..last {
                let at = (row - first) * width;
                let span = at..at + width;
                let (picture, y) = (row / height, row % height);
                let fine_y = (2 * y + ky).wrapping_sub(1);
                if fine_y >= 2 * height {
                    for tap in [&mut *left, &mut *even, &mut *odd, &mut *right] {
                        tap[span.clone()].fill(0.0);
                    }
                    continue;
                }
                let start = ((channel * shape.batch + picture) * 2 * height + fine_y) * 2 * width;
                let source = &fine[start..start + 2 * width];
                for ((e, o), pair) in even[span.clone()]
                    .iter_mut()
                    .zip(&mut odd[span.clone()])
                    .zip(source.chunks_exact(2))
                {
                    *e = pair[0];
                    *o = pair[1];
                }
                left[at] = 0.0;
                left[at + 1..at + width].copy_from_slice(&odd[at..at + width - 1]);
                right[at..at + width - 1].copy_from_slice(&even[at + 1..at + width]);
                right[at + width - 1] = 0.0;
            }
        }
    }
}

/// Fine map to coarse map: the forward pass of a convolution, the input gradient of a transposed one.
pub(super) fn down(
    shape: &ConvShape,
    fine: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let mut coarse = vec![0.0f32; shape.coarse_len()];
    let out = Shared(coarse.as_mut_ptr());
    let tile = shape.tile_rows();
    (0..shape.rows().div_ceil(tile))
        .into_par_iter()
        .for_each_init(Vec::new, |columns, index| {
            let (first, last) = (index * tile, ((index + 1) * tile).min(shape.rows()));
            gather_columns(shape, fine, first, last, columns);
            down_tile(shape, columns, weight, bias, first, last, out);
        });
    coarse
}

fn down_tile(
    shape: &ConvShape,
    columns: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    first: usize,
    last: usize,
    out: Shared,
) {
    let (count, depth) = ((last - first) * shape.width, shape.fine * TAPS);
    let (stride, offset) = (shape.columns(), first * shape.width);
    if let Some(bias) = bias {
        for (channel, &value) in bias.iter().enumerate() {
            // SAFETY: columns offset..offset + count of every row belong to this tile alone.
            unsafe { std::slice::from_raw_parts_mut(out.at(channel * stride + offset), count) }
                .fill(value);
        }
    }
    let (a, b) = (
        Strided::rows(weight.as_ptr(), depth),
        Strided::rows(columns.as_ptr(), count),
    );
    // SAFETY: weight is coarse x depth, columns depth x count, and the tile's columns of the output are its own.
    unsafe {
        multiply(
            [shape.coarse, count, depth],
            a,
            b,
            out.at(offset),
            stride,
            bias.is_some(),
        );
    }
}

/// Coarse map to fine map: the forward pass of a transposed convolution, the input gradient of a plain one.
pub(super) fn up(
    shape: &ConvShape,
    coarse: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let mut fine = vec![0.0f32; shape.fine_len()];
    up_into(shape, coarse, weight, bias, &mut fine, |_, _| {});
    fine
}

thread_local! {
    /// Columns of one tile and one row of pixels, kept from call to call: drawing a frame allocates nothing.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// [`up`] into a buffer, with `finish` called on every row of pixels (its channel, and even pixels before odd ones).
pub(crate) fn up_into(
    shape: &ConvShape,
    coarse: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    fine: &mut [f32],
    finish: impl Fn(usize, &mut [f32]) + Sync,
) {
    assert_eq!(coarse.len(), shape.coarse_len(), "the coarse map's length");
    assert_eq!(weight.len(), shape.weight_len(), "the weights' length");
    assert_eq!(fine.len(), shape.fine_len(), "the fine map's length");
    let out = Shared(fine.as_mut_ptr());
    let (height, width) = (shape.height, shape.width);
    let rows = (TILE_BYTES / (shape.fine * TAPS * 4 * width)).max(8);
    // Small maps go several pictures to a tile, large ones several tiles to a picture.
    let (pictures, rows) = if rows >= height {
        ((rows / height).min(shape.batch), height)
    } else {
        (1, rows)
    };
    let (bands, groups) = (height.div_ceil(rows), shape.batch.div_ceil(pictures));
    let parts = if groups * bands < 4 {
        shape.fine.min(4)
    } else {
        1
    };
    let tile = |columns: &mut Vec<f32>, line: &mut Vec<f32>, index: usize| {
        let (part, index) = (index % parts, index / parts);
        let (group, band) = (index / bands, index % bands);
        let channels = shape.fine * part / parts..shape.fine * (part + 1) / parts;
        let (first, last) = (group * pictures, ((group + 1) * pictures).min(shape.batch));
        let (top, bottom) = (band * rows, ((band + 1) * rows).min(height));
        // One row more on either side: the taps reach over.
        let (halo_top, halo_bottom) = (top.saturating_sub(1), (bottom + 1).min(height));
        let span_rows = if last - first > 1 {
            (last - first) * height
        } else {
            halo_bottom - halo_top
        };
        let (start, count) = ((first * height + halo_top) * width, span_rows * width);
        let depth = channels.len() * TAPS;
        if columns.len() < depth * count {
            columns.resize(depth * count, 0.0);
        }
        line.resize(2 * width, 0.0);
        let part_weight = weight[channels.start * TAPS..].as_ptr();
        let a = Strided::rows(part_weight, shape.fine * TAPS).transposed();
        let b = Strided::rows(coarse[start..].as_ptr(), shape.columns());
        // SAFETY: weight is coarse x (fine * 16), of which `depth` columns lie from `part_weight` on; `count` columns of
        // the coarse map lie from `start` on; and the columns buffer is this thread's own.
        unsafe {
            multiply(
                [depth, count, shape.coarse],
                a,
                b,
                columns.as_mut_ptr(),
                count,
                false,
            );
        }
        for picture in first..last {
            let base = (picture - first) * height;
            for (taps, channel) in columns.chunks_exact(TAPS * count).zip(channels.clone()) {
                for fine_y in 2 * top..2 * bottom {
                    line.fill(bias.map_or(0.0, |bias| bias[channel]));
                    add_taps(taps, count, width, height, base, halo_top, fine_y, line);
                    finish(channel, line);
                    let at = ((channel * shape.batch + picture) * 2 * height + fine_y) * 2 * width;
                    // SAFETY: this row of the fine map belongs to this tile alone.
                    let row = unsafe { std::slice::from_raw_parts_mut(out.at(at), 2 * width) };
                    let (even, odd) = line.split_at(width);
                    for ((pair, &e), &o) in row.chunks_exact_mut(2).zip(even).zip(odd) {
                        pair[0] = e;
                        pair[1] = o;
                    }
                }
            }
        }
    };
    (0..groups * bands * parts)
        .into_par_iter()
        .for_each(|index| {
            SCRATCH.with_borrow_mut(|(columns, line)| tile(columns, line, index));
        });
}

/// Adds to `line` (even pixels, then odd ones) what the four taps a pixel gives to fine row `fine_y`.
#[expect(
    clippy::too_many_arguments,
    reason = "an inner loop over one tile's geometry"
)]
fn add_taps(
    taps: &[f32],
    count: usize,
    width: usize,
    height: usize,
    base: usize,
    halo_top: usize,
    fine_y: usize,
    line: &mut [f32],
) {
    let (even, odd) = line.split_at_mut(width);
    let y = fine_y / 2;
    // (filter row, coarse row) of the two taps that reach this fine row.
    let reach = if fine_y.is_multiple_of(2) {
        [(1, Some(y)), (3, y.checked_sub(1))]
    } else {
        [(0, Some(y + 1)), (2, Some(y))]
    };
    for (ky, coarse_y) in reach {
        let Some(coarse_y) = coarse_y.filter(|&y| y < height) else {
            continue;
        };
        let row = (base + coarse_y - halo_top) * width;
        let tap =
            |kx: usize| &taps[(ky * 4 + kx) * count + row..(ky * 4 + kx) * count + row + width];
        for (sum, &value) in even.iter_mut().zip(tap(1)) {
            *sum += value;
        }
        for (sum, &value) in even[1..].iter_mut().zip(tap(3)) {
            *sum += value;
        }
        for (sum, &value) in odd.iter_mut().zip(tap(2)) {
            *sum += value;
        }
        for (sum, &value) in odd.iter_mut().zip(&tap(0)[1..]) {
            *sum += value;
        }
    }
}

/// The gradient of the weights, `[coarse, fine, 4, 4]`, and, where `weight` is given, the coarse map that [`down`] makes of the
/// fine one, from the same columns.
///
/// Sums are split among the threads of the pool, so the last bits depend on how many there are.
pub(super) fn weight_gradient(
    shape: &ConvShape,
    coarse: &[f32],
    fine: &[f32],
    weight: Option<&[f32]>,
) -> (Vec<f32>, Option<Vec<f32>>) {
    let mut below = weight.map(|_| vec![0.0f32; shape.coarse_len()]);
    let below_out = below.as_mut().map(|numbers| Shared(numbers.as_mut_ptr()));
    let (stride, depth) = (shape.columns(), shape.fine * TAPS);
    let tile = shape.tile_rows();
    let tiles = shape.rows().div_ceil(tile);
    let lanes = rayon::current_num_threads().min(tiles);
    let mut sums: Vec<Vec<f32>> = (0..lanes)
        .into_par_iter()
        .map(|lane| {
            let (mut columns, mut sum) = (Vec::new(), vec![0.0f32; shape.weight_len()]);
            for index in tiles * lane / lanes..tiles * (lane + 1) / lanes {
                let (first, last) = (index * tile, ((index + 1) * tile).min(shape.rows()));
                let count = (last - first) * shape.width;
                gather_columns(shape, fine, first, last, &mut columns);
                if let (Some(weight), Some(out)) = (weight, below_out) {
                    down_tile(shape, &columns, weight, None, first, last, out);
                }
                let a = Strided::rows(coarse[first * shape.width..].as_ptr(), stride);
                let b = Strided::rows(columns.as_ptr(), count).transposed();
                // SAFETY: the coarse map has `count` columns from there on, columns is depth x count, and `sum` is this
                // lane's own, coarse x depth.
                unsafe {
                    multiply(
                        [shape.coarse, depth, count],
                        a,
                        b,
                        sum.as_mut_ptr(),
                        depth,
                        true,
                    );
                }
            }
            sum
        })
        .collect();
    let mut total = sums.swap_remove(0);
    for sum in &sums {
        total
            .par_iter_mut()
            .with_min_len(1 << 14)
            .zip(sum)
            .for_each(|(total, &value)| *total += value);
    }
    (total, below)
}

/// The sum of every channel of `[channels, n]`: the gradient of a bias.
pub(super) fn channel_sums(channels: usize, numbers: &[f32]) -> Vec<f32> {
    let each = numbers.len() / channels;
    numbers
        .par_chunks_exact(each)
        .map(|row| row.iter().map(|&v| f64::from(v)).sum::<f64>() as f32)
        .collect()
}
