//! A video file: pictures encoded, muxed with sound and written by FFmpeg.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::encoder;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Rational, color, frame, picture};

use super::audio_track::AudioTrack;
use super::format::{self, MovieFormat, OpenEncoder, TIME_BASE, rational, stream_base};
use super::{Codec, Effort, RecordError, Settings, Sink};
use crate::video::{self, Colours, Converter};

/// The least step between pictures: Matroska's time stamps are whole milliseconds.
const LEAST_STEP: i64 = TIME_BASE as i64 / 1000;
/// Between key frames, so that a file cut off by a crash loses no more than that.
const KEY_INTERVAL: i64 = TIME_BASE as i64 / 2;

/// The open encoders of a movie whose file is still to be made.
pub(super) struct MovieEncoders {
    format: MovieFormat,
    opened: OpenEncoder,
    track: Option<AudioTrack>,
    converter: Converter,
    /// Size of the pictures as they are coded.
    size: (u32, u32),
}

impl MovieEncoders {
    /// Opens the encoders that a file at `path` needs.
    pub(super) fn open(
        path: &Path,
        codec: Codec,
        settings: &Settings,
    ) -> Result<Self, RecordError> {
        let format = MovieFormat::of(path, codec);
        let no_encoder = |codec: &str, error: ffmpeg::Error| RecordError::Encoder {
            path: path.to_owned(),
            codec: codec.to_owned(),
            reason: error.to_string(),
        };
        let of_pictures = |error| no_encoder(&codec.to_string(), error);
        video::start().map_err(of_pictures)?;
        let size = (
            settings.width.next_multiple_of(format.multiple),
            settings.height.next_multiple_of(format.multiple),
        );
        let opened = format.open(settings, size).map_err(of_pictures)?;
        let track = settings
            .sound
            .map(|sound| AudioTrack::open(format.sound, sound))
            .transpose()
            .map_err(|error| no_encoder(format.sound.name(), error))?;
        let converter = Converter::new(
            size,
            (Pixel::RGBA, Colours::RGB),
            (opened.pixel, format.colours),
        )
        .map_err(of_pictures)?;
        Ok(Self {
            format,
            opened,
            track,
            converter,
            size,
        })
    }

    /// FFmpeg's name of the encoder.
    pub(super) fn encoder(&self) -> &str {
        &self.opened.name
    }

    /// Why it is none of the graphics card's, where one was asked for.
    pub(super) fn fell_back(&self) -> Option<&str> {
        self.opened.fell_back.as_deref()
    }

    /// Makes the file; where that fails, none is left.
    pub(super) fn create(mut self, path: &Path, settings: &Settings) -> Result<Movie, RecordError> {
        let url = video::url(path).ok_or_else(|| {
            RecordError::write("make the file", path, "its name is not UTF-8 text")
        })?;
        let output = open_output(
            &url,
            &self.format,
            settings,
            &self.opened,
            self.track.as_mut(),
        )
        .map_err(|error| {
            discard_empty(path);
            RecordError::write("make the file", path, error)
        })?;
        Ok(Movie {
            path: path.to_owned(),
            output,
            encoder: self.opened.encoder,
            track: self.track,
            converter: self.converter,
            size: (settings.width as usize, settings.height as usize),
            rgba: frame::Video::new(Pixel::RGBA, self.size.0, self.size.1),
            coded: frame::Video::empty(),
            is_rgb: self.format.colours == Colours::RGB,
            last_pts: None,
            last_key: None,
            usual_step: (f64::from(TIME_BASE) / settings.rate).round() as i64,
        })
    }
}

/// A video file being written.
pub(super) struct Movie {
    path: PathBuf,
    output: ffmpeg::format::context::Output,
    encoder: encoder::Video,
    track: Option<AudioTrack>,
    converter: Converter,
    size: (usize, usize),
    rgba: frame::Video,
    coded: frame::Video,
    is_rgb: bool,
    last_pts: Option<i64>,
    last_key: Option<i64>,
    usual_step: i64,
}

impl Movie {
    /// Converts the picture and encodes it.
    fn convert(&mut self) -> Result<(), ffmpeg::Error> {
        // The encoder may still hold the frame before: a fresh one is cheaper than a copy on write.
        self.coded = frame::Video::empty();
        self.converter.run(&self.rgba, &mut self.coded)?;
        let (space, range) = format::tags(self.is_rgb);
        self.coded.set_color_space(space);
        self.coded.set_color_range(range);
        self.coded.set_color_primaries(color::Primaries::BT709);
        self.coded
            .set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        Ok(())
    }

