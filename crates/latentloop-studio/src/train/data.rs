//! The pictures of a run, in memory as bytes, and batches of them.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use image::imageops::{FilterType, resize};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::palette::{Histogram, Palette};
use crate::pictures::{self, ListError, Reading};

/// Most numbers that a set may hold: 4 GiB of bytes.
const MAX_BYTES: u64 = 4 << 30;
/// Fewest pictures whose colours a thread counts by itself.
const SHARE: usize = 32;

/// The error of a data set: why a folder of pictures cannot be trained on.
#[derive(Debug, Error)]
pub enum DataError {
    /// The folder gives no pictures.
    #[error(transparent)]
    Folder(#[from] ListError),
    /// The folder has fewer pictures than a step takes.
    #[error(
        "{folder} holds {found} pictures, fewer than one batch of {batch}: add pictures or lower --batch"
    )]
    TooFew {
        /// The folder.
        folder: PathBuf,
        /// Pictures in it.
        found: usize,
        /// Pictures a step takes.
        batch: usize,
    },
    /// The folder has more pictures than fit.
    #[error(
        "{folder}: {found} pictures of {size} pixels take more than 4 GiB of memory: take fewer with `frames --every`"
    )]
    TooMany {
        /// The folder.
        folder: PathBuf,
        /// Pictures in it.
        found: usize,
        /// Their side when trained on.
        size: usize,
    },
    /// One picture could not be decoded.
    #[error("cannot decode the picture {file}: {source}; remove it or cut the frames anew")]
    Picture {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: image::ImageError,
    },
}

/// Square RGB pictures as bytes, planes apart.
#[derive(Debug)]
pub struct Dataset {
    /// Side of a picture in pixels.
    pub size: usize,
    /// SHA-256 over all bytes, in hexadecimal.
    pub digest: String,
    pictures: Vec<Vec<u8>>,
}

impl Dataset {
    /// Reads every picture of a folder (see [`pictures::list`] and [`pictures::read`]), squashed to `size` with bilinear filtering.
    ///
    /// # Errors
    /// When the folder is unreadable, holds fewer pictures than `batch` or more than fit into memory, or one is broken.
    pub fn read(
        folder: &Path,
        reading: Reading,
        size: usize,
        batch: usize,
    ) -> Result<Self, DataError> {
        let files = pictures::list(folder, reading.recursive)?;
        let found = files.len();
        if found < batch {
            return Err(DataError::TooFew {
                folder: folder.to_owned(),
                found,
                batch,
            });
        }
        if (found * size * size) as u64 * 3 > MAX_BYTES {
            return Err(DataError::TooMany {
                folder: folder.to_owned(),
                found,
                size,
            });
        }
        let pictures = files
            .par_iter()
            .map(|file| read_picture(file, reading.background, size))
            .collect::<Result<Vec<_>, _>>()?;
        let mut hash = Sha256::new();
        for picture in &pictures {
            hash.update(picture);
        }
        let digest = crate::files::hex(&hash.finalize());
        Ok(Self {
            size,
            digest,
            pictures,
        })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Every picture, `[3, size, size]`, in the order of the files' names.
    pub fn pictures(&self) -> &[Vec<u8>] {
        &self.pictures
    }

    /// The colours that they are made of.
    pub fn palette(&self) -> Option<Palette> {
        let parts = self.pictures.par_iter().with_min_len(SHARE);
        let histogram = parts.fold(Histogram::default, |mut histogram, picture| {
            histogram.add_planes(picture);
            histogram
        });
        let whole = histogram.reduce(Histogram::default, |mut whole, part| {
            whole.merge(&part);
            whole
        });
        whole.palette()
    }

    /// The pictures of these numbers, `[batch, 3, size, size]` in -1..1.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn batch(&self, numbers: &[usize], device: &Device) -> candle_core::Result<Tensor> {
        let values: Vec<f32> = numbers
            .iter()
            .flat_map(|&number| &self.pictures[number])
            .map(|&byte| f32::from(byte) / 127.5 - 1.0)
            .collect();
        Tensor::from_vec(values, (numbers.len(), 3, self.size, self.size), device)
    }
}

fn read_picture(file: &Path, background: [u8; 3], size: usize) -> Result<Vec<u8>, DataError> {
    let picture = pictures::read(file, background).map_err(|source| DataError::Picture {
        file: file.to_owned(),
        source,
    })?;
    let side = size as u32;
    let picture = if picture.dimensions() == (side, side) {
        picture
    } else {
        resize(&picture, side, side, FilterType::Triangle)
    };
    let mut planes = vec![0u8; 3 * size * size];
    for (at, pixel) in picture.pixels().enumerate() {
        for (channel, &byte) in pixel.0.iter().enumerate() {
            planes[channel * size * size + at] = byte;
        }
    }
    Ok(planes)
}
