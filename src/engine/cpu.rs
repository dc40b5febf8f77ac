//! The generator on the processor: a plan made once, buffers allocated once.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Bytes, Engine, EngineError, Norm};
use crate::network::ops::{ConvShape, up_into};
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE, STEM_SIDE};
use crate::network::weights::GeneratorWeights;

/// Draws on a small pool of its own threads.
pub struct CpuEngine {
    name: String,
    pool: ThreadPool,
    weights: GeneratorWeights,
    /// Scale and shift of each batch norm with the running statistics folded in.
    folded: Vec<Vec<(f32, f32)>>,
    /// Two maps that take turns, channels-major.
    maps: [Vec<f32>; 2],
    size: usize,
}

impl CpuEngine {
    /// Makes the plan; `threads` of its own, or as many as there are cores.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(weights: &GeneratorWeights, threads: Option<usize>) -> Result<Self, EngineError> {
        let threads =
            threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("engine-{number}"))
            .build()
            .map_err(|error| {
                EngineError::Device(format!("cannot start {threads} engine threads: {error}"))
            })?;
        let folded = weights.layers.iter().map(|layer| {
            let channels = layer
                .norm_weight
                .iter()
                .zip(&layer.norm_bias)
                .zip(layer.mean.iter().zip(&layer.variance));
            channels
                .map(|((&weight, &bias), (&mean, &variance))| fold(weight, bias, mean, variance))
                .collect()
        });
        Ok(Self {
            name: format!("cpu ({threads} threads)"),
            folded: folded.collect(),
            maps: [Vec::new(), Vec::new()],
            size: weights.spec.size(),
            weights: weights.clone(),
            pool,
        })
    }

    /// Draws `rows` pictures; returns which map holds them, `[3, rows, size, size]`.
    fn run(&mut self, z: &[f32], rows: usize, norm: Norm) -> usize {
        let Self {
            pool,
            weights,
            folded,
            maps,
            ..
        } = self;
        let spec = &weights.spec;
        let largest = (0..spec.channels.len())
            .map(|l| spec.channels[l] * (STEM_SIDE << l).pow(2))
            .max()
            .unwrap_or(0);
        let largest = largest.max(3 * spec.size().pow(2)) * rows;
        for map in maps.iter_mut().filter(|map| map.len() < largest) {
            map.resize(largest, 0.0);
        }
        pool.install(|| {
            let area = STEM_SIDE * STEM_SIDE;
            let map = &mut maps[0][..spec.channels[0] * rows * area];
            map.par_chunks_exact_mut(rows * area)
                .with_min_len(16)
                .enumerate()
                .for_each(|(channel, out)| {
                    for (row, out) in out.chunks_exact_mut(area).enumerate() {
                        let z = &z[row * spec.latent..(row + 1) * spec.latent];
                        for (at, out) in out.iter_mut().enumerate() {
                            let unit = channel * area + at;
                            let weight =
                                &weights.stem_weight[unit * spec.latent..(unit + 1) * spec.latent];
                            *out = dot(weight, z) + weights.stem_bias[unit];
                        }
                    }
                    if norm == Norm::Running {
                        let (scale, shift) = folded[0][channel];
                        out.iter_mut().for_each(|v| *v = leaky(*v * scale + shift));
                    }
                });
            let last = weights.layers.len() - 1;
            for (index, layer) in weights.layers.iter().enumerate() {
                let side = STEM_SIDE << index;
                let shape = ConvShape {
                    coarse: spec.channels[index],
                    fine: spec.out_channels(index),
                    batch: rows,
                    height: side,
                    width: side,
                };
                let (even, odd) = maps.split_at_mut(1);
                let (from, to) = if index % 2 == 0 {
                    (&mut even[0], &mut odd[0])
                } else {
                    (&mut odd[0], &mut even[0])
                };
                let (from, to) = (&mut from[..shape.coarse_len()], &mut to[..shape.fine_len()]);
                if norm == Norm::Batch {
                    from.par_chunks_exact_mut(rows * side * side)
                        .enumerate()
                        .for_each(|(channel, map)| {
                            normalise(map, layer.norm_weight[channel], layer.norm_bias[channel]);
                        });
                }
                let next = folded.get(index + 1).filter(|_| norm == Norm::Running);
                up_into(
                    &shape,
                    from,
                    &layer.weight,
                    Some(&layer.bias),
                    to,
                    |channel, line| match next {
                        Some(next) => {
                            let (scale, shift) = next[channel];
                            line.iter_mut().for_each(|v| *v = leaky(*v * scale + shift));
                        }
                        None if index == last => line.iter_mut().for_each(|v| *v = tanh(*v)),
                        None => {}
                    },
                );
            }
        });
        weights.layers.len() % 2
    }

    fn rows(&self, z: &[f32]) -> Result<usize, EngineError> {
        let latent = self.weights.spec.latent;
        if z.is_empty() || !z.len().is_multiple_of(latent) {
            let expected = z.len().div_ceil(latent).max(1) * latent;
            return Err(EngineError::Length {
                what: "latents",
                got: z.len(),
                expected,
            });
        }
        Ok(z.len() / latent)
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn latent(&self) -> usize {
        self.weights.spec.latent
    }

    fn size(&self) -> (u32, u32) {
        (self.size as u32, self.size as u32)
    }

    fn draw(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError> {
        let rows = self.rows(z)?;
        let plane = self.size * self.size;
        check("pictures", pictures.len(), rows * 3 * plane)?;
        let drawn = self.run(z, rows, norm);
        for (index, out) in pictures.chunks_exact_mut(plane).enumerate() {
            let (row, channel) = (index / 3, index % 3);
            out.copy_from_slice(&self.maps[drawn][(channel * rows + row) * plane..][..plane]);
        }
        Ok(())
    }

    fn paint(
        &mut self,
        z: &[f32],
        norm: Norm,
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        let rows = self.rows(z)?;
        check("rows of latents", rows, norm.rows())?;
        let plane = self.size * self.size;
        check("bytes of a picture", rgba.len(), 4 * plane)?;
        let drawn = self.run(z, rows, norm);
        let map = &self.maps[drawn];
        let channel = |number: usize| &map[number * rows * plane..][..plane];
        let planes = channel(0).iter().zip(channel(1)).zip(channel(2));
        for (pixel, ((&r, &g), &b)) in rgba.chunks_exact_mut(4).zip(planes) {
            pixel.copy_from_slice(&[bytes.of(r), bytes.of(g), bytes.of(b), 255]);
        }
        Ok(())
    }
}

fn check(what: &'static str, got: usize, expected: usize) -> Result<(), EngineError> {
    if got == expected {
        Ok(())
    } else {
        Err(EngineError::Length {
            what,
            got,
            expected,
        })
    }
}

fn fold(weight: f32, bias: f32, mean: f32, variance: f32) -> (f32, f32) {
    let scale = weight / (variance + BATCH_NORM_EPS).sqrt();
    (scale, bias - mean * scale)
}

fn leaky(x: f32) -> f32 {
    if x > 0.0 { x } else { x * LEAKY_SLOPE }
}

/// Batch norm over one channel of all rows, then leaky ReLU.
fn normalise(map: &mut [f32], weight: f32, bias: f32) {
    let count = map.len() as f64;
    let mean = sum(map, |v| v) / count;
    let centre = mean as f32;
    let variance = sum(map, |v| (v - centre) * (v - centre)) / count;
    let (scale, shift) = fold(weight, bias, centre, variance as f32);
    map.iter_mut().for_each(|v| *v = leaky(*v * scale + shift));
}

/// Sums in sixteen lanes, carried over to f64 before f32 loses bits.
fn sum(numbers: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0f64;
    for block in numbers.chunks(1024) {
        let mut lanes = [0.0f32; 16];
        for chunk in block.chunks(16) {
            for (lane, &v) in lanes.iter_mut().zip(chunk) {
                *lane += f(v);
            }
        }
        total += f64::from(lanes.iter().sum::<f32>());
    }
    total
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (a_blocks, b_blocks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_blocks
        .remainder()
        .iter()
        .zip(b_blocks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// tanh to within 3e-7, absolutely: half the time of the library's, which is exact near zero as well.
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + (2.0 * x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ROWS;
    use crate::network::spec::Spec;

    #[test]
    fn tanh_is_near_the_librarys() {
        for step in -2000..=2000 {
            let x = step as f32 / 150.0;
            assert!(
                (tanh(x) - x.tanh()).abs() < 2e-5,
                "tanh({x}) = {} instead of {}",
                tanh(x),
                x.tanh()
            );
        }
    }

    #[test]
    fn any_number_of_threads_draws_the_same_picture() {
        let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 1);
        let z: Vec<f32> = (0..8 * 20)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 30.0)
            .collect();
        for norm in [Norm::Running, Norm::Batch] {
            let draw = |threads| {
                let mut pictures = vec![0.0; 8 * 3 * 64 * 64];
                CpuEngine::new(&weights, Some(threads))
                    .unwrap()
                    .draw(&z, norm, &mut pictures)
                    .unwrap();
                pictures
            };
            assert!(draw(1) == draw(3), "pictures differ");
        }
    }

    #[test]
    fn painting_is_drawing_in_bytes() {
        let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 1);
        let mut engine = CpuEngine::new(&weights, Some(1)).unwrap();
        let z: Vec<f32> = (0..ROWS * 20)
            .map(|i| ((i * 31 % 97) as f32 - 48.0) / 30.0)
            .collect();
        let (mut floats, mut rgba) = (vec![0.0; ROWS * 3 * 64 * 64], vec![0; 4 * 64 * 64]);
        engine.draw(&z, Norm::Batch, &mut floats).unwrap();
        engine
            .paint(&z, Norm::Batch, Bytes::Cut, &mut rgba)
            .unwrap();
        for (at, pixel) in rgba.chunks_exact(4).enumerate() {
            for channel in 0..3 {
                let value = floats[channel * 64 * 64 + at];
                assert_eq!(pixel[channel], ((value + 1.0) / 2.0 * 255.0) as u8);
            }
        }
        assert!(
            engine
                .paint(&z[..20], Norm::Batch, Bytes::Cut, &mut rgba)
                .is_err()
        );
        assert!(
            engine
                .paint(&z[..19], Norm::Running, Bytes::Cut, &mut rgba)
                .is_err()
        );
    }
}
