//! A checkpoint made ready to play: latents become pictures.

use thiserror::Error;

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

/// Draws pictures from latents on one device.
pub trait Engine: Send {
    /// What draws, for people: "cpu (2 threads, avx512)".
    fn name(&self) -> &str;
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
