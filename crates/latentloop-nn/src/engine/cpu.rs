//! The CPU engine: a plan made once, buffers allocated once.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::algorithm::{AlgorithmCache, ConvAlgorithm, LayerAlgorithms, key};
use super::batch_stats::StatsProbe;
use super::buffers::{Buffers, StatsSource};
use super::plan::{Affine, Plan};
use super::{BatchStats, Engine, EngineError, EngineShape, Norm, ROWS, Rounding, Winograd};
use crate::network::kernel::{FeatureMap, Instructions, UnsafeSlice};
use crate::network::weights::GeneratorWeights;

/// Threads at most: further ones would wait for memory, and a show has other work for its cores.
const MAX_THREADS: usize = 8;

/// Rows that algorithms are measured with, and how often.
const MEASURING: [(usize, usize); 2] = [(1, 6), (ROWS, 2)];

/// The CPU engine, on a small pool of its own threads.
pub struct CpuEngine {
    name: String,
    pool: Arc<ThreadPool>,
    plan: Plan,
    running: Affine,
    /// BatchStats that were given, folded.
    given: Affine,
    buffers: Buffers,
    probe: StatsProbe,
}

/// How the algorithms of the layers are chosen.
#[derive(Clone, Debug)]
pub(super) enum AlgorithmChoice {
    /// This one wherever it can be taken.
    Fixed(ConvAlgorithm),
    /// The fastest, kept in this file.
    Autotuned(Option<AlgorithmCache>),
    /// What this file keeps, or what is usual.
    Cached(Option<AlgorithmCache>),
}

impl CpuEngine {
    /// Makes the plan; `threads` of its own, or one a core, eight at most.
    ///
    /// With [`Winograd::Auto`] the algorithms of its layers are measured, unless they were before.
    ///
    /// # Errors
    /// When the threads cannot be started, or the model's maps would not fit into memory.
    pub fn new(
        weights: &GeneratorWeights,
        threads: Option<usize>,
        winograd: Winograd,
    ) -> Result<Self, EngineError> {
        let algorithms = match winograd {
            Winograd::Auto => AlgorithmChoice::Autotuned(AlgorithmCache::here()),
            Winograd::Cached => AlgorithmChoice::Cached(AlgorithmCache::here()),
            Winograd::Off => AlgorithmChoice::Fixed(ConvAlgorithm::Direct),
        };
        Self::with(weights, threads, Instructions::Best, algorithms)
    }

    /// [`CpuEngine::new`] on the instructions and by the algorithms asked for.
    pub(super) fn with(
        weights: &GeneratorWeights,
        threads: Option<usize>,
        instructions: Instructions,
        algorithms: AlgorithmChoice,
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
        let algorithms = match algorithms {
            AlgorithmChoice::Fixed(algorithm) => LayerAlgorithms::all(weights, algorithm),
            AlgorithmChoice::Autotuned(cache) => {
                pool.install(|| autotune(weights, instructions, cache))?
            }
            AlgorithmChoice::Cached(cache) => {
                let key = key(weights, instructions, pool.current_num_threads());
                let kept = cache.and_then(|cache| cache.get(&key, weights));
                kept.unwrap_or_else(|| LayerAlgorithms::usual(weights))
            }
        };
        let plan = pool.install(|| Plan::new(weights, instructions, &algorithms))?;
        Ok(Self {
            name: format!("cpu ({threads} threads, {})", instructions.name()),
            pool: Arc::new(pool),
            running: Affine::running(&plan),
            given: Affine::running(&plan),
            buffers: Buffers::new(&plan),
            probe: StatsProbe::default(),
            plan,
        })
    }

    fn shape(&self) -> EngineShape {
        EngineShape {
            latent: self.plan.latent,
            size: self.plan.size,
        }
    }
}

