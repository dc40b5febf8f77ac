//! Frame extraction: a clip becomes pictures, by decoding, framing, and the dataset folder with its manifest.

mod clip;
mod colour;
mod dataset;
mod dedupe;
mod deinterlace;
mod extract;
mod framing;
mod read;
mod rgb;

use std::path::PathBuf;

use thiserror::Error;

pub use dataset::{Manifest, Source};
pub use extract::{Progress, extract};
pub use framing::Fit;
pub use read::read;

pub use crate::video::Matrix;

/// The settings of an extraction: how pictures are taken out of clips.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Side of the square pictures in pixels, 8..=4096; none keeps the clip's own size, with square pixels.
    pub size: Option<u32>,
    /// The fit of a clip's shape into a square.
    pub fit: Fit,
    /// Second of each clip to begin at.
    pub start_secs: f64,
    /// Second of each clip to end before.
    pub end_secs: Option<f64>,
    /// Takes every n-th frame, from 1.
    pub every: u32,
    /// Takes at most so many frames a second; frames are never doubled for it.
    pub fps: Option<f64>,
    /// Adds each picture's mirror image after it.
    pub mirror: bool,
    /// Writes each picture so many times, from 1.
    pub repeat: u32,
    /// Leaves out pictures that are near-duplicates of one already taken.
    pub dedupe: bool,
    /// File format of the pictures.
    pub format: Format,
    /// Makes a picture of each field of interlaced frames, of 50 or 60 a second; else of their first field alone.
    #[serde(default)]
    pub fields: bool,
    /// The matrix between YUV and RGB, whatever a clip says; none believes it, and where it says nothing assumes one.
    #[serde(default)]
    pub matrix: Option<Matrix>,
    /// What lies behind transparent pixels, levels of red, green and blue.
    #[serde(default)]
    pub background: [u8; 3],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: Some(256),
            fit: Fit::Squash,
            start_secs: 0.0,
            end_secs: None,
            every: 1,
            fps: None,
            mirror: false,
            repeat: 1,
            dedupe: false,
            format: Format::Jpg,
            fields: false,
            matrix: None,
            background: [0; 3],
        }
    }
}

/// File format of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG of quality 95.
    Jpg,
    /// PNG.
    Png,
}

impl Format {
    /// The files' extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
        }
    }
}

/// The error of an extraction: why there are no pictures.
#[derive(Debug, Error)]
pub enum FootageError {
    /// A clip could not be read.
    #[error("cannot read the clip {file}: {reason}")]
    Clip {
        /// The clip.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The settings leave no picture of a clip.
    #[error("{file}: none of its {decoded} frames lies {asked}: mend --start or --end")]
    NothingLeft {
        /// The clip.
        file: PathBuf,
        /// Frames that it holds.
        decoded: u64,
        /// The asked span, in words.
        asked: String,
    },
    /// A setting is out of its range.
    #[error("{0}")]
    Setting(String),
    /// The folder to write holds something else.
    #[error(
        "the folder {folder} holds {found}, which is not of a set cut by latentloop: name a new folder, or move it away"
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// A file in it.
        found: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture could not be encoded or written.
    #[error("cannot encode picture {number}: {source}")]
    Encode {
        /// Its number among those taken, from 0.
        number: u64,
        /// What the encoder said.
        source: image::ImageError,
    },
    /// It was asked to stop.
    #[error("stopped: no pictures were written")]
    Stopped,
}
