//! The recorder: the thread `record` and the bounded queue before it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::disk::{self, DiskSpace};
use super::worker::{EncoderInfo, Message, Status, Summary, Worker};
use super::{RecordError, Reservation, Settings};
use crate::stage::{Canvas, Projection};

/// Pictures that can wait for the encoder, where they are not too large for [`POOL_BYTES`]; at least so many as `FEWEST`.
const PICTURES: usize = 8;
const FEWEST: usize = 3;
/// Memory for waiting pictures.
const POOL_BYTES: usize = 512 << 20;
/// A picture that is offered while another one has waited for longer than this is dropped: what waits is lost to a crash.
const PATIENCE: Duration = Duration::from_millis(300);
/// Blocks of sound that can wait.
const BLOCKS: usize = 64;
/// Samples of each channel in a block of sound.
const BLOCK_FRAMES: usize = 2048;

/// The recorder beside a show. Offering copies into a buffer from a pool and never waits, allocates or touches a file.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    messages: Sender<Message>,
    pictures: Receiver<Canvas>,
    /// Pictures in all, those that wait and those that are spare.
    pool: usize,
    /// When the last of them were offered, as many.
    offered: RefCell<VecDeque<Instant>>,
    blocks: Receiver<Vec<f32>>,
    channels: usize,
    sound_rate: f64,
    plain_mp4: bool,
    encoder: EncoderInfo,
    thread: JoinHandle<Result<Summary, RecordError>>,
    status: Arc<Status>,
    /// Its name, where it was reserved.
    reservation: Option<Reservation>,
}

impl Recorder {
    /// Starts the thread and waits until it has its encoders, which takes the time that the graphics card takes. The file is
    /// made with the first picture, so a recording that gets none leaves nothing; folders on the way to it are made too.
    ///
    /// # Errors
    /// When the settings do not hold together, no encoder opens, the disk is all but full, or the system gives no thread.
    /// What fails later shows in [`Recorder::has_failed`] and is told by [`Recorder::finish`].
    pub fn start(path: &Path, settings: &Settings) -> Result<Self, RecordError> {
        disk::check(path)?;
        let (width, height) = settings.source;
        let picture_bytes = width as usize * height as usize * 4;
        let channels = settings.sound.map_or(0, |sound| sound.channels.into());
        let waiting = (POOL_BYTES / picture_bytes.max(1)).clamp(FEWEST, PICTURES);
        let (messages, inbox) = bounded(waiting + BLOCKS);
        let (spent_pictures, pictures) = bounded(waiting);
        let (spent_blocks, blocks) = bounded(BLOCKS);
        for _ in 0..waiting {
            // The channel has room for all of them, here and when they come back.
            let _ = spent_pictures.send(Canvas::black(settings.source));
        }
        if channels > 0 {
            for _ in 0..BLOCKS {
                let _ = spent_blocks.send(Vec::with_capacity(BLOCK_FRAMES * channels));
            }
        }
        let status = Arc::new(Status::default());
        let (begun, opened) = bounded(1);
        let worker = Worker::new(
            path.to_owned(),
            settings.clone(),
            inbox,
            (spent_pictures, spent_blocks),
            Arc::clone(&status),
        );
        let thread = thread::Builder::new()
            .name("record".into())
            .spawn(move || worker.run(&begun))
            .map_err(|error| RecordError::write("start a thread to record", path, error))?;
        let Ok(encoder) = opened.recv() else {
            // It ended before it had anything to wait for, and says why.
            return match outcome(thread) {
                Err(error) => Err(error),
                Ok(_) => Err(RecordError::Nothing(path.to_owned())),
            };
        };
        Ok(Self {
            path: path.to_owned(),
            messages,
            pictures,
            pool: waiting,
            offered: RefCell::new(VecDeque::with_capacity(waiting)),
            blocks,
            channels,
            sound_rate: settings.sound.map_or(1.0, |sound| sound.rate.into()),
            plain_mp4: settings.plain_mp4,
            encoder,
            thread,
            status,
            reservation: None,
        })
    }

    /// [`Recorder::start`] under a name that was reserved, and is so until the recording is finished.
    ///
    /// # Errors
    /// As [`Recorder::start`].
    pub fn start_reserved(
        reservation: Reservation,
        settings: &Settings,
    ) -> Result<Self, RecordError> {
        let mut recorder = Self::start(reservation.path(), settings)?;
        recorder.reservation = Some(reservation);
        Ok(recorder)
    }