/// Autotuning: measures which algorithm of each layer is the fastest on this thread's pool, for one picture and for [`ROWS`] of
/// them, or reads it from the cache.
fn autotune(
    weights: &GeneratorWeights,
    instructions: Instructions,
    cache: Option<AlgorithmCache>,
) -> Result<LayerAlgorithms, EngineError> {
    let key = key(weights, instructions, rayon::current_num_threads());
    let layers = weights.layers.len();
    if let Some(algorithms) = cache.as_ref().and_then(|cache| cache.get(&key, weights)) {
        return Ok(algorithms);
    }
    let mut measured = Vec::new();
    let mut plans = Vec::new();
    for algorithm in ConvAlgorithm::ALL {
        let algorithms = LayerAlgorithms::all(weights, algorithm);
        if measured.iter().all(|(other, _)| *other != algorithms) {
            plans.push(Plan::new(weights, instructions, &algorithms)?);
            let times = || vec![Duration::MAX; layers - 1];
            measured.push((algorithms, [times(), times()]));
        }
    }
    if plans.len() > 1 {
        tracing::info!("measuring the fastest algorithm of every layer, once on this machine");
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
                buffers.forward(plan, z, rows, StatsSource::Folded(&affine), |map| {
                    let now = Instant::now();
                    if let Some(layer) = map.checked_sub(1) {
                        times[several][layer] = times[several][layer].min(now - last);
                    }
                    last = now;
                });
            }
        }
    }
    let algorithms = LayerAlgorithms::fastest(&measured);
    tracing::debug!("{key}: {algorithms:?} of {measured:?}");
    if let Some(cache) = cache {
        tracing::debug!("kept in {}", cache.path().display());
        cache.put(key, algorithms.clone());
    }
    Ok(algorithms)
}

impl Engine for CpuEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(self.pool.current_num_threads())
    }

    fn thread_pool(&self) -> Option<Arc<ThreadPool>> {
        Some(Arc::clone(&self.pool))
    }

    fn latent(&self) -> usize {
        self.plan.latent
    }

    fn size(&self) -> (u32, u32) {
        self.shape().sides()
    }

    fn forward(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError> {
        let rows = self.shape().check_pictures(z, pictures)?;
        let (plan, buffers, running) = (&self.plan, &mut self.buffers, &self.running);
        let plane = plan.size * plan.size;
        // Rows are independent of one another with running statistics: eight at a time keep the maps small.
        let (each, source) = match norm {
            Norm::Running => (ROWS, StatsSource::Folded(running)),
            Norm::Batch => (rows, StatsSource::Batch),
        };
        self.pool.install(|| {
            let groups = z
                .chunks(each * plan.latent)
                .zip(pictures.chunks_mut(each * 3 * plane));
            for (z, pictures) in groups {
                let rows = z.len() / plan.latent;
                buffers.forward(plan, z, rows, source, |_| ());
                let Some((from, layer)) = buffers.maps.last().zip(plan.layers.last()) else {
                    return;
                };
                let map = FeatureMap {
                    batch: rows,
                    ..layer.map
                };
                let out = UnsafeSlice::new(pictures);
                let scratch = &mut buffers.scratch;
                plan.picture(rows, &from[..map.len()], scratch, |picture, y, line| {
                    plan.end(line);
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

    fn render_rgba(
        &mut self,
        z: &[f32],
        norm: Norm,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.shape().check_rgba(z, norm.rows(), rgba)?;
        let (plan, buffers) = (&self.plan, &mut self.buffers);
        let source = match norm {
            Norm::Running => StatsSource::Folded(&self.running),
            Norm::Batch => StatsSource::Batch,
        };
        self.pool.install(|| {
            buffers.forward(plan, z, norm.rows(), source, |_| ());
            buffers.render_rgba(plan, rounding, rgba);
        });
        Ok(())
    }

    fn probe(&mut self, z: &[f32]) -> Result<bool, EngineError> {
        self.shape().check_rows(z, ROWS)?;
        self.probe.begin(&self.plan, z);
        Ok(true)
    }

    fn probe_step(&mut self) -> Option<&BatchStats> {
        let (plan, probe) = (&self.plan, &mut self.probe);
        self.pool.install(|| probe.step(plan))
    }

    fn render_rgba_with(
        &mut self,
        z: &[f32],
        statistics: &BatchStats,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.shape().check_rgba(z, 1, rgba)?;
        EngineError::check_length(
            "channels of statistics",
            statistics.channels(),
            self.plan.norm_channels(),
        )?;
        let (plan, buffers, given) = (&self.plan, &mut self.buffers, &mut self.given);
        given.fold(plan, |norm| &statistics.0[norm]);
        self.pool.install(|| {
            buffers.forward(plan, z, 1, StatsSource::Folded(given), |_| ());
            buffers.render_rgba(plan, rounding, rgba);
        });
        Ok(())
    }
}
