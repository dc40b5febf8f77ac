//! Open encoders, before there is a file.

use std::path::Path;

#[cfg(feature = "video")]
use super::movie;
use super::{Codec, RecordError, Settings, Sink, folder};

/// The open encoders of a recording whose file is still to be made. They stay on the thread that opened them.
pub(super) enum OpenEncoders {
    Folder,
    #[cfg(feature = "video")]
    Movie(Box<movie::MovieEncoders>),
}

impl OpenEncoders {
    /// Looks whether the settings hold together, and opens encoders. Waits for the graphics card, where it is asked.
    pub(super) fn open(path: &Path, settings: &Settings) -> Result<Self, RecordError> {
        let Settings {
            width,
            height,
            rate,
            ..
        } = *settings;
        let sides = 1..=8192;
        if !(sides.contains(&width) && sides.contains(&height) && rate > 0.0 && rate <= 1000.0) {
            return Err(RecordError::Size {
                width,
                height,
                rate,
            });
        }
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match Codec::of(path, ending.as_deref(), settings.codec)? {
            Codec::Png => Ok(Self::Folder),
            codec => Self::movie(path, codec, settings),
        }
    }

    #[cfg(feature = "video")]
    fn movie(path: &Path, codec: Codec, settings: &Settings) -> Result<Self, RecordError> {
        Ok(Self::Movie(Box::new(movie::MovieEncoders::open(
            path, codec, settings,
        )?)))
    }

    #[cfg(not(feature = "video"))]
    fn movie(path: &Path, _: Codec, _: &Settings) -> Result<Self, RecordError> {
        Err(RecordError::NoVideo(path.to_owned()))
    }

    /// What codes the pictures, as FFmpeg names it.
    pub(super) fn encoder(&self) -> &str {
        match self {
            Self::Folder => "png",
            #[cfg(feature = "video")]
            Self::Movie(movie) => movie.encoder(),
        }
    }

    /// Why it is none of the graphics card's, where one was asked for.
    pub(super) fn fell_back(&self) -> Option<&str> {
        match self {
            Self::Folder => None,
            #[cfg(feature = "video")]
            Self::Movie(movie) => movie.fell_back(),
        }
    }

    pub(super) fn create(
        self,
        path: &Path,
        settings: &Settings,
    ) -> Result<Box<dyn Sink>, RecordError> {
        match self {
            Self::Folder => Ok(Box::new(folder::Folder::open(path, settings)?)),
            #[cfg(feature = "video")]
            Self::Movie(movie) => Ok(Box::new(movie.create(path, settings)?)),
        }
    }
}
