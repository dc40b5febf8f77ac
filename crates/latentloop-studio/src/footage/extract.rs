//! The extraction pipeline: one thread decodes, the others frame and encode, the caller's thread writes in order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{RgbImage, imageops};

use super::clip::{Clip, Coded};
use super::dataset::{Manifest, Source, Writer};
use super::dedupe::{DuplicateIndex, Thumbnail};
use super::framing::{self, Geometry};
use super::rgb::ToRgb;
use super::{FootageError, Format, Settings};
use crate::palette::Histogram;

const JPEG_QUALITY: u8 = 95;

/// The progress of an extraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Frames taken out of the clips and handled.
    pub done: u64,
    /// Frames to take in all as far as the clips opened so far say; none where one does not.
    pub expected: Option<u64>,
}

/// Extracts the clips' frames, in order, into one set of pictures at `folder`, with `dataset.json` beside them. Uses all cores;
/// `progress` is called on the caller's thread after each frame. Nothing stands at `folder` until the set is whole.
///
/// # Errors
/// The first thing that failed: a clip that cannot be read, a span without frames, a folder that holds something else,
/// a disk that is full, or `stop` having been raised. No partial set is left.
pub fn extract(
    clips: &[PathBuf],
    folder: &Path,
    settings: &Settings,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Manifest, FootageError> {
    check(clips, settings)?;
    let mut writer = Writer::begin(folder, settings)?;
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let (collected, sources) = thread::scope(|scope| {
        // Made in here, so that whichever way this is left, threads that still send find their receiver gone and end.
        let (frames_in, frames_out) = bounded(2 * workers);
        let (pictures_in, pictures_out) = bounded(2 * workers);
        let decoder = spawn(scope, "studio-decode".into(), move || {
            decode_all(clips, settings, stop, &frames_in)
        })?;
        for worker in 0..workers {
            let (frames_out, pictures_in) = (frames_out.clone(), pictures_in.clone());
            spawn(scope, format!("studio-frame-{worker}"), move || {
                frame_all(&frames_out, &pictures_in, clips, settings);
            })?;
        }
        drop((frames_out, pictures_in));
        let collected = collect(pictures_out, &mut writer, settings, progress);
        // Where collecting failed, decoding merely found nobody listening: that comes back as Ok.
        let sources = match decoder.join() {
            Ok(sources) => sources?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok::<_, FootageError>((collected?, sources))
    })?;
    if stop.load(Ordering::Relaxed) {
        return Err(FootageError::Stopped);
    }
    let manifest = Manifest {
        latentloop: env!("CARGO_PKG_VERSION").into(),
        sources,
        settings: settings.clone(),
        count: writer.count(),
        near_duplicates: collected.near_duplicates,
        palette: collected
            .histogram
            .palette()
            .map_or_else(Vec::new, Vec::from),
    };
    writer.finish(&manifest)?;
    Ok(manifest)
}

fn check(clips: &[PathBuf], settings: &Settings) -> Result<(), FootageError> {
    let start = settings.start_secs;
    let wrong = if clips.is_empty() {
        "no clip given: name at least one".into()
    } else if let Some(size) = settings.size.filter(|size| !(8..=4096).contains(size)) {
        format!("--size {size}: must be from 8 to 4096, or 0 for the clip's own size")
    } else if !(start >= 0.0 && start.is_finite()) {
        format!("--start {start}: must be a second of the clip, 0 or later")
    } else if let Some(end) = settings
        .end_secs
        .filter(|&end| end.is_nan() || end <= start)
    {
        format!("--end {end}: must lie after --start {start}")
    } else if settings.every == 0 {
        "--every 0: must be 1 or more".into()
    } else if let Some(fps) = settings.fps.filter(|&fps| !(fps > 0.0 && fps.is_finite())) {
        format!("--fps {fps}: must be above 0")
    } else if !(1..=1000).contains(&settings.repeat) {
        format!("--repeat {}: must be from 1 to 1000", settings.repeat)
    } else {
        return Ok(());
    };
    Err(FootageError::Setting(wrong))
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, FootageError> {
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, work)
        .map_err(|source| FootageError::Io {
            doing: "start a thread for",
            path: "the pictures".into(),
            source,
        })
}

/// A decoded frame on its way to a worker.
struct Taken {
    number: u64,
    clip: usize,
    coded: Coded,
    geometry: Geometry,
    progress: Progress,
}

/// A framed and encoded picture on its way to the collector.
struct Picture {
    number: u64,
    /// The picture, and its mirror image where that is asked for.
    encoded: Vec<Vec<u8>>,
    thumbnail: Thumbnail,
    progress: Progress,
}

fn decode_all(
    clips: &[PathBuf],
    settings: &Settings,
    stop: &AtomicBool,
    frames: &Sender<Taken>,
) -> Result<Vec<Source>, FootageError> {
    let mut sources = Vec::new();
    let mut progress = Progress {
        done: 0,
        expected: Some(0),
    };
    let mut number = 0;
    for (at, file) in clips.iter().enumerate() {
        let mut clip = Clip::open(file, settings)?;
        let sha256 = crate::files::sha256(file).map_err(|source| FootageError::Io {
            doing: "read",
            path: file.clone(),
            source,
        })?;
        progress.expected = progress.expected.zip(clip.expected).map(|(a, b)| a + b);
        let mut chooser = Chooser::new(settings);
        while let Some((coded, secs)) = clip.next()? {
            if stop.load(Ordering::Relaxed) || settings.end_secs.is_some_and(|end| secs >= end) {
                break;
            }
            progress.done += 1;
            if !chooser.takes(secs) {
                continue;
            }
            let taken = Taken {
                number,
                clip: at,
                coded,
                geometry: clip.geometry,
                progress,
            };
            if frames.send(taken).is_err() {
                return Ok(sources);
            }
            number += 1;
        }
        if chooser.seen == 0 && !stop.load(Ordering::Relaxed) {
            return Err(FootageError::NothingLeft {
                file: file.clone(),
                decoded: clip.decoded,
                asked: match settings.end_secs {
                    Some(end) => format!("from {} s to {end} s", settings.start_secs),
                    None => format!("after {} s", settings.start_secs),
                },
            });
        }
        sources.push(Source {
            file: file
                .file_name()
                .unwrap_or(file.as_os_str())
                .to_string_lossy()
                .into_owned(),
            sha256,
            frames: clip.decoded,
            damaged: clip.damaged,
            assumed_matrix: clip.assumed,
        });
    }
    Ok(sources)
}

/// Chooses frames of one clip by their time and number.
struct Chooser<'a> {
    settings: &'a Settings,
    /// Frames in the asked span so far.
    seen: u64,
    slot: Option<i64>,
}

impl<'a> Chooser<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            seen: 0,
            slot: None,
        }
    }

    fn takes(&mut self, secs: f64) -> bool {
        // Time stamps are rounded to the clip's own unit: a frame due at 1.0 may say 0.9999.
        const ROUNDING_SECS: f64 = 1e-3;
        let since = secs - self.settings.start_secs + ROUNDING_SECS;
        if since < 0.0 {
            return false;
        }
        let nth = self.seen;
        self.seen += 1;
        let is_due = match self.settings.fps {
            None => true,
            Some(fps) => {
                let slot = (since * fps).floor() as i64;
                self.slot.replace(slot).is_none_or(|last| slot > last)
            }
        };
        is_due && nth.is_multiple_of(u64::from(self.settings.every))
    }
}

