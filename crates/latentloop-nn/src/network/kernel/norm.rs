//! Batch norm over maps: statistics of every channel, and the activation.
//!
//! Sums are taken over chunks of rows in f32 and joined in f64, in a fixed order: the result is the same for any number of threads.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::feature_map::FeatureMap;
use super::implicit_gemm::Epilogue;
use super::microkernel::{Instructions, load, store};
use super::unsafe_slice::UnsafeSlice;

/// Numbers of a chunk of rows: it stays in a core's cache while two passes go over it.
const CHUNK_NUMBERS: usize = 1 << 15;

/// Mean and biased variance of every channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// A mean a channel.
    pub mean: Vec<f32>,
    /// A variance a channel, divided by the count, not by one less.
    pub variance: Vec<f32>,
}

/// The scale and the shift that batch norm with this epsilon comes to for one channel.
pub fn fold(weight: f32, bias: f32, mean: f32, variance: f32, eps: f32) -> (f32, f32) {
    let scale = weight / (variance + eps).sqrt();
    (scale, bias - mean * scale)
}

/// Rows of a chunk, and how many chunks there are.
pub(super) fn chunks(map: &FeatureMap) -> (usize, usize) {
    let rows = map.batch * map.height;
    let each = (CHUNK_NUMBERS / (map.width * map.channels).max(1)).clamp(1, rows.max(1));
    (each, rows.div_ceil(each))
}

/// Numbers of scratch that [`moments`] takes.
pub fn moments_scratch(map: &FeatureMap) -> usize {
    2 * map.channels * chunks(map).1
}

/// Mean and variance of every channel over all pixels; `scratch` has [`moments_scratch`] numbers.
///
/// Chunks are joined as Chan, Golub and LeVeque 1979 do.
pub fn moments(
    instructions: Instructions,
    map: &FeatureMap,
    numbers: &[f32],
    scratch: &mut [f32],
    moments: &mut Moments,
) {
    assert_eq!(numbers.len(), map.len(), "the map's length");
    let channels = map.channels;
    let (each, count) = chunks(map);
    let rows = map.batch * map.height;
    let scratch = &mut scratch[..2 * channels * count];
    scratch
        .par_chunks_exact_mut(2 * channels)
        .enumerate()
        .for_each(|(chunk, sums)| {
            let (mean, square) = sums.split_at_mut(channels);
            instructions.run(ChunkMoments {
                map,
                numbers,
                rows: [chunk * each, ((chunk + 1) * each).min(rows)],
                mean,
                square,
            });
        });
    let pixels =
        |chunk: usize| ((((chunk + 1) * each).min(rows) - chunk * each) * map.width) as f64;
    let total = map.pixels() as f64;
    moments.mean.resize(channels, 0.0);
    moments.variance.resize(channels, 0.0);
    let of = |chunk: usize, at: usize| f64::from(scratch[2 * channels * chunk + at]);
    for channel in 0..channels {
        let sum: f64 = (0..count)
            .map(|chunk| pixels(chunk) * of(chunk, channel))
            .sum();
        let mean = sum / total;
        let squares: f64 = (0..count)
            .map(|chunk| {
                let away = of(chunk, channel) - mean;
                of(chunk, channels + channel) + pixels(chunk) * away * away
            })
            .sum();
        moments.mean[channel] = mean as f32;
        moments.variance[channel] = (squares / total) as f32;
    }
}

struct ChunkMoments<'a> {
    map: &'a FeatureMap,
    numbers: &'a [f32],
    rows: [usize; 2],
    mean: &'a mut [f32],
    square: &'a mut [f32],
}

impl WithSimd for ChunkMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            map,
            numbers,
            rows: [first, last],
            mean,
            square,
        } = self;
        let (channels, height) = (map.channels, map.height);
        let line = |row: usize| {
            let start = map.start(row / height, row % height);
            numbers[start..start + map.width * channels].chunks_exact(channels)
        };
        mean.fill(0.0);
        square.fill(0.0);
        for pixel in (first..last).flat_map(line) {
            each1::<S>(
                mean,
                pixel,
                |sum, x| simd.add_f32s(sum, x),
                |sum, x| sum + x,
            );
        }
        let share = 1.0 / ((last - first) * map.width) as f32;
        mean.iter_mut().for_each(|sum| *sum *= share);
        for pixel in (first..last).flat_map(line) {
            each2::<S>(
                square,
                pixel,
                mean,
                |sum, x, mean| {
                    let away = simd.sub_f32s(x, mean);
                    simd.mul_add_e_f32s(away, away, sum)
                },
                |sum, x, mean| (x - mean).mul_add(x - mean, sum),
            );
        }
    }
}

