//! The thread `record` and the bounded queue before it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::disk::{self, Gauge, Room};
use super::{RecordError, Settings, Sink, open_sink};

/// Pictures that can wait for the encoder, where they are not too large for [`POOL_BYTES`]; at least so many as `FEWEST`.
const PICTURES: usize = 8;
const FEWEST: usize = 3;
/// Memory for waiting pictures.
const POOL_BYTES: usize = 512 << 20;
/// Blocks of sound that can wait.
const BLOCKS: usize = 64;
/// Samples of each channel in a block of sound.
const BLOCK_FRAMES: usize = 2048;

/// What a recording came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Pictures written.
    pub frames: u64,
    /// Pictures dropped, for the queue was full.
    pub dropped: u64,
    /// From the first picture to the last.
    pub duration: Duration,
}

enum Message {
    Picture(Vec<u8>, Duration),
    Sound(Vec<f32>, Duration),
}

/// Records beside a show. Offering copies into a buffer from a pool and never waits, allocates or touches a file.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    messages: Sender<Message>,
    pictures: Receiver<Vec<u8>>,
    blocks: Receiver<Vec<f32>>,
    picture_bytes: usize,
    channels: usize,
    last_nanos: AtomicU64,
    closing: Closing,
}

impl Recorder {
    /// Starts the thread. The file is made with the first picture, so a recording that gets none leaves nothing;
    /// folders on the way to it are made too.
    ///
    /// # Errors
    /// When the disk is all but full, or the system gives no thread. What fails later shows in [`Recorder::has_failed`] and is told by
    /// [`Recorder::finish`].
    pub fn start(path: &Path, settings: &Settings) -> Result<Self, RecordError> {
        if let Some(free) = disk::free(path).filter(|&free| free < disk::RESERVE) {
            let path = path.to_owned();
            return Err(RecordError::Disk { path, free });
        }
        let picture_bytes = settings.width as usize * settings.height as usize * 4;
        let channels = settings.sound.map_or(0, |sound| sound.channels.into());
        let waiting = (POOL_BYTES / picture_bytes.max(1)).clamp(FEWEST, PICTURES);
        let (messages, inbox) = bounded(waiting + BLOCKS);
        let (spent_pictures, pictures) = bounded(waiting);
        let (spent_blocks, blocks) = bounded(BLOCKS);
        for _ in 0..waiting {
            // The channel has room for all of them, here and when they come back.
            let _ = spent_pictures.send(vec![0; picture_bytes]);
        }
        if channels > 0 {
            for _ in 0..BLOCKS {
                let _ = spent_blocks.send(Vec::with_capacity(BLOCK_FRAMES * channels));
            }
        }
        let tally = Arc::new(Tally::default());
        let work = Work {
            path: path.to_owned(),
            settings: settings.clone(),
            inbox,
            spent_pictures,
            spent_blocks,
            tally: Arc::clone(&tally),
        };
        let thread = thread::Builder::new()
            .name("record".into())
            .spawn(move || work.run())
            .map_err(|error| RecordError::write("start a thread to record", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            messages,
            pictures,
            blocks,
            picture_bytes,
            channels,
            last_nanos: AtomicU64::new(0),
            closing: Closing { thread, tally },
        })
    }

