//! A folder of PNG pictures.

use std::fs::{self, File};
use std::io::BufWriter;
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
        self.next += 1;
        let fail = |error: &dyn std::fmt::Display| RecordError::write("write", &path, error);
        let file = BufWriter::new(File::create(&path).map_err(|error| fail(&error))?);
        PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Up)
            .write_image(&self.rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|error| fail(&error))?;
        self.written += std::fs::metadata(&path).map_or(0, |file| file.len());
        Ok(())
    }

    fn repeat(&mut self, _at: Duration) -> Result<(), RecordError> {
        let path = |number| self.path.join(format!("{number:06}.png"));
        if self.written == 0 {
            return Ok(());
        }
        let (last, next) = (path(self.next - 1), path(self.next));
        let copied =
            fs::copy(&last, &next).map_err(|error| RecordError::write("write", &next, error))?;
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
