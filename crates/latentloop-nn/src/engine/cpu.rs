//! The generator on the processor: a plan made once, buffers allocated once.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::buffers::{Buffers, Source};
use super::forms::{Cache, Form, Forms, key};
use super::plan::{Affine, Plan};
use super::statistics::Probe;
use super::{Bytes, Engine, EngineError, Norm, ROWS, Statistics, Winograd};
use crate::network::kernel::{Instructions, Map, Shared, tanh_in_place};
use crate::network::weights::GeneratorWeights;

/// Threads at most: further ones would wait for memory, and a show has other work for its cores.
const MAX_THREADS: usize = 8;

/// Rows that forms are measured with, and how often.
const MEASURING: [(usize, usize); 2] = [(1, 6), (ROWS, 2)];

/// Draws on a small pool of its own threads.
pub struct CpuEngine {
    name: String,
    pool: ThreadPool,
    plan: Plan,
    running: Affine,
    /// Statistics that were given, folded.
    given: Affine,
    buffers: Buffers,
    probe: Probe,
}

/// How the forms of the layers are found.
#[derive(Clone, Debug)]
pub(super) enum Choosing {
    /// This one wherever it can be taken.
    All(Form),
    /// The fastest, kept in this file.
    Fastest(Option<Cache>),
    /// What this file keeps, or what is usual.
    Known(Option<Cache>),
}

impl CpuEngine {
    /// Makes the plan; `threads` of its own, or one a core, eight at most.
    ///
    /// With [`Winograd::Auto`] the forms of its layers are measured, unless they were before.
    ///
    /// # Errors
    /// When the threads cannot be started, or the model's maps would not fit into memory.
    pub fn new(
        weights: &GeneratorWeights,
        threads: Option<usize>,
        winograd: Winograd,
    ) -> Result<Self, EngineError> {
        let forms = match winograd {
            Winograd::Auto => Choosing::Fastest(Cache::here()),
            Winograd::Known => Choosing::Known(Cache::here()),
            Winograd::Off => Choosing::All(Form::Plain),
        };
        Self::with(weights, threads, Instructions::Best, forms)
    }

    /// [`CpuEngine::new`] on the instructions and by the forms asked for.
    pub(super) fn with(
        weights: &GeneratorWeights,
        threads: Option<usize>,
        instructions: Instructions,
        forms: Choosing,
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
        let forms = match forms {
            Choosing::All(form) => Forms::all(weights, form),
            Choosing::Fastest(cache) => pool.install(|| fastest(weights, instructions, cache))?,
            Choosing::Known(cache) => {
                let key = key(weights, instructions, pool.current_num_threads());
                let kept = cache.and_then(|cache| cache.get(&key, weights));
                kept.unwrap_or_else(|| Forms::usual(weights))
            }
        };
        let plan = pool.install(|| Plan::new(weights, instructions, &forms))?;
        Ok(Self {
            name: format!("cpu ({threads} threads, {})", instructions.name()),
            pool,
            running: Affine::running(&plan),
            given: Affine::running(&plan),
            buffers: Buffers::new(&plan),
            probe: Probe::default(),
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

/// Measures which form of each layer is the fastest on this thread's pool, for one picture and for [`ROWS`] of them, or reads
/// it from the cache.
fn fastest(
    weights: &GeneratorWeights,
    instructions: Instructions,
    cache: Option<Cache>,
) -> Result<Forms, EngineError> {
    let key = key(weights, instructions, rayon::current_num_threads());
    let layers = weights.layers.len();
    if let Some(forms) = cache.as_ref().and_then(|cache| cache.get(&key, weights)) {
        return Ok(forms);
    }
    let mut measured = Vec::new();
    let mut plans = Vec::new();
    for form in Form::ALL {
        let forms = Forms::all(weights, form);
        if measured.iter().all(|(other, _)| *other != forms) {
            plans.push(Plan::new(weights, instructions, &forms)?);
            let times = || vec![Duration::MAX; layers - 1];
            measured.push((forms, [times(), times()]));
        }
    }
    if plans.len() > 1 {
        tracing::info!("measuring the fastest form of every layer, once on this machine");
    }
    let z: Vec<f32> = (0..ROWS * weights.latent)
        .map(|at| ((at * 37 % 101) as f32 - 50.0) / 30.0)
        .collect();
    let mut buffers = Buffers::new(&plans[0]);
    for (several, (rows, rounds)) in MEASURING.into_iter().enumerate() {
        let rounds = if plans.len() > 1 { rounds } else { 0 };
        // In turn, so that a machine that slows down slows them all down.
        for _ in 0..rounds {
            for (plan, (_, times)) in plans.iter().zip(&mut measured) {
                let affine = Affine::running(plan);
                let mut last = Instant::now();
                let z = &z[..rows * weights.latent];
                buffers.draw(plan, z, rows, Source::Folded(&affine), |map| {
                    let now = Instant::now();
                    if let Some(layer) = map.checked_sub(1) {
                        times[several][layer] = times[several][layer].min(now - last);
                    }
                    last = now;
                });
            }
        }
    }
    let forms = Forms::fastest(&measured);
    tracing::debug!("{key}: {forms:?} of {measured:?}");
    if let Some(cache) = cache {
        tracing::debug!("kept in {}", cache.path().display());
        cache.put(key, forms.clone());
    }
    Ok(forms)
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
                buffers.draw(plan, z, rows, source, |_| ());
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
            buffers.draw(plan, z, norm.rows(), source, |_| ());
            buffers.paint(plan, bytes, rgba);
        });
        Ok(())
    }

    fn probe(&mut self, z: &[f32]) -> Result<bool, EngineError> {
        check("rows of latents", self.rows(z)?, ROWS)?;
        self.probe.begin(&self.plan, z);
        Ok(true)
    }

    fn probe_step(&mut self) -> Option<&Statistics> {
        let (plan, probe) = (&self.plan, &mut self.probe);
        self.pool.install(|| probe.step(plan))
    }

    fn paint_with(
        &mut self,
        z: &[f32],
        statistics: &Statistics,
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.check_picture(z, 1, rgba)?;
        check(
            "channels of statistics",
            statistics.channels(),
            self.plan.norm_channels(),
        )?;
        let (plan, buffers, given) = (&self.plan, &mut self.buffers, &mut self.given);
        given.fold(plan, |norm| &statistics.0[norm]);
        self.pool.install(|| {
            buffers.draw(plan, z, 1, Source::Folded(given), |_| ());
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
