//! What decoding and recording share of FFmpeg: starting it, opening films and nothing else, and pixel formats with colours that are
//! said.

mod input;

use std::path::Path;
use std::sync::Once;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::color;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;

pub use input::{NotOpened, input};

/// Starts FFmpeg, once; it keeps silent, for every failure is reported by who asked.
pub fn start() -> Result<(), ffmpeg::Error> {
    static QUIET: Once = Once::new();
    ffmpeg::init()?;
    QUIET.call_once(|| ffmpeg::log::set_level(ffmpeg::log::Level::Fatal));
    Ok(())
}

/// The path as FFmpeg takes it: always a file, whatever colons it holds. None where it is not UTF-8 text or holds a
/// zero byte.
pub fn url(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.contains('\0'))?;
    Some(format!("file:{text}"))
}

/// How numbers of a YUV picture stand for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// The matrix, as swscale numbers it.
    matrix: i32,
    /// Whether levels use all of 0..255.
    full_range: bool,
}

impl Colours {
    /// BT.709, levels 16..235.
    pub const BT709_LIMITED: Self = Self {
        matrix: 1,
        full_range: false,
    };
    /// RGB, levels 0..255; the matrix is not used.
    pub const RGB: Self = Self {
        matrix: 1,
        full_range: true,
    };

    /// What a decoded picture says of itself, or `matrix` in place of its own. Where neither says anything, pictures above 576 lines
    /// or 1024 columns are taken as BT.709 and smaller ones as BT.601, as players do.
    pub fn of(frame: &ffmpeg::frame::Video, matrix: Option<Matrix>) -> Self {
        let matrix = match (matrix, frame.color_space()) {
            (Some(Matrix::Bt709), _) | (None, color::Space::BT709) => 1,
            (Some(Matrix::Bt601), _) | (None, color::Space::BT470BG | color::Space::SMPTE170M) => 5,
            (None, color::Space::FCC) => 4,
            (None, color::Space::SMPTE240M) => 7,
            (None, color::Space::BT2020NCL | color::Space::BT2020CL) => 9,
            (None, _) => match Matrix::assumed(frame) {
                Matrix::Bt709 => 1,
                Matrix::Bt601 => 5,
            },
        };
        let full_range = frame.color_range() == color::Range::JPEG
            || matches!(
                frame.format(),
                Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P
            );
        Self { matrix, full_range }
    }
}

/// The matrix between YUV and RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
}

impl Matrix {
    /// The matrix that a picture of YUV which says none is read by; none for one that says its own, or has no use for any.
    pub fn missing(frame: &ffmpeg::frame::Video) -> Option<Self> {
        let says_nothing = matches!(
            frame.color_space(),
            color::Space::Unspecified | color::Space::Reserved
        );
        (says_nothing && is_yuv(frame.format())).then(|| Self::assumed(frame))
    }

    fn assumed(frame: &ffmpeg::frame::Video) -> Self {
        if frame.height() > 576 || frame.width() > 1024 {
            Self::Bt709
        } else {
            Self::Bt601
        }
    }
}

/// Whether the format is YUV: of three components or more, and not RGB.
fn is_yuv(format: Pixel) -> bool {
    flags(format) & RGB == 0
        && format
            .descriptor()
            .is_some_and(|of| of.nb_components() >= 3)
}

/// Whether the format's pixels can be transparent.
pub fn has_alpha(format: Pixel) -> bool {
    flags(format) & ALPHA != 0
}

/// `AV_PIX_FMT_FLAG_RGB` and `AV_PIX_FMT_FLAG_ALPHA` of `libavutil/pixdesc.h`, which bindings leave out.
const RGB: u64 = 1 << 5;
const ALPHA: u64 = 1 << 7;

#[allow(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
fn flags(format: Pixel) -> u64 {
    // SAFETY: descriptors are entries of a static table.
    format
        .descriptor()
        .map_or(0, |of| unsafe { (*of.as_ptr()).flags })
}

/// Turns pictures of one format and size into another format, with both sides' colours respected.
pub struct Converter {
    context: scaling::Context,
}

impl Converter {
    /// A converter for pictures of `width` x `height` pixels.
    pub fn new(
        (width, height): (u32, u32),
        (from, from_colours): (Pixel, Colours),
        (to, to_colours): (Pixel, Colours),
    ) -> Result<Self, ffmpeg::Error> {
        let flags = scaling::Flags::BILINEAR
            | scaling::Flags::FULL_CHR_H_INT
            | scaling::Flags::FULL_CHR_H_INP
            | scaling::Flags::ACCURATE_RND;
        let mut context = scaling::Context::get(from, width, height, to, width, height, flags)?;
        // The safe interface has no call for the colours. FFmpeg answers -1 where neither side is YUV: then there is
        // nothing to say.
        #[allow(
            unsafe_code,
            reason = "ffmpeg-next does not wrap sws_setColorspaceDetails"
        )]
        // SAFETY: the context is live and owned here; sws_getCoefficients returns a pointer to a static table of four
        // numbers for any argument, and the call only reads both tables.
        unsafe {
            ffmpeg::ffi::sws_setColorspaceDetails(
                context.as_mut_ptr(),
                ffmpeg::ffi::sws_getCoefficients(from_colours.matrix),
                i32::from(from_colours.full_range),
                ffmpeg::ffi::sws_getCoefficients(to_colours.matrix),
                i32::from(to_colours.full_range),
                0,
                1 << 16,
                1 << 16,
            );
        }
        Ok(Self { context })
    }

    /// Converts one picture. `to` may be empty: it is then allocated.
    pub fn run(
        &mut self,
        from: &ffmpeg::frame::Video,
        to: &mut ffmpeg::frame::Video,
    ) -> Result<(), ffmpeg::Error> {
        self.context.run(from, to)
    }
}
