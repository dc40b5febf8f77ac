//! A checkpoint made ready to play: latents become pictures.

mod plan;

mod cpu;
mod device;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use cpu::CpuEngine;
pub use device::DeviceEngine;

/// Rows of latents that make up a keyframe: the one that is shown and its seven companions.
pub const ROWS: usize = 8;

/// Which statistics batch norm uses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Those gathered in training: one row is drawn.
    Running,
    /// Those of the eight rows drawn together, as the reference work does.
    Batch,
}

impl Norm {
    /// Rows of latents that one picture takes: 1 or [`ROWS`].
    pub fn rows(self) -> usize {
        match self {
            Self::Running => 1,
            Self::Batch => ROWS,
        }
    }
}

/// How a value in -1..1 becomes a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bytes {
    /// To the nearest level.
    #[default]
    Nearest,
    /// Cut down to a whole level, as the reference work does.
    Cut,
}

impl Bytes {
    /// The byte of a value in -1..1; what lies outside goes to the nearest end.
    pub fn of(self, value: f32) -> u8 {
        let level = (value + 1.0) / 2.0 * 255.0;
        // The conversion from float cuts down, and keeps within 0..=255.
        match self {
            Self::Nearest => (level + 0.5) as u8,
            Self::Cut => level as u8,
        }
    }
}

/// Draws pictures from latents on one device.
pub trait Engine: Send {
    /// What draws, for people: "cpu (2 threads, avx512)".
    fn name(&self) -> &str;
    /// Threads of the processor that draw, where it is the processor that does.
    fn threads(&self) -> Option<usize> {
        None
    }
    /// Length of one row of latents.
    fn latent(&self) -> usize;
    /// Width and height of a picture in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws every row: `z` is rows x latent, `pictures` rows x 3 x height x width in -1..1.
    ///
    /// # Errors
    /// When the lengths do not fit, or the device fails.
    fn draw(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError>;
    /// Draws the picture of the first row as RGBA, `rgba` being height x width x 4. `z` holds `norm.rows()` rows.
    ///
    /// # Errors
    /// As [`Engine::draw`].
    fn paint(
        &mut self,
        z: &[f32],
        norm: Norm,
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<(), EngineError>;
}

/// Why a picture was not drawn.
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

/// Which device draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
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

/// Makes a generator ready to play on the device asked for; `threads` counts for the processor.
///
/// # Errors
/// When that device is not there, or this build has none of its kind.
pub fn open(
    weights: &crate::network::weights::GeneratorWeights,
    choice: Choice,
    threads: Option<usize>,
) -> Result<Box<dyn Engine>, EngineError> {
    match choice {
        Choice::Cpu => Ok(Box::new(CpuEngine::new(weights, threads)?)),
        Choice::Cuda => device::cuda(weights),
        Choice::Metal => device::metal(weights),
        Choice::Auto => match device::cuda(weights).or_else(|_| device::metal(weights)) {
            Ok(engine) => Ok(engine),
            Err(_) => Ok(Box::new(CpuEngine::new(weights, threads)?)),
        },
    }
}
