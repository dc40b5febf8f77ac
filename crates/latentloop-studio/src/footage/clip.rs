//! A film clip, decoded frame after frame.

use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::codec::threading;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use image::RgbImage;

use super::FootageError;
use super::framing::Geometry;
use crate::video::{self, Colours, Converter};

/// Reads that fail one after another before a clip counts as ended.
const MOST_FAILED_READS: u32 = 100;
/// Coded pictures larger than this are refused: 16384 x 16384.
const MOST_PIXELS: u64 = 1 << 28;

/// A clip that was opened.
pub(super) struct Clip {
    file: PathBuf,
    input: ffmpeg::format::context::Input,
    decoder: ffmpeg::decoder::Video,
    stream: usize,
    secs_per_unit: f64,
    start_unit: i64,
    secs_per_frame: f64,
    due_secs: f64,
    /// Frames that the file announces, or that follow from its length; none where it says neither.
    pub expected: Option<u64>,
    /// How the coded pictures are shown.
    pub geometry: Geometry,
    /// Frames decoded so far.
    pub decoded: u64,
    /// Packets that could not be decoded.
    pub damaged: u64,
    failed_reads: u32,
    draining: bool,
}

impl Clip {
    /// Opens the clip's best video stream.
    pub(super) fn open(file: &Path) -> Result<Self, FootageError> {
        let fail = |reason: String| FootageError::Clip {
            file: file.to_owned(),
            reason,
        };
        let bytes = std::fs::metadata(file)
            .map_err(|error| fail(error.to_string()))?
            .len();
        if bytes == 0 {
            return Err(fail("the file is empty (0 bytes): fetch it again".into()));
        }
        let broken = |error: ffmpeg::Error| {
            fail(format!(
                "{error}: it is broken, cut short or no video; fetch it again, or try whether `ffplay` shows it"
            ))
        };
        video::start().map_err(broken)?;
        let url =
            video::url(file).ok_or_else(|| fail("its name is not UTF-8 text: rename it".into()))?;
        let input = ffmpeg::format::input(&url).map_err(broken)?;
        let stream = input
            .streams()
            .best(ffmpeg::media::Type::Video)
            .ok_or_else(|| fail("it holds no video, only sound or other data".into()))?;
        let mut context =
            ffmpeg::codec::Context::from_parameters(stream.parameters()).map_err(broken)?;
        context.set_threading(threading::Config::kind(threading::Type::Frame));
        let decoder = context.decoder().video().map_err(|error| {
            fail(format!(
                "no decoder for its video ({error}): convert it to H.264 first"
            ))
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
        Ok(Self {
            file: file.to_owned(),
            stream: stream.index(),
            secs_per_unit: f64::from(stream.time_base()),
            start_unit,
            secs_per_frame: if rate.is_finite() && rate > 0.0 {
                rate.recip()
            } else {
                1.0 / 25.0
            },
            due_secs: 0.0,
            expected,
            geometry,
            decoder,
            input,
            decoded: 0,
            damaged: 0,
            failed_reads: 0,
            draining: false,
        })
    }

    /// The next frame and its second in the clip; none at the end. Damaged packets are counted and passed over.
    ///
    /// # Errors
    /// At the end, when not one frame could be decoded.
    pub(super) fn next(&mut self) -> Result<Option<(frame::Video, f64)>, FootageError> {
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => {
                    let pixels = u64::from(frame.width()) * u64::from(frame.height());
                    if pixels == 0 || pixels > MOST_PIXELS {
                        return Err(self.fail("its pictures are empty or far too large".into()));
                    }
                    // A frame without a time stamp follows the one before it by the clip's mean interval.
                    let secs = frame.timestamp().map_or(self.due_secs, |unit| {
                        (unit - self.start_unit) as f64 * self.secs_per_unit
                    });
                    self.due_secs = secs + self.secs_per_frame;
                    self.decoded += 1;
                    return Ok(Some((frame, secs)));
                }
                Err(ffmpeg::Error::Eof) => return self.end(),
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    if self.draining {
                        return self.end();
                    }
                    self.feed();
                }
                Err(_) => self.damaged += 1,
            }
        }
    }

    fn end(&self) -> Result<Option<(frame::Video, f64)>, FootageError> {
        if self.decoded > 0 {
            return Ok(None);
        }
        Err(self.fail(format!(
            "not one frame of its video could be decoded ({} damaged packets): fetch it again",
            self.damaged
        )))
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

    fn fail(&self, reason: String) -> FootageError {
        FootageError::Clip {
            file: self.file.clone(),
            reason,
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

/// Turns decoded frames into RGB, whatever their format; it may change from frame to frame.
#[derive(Default)]
pub(super) struct ToRgb {
    made_for: Option<(Pixel, u32, u32, Colours)>,
    converter: Option<Converter>,
}

impl ToRgb {
    pub(super) fn convert(&mut self, frame: &frame::Video) -> Result<RgbImage, ffmpeg::Error> {
        let colours = Colours::of(frame);
        let (width, height) = (frame.width(), frame.height());
        let kind = Some((frame.format(), width, height, colours));
        if self.made_for != kind {
            self.converter = None;
            self.made_for = kind;
        }
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => none.insert(Converter::new(
                (width, height),
                (frame.format(), colours),
                (Pixel::RGB24, Colours::RGB),
            )?),
        };
        let mut rgb = frame::Video::empty();
        converter.run(frame, &mut rgb)?;
        let row = width as usize * 3;
        let mut levels = Vec::with_capacity(row * height as usize);
        for line in rgb.data(0).chunks(rgb.stride(0)).take(height as usize) {
            levels.extend_from_slice(&line[..row]);
        }
        RgbImage::from_raw(width, height, levels).ok_or(ffmpeg::Error::InvalidData)
    }
}
