//! The generator on the processor: a plan made once, buffers allocated once.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::plan::{Affine, Plan, affine_of};
use super::{Bytes, Engine, EngineError, Norm, ROWS, Statistics};
use crate::network::kernel::{
    Finish, Instructions, Map, Moments, Shared, activate_in_place, moments, moments_scratch,
    tanh_in_place,
};
use crate::network::weights::GeneratorWeights;

/// Threads at most: further ones would wait for memory, and a show has other work for its cores.
const MAX_THREADS: usize = 8;

/// Draws on a small pool of its own threads.
pub struct CpuEngine {
    name: String,
    pool: ThreadPool,
    plan: Plan,
    running: Affine,
    buffers: Buffers,
}

/// What the plan writes into; grown where more rows are drawn than ever before, and never shrunk.
#[derive(Default)]
struct Buffers {
    /// What each layer takes.
    maps: Vec<Vec<f32>>,
    scratch: Vec<f32>,
    /// What the batch norms saw last, one a norm.
    seen: Statistics,
    scale: Vec<f32>,
    shift: Vec<f32>,
    /// Statistics that were given, folded.
    given: Affine,
}

/// Whose statistics batch norm uses.
#[derive(Clone, Copy)]
enum Source<'a> {
    Folded(&'a Affine),
    Batch,
}

impl CpuEngine {
    /// Makes the plan; `threads` of its own, or one a core, eight at most.
    ///
    /// # Errors
    /// When the threads cannot be started, or the model's maps would not fit into memory.
    pub fn new(weights: &GeneratorWeights, threads: Option<usize>) -> Result<Self, EngineError> {
        Self::with(weights, threads, Instructions::Best)
    }

    /// [`CpuEngine::new`] on the instructions asked for.
    ///
    /// # Errors
    /// As [`CpuEngine::new`].
    pub fn with(
        weights: &GeneratorWeights,
        threads: Option<usize>,
        instructions: Instructions,
    ) -> Result<Self, EngineError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or_else(|| cores().min(MAX_THREADS));
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("engine-{number}"))
            .build()
            .map_err(|error| {
                EngineError::Device(format!("cannot start {threads} engine threads: {error}"))
            })?;
        let plan = pool.install(|| Plan::new(weights, instructions))?;
        let mut running = Affine::default();
        let norms: Vec<_> = plan
            .layers
            .iter()
            .filter_map(|layer| layer.norm.as_ref())
            .collect();
        running.fold(&plan, |norm| {
            [&norms[norm].mean[..], &norms[norm].variance[..]]
        });
        let buffers = Buffers {
            maps: vec![Vec::new(); plan.layers.len()],
            seen: Statistics(vec![Moments::default(); norms.len()]),
            ..Buffers::default()
        };
        Ok(Self {
            name: format!("cpu ({threads} threads, {})", instructions.name()),
            pool,
            running,
            buffers,
            plan,
        })
    }

    fn rows(&self, z: &[f32]) -> Result<usize, EngineError> {
        let latent = self.plan.latent;
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

    /// Rows in `z` for one picture, and room for its bytes.
    fn check_picture(&self, z: &[f32], rows: usize, rgba: &[u8]) -> Result<(), EngineError> {
        check("rows of latents", self.rows(z)?, rows)?;
        check(
            "bytes of a picture",
            rgba.len(),
            4 * self.plan.size * self.plan.size,
        )
    }
}

impl Buffers {
    /// Draws up to what the last layer takes.
    fn draw(&mut self, plan: &Plan, z: &[f32], rows: usize, source: Source) {
        let Self {
            maps,
            scratch,
            seen,
            scale,
            shift,
            ..
        } = self;
        let mut needed = plan.picture_scratch(rows);
        for (layer, numbers) in plan.layers.iter().zip(maps.iter_mut()) {
            let map = Map {
                batch: rows,
                ..layer.map
            };
            if numbers.len() < map.len() {
                numbers.resize(map.len(), 0.0);
            }
            needed = needed.max(moments_scratch(&map));
        }
        if scratch.len() < needed {
            scratch.resize(needed, 0.0);
        }
        let mut norm_index = 0;
        for (index, layer) in plan.layers.iter().enumerate() {
            let affine = match source {
                Source::Folded(affine) => Some(affine),
                Source::Batch => None,
            };
            let map = Map {
                batch: rows,
                ..layer.map
            };
            let (before, after) = maps.split_at_mut(index);
            let to = &mut after[0][..map.len()];
            match index.checked_sub(1) {
                None => plan.stem(z, rows, to, affine),
                Some(from) => {
                    let from = Map {
                        batch: rows,
                        ..plan.layers[from].map
                    };
                    plan.layer(
                        index - 1,
                        rows,
                        &before[index - 1][..from.len()],
                        to,
                        affine,
                    );
                }
            }
            if affine.is_some() {
                continue;
            }
            let finish = match &layer.norm {
                Some(norm) => {
                    let seen = &mut seen.0[norm_index];
                    norm_index += 1;
                    moments(plan.instructions, &map, to, scratch, seen);
                    affine_of(norm, seen, scale, shift);
                    Finish {
                        scale: Some(&scale[..]),
                        shift: Some(&shift[..]),
                        slope: layer.slope,
                    }
                }
                None => Finish {
                    slope: layer.slope,
                    ..Finish::bias(None)
                },
            };
            activate_in_place(plan.instructions, &map, to, finish);
        }
    }