    /// Encodes what was converted last.
    fn encode(&mut self, at: Duration) -> Result<(), ffmpeg::Error> {
        let due = (at.as_secs_f64() * f64::from(TIME_BASE)).round() as i64;
        let pts = self.last_pts.map_or(due, |last| due.max(last + LEAST_STEP));
        let step = self.last_pts.map_or(0, |last| pts - last);
        self.last_pts = Some(pts);
        self.coded.set_pts(Some(pts));
        // A picture too early rather than too late: what a crash loses goes on until the next key frame.
        let is_key = self
            .last_key
            .is_none_or(|key| pts + step - key > KEY_INTERVAL);
        if is_key {
            self.last_key = Some(pts);
        }
        self.coded.set_kind(if is_key {
            picture::Type::I
        } else {
            picture::Type::None
        });
        self.encoder.send_frame(&self.coded)?;
        self.write_pictures()
    }

    fn write_pictures(&mut self) -> Result<(), ffmpeg::Error> {
        let stream_base = stream_base(&self.output, 0);
        loop {
            let mut packet = ffmpeg::Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    packet.set_stream(0);
                    packet.set_duration(self.usual_step);
                    packet.rescale_ts(Rational(1, TIME_BASE), stream_base);
                    packet.write_interleaved(&mut self.output)?;
                }
                Err(ffmpeg::Error::Eof) => return Ok(()),
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn close(&mut self) -> Result<(), ffmpeg::Error> {
        self.encoder.send_eof()?;
        self.write_pictures()?;
        if let Some(track) = &mut self.track {
            track.finish(&mut self.output)?;
        }
        Ok(())
    }

    fn fill(&mut self, rgba: &[u8]) {
        let (width, height) = self.size;
        let stride = self.rgba.stride(0);
        let is_taller = self.rgba.height() as usize > height;
        let lines = self.rgba.data_mut(0);
        let row = width * 4;
        for (line, source) in lines.chunks_mut(stride).zip(rgba.chunks_exact(row)) {
            line[..row].copy_from_slice(source);
            if stride > row {
                // The column that an odd width gains; elsewhere it is beside the picture.
                line[row..row + 4].copy_from_slice(&source[row - 4..]);
            }
        }
        if is_taller {
            lines.copy_within((height - 1) * stride..height * stride, height * stride);
        }
    }
}

impl Sink for Movie {
    fn picture(&mut self, rgba: &[u8], at: Duration) -> Result<(), RecordError> {
        let expected = self.size.0 * self.size.1 * 4;
        if rgba.len() != expected {
            return Err(RecordError::Length {
                got: rgba.len(),
                expected,
            });
        }
        self.fill(rgba);
        self.convert()
            .and_then(|()| self.encode(at))
            .map_err(|error| RecordError::write("write the picture to", &self.path, error))
    }

    fn repeat(&mut self, at: Duration) -> Result<(), RecordError> {
        if self.last_pts.is_none() {
            return Ok(());
        }
        self.encode(at)
            .map_err(|error| RecordError::write("write the picture to", &self.path, error))
    }

    fn sound(&mut self, samples: &[f32], until: Duration) -> Result<(), RecordError> {
        match &mut self.track {
            None => Ok(()),
            Some(track) => track
                .add(samples, until, &mut self.output)
                .map_err(|error| RecordError::write("write the sound to", &self.path, error)),
        }
    }

    fn written(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn finish(mut self: Box<Self>) -> Result<(), RecordError> {
        let closed = self.close();
        // The trailer is written whatever came before: it frees the muxer and saves what it can.
        let ended = self.output.write_trailer();
        closed
            .and(ended)
            .map_err(|error| RecordError::write("close", &self.path, error))
    }
}

fn open_output(
    url: &str,
    format: &MovieFormat,
    settings: &Settings,
    opened: &OpenEncoder,
    track: Option<&mut AudioTrack>,
) -> Result<ffmpeg::format::context::Output, ffmpeg::Error> {
    let mut output = ffmpeg::format::output_as(url, format.container)?;
    let mut stream = output.add_stream_with(&opened.encoder)?;
    let mut tags = Dictionary::new();
    tags.set("encoder", &opened.name);
    stream.set_metadata(tags);
    stream.set_time_base(Rational(1, TIME_BASE));
    stream.set_avg_frame_rate(rational(settings.rate));
    if let Some(track) = track {
        track.join(&mut output)?;
    }
    let mut options = Dictionary::new();
    match (format.container, settings.effort) {
        ("mp4" | "mov", Effort::Live) => {
            options.set(
                "movflags",
                "+frag_keyframe+empty_moov+default_base_moof+write_colr",
            );
            // For encoders that make no key frame when they are told to.
            options.set("frag_duration", "750000");
        }
        ("mp4" | "mov", Effort::Offline) => options.set("movflags", "+faststart+write_colr"),
        _ => options.set("cluster_time_limit", "500"),
    }
    options.set("flush_packets", "1");
    // Sound that stops coming must not hold the pictures back: by default the muxer waits ten seconds for it.
    options.set("max_interleave_delta", "500000");
    output.write_header_with(options)?;
    Ok(output)
}

/// Removes the file that a failed start made, and only if there is nothing in it.
fn discard_empty(path: &Path) {
    let is_empty = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
    if is_empty && let Err(error) = std::fs::remove_file(path) {
        tracing::warn!("cannot remove the empty {}: {error}", path.display());
    }
}
