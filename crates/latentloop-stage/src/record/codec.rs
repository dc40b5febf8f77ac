//! Codecs: how pictures are coded, and into which files.

use std::fmt;
use std::path::Path;

use super::RecordError;

/// The video codec of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264: plays everywhere
    H264,
    /// H.265: half of its size, slower
    H265,
    /// FFV1: every pixel as it was drawn
    Ffv1,
    /// VP9: for the web
    Vp9,
    /// AV1: half of VP9's size at its best, here as quick as VP9
    Av1,
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
            Some(ending) => codec.goes_into(ending),
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

    /// Whether it goes into files of that ending, given without its dot.
    pub fn goes_into(self, ending: &str) -> bool {
        self.endings()
            .split([' ', ','])
            .any(|word| word.strip_prefix('.') == Some(ending))
    }

    /// The ending of files that it usually goes into.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::H264 | Self::H265 | Self::Av1 => ".mp4",
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
            Self::Av1 => ".mp4, .mkv or .webm",
            Self::Prores => ".mov or .mkv",
            Self::Png => "a folder: a name without an ending",
        }
    }
}

/// The encoders that are tried: hardware or software.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoders {
    /// The graphics card's where one opens, the processor's where none does
    Auto,
    /// The processor's: the same file everywhere
    #[default]
    Software,
    /// The graphics card's; where none opens, the processor's, and it is said
    Hardware,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Ffv1 => "FFV1",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::Prores => "ProRes",
            Self::Png => "PNG",
        })
    }
}
