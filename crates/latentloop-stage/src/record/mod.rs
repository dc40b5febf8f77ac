//! The recorder: pictures and sound become files.

#[cfg(feature = "video")]
mod audio_track;
mod codec;
mod disk;
#[cfg(feature = "video")]
mod encoders;
mod folder;
#[cfg(feature = "video")]
mod format;
mod mend;
#[cfg(feature = "video")]
mod movie;
mod open_encoders;
mod rate;
#[cfg(feature = "video")]
mod read_back;
mod recorder;
#[cfg(feature = "video")]
mod remux;
mod reserve;
mod settle;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use open_encoders::OpenEncoders;
use thiserror::Error;

pub use codec::{Codec, Encoders};
pub use disk::{DiskSpace, free};
pub use mend::{Mended, mend};
pub use rate::FpsMode;
#[cfg(feature = "video")]
pub use read_back::read_back;
pub use recorder::Recorder;
#[cfg(feature = "video")]
pub use remux::remux;
pub use reserve::{LeftBehind, Reservation, ending, mend_left_behind, reserve};
pub use worker::Summary;

/// The settings of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Width of the pictures in pixels, 1..=8192.
    pub width: u32,
    /// Height of the pictures in pixels, 1..=8192.
    pub height: u32,
    /// Width and height of the pictures that come, where a show's are scaled.
    pub source: (u32, u32),
    /// Pictures a second that are expected, above 0.
    pub rate: f64,
    /// When they are shown.
    pub fps_mode: FpsMode,
    /// How pictures are coded; as the file's ending has it where none is given.
    pub codec: Option<Codec>,
    /// What codes them.
    pub encoders: Encoders,
    /// The sound, if there is any.
    pub sound: Option<Sound>,
    /// Whether a show is waiting.
    pub effort: Effort,
    /// Whether a show's recording becomes a plain MP4 when it is closed: it is MP4 then, whatever the codec.
    pub plain_mp4: bool,
    /// Number of the first picture, where pictures are numbered.
    pub first: u64,
}

impl Settings {
    /// Silent pictures of that size at that rate, for `effort`.
    pub fn silent((width, height): (u32, u32), rate: f64, effort: Effort) -> Self {
        Self {
            width,
            height,
            source: (width, height),
            rate,
            fps_mode: FpsMode::default(),
            codec: None,
            encoders: Encoders::default(),
            sound: None,
            effort,
            plain_mp4: false,
            first: 1,
        }
    }
}

/// The format of recorded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples a second of each channel.
    pub rate: u32,
    /// Interleaved channels; more than two are recorded as the first two.
    pub channels: u16,
}

/// Encoding effort: how much work goes into small files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A show runs beside it: the quickest coding, and a file that can be played up to the last second at any time.
    Live,
    /// Nothing waits: better coding, a file whose index stands at its front.
    Offline,
}

/// A sink of pictures and sound. It stays on the thread that opened it.
pub trait Sink {
    /// Adds a picture, height x width x 4 bytes of red, green, blue and an ignored alpha, shown from `at` on, counted
    /// from the file's start. Pictures come in order of time.
    ///
    /// # Errors
    /// When it cannot be encoded or written; the file takes no more then, and is to be finished.
    fn picture(&mut self, rgba: &[u8], at: Duration) -> Result<(), RecordError>;
    /// Adds the last picture once more, shown from `at` on. Does nothing where there is none.
    ///
    /// # Errors
    /// As [`Sink::picture`].
    fn repeat(&mut self, at: Duration) -> Result<(), RecordError>;
    /// Adds interleaved samples in -1..1 that end at `until`, counted from the file's start. Sinks without sound
    /// ignore them.
    ///
    /// # Errors
    /// As [`Sink::picture`].
    fn sound(&mut self, samples: &[f32], until: Duration) -> Result<(), RecordError>;
    /// Bytes that were written so far.
    fn written(&self) -> u64;
    /// Writes what is still on its way and closes the file.
    ///
    /// # Errors
    /// As [`Sink::picture`]. The file is closed all the same.
    fn finish(self: Box<Self>) -> Result<(), RecordError>;
}