    /// The first picture as bytes.
    fn paint(&mut self, plan: &Plan, bytes: Bytes, rgba: &mut [u8]) {
        let Some((from, layer)) = self.maps.last().zip(plan.layers.last()) else {
            return;
        };
        let out = Pixels(rgba.as_mut_ptr());
        let size = plan.size;
        plan.picture(
            1,
            &from[..layer.map.len()],
            &mut self.scratch,
            |_, y, line| {
                tanh_in_place(plan.instructions, line);
                // SAFETY: row y of the picture is written by this call alone, and the picture has `size` rows of it.
                let row = unsafe { out.row(y, size) };
                for (pixel, rgb) in row.chunks_exact_mut(4).zip(line.chunks_exact(3)) {
                    pixel.copy_from_slice(&[
                        bytes.of(rgb[0]),
                        bytes.of(rgb[1]),
                        bytes.of(rgb[2]),
                        255,
                    ]);
                }
            },
        );
    }
}

/// A picture whose rows several threads write.
#[derive(Clone, Copy)]
struct Pixels(*mut u8);

// SAFETY: every user writes rows that no other task writes, and the picture outlives the parallel loop.
unsafe impl Send for Pixels {}
// SAFETY: as above.
unsafe impl Sync for Pixels {}

impl Pixels {
    /// Row `y` of a picture `width` pixels wide.
    ///
    /// # Safety
    /// It must lie in the picture, and nobody else may touch it meanwhile.
    unsafe fn row<'a>(self, y: usize, width: usize) -> &'a mut [u8] {
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts_mut(self.0.wrapping_add(4 * y * width), 4 * width) }
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn latent(&self) -> usize {
        self.plan.latent
    }

    fn size(&self) -> (u32, u32) {
        (self.plan.size as u32, self.plan.size as u32)
    }