    /// Offers a picture, height x width x 4 bytes, shown from `at` on, counted from the recording's start. False: it
    /// was dropped and counted, for the encoder is behind, has failed, or the picture is of another size.
    pub fn offer(&self, rgba: &[u8], at: Duration) -> bool {
        let taken = rgba.len() == self.picture_bytes
            && self.pictures.try_recv().is_ok_and(|mut buffer| {
                buffer.copy_from_slice(rgba);
                self.messages.try_send(Message::Picture(buffer, at)).is_ok()
            });
        if taken {
            self.last_nanos.store(nanos(at), Ordering::Relaxed);
        } else {
            self.closing.tally.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Offers interleaved samples in -1..1 that were heard up to the last picture offered. False: some were lost, and
    /// silence stands for them.
    pub fn offer_sound(&self, samples: &[f32]) -> bool {
        if self.channels == 0 {
            return samples.is_empty();
        }
        let until = Duration::from_nanos(self.last_nanos.load(Ordering::Relaxed));
        samples.chunks(BLOCK_FRAMES * self.channels).all(|samples| {
            self.blocks.try_recv().is_ok_and(|mut block| {
                block.clear();
                block.extend_from_slice(samples);
                self.messages.try_send(Message::Sound(block, until)).is_ok()
            })
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pictures dropped so far.
    pub fn dropped(&self) -> u64 {
        self.closing.tally.dropped.load(Ordering::Relaxed)
    }

    /// Whether the recording has failed: it takes no more, and [`Recorder::finish`] tells why.
    pub fn has_failed(&self) -> bool {
        self.closing.tally.failed.load(Ordering::Relaxed)
    }

    /// How much room the disk has for it. Where there is none left it still takes pictures, as long as they go: whoever
    /// records is to close it.
    pub fn room(&self) -> Room {
        match self.closing.tally.left_secs.load(Ordering::Relaxed) {
            0 => Room::Spent,
            AMPLE => Room::Ample,
            secs => Room::Scarce(Duration::from_secs(secs)),
        }
    }

    /// Ends the recording without waiting for the file to be closed.
    pub fn stop(self) -> Closing {
        self.closing
    }

    /// Ends the recording and waits until the file is closed: the time that the pictures still queued take to encode.
    ///
    /// # Errors
    /// The first thing that failed while recording. The file holds what came before it.
    pub fn finish(self) -> Result<Summary, RecordError> {
        self.stop().wait()
    }
}

/// A recording whose file is being closed.
#[derive(Debug)]
pub struct Closing {
    thread: JoinHandle<Result<Summary, RecordError>>,
    tally: Arc<Tally>,
}

impl Closing {
    /// Whether [`Closing::wait`] would return at once.
    pub fn is_closed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the file is closed.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub fn wait(self) -> Result<Summary, RecordError> {
        let mut summary = match self.thread.join() {
            Ok(outcome) => outcome?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        summary.dropped = self.tally.dropped.load(Ordering::Relaxed);
        Ok(summary)
    }
}

/// No end of the disk is in sight.
const AMPLE: u64 = u64::MAX;

#[derive(Debug)]
struct Tally {
    dropped: AtomicU64,
    failed: AtomicBool,
    /// Seconds that the disk has room for, 0 being the end; or [`AMPLE`].
    left_secs: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            dropped: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            left_secs: AtomicU64::new(AMPLE),
        }
    }
}

impl Tally {
    fn set_room(&self, room: Room) {
        let secs = match room {
            Room::Spent => 0,
            Room::Scarce(left) => left.as_secs().max(1),
            Room::Ample => AMPLE,
        };
        self.left_secs.store(secs, Ordering::Relaxed);
    }
}

/// What the thread works with.
struct Work {
    path: PathBuf,
    settings: Settings,
    inbox: Receiver<Message>,
    spent_pictures: Sender<Vec<u8>>,
    spent_blocks: Sender<Vec<f32>>,
    tally: Arc<Tally>,
}

impl Work {
    fn run(self) -> Result<Summary, RecordError> {
        let mut sink: Option<Box<dyn Sink>> = None;
        let mut summary = Summary {
            path: self.path.clone(),
            frames: 0,
            dropped: 0,
            duration: Duration::ZERO,
        };
        let (mut gauge, begun) = (Gauge::default(), Instant::now());
        let mut due = disk::INTERVAL;
        let mut outcome = self.inbox.iter().try_for_each(|message| {
            let at = begun.elapsed();
            if at >= due
                && let Some(sink) = &sink
                && let Some(free) = disk::free(&self.path)
            {
                due = at + disk::INTERVAL;
                self.tally.set_room(gauge.look(at, sink.written(), free));
            }
            self.handle(message, &mut sink, &mut summary)
        });
        if outcome.is_err() {
            self.tally.failed.store(true, Ordering::Relaxed);
        }
        match sink {
            // After a failure the first error counts; closing still saves what it can.
            Some(sink) => outcome = outcome.and(sink.finish()),
            None => outcome = outcome.and(Err(RecordError::Nothing(self.path.clone()))),
        }
        outcome.map(|()| summary)
    }

    fn handle(
        &self,
        message: Message,
        sink: &mut Option<Box<dyn Sink>>,
        summary: &mut Summary,
    ) -> Result<(), RecordError> {
        match message {
            Message::Picture(buffer, at) => {
                let sink = match sink {
                    Some(sink) => sink,
                    none => none.insert(self.open()?),
                };
                sink.picture(&buffer, at)?;
                summary.frames += 1;
                summary.duration = at;
                // Only a recorder that was stopped no longer takes buffers back.
                let _ = self.spent_pictures.try_send(buffer);
            }
            Message::Sound(block, until) => {
                if let Some(sink) = sink {
                    sink.sound(&block, until)?;
                }
                let _ = self.spent_blocks.try_send(block);
            }
        }
        Ok(())
    }

    fn open(&self) -> Result<Box<dyn Sink>, RecordError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| RecordError::write("make the folder", folder, error))?;
        }
        open_sink(&self.path, &self.settings)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Effort;

    fn settings() -> Settings {
        Settings::silent((8, 8), 30.0, Effort::Live)
    }

    #[test]
    fn a_recording_that_got_no_picture_leaves_no_file_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        assert!(!recorder.offer(&[0; 3], Duration::ZERO), "a wrong size");
        assert_eq!(recorder.dropped(), 1);
        let error = recorder.finish().unwrap_err();
        assert!(matches!(error, RecordError::Nothing(_)), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn every_picture_is_either_written_or_counted_as_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takes").join("one");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        let taken = (0..500u32)
            .filter(|&at| recorder.offer(&[at as u8; 256], Duration::from_millis(at.into())))
            .count();
        let summary = recorder.finish().unwrap();
        assert_eq!(summary.frames, taken as u64);
        assert_eq!(summary.frames + summary.dropped, 500);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), taken);
    }

    #[test]
    fn a_place_that_cannot_be_written_fails_the_recording_and_not_the_show() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "in the way").unwrap();
        let path = folder.path().join("file").join("take");
        let recorder = Recorder::start(&path, &settings()).unwrap();
        recorder.offer(&[0; 256], Duration::ZERO);
        while !recorder.has_failed() {
            thread::yield_now();
        }
        assert!(!(0..20).all(|_| recorder.offer(&[0; 256], Duration::ZERO)));
        let error = recorder.finish().unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }
}
