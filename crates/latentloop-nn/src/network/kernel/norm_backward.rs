//! The backward pass of batch norm and leaky ReLU.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::feature_map::FeatureMap;
use super::microkernel::{Instructions, load, store};
use super::norm::{Moments, chunks};
use super::unsafe_slice::UnsafeSlice;
use crate::network::spec::BATCH_NORM_EPS;

/// The backward pass of batch norm and leaky ReLU: what goes into it, all of one map.
#[derive(Clone, Copy, Debug)]
pub struct NormBackward<'a> {
    /// The input of batch norm.
    pub x: &'a [f32],
    /// The output of the activation.
    pub y: &'a [f32],
    /// The gradient of that.
    pub dy: &'a [f32],
    /// Mean and variance of `x`.
    pub moments: &'a Moments,
    /// Batch norm's weights.
    pub weight: &'a [f32],
    /// Slope of the leaky ReLU: above 0, so that `y` has the sign of what went into it.
    pub slope: f32,
}

impl NormBackward<'_> {
    /// Gradients of `x`, of the weights and of the biases.
    pub fn run(&self, instructions: Instructions, map: &FeatureMap) -> [Vec<f32>; 3] {
        for numbers in [self.x, self.y, self.dy] {
            assert_eq!(numbers.len(), map.len(), "the map's length");
        }
        let channels = map.channels;
        let (each, count) = chunks(map);
        let rows = map.batch * map.height;
        let inverse: Vec<f32> = self
            .moments
            .variance
            .iter()
            .map(|variance| 1.0 / (variance + BATCH_NORM_EPS).sqrt())
            .collect();
        let mut scratch = vec![0.0f32; 2 * channels * count];
        scratch
            .par_chunks_exact_mut(2 * channels)
            .enumerate()
            .for_each(|(chunk, sums)| {
                let (shift, scale) = sums.split_at_mut(channels);
                instructions.run(ChunkSums {
                    backward: self,
                    map,
                    rows: [chunk * each, ((chunk + 1) * each).min(rows)],
                    shift,
                    scale,
                });
            });
        let sum = |at: usize| -> f64 {
            let chunks = scratch.chunks_exact(2 * channels);
            chunks.map(|sums| f64::from(sums[at])).sum()
        };
        let db: Vec<f32> = (0..channels).map(|channel| sum(channel) as f32).collect();
        let dw: Vec<f32> = (0..channels)
            .map(|channel| sum(channels + channel) as f32 * inverse[channel])
            .collect();
        // dx = scale (g - db / n - x^ dw / n), x^ = (x - mean) inverse: a line in g and x.
        let total = map.pixels() as f32;
        let mut line = [
            vec![0.0; channels],
            vec![0.0; channels],
            vec![0.0; channels],
        ];
        for channel in 0..channels {
            let scale = self.weight[channel] * inverse[channel];
            let of_x = -scale * inverse[channel] * dw[channel] / total;
            line[0][channel] = scale;
            line[1][channel] = of_x;
            line[2][channel] = -scale * db[channel] / total - of_x * self.moments.mean[channel];
        }
        let mut dx = vec![0.0f32; map.len()];
        let out = UnsafeSlice::new(&mut dx);
        (0..count).into_par_iter().for_each(|chunk| {
            for row in chunk * each..((chunk + 1) * each).min(rows) {
                let start = map.start(row / map.height, row % map.height);
                let length = map.width * channels;
                instructions.run(BackwardRow {
                    backward: self,
                    channels,
                    start,
                    // SAFETY: this row of the gradient is written by this call alone.
                    dx: unsafe { out.slice(start, length) },
                    line: &line,
                });
            }
        });
        [dx, dw, db]
    }

    /// `count` numbers of `x`, `y` and `dy` from `at` on. (A closure over the three would be a call, not vectors, where the
    /// compiler does not inline it.)
    ///
    /// # Safety
    /// They must lie in the maps.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, simd: S, at: usize, count: usize) -> [S::f32s; 3] {
        // SAFETY: the caller vouches for the numbers.
        unsafe {
            [
                load(simd, self.x.as_ptr().wrapping_add(at), count),
                load(simd, self.y.as_ptr().wrapping_add(at), count),
                load(simd, self.dy.as_ptr().wrapping_add(at), count),
            ]
        }
    }
}

struct ChunkSums<'a> {
    backward: &'a NormBackward<'a>,
    map: &'a FeatureMap,
    rows: [usize; 2],
    shift: &'a mut [f32],
    scale: &'a mut [f32],
}

impl WithSimd for ChunkSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            backward,
            map,
            rows: [first, last],
            shift,
            scale,
        } = self;
        let (channels, lanes) = (map.channels, S::F32_LANES);
        let zero = simd.splat_f32s(0.0);
        let slope = simd.splat_f32s(backward.slope);
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(lanes);
            let mean = simd.partial_load_f32s(&backward.moments.mean[channel..channel + count]);
            let (mut sum, mut product) = (zero, zero);
            for row in first..last {
                let start = map.start(row / map.height, row % map.height) + channel;
                for pixel in 0..map.width {
                    let at = start + pixel * channels;
                    // SAFETY: the map's lengths were held to its shape.
                    let [x, y, dy] = unsafe { backward.at(simd, at, count) };
                    let positive = simd.greater_than_f32s(y, zero);
                    let g = simd.select_f32s(positive, dy, simd.mul_f32s(dy, slope));
                    sum = simd.add_f32s(sum, g);
                    product = simd.mul_add_e_f32s(g, simd.sub_f32s(x, mean), product);
                }
            }
            simd.partial_store_f32s(&mut shift[channel..channel + count], sum);
            simd.partial_store_f32s(&mut scale[channel..channel + count], product);
            channel += count;
        }
    }
}

struct BackwardRow<'a> {
    backward: &'a NormBackward<'a>,
    channels: usize,
    start: usize,
    dx: &'a mut [f32],
    line: &'a [Vec<f32>; 3],
}

impl WithSimd for BackwardRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            backward,
            channels,
            start,
            dx,
            line,
        } = self;
        let lanes = S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let slope = simd.splat_f32s(backward.slope);
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(lanes);
            let span = channel..channel + count;
            let of_g = simd.partial_load_f32s(&line[0][span.clone()]);
            let of_x = simd.partial_load_f32s(&line[1][span.clone()]);
            let constant = simd.partial_load_f32s(&line[2][span]);
            for pixel in 0..dx.len() / channels {
                let at = pixel * channels + channel;
                // SAFETY: the map's lengths were held to its shape.
                unsafe {
                    let [x, y, dy] = backward.at(simd, start + at, count);
                    let positive = simd.greater_than_f32s(y, zero);
                    let g = simd.select_f32s(positive, dy, simd.mul_f32s(dy, slope));
                    let v = simd.mul_add_e_f32s(x, of_x, constant);
                    let v = simd.mul_add_e_f32s(g, of_g, v);
                    store(simd, dx.as_mut_ptr().wrapping_add(at), count, v);
                }
            }
            channel += count;
        }
    }
}
