//! A film clip, decoded frame after frame.

use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::codec::threading;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::frame;
use image::RgbImage;

use super::deinterlace::Deinterlacer;
use super::framing::Geometry;
use super::rgb::ToRgb;
use super::{FootageError, Settings};
use crate::pictures;
use crate::video::{self, Matrix};

/// Reads that fail one after another before a clip counts as ended.
const MOST_FAILED_READS: u32 = 100;
/// Coded pictures larger than this are refused: 16384 x 16384.
const MOST_PIXELS: u64 = 1 << 28;

/// What was taken out of a clip.
pub(super) enum Coded {
    Frame(frame::Video),
    /// A picture that was no film.
    Still(RgbImage),
}

impl Coded {
    pub(super) fn picture(self, to_rgb: &mut ToRgb) -> Result<RgbImage, ffmpeg::Error> {
        match self {
            Self::Frame(frame) => to_rgb.convert(&frame),
            Self::Still(picture) => Ok(picture),
        }
    }
}

/// A clip that was opened: a film, or a single picture.
pub(super) struct Clip {
    file: PathBuf,
    source: Source,
    /// Frames that the file announces, or that follow from its length; none where it says neither.
    pub expected: Option<u64>,
    /// How the coded pictures are shown.
    pub geometry: Geometry,
    /// Frames decoded so far.
    pub decoded: u64,
    /// Packets that could not be decoded.
    pub damaged: u64,
    /// The matrix that its frames are read by where they do not say which; none where they do, or where one is asked for.
    pub assumed: Option<Matrix>,
    matrix: Option<Matrix>,
}

enum Source {
    Film(Box<Film>),
    Still(Option<RgbImage>),
}

struct Film {
    input: ffmpeg::format::context::Input,
    decoder: ffmpeg::decoder::Video,
    deinterlacer: Deinterlacer,
    ended: bool,
    stream: usize,
    secs_per_unit: f64,
    start_unit: i64,
    secs_per_frame: f64,
    due_secs: f64,
    damaged: u64,
    failed_reads: u32,
    draining: bool,
}

impl Clip {
    /// Opens the clip's best video stream.
    pub(super) fn open(file: &Path, settings: &Settings) -> Result<Self, FootageError> {
        let fail = |reason: String| FootageError::Clip {
            file: file.to_owned(),
            reason,
        };
        if let Some(kind) = no_clip(file) {
            return Err(fail(kind));
        }
        let about = std::fs::metadata(file).map_err(|error| fail(error.to_string()))?;
        if !about.is_file() {
            return Err(fail(
                "it is a pipe or a device: copy what it gives into a file".into(),
            ));
        }
        if about.len() == 0 {
            return Err(fail("the file is empty (0 bytes): fetch it again".into()));
        }
        let clip = |source, expected, geometry| Self {
            file: file.to_owned(),
            source,
            expected,
            geometry,
            decoded: 0,
            damaged: 0,
            assumed: None,
            matrix: settings.matrix,
        };
        if pictures::is_still(file) {
            let picture = pictures::read(file, settings.background)
                .map_err(|error| fail(format!("{error}: it is broken; fetch it again")))?;
            let source = Source::Still(Some(picture));
            return Ok(clip(source, Some(1), Geometry::default()));
        }
        let (film, expected, geometry) = Film::open(file, settings.fields).map_err(fail)?;
        Ok(clip(Source::Film(Box::new(film)), expected, geometry))
    }

    /// The next picture and its second in the clip; none at the end. Damaged packets are counted and passed over.
    ///
    /// # Errors
    /// At the end, when not one frame could be decoded.
    pub(super) fn next(&mut self) -> Result<Option<(Coded, f64)>, FootageError> {
        let next = match &mut self.source {
            Source::Still(picture) => {
                Ok(picture.take().map(|picture| (Coded::Still(picture), 0.0)))
            }
            Source::Film(film) => {
                let next = film.next();
                self.damaged = film.damaged;
                if let Ok(Some((frame, _))) = &next {
                    self.assumed = self.matrix.map_or(Matrix::missing(frame), |_| None);
                }
                next.map(|next| next.map(|(frame, secs)| (Coded::Frame(frame), secs)))
            }
        };
        let next = next.map_err(|reason| self.fail(reason))?;
        self.decoded += u64::from(next.is_some());
        if next.is_none() && self.decoded == 0 {
            return Err(self.fail(format!(
                "not one frame of its video could be decoded ({} damaged packets): fetch it again",
                self.damaged
            )));
        }
        Ok(next)
    }

