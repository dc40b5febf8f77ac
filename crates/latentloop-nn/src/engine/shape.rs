//! The shape of an engine's buffers, and whether a caller's are of it.

use super::EngineError;

/// Length of a latent, and size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EngineShape {
    /// Numbers of one row of latents.
    pub(super) latent: usize,
    /// Side of a picture in pixels.
    pub(super) size: usize,
}

impl EngineShape {
    /// Width and height of a picture.
    pub(super) fn sides(&self) -> (u32, u32) {
        (self.size as u32, self.size as u32)
    }

    /// Rows of latents in `z`, which holds one at least and no part of one.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn rows(&self, z: &[f32]) -> Result<usize, EngineError> {
        let expected = z.len().div_ceil(self.latent).max(1) * self.latent;
        EngineError::check_length("latents", z.len(), expected)?;
        Ok(z.len() / self.latent)
    }

    /// Holds `z` to so many rows of latents.
    ///
    /// # Errors
    /// When it has fewer or more.
    pub(super) fn check_rows(&self, z: &[f32], rows: usize) -> Result<(), EngineError> {
        EngineError::check_length("rows of latents", self.rows(z)?, rows)
    }

    /// Holds `pictures` to three planes a row of latents, and returns the rows.
    ///
    /// # Errors
    /// When it has fewer or more numbers.
    pub(super) fn check_pictures(&self, z: &[f32], pictures: &[f32]) -> Result<usize, EngineError> {
        let rows = self.rows(z)?;
        EngineError::check_length("pictures", pictures.len(), rows * 3 * self.size * self.size)?;
        Ok(rows)
    }

    /// Holds `z` to so many rows of latents, and `rgba` to four bytes a pixel of one picture.
    ///
    /// # Errors
    /// When one has fewer or more.
    pub(super) fn check_rgba(
        &self,
        z: &[f32],
        rows: usize,
        rgba: &[u8],
    ) -> Result<(), EngineError> {
        self.check_rows(z, rows)?;
        let expected = 4 * self.size * self.size;
        EngineError::check_length("bytes of a picture", rgba.len(), expected)
    }
}

impl EngineError {
    /// Holds a buffer's length to what the network takes.
    pub(super) fn check_length(
        what: &'static str,
        got: usize,
        expected: usize,
    ) -> Result<(), Self> {
        match got == expected {
            true => Ok(()),
            false => Err(Self::Length {
                what,
                got,
                expected,
            }),
        }
    }
}
