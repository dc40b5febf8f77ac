//! A folder of PNG pictures.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::{RecordError, Settings, Sink};

/// Writes `000001.png`, `000002.png` … in RGB.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    size: (u32, u32),
    next: u64,
    written: u64,
    rgb: Vec<u8>,
}

impl Folder {
    pub(super) fn open(path: &Path, settings: &Settings) -> Result<Self, RecordError> {
        fs::create_dir_all(path)
            .map_err(|error| RecordError::write("make the folder", path, error))?;
        let mut entries = fs::read_dir(path)
            .map_err(|error| RecordError::write("read the folder", path, error))?;
        if entries.next().is_some() {
            return Err(RecordError::Occupied(path.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            size: (settings.width, settings.height),
            next: settings.first,
            written: 0,
            rgb: Vec::new(),
        })
    }
}

impl Sink for Folder {
    fn picture(&mut self, rgba: &[u8], _at: Duration) -> Result<(), RecordError> {
        let (width, height) = self.size;
        let expected = width as usize * height as usize * 4;
        if rgba.len() != expected {
            return Err(RecordError::Length {
                got: rgba.len(),
                expected,
            });
        }
        self.rgb.clear();
        for pixel in rgba.chunks_exact(4) {
            self.rgb.extend_from_slice(&pixel[..3]);
        }
        let path = self.path.join(format!("{:06}.png", self.next));
        // Under another name until it is whole: neither a full disk nor a crash leaves half a picture.
        let part = self.path.join(format!(".{:06}.png.part", self.next));
        let written = write_png(&part, &self.rgb, (width, height))
            .and_then(|()| fs::rename(&part, &path).map_err(|error| error.to_string()));
        written.map_err(|error| {
            let _ = fs::remove_file(&part);
            RecordError::write("write", &path, error)
        })?;
        self.next += 1;
        self.written += std::fs::metadata(&path).map_or(0, |file| file.len());
        Ok(())
    }

    fn repeat(&mut self, _at: Duration) -> Result<(), RecordError> {
        let path = |number| self.path.join(format!("{number:06}.png"));
        if self.written == 0 {
            return Ok(());
        }
        let (last, next) = (path(self.next - 1), path(self.next));
        let part = self.path.join(format!(".{:06}.png.part", self.next));
        let copied = fs::copy(&last, &part)
            .and_then(|copied| fs::rename(&part, &next).map(|()| copied))
            .map_err(|error| {
                let _ = fs::remove_file(&part);
                RecordError::write("write", &next, error)
            })?;
        self.next += 1;
        self.written += copied;
        Ok(())
    }

    fn sound(&mut self, _samples: &[f32], _until: Duration) -> Result<(), RecordError> {
        Ok(())
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn finish(self: Box<Self>) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Writes a picture in RGB, to its last byte.
fn write_png(path: &Path, rgb: &[u8], (width, height): (u32, u32)) -> Result<(), String> {
    let mut file = File::create(path).map(BufWriter::new).map_err(text)?;
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Up)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .map_err(text)?;
    file.flush().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