/// `to = max(v, slope v)`, `v = from * scale + shift`, over all pixels. Borders are left alone.
pub fn activate(
    instructions: Instructions,
    map: &FeatureMap,
    from: &[f32],
    to: &mut [f32],
    epilogue: Epilogue,
) {
    assert_eq!(from.len(), map.len(), "the map's length");
    assert_eq!(to.len(), map.len(), "the map's length");
    rows_of(
        instructions,
        map,
        Some(from),
        UnsafeSlice::new(to),
        epilogue,
    );
}

/// [`activate`] in place.
pub fn activate_in_place(
    instructions: Instructions,
    map: &FeatureMap,
    numbers: &mut [f32],
    epilogue: Epilogue,
) {
    assert_eq!(numbers.len(), map.len(), "the map's length");
    rows_of(instructions, map, None, UnsafeSlice::new(numbers), epilogue);
}

/// [`activate`], in place where there is nothing to read `from`; both buffers are of the map's length.
fn rows_of(
    instructions: Instructions,
    map: &FeatureMap,
    from: Option<&[f32]>,
    to: UnsafeSlice<f32>,
    epilogue: Epilogue,
) {
    epilogue.check(map.channels);
    let (each, count) = chunks(map);
    let rows = map.batch * map.height;
    (0..count).into_par_iter().for_each(|chunk| {
        for row in chunk * each..((chunk + 1) * each).min(rows) {
            let start = map.start(row / map.height, row % map.height);
            instructions.run(ActivateRow {
                channels: map.channels,
                pixels: map.width,
                from: from.map_or(to.at(start).cast_const(), |from| {
                    from.as_ptr().wrapping_add(start)
                }),
                to: to.at(start),
                epilogue,
            });
        }
    });
}

struct ActivateRow<'a> {
    channels: usize,
    pixels: usize,
    from: *const f32,
    to: *mut f32,
    epilogue: Epilogue<'a>,
}

impl WithSimd for ActivateRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            channels,
            pixels,
            from,
            to,
            epilogue,
        } = self;
        let lanes = S::F32_LANES;
        let slope = simd.splat_f32s(epilogue.slope);
        let mut channel = 0;
        while channel < channels {
            let count = (channels - channel).min(lanes);
            let [[scale], [shift]]: [[S::f32s; 1]; 2] = epilogue.vectors(simd, channel, count);
            for pixel in 0..pixels {
                let at = pixel * channels + channel;
                // SAFETY: the row's pixels are this call's alone.
                unsafe {
                    let x = load(simd, from.wrapping_add(at), count);
                    let v = simd.mul_add_e_f32s(x, scale, shift);
                    let v = simd.max_f32s(v, simd.mul_f32s(v, slope));
                    store(simd, to.wrapping_add(at), count, v);
                }
            }
            channel += count;
        }
    }
}

/// `sums = f(sums, x)`, number by number.
#[inline(always)]
fn each1<S: Simd>(
    sums: &mut [f32],
    x: &[f32],
    vector: impl Fn(S::f32s, S::f32s) -> S::f32s,
    number: impl Fn(f32, f32) -> f32,
) {
    let (sums, sums_tail) = S::as_mut_simd_f32s(sums);
    let (x, x_tail) = S::as_simd_f32s(x);
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum = vector(*sum, x);
    }
    for (sum, &x) in sums_tail.iter_mut().zip(x_tail) {
        *sum = number(*sum, x);
    }
}

/// `sums = f(sums, x, a)`, number by number.
#[inline(always)]
fn each2<S: Simd>(
    sums: &mut [f32],
    x: &[f32],
    a: &[f32],
    vector: impl Fn(S::f32s, S::f32s, S::f32s) -> S::f32s,
    number: impl Fn(f32, f32, f32) -> f32,
) {
    let (sums, sums_tail) = S::as_mut_simd_f32s(sums);
    let (x, x_tail) = S::as_simd_f32s(x);
    let (a, a_tail) = S::as_simd_f32s(a);
    for (sum, (&x, &a)) in sums.iter_mut().zip(x.iter().zip(a)) {
        *sum = vector(*sum, x, a);
    }
    for (sum, (&x, &a)) in sums_tail.iter_mut().zip(x_tail.iter().zip(a_tail)) {
        *sum = number(*sum, x, a);
    }
}
