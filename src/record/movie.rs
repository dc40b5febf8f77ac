//! A video file: pictures encoded, muxed with sound and written by FFmpeg.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Rational, color, frame, picture};

use super::track::Track;
use super::{Effort, RecordError, Settings, Sink};
use crate::video::{self, Colours, Converter};

/// Units of video time in a second: whole for all common frame rates, fine for all others.
const TIME_BASE: i32 = 90_000;
/// The least step between pictures: Matroska's time stamps are whole milliseconds.
const LEAST_STEP: i64 = TIME_BASE as i64 / 1000;
/// Between key frames, so that a file cut off by a crash loses no more than that.
const KEY_INTERVAL: i64 = TIME_BASE as i64 / 2;

/// A file format with its codecs.
#[derive(Debug)]
pub(super) struct Container {
    format: &'static str,
    video: codec::Id,
    codec: &'static str,
    encoder: &'static str,
    /// The sound's encoder, sample rates it takes besides others, and bits a second.
    pub(super) sound: codec::Id,
}

/// MPEG-4 with H.264 and AAC.
pub(super) const MP4: Container = Container {
    format: "mp4",
    video: codec::Id::H264,
    codec: "H.264",
    encoder: "libx264",
    sound: codec::Id::AAC,
};
/// Matroska with H.264 and AAC.
pub(super) const MKV: Container = Container {
    format: "matroska",
    ..MP4
};
/// WebM with VP9 and Opus.
pub(super) const WEBM: Container = Container {
    format: "webm",
    video: codec::Id::VP9,
    codec: "VP9",
    encoder: "libvpx-vp9",
    sound: codec::Id::OPUS,
};

/// A video file being written.
pub(super) struct Movie {
    path: PathBuf,
    output: ffmpeg::format::context::Output,
    encoder: encoder::Video,
    track: Option<Track>,
    converter: Converter,
    size: (usize, usize),
    rgba: frame::Video,
    yuv: frame::Video,
    last_pts: Option<i64>,
    last_key: Option<i64>,
    usual_step: i64,
}

impl Movie {
    /// Opens the encoders, then the file; where anything fails, no file is left.
    pub(super) fn open(
        path: &Path,
        container: &Container,
        settings: &Settings,
    ) -> Result<Self, RecordError> {
        let no_encoder = |error: ffmpeg::Error| RecordError::Encoder {
            path: path.to_owned(),
            codec: container.codec,
            reason: error.to_string(),
        };
        video::start().map_err(no_encoder)?;
        let even = (
            settings.width.next_multiple_of(2),
            settings.height.next_multiple_of(2),
        );
        let encoder = open_encoder(container, settings, even).map_err(no_encoder)?;
        let mut track =
            match settings.sound {
                Some(sound) => Some(Track::open(container.sound, sound).map_err(|error| {
                    RecordError::Encoder {
                        path: path.to_owned(),
                        codec: container.sound.name(),
                        reason: error.to_string(),
                    }
                })?),
                None => None,
            };
        let converter = Converter::new(
            even,
            (Pixel::RGBA, Colours::RGB),
            (Pixel::YUV420P, Colours::BT709_LIMITED),
        )
        .map_err(no_encoder)?;
        let url = video::url(path).ok_or_else(|| {
            RecordError::write("make the file", path, "its name is not UTF-8 text")
        })?;
        let output =
            open_output(&url, container, settings, &encoder, track.as_mut()).map_err(|error| {
                discard_empty(path);
                RecordError::write("make the file", path, error)
            })?;
        Ok(Self {
            path: path.to_owned(),
            output,
            encoder,
            track,
            converter,
            size: (settings.width as usize, settings.height as usize),
            rgba: frame::Video::new(Pixel::RGBA, even.0, even.1),
            yuv: frame::Video::new(Pixel::YUV420P, even.0, even.1),
            last_pts: None,
            last_key: None,
            usual_step: (f64::from(TIME_BASE) / settings.rate).round() as i64,
        })
    }