    fn draw(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError> {
        let rows = self.rows(z)?;
        let (plan, buffers, running) = (&self.plan, &mut self.buffers, &self.running);
        let plane = plan.size * plan.size;
        check("pictures", pictures.len(), rows * 3 * plane)?;
        // Rows are independent of one another with running statistics: eight at a time keep the maps small.
        let (each, source) = match norm {
            Norm::Running => (ROWS, Source::Folded(running)),
            Norm::Batch => (rows, Source::Batch),
        };
        self.pool.install(|| {
            let groups = z
                .chunks(each * plan.latent)
                .zip(pictures.chunks_mut(each * 3 * plane));
            for (z, pictures) in groups {
                let rows = z.len() / plan.latent;
                buffers.draw(plan, z, rows, source);
                let Some((from, layer)) = buffers.maps.last().zip(plan.layers.last()) else {
                    return;
                };
                let map = Map {
                    batch: rows,
                    ..layer.map
                };
                let out = Shared::new(pictures);
                let scratch = &mut buffers.scratch;
                plan.picture(rows, &from[..map.len()], scratch, |picture, y, line| {
                    tanh_in_place(plan.instructions, line);
                    for channel in 0..3 {
                        let start = (3 * picture + channel) * plane + y * plan.size;
                        // SAFETY: this row of this plane is written by this call alone.
                        let row = unsafe { out.slice(start, plan.size) };
                        for (out, rgb) in row.iter_mut().zip(line.chunks_exact(3)) {
                            *out = rgb[channel];
                        }
                    }
                });
            }
        });
        Ok(())
    }

    fn paint(
        &mut self,
        z: &[f32],
        norm: Norm,
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.check_picture(z, norm.rows(), rgba)?;
        let (plan, buffers) = (&self.plan, &mut self.buffers);
        let source = match norm {
            Norm::Running => Source::Folded(&self.running),
            Norm::Batch => Source::Batch,
        };
        self.pool.install(|| {
            buffers.draw(plan, z, norm.rows(), source);
            buffers.paint(plan, bytes, rgba);
        });
        Ok(())
    }

    fn statistics(&mut self, z: &[f32], seen: &mut Statistics) -> Result<bool, EngineError> {
        check("rows of latents", self.rows(z)?, ROWS)?;
        let (plan, buffers) = (&self.plan, &mut self.buffers);
        self.pool
            .install(|| buffers.draw(plan, z, ROWS, Source::Batch));
        seen.clone_from(&buffers.seen);
        Ok(true)
    }

    fn paint_with(
        &mut self,
        z: &[f32],
        statistics: &Statistics,
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.check_picture(z, 1, rgba)?;
        check("statistics", statistics.0.len(), self.buffers.seen.0.len())?;
        let (plan, buffers) = (&self.plan, &mut self.buffers);
        let mut given = std::mem::take(&mut buffers.given);
        given.fold(plan, |norm| {
            let moments = &statistics.0[norm];
            [&moments.mean[..], &moments.variance[..]]
        });
        self.pool.install(|| {
            buffers.draw(plan, z, 1, Source::Folded(&given));
            buffers.paint(plan, bytes, rgba);
        });
        buffers.given = given;
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

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::engine::DeviceEngine;
    use crate::network::kernel::Filter;
    use crate::network::parameters::uniform;
    use crate::network::spec::Spec;
    use crate::network::weights::{LayerWeights, NormWeights};

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

    /// A generator of the wider family: a side, a latent, and layers of any channels and filters that fit.
    fn family() -> impl Strategy<Value = GeneratorWeights> {
        let filter = prop_oneof![
            Just((Filter::STUDIES, true)),
            (1usize..5, 1usize..4, 0usize..2, any::<bool>()).prop_map(
                |(kernel, stride, padding, transposed)| {
                    let filter = Filter {
                        kernel,
                        stride: stride.min(kernel),
                        padding: padding.min(kernel - 1),
                    };
                    (filter, transposed)
                }
            ),
        ];
        let slope = prop_oneof![Just(0.0f32), Just(0.2), Just(1.0)];
        let layer = (filter, 1usize..40, any::<bool>(), slope);
        (1usize..7, prop::collection::vec(layer, 1..4), any::<u64>()).prop_filter_map(
            "the filters fit",
            |(stem_side, shapes, seed)| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut draw = |count: usize, low: f32, high: f32| -> Vec<f32> {
                    (0..count)
                        .map(|_| low + (high - low) * uniform(&mut rng))
                        .collect()
                };
                let (latent, count) = (5, shapes.len());
                let outputs = shapes.iter().map(|shape| shape.1);
                let outputs: Vec<usize> = outputs.skip(1).chain([3]).collect();
                let stem = shapes[0].1 * stem_side * stem_side;
                let layers = (0..count).map(|index| {
                    let ((filter, transposed), inputs, norm, slope) = shapes[index];
                    let taps = filter.kernel * filter.kernel;
                    LayerWeights {
                        inputs,
                        outputs: outputs[index],
                        norm: norm.then(|| NormWeights {
                            weight: draw(inputs, 0.5, 1.5),
                            bias: draw(inputs, -0.3, 0.3),
                            mean: draw(inputs, -0.3, 0.3),
                            variance: draw(inputs, 0.3, 2.0),
                        }),
                        slope,
                        filter,
                        transposed,
                        weight: draw(inputs * outputs[index] * taps, -0.1, 0.1),
                        bias: draw(outputs[index], -0.3, 0.3),
                    }
                });
                let weights = GeneratorWeights {
                    latent,
                    stem_side,
                    layers: layers.collect(),
                    stem_weight: draw(stem * latent, -0.5, 0.5),
                    stem_bias: draw(stem, -0.5, 0.5),
                };
                (weights.sides().iter().all(|&side| (1..60).contains(&side))).then_some(weights)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_plan_draws_what_candles_plain_operations_draw(weights in family()) {
            let rows = 3;
            let z: Vec<f32> = (0..rows * weights.latent)
                .map(|i| ((i * 29 % 89) as f32 - 44.0) / 25.0)
                .collect();
            let size = weights.size();
            let mut plain = DeviceEngine::new(&weights, Device::Cpu, "candle").unwrap();
            for norm in [Norm::Running, Norm::Batch] {
                let mut expected = vec![0.0; rows * 3 * size * size];
                plain.draw(&z, norm, &mut expected).unwrap();
                for instructions in [Instructions::Best, Instructions::Portable] {
                    let mut found = vec![0.0; expected.len()];
                    let mut plan = CpuEngine::with(&weights, Some(2), instructions).unwrap();
                    plan.draw(&z, norm, &mut found).unwrap();
                    for (a, b) in found.iter().zip(&expected) {
                        prop_assert!((a - b).abs() < 1e-4, "{norm:?}, {instructions:?}: {a}, {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_with_the_batchs_statistics_is_the_batchs_first_picture() {
        let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 1);
        let mut engine = CpuEngine::new(&weights, Some(2)).unwrap();
        let z: Vec<f32> = (0..ROWS * 20)
            .map(|i| ((i * 31 % 97) as f32 - 48.0) / 30.0)
            .collect();
        let (mut exact, mut given) = (vec![0; 4 * 64 * 64], vec![0; 4 * 64 * 64]);
        engine
            .paint(&z, Norm::Batch, Bytes::Nearest, &mut exact)
            .unwrap();
        let mut seen = Statistics::default();
        assert!(engine.statistics(&z, &mut seen).unwrap());
        engine
            .paint_with(&z[..20], &seen, Bytes::Nearest, &mut given)
            .unwrap();
        let apart = exact.iter().zip(&given).map(|(a, b)| a.abs_diff(*b));
        assert!(apart.max() <= Some(1));
        engine
            .paint(&z[..20], Norm::Running, Bytes::Nearest, &mut given)
            .unwrap();
        assert!(exact != given, "running statistics gave the same picture");
    }
}
