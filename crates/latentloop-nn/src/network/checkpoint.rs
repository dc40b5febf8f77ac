//! Checkpoint files: safetensors with the generator under PyTorch's names, everything else under a prefix, and one JSON
//! string of metadata.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::model_file::{self, Unread};
use super::recipe::Recipe;
use super::spec::Spec;
use crate::files::write_atomic;
use crate::palette::Palette;

/// Key of the metadata's one entry.
pub const METADATA_KEY: &str = "latentloop";
/// Largest checkpoint that is read, in bytes: a full-width run with its moments takes 0.6 GB.
const MAX_BYTES: u64 = 8 << 30;

/// The metadata of a checkpoint: what it says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// Version of the file format: 1.
    pub version: u32,
    /// Side of the picture in pixels.
    pub size: usize,
    /// Length of a latent.
    pub latent: usize,
    /// Width multiplier of every channel count.
    pub width: f64,
    /// Steps trained.
    pub step: u64,
    /// Seed of the run. Every random number follows from the seed and the step: the two are the random state.
    pub seed: u64,
    /// Pictures a step.
    pub batch: usize,
    /// Pictures in the set that it was trained on.
    pub pictures: usize,
    /// SHA-256 over the pictures of that set, at the size trained on.
    pub dataset: String,
    /// How it was trained, beyond that; the reference recipe where a file does not say.
    #[serde(default)]
    pub recipe: Recipe,
    /// The colours of those pictures; none where a file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub palette: Option<Palette>,
}

impl ModelMetadata {
    /// The shape of the networks.
    ///
    /// # Errors
    /// When its numbers describe none.
    pub fn spec(&self) -> Result<Spec, super::spec::SpecError> {
        Spec::studies(self.size, self.width, self.latent)
    }
}

/// The precision of an inference file's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Half: convolution and stem weights in 16 bits, the few others in 32.
    #[default]
    F16,
    /// Single.
    F32,
}

/// The error of reading or writing a checkpoint.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file could not be read.
    #[error("cannot read the checkpoint {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write the checkpoint {path}: {source}; what stood there before is untouched")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path} is not a training checkpoint of latentloop: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The device failed.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

/// A state dict: the tensors of a checkpoint, in the order in which they were put, as they go into a file.
#[derive(Debug, Default)]
pub struct StateDict {
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl StateDict {
    /// Adds a tensor.
    ///
    /// # Errors
    /// When it cannot be copied from its device.
    pub fn put(&mut self, name: String, tensor: &Tensor) -> Result<(), CheckpointError> {
        self.tensors.push((
            name,
            tensor.dims().to_vec(),
            tensor.flatten_all()?.to_vec1()?,
        ));
        Ok(())
    }

    /// Adds numbers of a shape.
    pub fn put_numbers(&mut self, name: String, shape: &[usize], numbers: &[f32]) {
        self.tensors.push((name, shape.to_vec(), numbers.to_vec()));
    }

    /// Writes the file whole: under another name first, then renamed.
    ///
    /// # Errors
    /// When the disk refuses; the file that stood there before is then untouched.
    pub fn write(
        &self,
        path: &Path,
        metadata: &ModelMetadata,
        precision: Precision,
    ) -> Result<(), CheckpointError> {
        let file =
            self.serialize(metadata, precision)
                .map_err(|reason| CheckpointError::Content {
                    path: path.to_owned(),
                    reason,
                })?;
        write_atomic(path, &file).map_err(|source| CheckpointError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// The bytes of the file, with what it says of itself.
    ///
    /// # Errors
    /// When a tensor's numbers do not fill its shape, or the metadata cannot be told in JSON.
    pub fn serialize(
        &self,
        metadata: &impl Serialize,
        precision: Precision,
    ) -> Result<Vec<u8>, String> {
        let bytes: Vec<(Dtype, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(_, shape, numbers)| match precision {
                Precision::F16 if shape.len() > 1 => (
                    Dtype::F16,
                    numbers
                        .iter()
                        .flat_map(|&v| f16::from_f32(v).to_le_bytes())
                        .collect(),
                ),
                _ => (
                    Dtype::F32,
                    numbers.iter().flat_map(|v| v.to_le_bytes()).collect(),
                ),
            })
            .collect();
        let views = self
            .tensors
            .iter()
            .zip(&bytes)
            .map(|((name, shape, _), (dtype, bytes))| {
                TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let text = serde_json::to_string(metadata).map_err(|error| error.to_string())?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
    }
}

/// A training checkpoint read back.
#[derive(Debug)]
pub struct Checkpoint {
    /// Its metadata.
    pub metadata: ModelMetadata,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// Reads a training checkpoint.
    ///
    /// # Errors
    /// When the file cannot be read, is cut short, is not safetensors or has no metadata of ours.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let read = |source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        };
        let content = |reason: String| CheckpointError::Content {
            path: path.to_owned(),
            reason,
        };
        let bytes = model_file::read(path, MAX_BYTES, "checkpoint", |head| {
            (!model_file::is_safetensors(head)).then(|| "it is no safetensors file".to_owned())
        })
        .map_err(|error| match error {
            Unread::System(source) => read(source),
            Unread::Content(reason) => content(reason),
        })?;
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| content(error.to_string()))?;
        SafeTensors::deserialize(&bytes).map_err(|error| content(error.to_string()))?;
        let metadata = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA_KEY))
            .ok_or_else(|| {
                content(
                    "it has no latentloop metadata (a bare generator can be played, not resumed)"
                        .into(),
                )
            })?;
        let metadata: ModelMetadata = serde_json::from_str(metadata)
            .map_err(|error| content(format!("its metadata: {error}")))?;
        if metadata.version != 1 {
            return Err(content(format!(
                "its format is version {}, this program reads version 1",
                metadata.version
            )));
        }
        Ok(Self {
            metadata,
            path: path.to_owned(),
            bytes,
        })
    }

    /// The tensor of that name and shape.
    ///
    /// # Errors
    /// When it is missing, has another shape or type, or holds a number that is not finite.
    pub fn tensor(
        &self,
        name: &str,
        shape: &[usize],
        device: &Device,
    ) -> Result<Tensor, CheckpointError> {
        Ok(Tensor::from_vec(self.numbers(name, shape)?, shape, device)?)
    }

    /// The numbers of the tensor of that name and shape.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let content = |reason: String| CheckpointError::Content {
            path: self.path.clone(),
            reason,
        };
        let file =
            SafeTensors::deserialize(&self.bytes).map_err(|error| content(error.to_string()))?;
        let view = file.tensor(name).map_err(|_absent| {
            content(format!(
                "it has no tensor {name} (a playing file can be played, not resumed)"
            ))
        })?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let found = (view.dtype(), view.shape());
            return Err(content(format!(
                "its tensor {name} is {found:?} where F32 {shape:?} was expected"
            )));
        }
        let numbers: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        match numbers.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(content(format!(
                "number {at} of its tensor {name} is not finite"
            ))),
            None => Ok(numbers),
        }
    }
}
