//! Inference engines: a model made ready to play, latents become pictures.

mod algorithm;
mod plan;
mod shape;

mod batch_stats;
mod buffers;

mod palette;
mod stats_path;

mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod device;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::ThreadPool;
use thiserror::Error;

use shape::EngineShape;

pub use algorithm::Winograd;
pub use batch_stats::BatchStats;
pub use cpu::CpuEngine;
#[cfg(feature = "cuda")]
pub use cuda::CudaEngine;
pub use device::DeviceEngine;
pub use palette::sample_palette;
pub use stats_path::StatsInterpolator;

pub use crate::latent::{Norm, ROWS};

/// The rounding of a value in -1..1 to a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest level.
    #[default]
    Nearest,
    /// Down to a whole level, as the reference work does.
    Truncate,
}

impl Rounding {
    /// The byte of a value in -1..1; what lies outside goes to the nearest end.
    pub fn byte(self, value: f32) -> u8 {
        let level = (value + 1.0) / 2.0 * 255.0;
        // The conversion from float truncates, and keeps within 0..=255.
        match self {
            Self::Nearest => (level + 0.5) as u8,
            Self::Truncate => level as u8,
        }
    }

    /// The pixel at `at` of three planes, red, green and blue, as `[3, height, width]` in -1..1.
    pub fn pixel(self, planes: &[f32], at: usize) -> [u8; 3] {
        let plane = planes.len() / 3;
        [0, 1, 2].map(|channel| self.byte(planes[channel * plane + at]))
    }

    /// Pixels of red, green and blue in -1..1 as RGBA, opaque.
    fn pack(self, rgb: &[f32], rgba: &mut [u8]) {
        // The bytes first and then their places, for only the first becomes vectors.
        let mut levels = [0; 96];
        for (rgb, rgba) in rgb.chunks(levels.len()).zip(rgba.chunks_mut(128)) {
            for (level, &value) in levels.iter_mut().zip(rgb) {
                *level = self.byte(value);
            }
            for (level, pixel) in levels.chunks_exact(3).zip(rgba.chunks_exact_mut(4)) {
                pixel.copy_from_slice(&[level[0], level[1], level[2], 255]);
            }
        }
    }
}

/// An inference engine: a generator on one device.
pub trait Engine: Send {
    /// Name for people: "cpu (2 threads, avx512)".
    fn name(&self) -> &str;
    /// Threads of the processor that it runs on, where it is the processor.
    fn threads(&self) -> Option<usize> {
        None
    }
    /// The pool of threads that it computes on, where it has one. Who renders frame after frame stays within it
    /// ([`ThreadPool::install`]): a frame that comes from outside waits in a queue that allocates.
    fn thread_pool(&self) -> Option<Arc<ThreadPool>> {
        None
    }
    /// Length of one row of latents.
    fn latent(&self) -> usize;
    /// Width and height of a picture in pixels.
    fn size(&self) -> (u32, u32);
    /// The forward pass of every row: `z` is rows x latent, `pictures` rows x 3 x height x width in -1..1.
    ///
    /// # Errors
    /// When the lengths do not fit, or the device fails.
    fn forward(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError>;
    /// Renders the picture of the first row as RGBA, `rgba` being height x width x 4. `z` holds `norm.rows()` rows.
    ///
    /// # Errors
    /// As [`Engine::forward`].
    fn render_rgba(
        &mut self,
        z: &[f32],
        norm: Norm,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError>;
    /// Begins to compute the batch statistics of these [`ROWS`] rows; false where the engine cannot tell.
    ///
    /// # Errors
    /// When the length does not fit.
    fn probe(&mut self, _z: &[f32]) -> Result<bool, EngineError> {
        Ok(false)
    }
    /// Takes one small step of what [`Engine::probe`] began; the statistics after the last.
    fn probe_step(&mut self) -> Option<&BatchStats> {
        None
    }
    /// Renders the picture of one row as RGBA with the statistics given: what [`Norm::Batch`] renders where they are its own.
    ///
    /// # Errors
    /// As [`Engine::forward`], and where the engine cannot tell statistics.
    fn render_rgba_with(
        &mut self,
        _z: &[f32],
        _statistics: &BatchStats,
        _rounding: Rounding,
        _rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        Err(EngineError::Device(format!(
            "{} draws with no statistics but its own",
            self.name()
        )))
    }
}

/// The error of an engine: why there is no picture.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A buffer's length does not fit the network.
    #[error("{what}: {got} numbers given, {expected} expected")]
    Length {
        /// Which buffer.
        what: &'static str,
        /// Numbers it holds.
        got: usize,
        /// Numbers the network takes.
        expected: usize,
    },
    /// The device failed.
    #[error("{0}")]
    Device(String),
}

/// The device that an engine runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The best there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card (needs a build with `--features cuda`).
    Cuda,
    /// An Apple GPU (needs a build with `--features metal`).
    Metal,
}

/// How an engine is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// The device.
    pub backend: Backend,
    /// Threads of the processor; as many as help where nothing is said.
    pub threads: Option<usize>,
    /// Minimal filtering on the processor.
    pub winograd: Winograd,
}

/// Makes a generator ready to play on the device asked for.
///
/// # Errors
/// When that device is not there, or this build has none of its kind.
pub fn open(
    weights: &crate::network::weights::GeneratorWeights,
    options: &EngineOptions,
) -> Result<Box<dyn Engine>, EngineError> {
    let cpu = || -> Result<Box<dyn Engine>, EngineError> {
        Ok(Box::new(CpuEngine::new(
            weights,
            options.threads,
            options.winograd,
        )?))
    };
    match options.backend {
        Backend::Cpu => cpu(),
        Backend::Cuda => cuda(weights),
        Backend::Metal => device::metal(weights),
        Backend::Auto => cuda(weights)
            .or_else(|error| {
                if cfg!(feature = "cuda") {
                    tracing::warn!("{error}");
                }
                device::metal(weights)
            })
            .or_else(|_| cpu()),
    }
}

#[cfg(feature = "cuda")]
fn cuda(
    weights: &crate::network::weights::GeneratorWeights,
) -> Result<Box<dyn Engine>, EngineError> {
    cuda::open(weights)
}

#[cfg(not(feature = "cuda"))]
fn cuda(
    _weights: &crate::network::weights::GeneratorWeights,
) -> Result<Box<dyn Engine>, EngineError> {
    let reason = "this build has no CUDA (build it with --features cuda)";
    Err(EngineError::Device(format!(
        "--engine cuda: {reason}; take --engine cpu"
    )))
}