fn frame_all(
    frames: &Receiver<Taken>,
    pictures: &Sender<Result<Picture, FootageError>>,
    clips: &[PathBuf],
    settings: &Settings,
) {
    let mut to_rgb = ToRgb::new(settings.matrix, settings.background);
    for Taken {
        number,
        clip,
        coded,
        geometry,
        progress,
    } in frames
    {
        let picture = coded
            .picture(&mut to_rgb)
            .map_err(|error| FootageError::Clip {
                file: clips[clip].clone(),
                reason: format!("its pixel format cannot be turned into RGB: {error}"),
            })
            .and_then(|coded| {
                let picture = framing::frame(&coded, geometry, settings.size, settings.fit);
                encode_all(&picture, settings, number, progress)
            });
        if pictures.send(picture).is_err() {
            return;
        }
    }
}

fn encode_all(
    picture: &RgbImage,
    settings: &Settings,
    number: u64,
    progress: Progress,
) -> Result<Picture, FootageError> {
    let encode = |picture: &RgbImage| {
        let mut bytes = Vec::new();
        match settings.format {
            Format::Jpg => {
                picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
            }
            Format::Png => picture.write_with_encoder(PngEncoder::new(&mut bytes)),
        }
        .map(|()| bytes)
        .map_err(|source| FootageError::Encode { number, source })
    };
    let mut encoded = vec![encode(picture)?];
    if settings.mirror {
        encoded.push(encode(&imageops::flip_horizontal(picture))?);
    }
    Ok(Picture {
        number,
        encoded,
        thumbnail: Thumbnail::of(picture),
        progress,
    })
}

#[derive(Default)]
struct Collected {
    near_duplicates: u64,
    histogram: Histogram,
}

fn collect(
    pictures: Receiver<Result<Picture, FootageError>>,
    writer: &mut Writer,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Collected, FootageError> {
    let mut collected = Collected::default();
    let mut index = DuplicateIndex::default();
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for picture in pictures {
        let picture = picture?;
        waiting.insert(picture.number, picture);
        while let Some(picture) = waiting.remove(&next) {
            next += 1;
            let is_duplicate = index.is_duplicate(&picture.thumbnail);
            collected.near_duplicates += u64::from(is_duplicate);
            progress(picture.progress);
            if is_duplicate && settings.dedupe {
                continue;
            }
            let pixels = picture.thumbnail.levels.as_chunks().0;
            collected.histogram.add(pixels.iter().copied());
            for encoded in &picture.encoded {
                for _ in 0..settings.repeat {
                    writer.write(encoded)?;
                }
            }
        }
    }
    Ok(collected)
}