    fn fail(&self, reason: String) -> FootageError {
        FootageError::Clip {
            file: self.file.clone(),
            reason,
        }
    }
}

/// What is given in place of a clip, and what to do instead; none where it may be one.
fn no_clip(given: &Path) -> Option<String> {
    let folder = if given.is_dir() {
        given
    } else if pictures::is_pattern(given) {
        given
            .parent()
            .filter(|at| !at.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    } else {
        return None;
    };
    let what = if given.is_dir() {
        "it is a folder"
    } else {
        "it is a pattern of names"
    };
    let holds_pictures = pictures::list(folder, true).is_ok_and(|found| !found.is_empty());
    Some(if holds_pictures {
        format!(
            "{what}; pictures need no cutting: `latentloop train {}` takes those of a folder",
            folder.display()
        )
    } else {
        format!(
            "{what}; name the films themselves, as {}",
            folder.join("*.mp4").display()
        )
    })
}

impl Film {
    fn open(file: &Path, fields: bool) -> Result<(Self, Option<u64>, Geometry), String> {
        let broken = |error: ffmpeg::Error| {
            format!(
                "{error}: it is broken, cut short or no video; fetch it again, or try whether `ffplay` shows it"
            )
        };
        let input = video::input(file).map_err(|error| match error {
            video::NotOpened::Broken(error) => broken(error),
            other => other.to_string(),
        })?;
        let stream = input
            .streams()
            .best(ffmpeg::media::Type::Video)
            .ok_or("it holds no video, only sound or other data")?;
        if stream.disposition().contains(Disposition::ATTACHED_PIC) {
            return Err("it holds no video, only sound and the picture of a cover".into());
        }
        let mut context =
            ffmpeg::codec::Context::from_parameters(stream.parameters()).map_err(broken)?;
        context.set_threading(threading::Config::kind(threading::Type::Frame));
        let decoder = context.decoder();
        let opened = match with_alpha(&stream) {
            Some(codec) => decoder.open_as(codec).and_then(|opened| opened.video()),
            None => decoder.video(),
        };
        let decoder = opened.map_err(|error| {
            format!("no decoder for its video ({error}): convert it to H.264 first")
        })?;
        let rate = f64::from(stream.avg_frame_rate());
        let length_secs = input.duration() as f64 / f64::from(ffmpeg::ffi::AV_TIME_BASE);
        let expected = match stream.frames() {
            frames if frames > 0 => Some(frames as u64),
            _ if input.duration() > 0 && rate.is_finite() && rate > 0.0 => {
                Some((length_secs * rate).round() as u64)
            }
            _ => None,
        };
        let aspect = pixel_aspect(&stream).unwrap_or_else(|| decoder.aspect_ratio().into());
        let mut geometry = Geometry::default();
        if aspect.is_finite() && aspect > 0.0 {
            geometry.pixel_aspect = aspect.clamp(1.0 / 16.0, 16.0);
        }
        if let Some(matrix) = display_matrix(&stream) {
            geometry = geometry.with_display_matrix(matrix);
        }
        let start_unit = match stream.start_time() {
            ffmpeg::ffi::AV_NOPTS_VALUE => 0,
            unit => unit,
        };
        let film = Self {
            deinterlacer: Deinterlacer::new(fields),
            ended: false,
            stream: stream.index(),
            secs_per_unit: f64::from(stream.time_base()),
            start_unit,
            secs_per_frame: if rate.is_finite() && rate > 0.0 {
                rate.recip()
            } else {
                1.0 / 25.0
            },
            due_secs: 0.0,
            decoder,
            input,
            damaged: 0,
            failed_reads: 0,
            draining: false,
        };
        Ok((film, expected, geometry))
    }

    /// The next frame, whole, and its second; none at the end.
    fn next(&mut self) -> Result<Option<(frame::Video, f64)>, String> {
        let failed = |error| format!("its interlaced frames cannot be made whole: {error}");
        loop {
            if let Some(whole) = self.deinterlacer.take() {
                return Ok(Some(whole));
            }
            if self.ended {
                return Ok(None);
            }
            match self.decode()? {
                Some((frame, secs)) => self.deinterlacer.put(frame, secs).map_err(failed)?,
                None => {
                    self.ended = true;
                    self.deinterlacer.end().map_err(failed)?;
                }
            }
        }
    }

    fn decode(&mut self) -> Result<Option<(frame::Video, f64)>, String> {
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => {
                    let pixels = u64::from(frame.width()) * u64::from(frame.height());
                    if pixels == 0 || pixels > MOST_PIXELS {
                        return Err("its pictures are empty or far too large".into());
                    }
                    // A frame without a time stamp follows the one before it by the clip's mean interval.
                    let secs = frame.timestamp().map_or(self.due_secs, |unit| {
                        (unit - self.start_unit) as f64 * self.secs_per_unit
                    });
                    self.due_secs = secs + self.secs_per_frame;
                    return Ok(Some((frame, secs)));
                }
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    if self.draining {
                        return Ok(None);
                    }
                    self.feed();
                }
                Err(_) => self.damaged += 1,
            }
        }
    }

    fn feed(&mut self) {
        let mut packet = ffmpeg::Packet::empty();
        match packet.read(&mut self.input) {
            Ok(()) => {
                self.failed_reads = 0;
                if packet.stream() == self.stream && self.decoder.send_packet(&packet).is_err() {
                    self.damaged += 1;
                }
            }
            Err(error) => {
                self.failed_reads += 1;
                let ended = error == ffmpeg::Error::Eof || self.failed_reads > MOST_FAILED_READS;
                // A decoder that refuses the end of the stream has nothing more to give either.
                self.draining = ended;
                if ended && self.decoder.send_eof().is_err() {
                    self.damaged += 1;
                }
            }
        }
    }
}

