//! Container formats and codecs as FFmpeg has them: encoders that open, colours that are tagged.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Rational, color};

use super::encoders::{self, Candidate};
use super::{Codec, Effort, Encoders, Settings};
use crate::video::Colours;

/// A movie's container format with its codecs.
#[derive(Debug)]
pub(super) struct MovieFormat {
    pub(super) container: &'static str,
    codec: Codec,
    pub(super) colours: Colours,
    /// What width and height are multiples of.
    pub(super) multiple: u32,
    pub(super) sound: codec::Id,
}

/// An encoder that is open.
pub(super) struct OpenEncoder {
    pub(super) encoder: encoder::Video,
    /// As FFmpeg names it.
    pub(super) name: String,
    pub(super) pixel: Pixel,
    /// Why it is none of the graphics card's, where one was asked for.
    pub(super) fell_back: Option<String>,
}

impl MovieFormat {
    /// How pictures of `codec` go into the file at `path`; PNG goes into none.
    pub(super) fn of(path: &Path, codec: Codec) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let container = match ending.to_lowercase().as_str() {
            "mkv" => "matroska",
            "mov" => "mov",
            "webm" => "webm",
            _ => "mp4",
        };
        let (colours, multiple) = match codec {
            Codec::Ffv1 => (Colours::RGB, 1),
            _ => (Colours::BT709_LIMITED, 2),
        };
        Self {
            container,
            codec,
            colours,
            multiple,
            sound: if container == "webm" {
                codec::Id::OPUS
            } else {
                codec::Id::AAC
            },
        }
    }

    /// Opens the first encoder that opens. Waits for the graphics card, where it is asked.
    pub(super) fn open(
        &self,
        settings: &Settings,
        size: (u32, u32),
    ) -> Result<OpenEncoder, ffmpeg::Error> {
        let mut refusals = Vec::new();
        if settings.encoders != Encoders::Software {
            for card in encoders::hardware(self.codec) {
                match self.try_open(card, settings, size) {
                    Ok(opened) => return Ok(opened),
                    Err(error) => refusals.push(format!("{}: {error}", card.name)),
                }
            }
        }
        let mut opened = self.open_software(settings, size)?;
        if settings.encoders == Encoders::Hardware {
            let tried = match refusals.len() {
                0 => String::new(),
                _ => format!(" ({})", refusals.join("; ")),
            };
            let text = format!("no encoder for {} on a card opens{tried}", self.codec);
            opened.fell_back = Some(text);
        }
        Ok(opened)
    }

    fn open_software(
        &self,
        settings: &Settings,
        size: (u32, u32),
    ) -> Result<OpenEncoder, ffmpeg::Error> {
        let mut first = None;
        for candidate in encoders::software(self.codec) {
            match self.try_open(candidate, settings, size) {
                Ok(opened) => return Ok(opened),
                Err(ffmpeg::Error::EncoderNotFound) => {}
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        // Whatever the system has for it.
        match (first, encoder::find(encoders::id(self.codec))) {
            (None, Some(codec)) => self.open_as(codec, settings, size, None),
            (Some(error), _) => Err(error),
            (None, None) => Err(ffmpeg::Error::EncoderNotFound),
        }
    }

    fn try_open(
        &self,
        candidate: &Candidate,
        settings: &Settings,
        size: (u32, u32),
    ) -> Result<OpenEncoder, ffmpeg::Error> {
        let codec = encoder::find_by_name(candidate.name).ok_or(ffmpeg::Error::EncoderNotFound)?;
        self.open_as(codec, settings, size, Some(candidate))
    }

    fn open_as(
        &self,
        codec: ffmpeg::Codec,
        settings: &Settings,
        (width, height): (u32, u32),
        candidate: Option<&Candidate>,
    ) -> Result<OpenEncoder, ffmpeg::Error> {
        let name = codec.name().to_owned();
        let mut video = codec::Context::new_with_codec(codec).encoder().video()?;
        let (space, range) = tags(self.colours == Colours::RGB);
        let pixel = candidate.map_or(Pixel::YUV420P, |candidate| candidate.pixel);
        video.set_width(width);
        video.set_height(height);
        video.set_format(pixel);
        video.set_time_base(Rational(1, TIME_BASE));
        video.set_frame_rate(Some(rational(settings.rate)));
        video.set_aspect_ratio(Rational(1, 1));
        video.set_colorspace(space);
        video.set_color_range(range);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        video.set_flags(codec::Flags::GLOBAL_HEADER);
        if settings.effort == Effort::Live {
            // For encoders that make no key frame when they are told to.
            video.set_gop(settings.rate.ceil() as u32);
            video.set_max_b_frames(0);
        }
        if self.codec == Codec::H265 && self.container != "matroska" {
            tag(&mut video, *b"hvc1");
        }
        if candidate.is_none_or(|candidate| candidate.wants_rate) {
            // They know no constant quality: a tenth of a bit a pixel is plenty.
            let pixels = f64::from(width) * f64::from(height);
            video.set_bit_rate((pixels * settings.rate * 0.1).max(1e6) as usize);
        }
        let mut options = Dictionary::new();
        for (key, value) in candidate.map_or(&[][..], |known| known.options(settings.effort)) {
            options.set(key, value);
        }
        Ok(OpenEncoder {
            encoder: video.open_with(options)?,
            name,
            pixel,
            fell_back: None,
        })
    }
}

/// Units of video time in a second: whole for all common frame rates, fine for all others.
pub(super) const TIME_BASE: i32 = 90_000;

/// The time base that the muxer gave a stream.
pub(super) fn stream_base(output: &ffmpeg::format::context::Output, stream: usize) -> Rational {
    output
        .stream(stream)
        .map_or(Rational(1, TIME_BASE), |stream| stream.time_base())
}

/// A frame rate as FFmpeg takes it.
pub(super) fn rational(rate: f64) -> Rational {
    Rational((rate * 1000.0).round().max(1.0) as i32, 1000)
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
