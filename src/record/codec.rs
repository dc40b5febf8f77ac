//! How pictures are coded, and into which files.

use std::fmt;
use std::path::Path;

use super::RecordError;

/// How pictures are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// H.264: plays everywhere
    H264,
    /// H.265: half of its size, slower
    H265,
    /// FFV1: every pixel as it was drawn
    Ffv1,
    /// VP9: for the web
    Vp9,
    /// ProRes 422 HQ: for editing
    Prores,
    /// PNG pictures in a folder
    Png,
}

impl Codec {
    /// The codec for a file of that ending, `wanted` where one is.
    pub(super) fn of(
        path: &Path,
        ending: Option<&str>,
        wanted: Option<Self>,
    ) -> Result<Self, RecordError> {
        let usual = match ending {
            None => Self::Png,
            Some("mp4" | "mkv" | "mov") => Self::H264,
            Some("webm") => Self::Vp9,
            Some(_) => return Err(RecordError::Format(path.to_owned())),
        };
        let codec = wanted.unwrap_or(usual);
        let endings = codec.endings();
        let fits = match ending {
            None => codec == Self::Png,
            Some(ending) => endings
                .split([' ', ','])
                .any(|word| word.strip_prefix('.') == Some(ending)),
        };
        if fits {
            Ok(codec)
        } else {
            Err(RecordError::Codec {
                path: path.to_owned(),
                codec,
                endings,
            })
        }
    }

    /// The ending of files that it usually goes into.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::H264 | Self::H265 => ".mp4",
            Self::Ffv1 => ".mkv",
            Self::Vp9 => ".webm",
            Self::Prores => ".mov",
            Self::Png => "",
        }
    }

    /// What files it goes into, for people.
    fn endings(self) -> &'static str {
        match self {
            Self::H264 | Self::H265 => ".mp4, .mkv or .mov",
            Self::Ffv1 => ".mkv",
            Self::Vp9 => ".webm, .mkv or .mp4",
            Self::Prores => ".mov or .mkv",
            Self::Png => "a folder: a name without an ending",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Ffv1 => "FFV1",
            Self::Vp9 => "VP9",
            Self::Prores => "ProRes",
            Self::Png => "PNG",
        })
    }
}