/// The error of a recording: why something was not recorded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The name's ending is no format.
    #[error(
        "cannot record to {0}: end the name in .mp4, .mkv, .mov or .webm, or name a folder for PNG pictures"
    )]
    Format(PathBuf),
    /// The codec does not go into such a file.
    #[error("cannot record {codec} to {path}: it goes into {endings}")]
    Codec {
        /// The file.
        path: PathBuf,
        /// The codec.
        codec: Codec,
        /// What it goes into.
        endings: &'static str,
    },
    /// This build has no FFmpeg.
    #[error(
        "cannot record to {0}: this build has no FFmpeg; name a folder for PNG pictures, or build with `--features video`"
    )]
    NoVideo(PathBuf),
    /// The pictures' size or rate is out of range.
    #[error(
        "cannot record {width} x {height} pixels at {rate} a second: sides go from 1 to 8192, rates up to 1000"
    )]
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Pictures a second.
        rate: f64,
    },
    /// A buffer's length does not fit the settings.
    #[error("a picture of {got} bytes was offered to a recording of {expected} bytes a picture")]
    Length {
        /// Bytes offered.
        got: usize,
        /// Bytes of a picture.
        expected: usize,
    },
    /// No encoder could be opened.
    #[error(
        "cannot record to {path}: no {codec} encoder opens ({reason}); another ending takes another codec"
    )]
    Encoder {
        /// The file.
        path: PathBuf,
        /// What was tried.
        codec: String,
        /// What FFmpeg said.
        reason: String,
    },
    /// The folder to write holds something.
    #[error(
        "cannot write pictures to {0}: the folder is not empty; name a new one, or move it away"
    )]
    Occupied(PathBuf),
    /// The file could not be written.
    #[error("cannot {doing} {path}: {reason}")]
    Write {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk is all but full.
    #[error(
        "cannot record to {path}: the disk has {} MB left, and {} are kept free; make room, or record elsewhere",
        free / 1_000_000,
        disk::RESERVE / 1_000_000
    )]
    Disk {
        /// The file.
        path: PathBuf,
        /// Bytes that are left.
        free: u64,
    },
    /// It was recorded, but did not become a plain MP4.
    #[error(
        "cannot make {path} a plain mp4: {reason}; it stays as it was recorded, in fragments, and plays"
    )]
    Remux {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It could not be ended at its last whole part.
    #[error("cannot mend {path}: {reason}; it stays as it is")]
    Mend {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// It was cut short, and what came before can be played.
    #[error("{reason}; what plays of it are {:.1} s, {frames} pictures", duration.as_secs_f64())]
    CutShort {
        /// What failed.
        reason: Box<Self>,
        /// Pictures that can be read back.
        frames: u64,
        /// The time from the first of them to the last.
        duration: Duration,
    },
    /// Nothing came in.
    #[error("nothing was recorded to {0}: not one picture came in time")]
    Nothing(PathBuf),
}

impl RecordError {
    fn write(doing: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self::Write {
            doing,
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Opens a file or folder to record into. The ending decides: `.mp4`, `.mkv` and `.mov` are H.264 and AAC, `.webm` VP9 and
/// Opus, no ending a folder of `000001.png` …, without sound; unless the settings name another codec. A file that is
/// there is overwritten. The colours are BT.709, limited range, and tagged so, FFV1's apart, which are RGB as they came. Odd
/// sizes gain a column or a row that repeats the last one, where the codec has fewer colours than pixels.
///
/// # Errors
/// An unknown ending, a codec that does not go with it, a size out of range, an encoder that does not open, a folder that
/// is not empty, a place that cannot be written. No file is left then.
pub fn open_sink(path: &Path, settings: &Settings) -> Result<Box<dyn Sink>, RecordError> {
    OpenEncoders::open(path, settings)?.create(path, settings)
}

/// Makes a film that was recorded into a plain MP4.
///
/// # Errors
/// Always: this build has no FFmpeg, and so recorded no film.
#[cfg(not(feature = "video"))]
pub fn remux(recorded: &Summary) -> Result<(), RecordError> {
    Err(RecordError::NoVideo(recorded.path.clone()))
}

/// What a film on the disk holds.
///
/// # Errors
/// Always: this build has no FFmpeg, and reads no film.
#[cfg(not(feature = "video"))]
pub fn read_back(path: &Path) -> Result<(u64, Duration), RecordError> {
    Err(RecordError::NoVideo(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_and_sizes_that_cannot_be_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let refuse = |file: &str, size: (u32, u32)| {
            let settings = Settings::silent(size, 30.0, Effort::Live);
            let path = folder.path().join(file);
            let error = open_sink(&path, &settings).err().unwrap().to_string();
            assert!(!path.exists());
            error
        };
        assert!(refuse("a.avi", (64, 64)).contains(".mp4, .mkv, .mov or .webm"));
        assert!(refuse("a.mp4", (0, 64)).contains("0 x 64"));
        assert!(refuse("a.mp4", (64, 9000)).contains("64 x 9000"));
        assert!(refuse("none/a.mp4", (64, 64)).contains("none"));
    }
}
