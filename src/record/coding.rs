//! Codecs as FFmpeg has them: encoders, pixel formats, options.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Rational, color};

use super::movie::{TIME_BASE, rational};
use super::{Codec, Effort, Settings};
use crate::video::Colours;

/// A file format with its codecs.
#[derive(Debug)]
pub(super) struct Coding {
    pub(super) format: &'static str,
    id: codec::Id,
    /// The encoder that is preferred to others of its codec.
    encoder: &'static str,
    pub(super) pixel: Pixel,
    pub(super) colours: Colours,
    /// What width and height are multiples of.
    pub(super) multiple: u32,
    pub(super) sound: codec::Id,
}

impl Coding {
    /// How pictures of `codec` go into the file at `path`; PNG goes into none.
    pub(super) fn of(path: &Path, codec: Codec) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let format = match ending.to_lowercase().as_str() {
            "mkv" => "matroska",
            "mov" => "mov",
            "webm" => "webm",
            _ => "mp4",
        };
        let (id, encoder) = match codec {
            Codec::H264 | Codec::Png => (codec::Id::H264, "libx264"),
            Codec::H265 => (codec::Id::HEVC, "libx265"),
            Codec::Ffv1 => (codec::Id::FFV1, "ffv1"),
            Codec::Vp9 => (codec::Id::VP9, "libvpx-vp9"),
            Codec::Prores => (codec::Id::PRORES, "prores_ks"),
        };
        let (pixel, colours, multiple) = match codec {
            Codec::Ffv1 => (Pixel::BGRZ, Colours::RGB, 1),
            Codec::Prores => (Pixel::YUV422P10LE, Colours::BT709_LIMITED, 2),
            _ => (Pixel::YUV420P, Colours::BT709_LIMITED, 2),
        };
        Self {
            format,
            id,
            encoder,
            pixel,
            colours,
            multiple,
            sound: if format == "webm" {
                codec::Id::OPUS
            } else {
                codec::Id::AAC
            },
        }
    }

    /// Opens the encoder.
    pub(super) fn open(
        &self,
        settings: &Settings,
        (width, height): (u32, u32),
    ) -> Result<encoder::Video, ffmpeg::Error> {
        let preferred = encoder::find_by_name(self.encoder);
        let is_preferred = preferred.is_some();
        let codec = preferred
            .or_else(|| encoder::find(self.id))
            .ok_or(ffmpeg::Error::EncoderNotFound)?;
        let mut video = codec::Context::new_with_codec(codec).encoder().video()?;
        let (space, range) = tags(self.colours == Colours::RGB);
        video.set_width(width);
        video.set_height(height);
        video.set_format(self.pixel);
        video.set_time_base(Rational(1, TIME_BASE));
        video.set_frame_rate(Some(rational(settings.rate)));
        video.set_aspect_ratio(Rational(1, 1));
        video.set_colorspace(space);
        video.set_color_range(range);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        video.set_flags(codec::Flags::GLOBAL_HEADER);
        if self.id == codec::Id::HEVC && self.format != "matroska" {
            tag(&mut video, *b"hvc1");
        }
        if !is_preferred {
            // Encoders of the system know no constant quality: a tenth of a bit a pixel is plenty.
            let pixels = f64::from(width) * f64::from(height);
            video.set_bit_rate((pixels * settings.rate * 0.1).max(1e6) as usize);
        }
        let mut options = Dictionary::new();
        for (key, value) in self.options(settings.effort) {
            options.set(key, value);
        }
        video.open_with(options)
    }

    fn options(&self, effort: Effort) -> &'static [(&'static str, &'static str)] {
        match (self.id, effort) {
            (codec::Id::H264, Effort::Live) => &[
                ("preset", "ultrafast"),
                ("tune", "zerolatency"),
                ("crf", "18"),
                ("forced-idr", "1"),
            ],
            (codec::Id::H264, Effort::Offline) => {
                &[("preset", "veryfast"), ("crf", "16"), ("forced-idr", "1")]
            }
            // A lookahead would hold back more than a crash may lose.
            (codec::Id::HEVC, Effort::Live) => &[
                ("preset", "ultrafast"),
                ("tune", "zerolatency"),
                ("crf", "20"),
                ("forced-idr", "1"),
                ("x265-params", "log-level=none"),
            ],
            (codec::Id::HEVC, Effort::Offline) => &[
                ("preset", "fast"),
                ("crf", "18"),
                ("forced-idr", "1"),
                ("x265-params", "log-level=none"),
            ],
            // Slices with checksums, so that a damaged picture shows.
            (codec::Id::FFV1, _) => &[("level", "3"), ("slices", "4"), ("slicecrc", "1")],
            (codec::Id::PRORES, _) => &[("profile", "hq"), ("vendor", "apl0")],
            (_, Effort::Live) => &VP9_LIVE,
            (_, Effort::Offline) => &VP9_OFFLINE,
        }
    }
}

const VP9_LIVE: [(&str, &str); 7] = vp9("8");
const VP9_OFFLINE: [(&str, &str); 7] = vp9("6");

const fn vp9(speed: &'static str) -> [(&'static str, &'static str); 7] {
    [
        ("crf", "20"),
        ("b", "0"),
        ("deadline", "realtime"),
        ("cpu-used", speed),
        ("row-mt", "1"),
        ("lag-in-frames", "0"),
        ("threads", "4"),
    ]
}

/// What a picture says of its colours.
pub(super) fn tags(is_rgb: bool) -> (color::Space, color::Range) {
    if is_rgb {
        (color::Space::RGB, color::Range::JPEG)
    } else {
        (color::Space::BT709, color::Range::MPEG)
    }
}

/// Names the codec in the file otherwise than FFmpeg would: players of Apple's take H.265 by this name alone.
fn tag(video: &mut encoder::video::Video, name: [u8; 4]) {
    #[allow(unsafe_code, reason = "ffmpeg-next does not wrap codec_tag")]
    // SAFETY: the context is live and owned here, and the field is a plain number.
    unsafe {
        (*video.as_mut_ptr()).codec_tag = u32::from_le_bytes(name);
    }
}
