//! The generator on the processor: a plan made once, buffers allocated once.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::plan::{Affine, Plan};
use super::{Bytes, Engine, EngineError, Norm, ROWS};
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
    /// What a batch norm saw, and what it makes of it.
    seen: Moments,
    scale: Vec<f32>,
    shift: Vec<f32>,
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
        let running = Affine::running(&plan);
        let buffers = Buffers {
            maps: vec![Vec::new(); plan.layers.len()],
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
                    moments(plan.instructions, &map, to, scratch, seen);
                    scale.clear();
                    shift.clear();
                    for (channel, (&mean, &variance)) in
                        seen.mean.iter().zip(&seen.variance).enumerate()
                    {
                        let (factor, offset) = norm.fold(channel, mean, variance);
                        scale.push(factor);
                        shift.push(offset);
                    }
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

    fn threads(&self) -> Option<usize> {
        Some(self.pool.current_num_threads())
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
