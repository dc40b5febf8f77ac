//! Decoded frames as pictures of a screen.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use image::RgbImage;

use super::colour::Colour;
use crate::pictures::over;
use crate::video::{Colours, Converter, Matrix, has_alpha};

/// Turns decoded frames into RGB of sRGB levels, whatever their format; it may change from frame to frame.
pub(super) struct ToRgb {
    matrix: Option<Matrix>,
    background: [u8; 3],
    made_for: Option<(Pixel, u32, u32, Colours, Pixel)>,
    converter: Option<Converter>,
}

impl ToRgb {
    /// What is transparent shows `background`; `matrix` goes before what frames say.
    pub(super) fn new(matrix: Option<Matrix>, background: [u8; 3]) -> Self {
        Self {
            matrix,
            background,
            made_for: None,
            converter: None,
        }
    }

    pub(super) fn convert(&mut self, frame: &frame::Video) -> Result<RgbImage, ffmpeg::Error> {
        let colours = Colours::of(frame, self.matrix);
        let (width, height) = (frame.width(), frame.height());
        let is_transparent = has_alpha(frame.format());
        let colour = Colour::of(frame);
        let format = match (colour.is_some(), is_transparent) {
            (false, false) => Pixel::RGB24,
            (false, true) => Pixel::RGBA,
            (true, false) => Pixel::RGB48LE,
            (true, true) => Pixel::RGBA64LE,
        };
        let kind = Some((frame.format(), width, height, colours, format));
        if self.made_for != kind {
            self.converter = None;
            self.made_for = kind;
        }
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => none.insert(Converter::new(
                (width, height),
                (frame.format(), colours),
                (format, Colours::RGB),
            )?),
        };
        let mut rgb = frame::Video::empty();
        converter.run(frame, &mut rgb)?;
        let channels = if is_transparent { 4 } else { 3 };
        let row = width as usize * channels * if colour.is_some() { 2 } else { 1 };
        let mut levels = Vec::with_capacity(width as usize * channels * height as usize);
        for line in rgb.data(0).chunks(rgb.stride(0)).take(height as usize) {
            match colour {
                None => levels.extend_from_slice(&line[..row]),
                Some(colour) => colour.line(&line[..row], channels, &mut levels),
            }
        }
        if is_transparent {
            return Ok(over(&levels, width, self.background));
        }
        RgbImage::from_raw(width, height, levels).ok_or(ffmpeg::Error::InvalidData)
    }
}