/// The container's word on the shape of a pixel, which goes before the codec's (as `av_guess_sample_aspect_ratio` has it).
/// Matroska gives it nowhere else.
#[allow(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
fn pixel_aspect(stream: &ffmpeg::format::stream::Stream) -> Option<f64> {
    // SAFETY: the stream belongs to an open input and lives as long as the borrow; the field is a plain pair of numbers.
    let ratio = unsafe { (*stream.as_ptr()).sample_aspect_ratio };
    (ratio.num > 0 && ratio.den > 0).then(|| f64::from(ratio.num) / f64::from(ratio.den))
}

fn display_matrix(stream: &ffmpeg::Stream) -> Option<[i32; 9]> {
    let data = stream
        .side_data()
        .find(|data| data.kind() == side_data::Type::DisplayMatrix)?;
    let mut matrix = [0; 9];
    let numbers = data.data().chunks_exact(4);
    if numbers.len() != matrix.len() {
        return None;
    }
    for (slot, bytes) in matrix.iter_mut().zip(numbers) {
        *slot = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    Some(matrix)
}

/// The decoder of a stream that says that it has alpha, where FFmpeg's first choice passes over it.
fn with_alpha(stream: &ffmpeg::Stream) -> Option<ffmpeg::Codec> {
    let name = match stream.parameters().id() {
        ffmpeg::codec::Id::VP8 => "libvpx",
        ffmpeg::codec::Id::VP9 => "libvpx-vp9",
        _ => return None,
    };
    if stream.metadata().get("alpha_mode") != Some("1") {
        return None;
    }
    let codec = ffmpeg::decoder::find_by_name(name);
    if codec.is_none() {
        tracing::warn!(
            "what is transparent shows what lies below: this FFmpeg has no {name}, which reads it"
        );
    }
    codec
}