    /// Offers a picture, shown from `at` on, counted from the recording's start; one of another size than the file's is
    /// scaled by the thread, as the projection has it. False: it was dropped and counted, for the encoder is behind, has failed, or
    /// the picture's bytes do not fit its size.
    pub fn offer(&self, picture: &Canvas, projection: &Projection, at: Duration) -> bool {
        let (width, height) = picture.size;
        let bytes = width as usize * height as usize * 4;
        let taken = bytes > 0
            && picture.rgba.len() == bytes
            && self.keeps_up()
            && self.pictures.try_recv().is_ok_and(|mut buffer| {
                // Grows only where a model with larger pictures has come.
                buffer.resize(picture.size);
                buffer.rgba.copy_from_slice(&picture.rgba);
                let message = Message::Picture(buffer, *projection, at);
                self.messages.try_send(message).is_ok()
            });
        if taken {
            let mut offered = self.offered.borrow_mut();
            if offered.len() == self.pool {
                offered.pop_front();
            }
            offered.push_back(Instant::now());
        } else {
            self.status.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Whether the picture that has waited longest has not waited too long.
    fn keeps_up(&self) -> bool {
        let offered = self.offered.borrow();
        let waiting = self.pool.saturating_sub(self.pictures.len());
        offered
            .len()
            .checked_sub(waiting)
            .and_then(|first| offered.get(first))
            .is_none_or(|since| since.elapsed() <= PATIENCE)
    }

    /// Offers interleaved samples in -1..1, the last of which was heard at `until`, counted from the recording's start. False:
    /// some were lost, and silence stands for them.
    pub fn offer_sound(&self, samples: &[f32], until: Duration) -> bool {
        if self.channels == 0 {
            return samples.is_empty();
        }
        let mut left = samples.len();
        samples.chunks(BLOCK_FRAMES * self.channels).all(|samples| {
            left -= samples.len();
            let left_secs = (left / self.channels) as f64 / self.sound_rate;
            let until = until.saturating_sub(Duration::from_secs_f64(left_secs));
            self.blocks.try_recv().is_ok_and(|mut block| {
                block.clear();
                block.extend_from_slice(samples);
                self.messages.try_send(Message::Sound(block, until)).is_ok()
            })
        })
    }

    /// What codes the pictures, as FFmpeg names it.
    pub fn encoder(&self) -> &Arc<str> {
        &self.encoder.name
    }

    /// Why it is none of the graphics card's, where one was asked for.
    pub fn fell_back(&self) -> Option<&str> {
        self.encoder.fell_back.as_deref()
    }

    /// Whether it is to become a plain MP4 when it is closed.
    pub fn becomes_plain(&self) -> bool {
        self.plain_mp4
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pictures dropped so far.
    pub fn dropped(&self) -> u64 {
        self.status.dropped.load(Ordering::Relaxed)
    }

    /// Whether the recording has failed: it takes no more, and [`Recorder::finish`] tells why.
    pub fn has_failed(&self) -> bool {
        self.status.failed.load(Ordering::Relaxed)
    }

    /// The disk space that there is for it. Where there is none left it still takes pictures, as long as they go: whoever
    /// records is to close it.
    pub fn disk_space(&self) -> DiskSpace {
        self.status.disk_space()
    }

    /// Ends the recording and waits until the file is closed: the time that the pictures still queued take to encode.
    ///
    /// # Errors
    /// The first thing that failed while recording. The file then ends at its last whole fragment or cluster, and the error
    /// tells what can be read back.
    pub fn finish(self) -> Result<Summary, RecordError> {
        let Self {
            messages,
            thread,
            status,
            reservation,
            ..
        } = self;
        // The thread ends with its queue.
        drop(messages);
        let outcome = outcome(thread);
        drop(reservation);
        let mut summary = outcome?;
        summary.dropped = status.dropped.load(Ordering::Relaxed);
        Ok(summary)
    }
}

/// What the thread came to.
fn outcome(thread: JoinHandle<Result<Summary, RecordError>>) -> Result<Summary, RecordError> {
    match thread.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Effort, FpsMode};

    fn settings() -> Settings {
        Settings::silent((8, 8), 30.0, Effort::Live)
    }

    fn grey(size: (u32, u32), level: u8) -> Canvas {
        let mut picture = Canvas::black(size);
        picture.rgba.fill(level);
        picture
    }

    #[test]
    fn a_recording_that_got_no_picture_leaves_no_file_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        let torn = Canvas {
            size: (8, 8),
            rgba: vec![0; 3],
        };
        assert!(!recorder.offer(&torn, &Projection::default(), Duration::ZERO));
        assert!(!recorder.offer(&Canvas::default(), &Projection::default(), Duration::ZERO));
        assert_eq!(recorder.dropped(), 2);
        let error = recorder.finish().unwrap_err();
        assert!(matches!(error, RecordError::Nothing(_)), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn every_picture_is_either_written_or_counted_as_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takes").join("one");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        let offer = |at: u32| {
            let at_time = Duration::from_millis(at.into());
            recorder.offer(&grey((8, 8), at as u8), &Projection::default(), at_time)
        };
        let taken = (0..500u32).filter(|&at| offer(at)).count();
        let summary = recorder.finish().unwrap();
        assert_eq!(summary.frames, taken as u64);
        assert_eq!(summary.frames + summary.dropped, 500);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), taken);
    }

    #[test]
    fn pictures_of_other_sizes_are_scaled_into_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scaled");
        let settings = Settings {
            source: (8, 8),
            ..Settings::silent((32, 16), 30.0, Effort::Live)
        };
        let recorder = Recorder::start(&path, &settings).unwrap();
        // The third comes from a model that was loaded meanwhile.
        for (number, size) in [(8, 8), (8, 8), (20, 20), (32, 16)].into_iter().enumerate() {
            let at = Duration::from_millis(40 * number as u64);
            assert!(recorder.offer(&grey(size, 200), &Projection::default(), at));
        }
        assert_eq!(recorder.finish().unwrap().frames, 4);
        for (number, beside) in [(1, 0), (3, 0), (4, 200)] {
            let picture = image::open(path.join(format!("{number:06}.png"))).unwrap();
            let picture = picture.to_rgb8();
            assert_eq!(picture.dimensions(), (32, 16));
            assert_eq!(picture.get_pixel(16, 8).0, [200; 3], "{number}");
            assert_eq!(picture.get_pixel(2, 8).0, [beside; 3], "{number}");
        }
    }

    #[test]
    fn at_a_constant_rate_a_stall_is_filled_and_what_comes_too_fast_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("even");
        let settings = Settings {
            fps_mode: FpsMode::Cfr,
            ..Settings::silent((8, 8), 10.0, Effort::Live)
        };
        let recorder = Recorder::start(&path, &settings).unwrap();
        for (level, at) in [(1u8, 130), (2, 220), (3, 700), (4, 710), (5, 720), (6, 910)] {
            let at = Duration::from_millis(at);
            assert!(recorder.offer(&grey((8, 8), level), &Projection::default(), at));
        }
        let summary = recorder.finish().unwrap();
        let files = std::fs::read_dir(&path).unwrap().count();
        let level = |number: usize| {
            let picture = image::open(path.join(format!("{:06}.png", number + 1))).unwrap();
            picture.to_rgb8().get_pixel(4, 4).0[0]
        };
        let levels: Vec<u8> = (0..files).map(level).collect();
        assert_eq!(levels, [1, 1, 2, 2, 2, 2, 2, 3, 4, 6]);
        assert_eq!((summary.repeated, summary.skipped), (5, 1));
    }

    #[test]
    fn a_place_that_cannot_be_written_fails_the_recording_and_not_the_show() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "in the way").unwrap();
        let path = folder.path().join("file").join("take");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        let offer = || recorder.offer(&grey((8, 8), 0), &Projection::default(), Duration::ZERO);
        offer();
        while !recorder.has_failed() {
            thread::yield_now();
        }
        assert!(!(0..20).all(|_| offer()));
        let error = recorder.finish().unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }

    #[test]
    fn what_cannot_be_recorded_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let error = Recorder::start(&folder.path().join("a.avi"), &settings()).unwrap_err();
        assert!(matches!(error, RecordError::Format(_)), "{error}");
    }
}