    fn encode(&mut self, pts: i64) -> Result<(), ffmpeg::Error> {
        // The encoder may still hold the frame before: a fresh one is cheaper than a copy on write.
        self.yuv = frame::Video::empty();
        self.converter.run(&self.rgba, &mut self.yuv)?;
        self.yuv.set_pts(Some(pts));
        self.yuv.set_color_space(color::Space::BT709);
        self.yuv.set_color_range(color::Range::MPEG);
        self.yuv.set_color_primaries(color::Primaries::BT709);
        self.yuv
            .set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        if self.last_key.is_none_or(|key| pts - key >= KEY_INTERVAL) {
            self.yuv.set_kind(picture::Type::I);
            self.last_key = Some(pts);
        }
        self.encoder.send_frame(&self.yuv)?;
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
        let lines = self.rgba.data_mut(0);
        let row = width * 4;
        for (line, source) in lines.chunks_mut(stride).zip(rgba.chunks_exact(row)) {
            line[..row].copy_from_slice(source);
            if width % 2 == 1 {
                line[row..row + 4].copy_from_slice(&source[row - 4..]);
            }
        }
        if height % 2 == 1 {
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
        let due = (at.as_secs_f64() * f64::from(TIME_BASE)).round() as i64;
        let pts = self.last_pts.map_or(due, |last| due.max(last + LEAST_STEP));
        self.last_pts = Some(pts);
        self.fill(rgba);
        self.encode(pts)
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

    fn finish(mut self: Box<Self>) -> Result<(), RecordError> {
        let closed = self.close();
        // The trailer is written whatever came before: it frees the muxer and saves what it can.
        let ended = self.output.write_trailer();
        closed
            .and(ended)
            .map_err(|error| RecordError::write("close", &self.path, error))
    }
}

/// The time base that the muxer gave a stream.
pub(super) fn stream_base(output: &ffmpeg::format::context::Output, stream: usize) -> Rational {
    output
        .stream(stream)
        .map_or(Rational(1, TIME_BASE), |stream| stream.time_base())
}

fn open_encoder(
    container: &Container,
    settings: &Settings,
    (width, height): (u32, u32),
) -> Result<encoder::Video, ffmpeg::Error> {
    let preferred = encoder::find_by_name(container.encoder);
    let is_preferred = preferred.is_some();
    let codec = preferred
        .or_else(|| encoder::find(container.video))
        .ok_or(ffmpeg::Error::EncoderNotFound)?;
    let mut video = codec::Context::new_with_codec(codec).encoder().video()?;
    video.set_width(width);
    video.set_height(height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base(Rational(1, TIME_BASE));
    video.set_frame_rate(Some(rational(settings.rate)));
    video.set_aspect_ratio(Rational(1, 1));
    video.set_colorspace(color::Space::BT709);
    video.set_color_range(color::Range::MPEG);
    video.set_color_primaries(color::Primaries::BT709);
    video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
    video.set_flags(codec::Flags::GLOBAL_HEADER);
    if !is_preferred {
        // Encoders of the system know no constant quality: a tenth of a bit a pixel is plenty.
        let pixels = f64::from(width) * f64::from(height);
        video.set_bit_rate((pixels * settings.rate * 0.1).max(1e6) as usize);
    }
    let mut options = Dictionary::new();
    let mut set = |pairs: &[(&str, &str)]| {
        for (key, value) in pairs {
            options.set(key, value);
        }
    };
    match (container.video, settings.effort) {
        (codec::Id::H264, Effort::Live) => set(&[
            ("preset", "ultrafast"),
            ("tune", "zerolatency"),
            ("crf", "18"),
            ("forced-idr", "1"),
        ]),
        (codec::Id::H264, Effort::Offline) => {
            set(&[("preset", "veryfast"), ("crf", "16"), ("forced-idr", "1")]);
        }
        (_, effort) => set(&[
            ("crf", "20"),
            ("b", "0"),
            ("deadline", "realtime"),
            ("cpu-used", if effort == Effort::Live { "8" } else { "6" }),
            ("row-mt", "1"),
            ("lag-in-frames", "0"),
            ("threads", "4"),
        ]),
    }
    video.open_with(options)
}

fn open_output(
    url: &str,
    container: &Container,
    settings: &Settings,
    encoder: &encoder::Video,
    track: Option<&mut Track>,
) -> Result<ffmpeg::format::context::Output, ffmpeg::Error> {
    let mut output = ffmpeg::format::output_as(url, container.format)?;
    let mut stream = output.add_stream_with(encoder)?;
    stream.set_time_base(Rational(1, TIME_BASE));
    stream.set_avg_frame_rate(rational(settings.rate));
    if let Some(track) = track {
        track.join(&mut output)?;
    }
    let mut options = Dictionary::new();
    match (container.format, settings.effort) {
        ("mp4", Effort::Live) => options.set(
            "movflags",
            "+frag_keyframe+empty_moov+default_base_moof+write_colr",
        ),
        ("mp4", Effort::Offline) => options.set("movflags", "+faststart+write_colr"),
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

fn rational(rate: f64) -> Rational {
    Rational((rate * 1000.0).round().max(1.0) as i32, 1000)
}
