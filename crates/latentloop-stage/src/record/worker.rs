//! The worker of the thread `record`: encodes, muxes and writes what is in the queue.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::disk::{self, DiskMonitor, DiskSpace};
use super::rate::{FpsMode, Grid};
use super::settle::settle;
use super::{OpenEncoders, RecordError, Settings, Sink};
use crate::stage::{Canvas, Filter, OutputFrame, Projection};

/// The summary of a recording: what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Pictures written.
    pub frames: u64,
    /// Pictures dropped, for the queue was full.
    pub dropped: u64,
    /// Pictures written once more, for none came in time; at a constant rate alone.
    pub repeated: u64,
    /// Pictures left out, for they came faster than the file's rate; at a constant rate alone.
    pub skipped: u64,
    /// From the first picture to the last.
    pub duration: Duration,
}

impl Summary {
    /// What was counted, for people.
    pub fn counts(&self) -> String {
        let mut text = format!("{} pictures", self.frames);
        for (count, what) in [(self.repeated, "repeated"), (self.skipped, "too many")] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text + &format!(", {} dropped", self.dropped)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, secs) = (self.path.display(), self.duration.as_secs_f64());
        write!(f, "{path}: {secs:.1} s, {}", self.counts())
    }
}

/// A message in the queue.
pub(super) enum Message {
    Picture(Canvas, Projection, Duration),
    Sound(Vec<f32>, Duration),
}

/// The encoder that was opened.
#[derive(Debug)]
pub(super) struct EncoderInfo {
    /// As FFmpeg names it.
    pub(super) name: Arc<str>,
    /// Why it is none of the graphics card's, where one was asked for.
    pub(super) fell_back: Option<String>,
}

/// No end of the disk is in sight.
const UNLIMITED: u64 = u64::MAX;

/// The status of a recording, which the recorder and its thread share without waiting.
#[derive(Debug)]
pub(super) struct Status {
    /// Pictures dropped, for the queue was full.
    pub(super) dropped: AtomicU64,
    /// Whether the thread takes no more.
    pub(super) failed: AtomicBool,
    /// Seconds that the disk has room for, 0 being the end; or [`UNLIMITED`].
    left_secs: AtomicU64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            dropped: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            left_secs: AtomicU64::new(UNLIMITED),
        }
    }
}

impl Status {
    pub(super) fn disk_space(&self) -> DiskSpace {
        match self.left_secs.load(Ordering::Relaxed) {
            0 => DiskSpace::Full,
            UNLIMITED => DiskSpace::Ok,
            secs => DiskSpace::Low(Duration::from_secs(secs)),
        }
    }

    fn set_disk_space(&self, space: DiskSpace) {
        let secs = match space {
            DiskSpace::Full => 0,
            DiskSpace::Low(left) => left.as_secs().max(1),
            DiskSpace::Ok => UNLIMITED,
        };
        self.left_secs.store(secs, Ordering::Relaxed);
    }
}

/// The worker: what the thread works with.
pub(super) struct Worker {
    path: PathBuf,
    settings: Settings,
    inbox: Receiver<Message>,
    spent_pictures: Sender<Canvas>,
    spent_blocks: Sender<Vec<f32>>,
    status: Arc<Status>,
    /// Places of a constant rate.
    grid: Option<Grid>,
    frame: OutputFrame,
}

impl Worker {
    /// Worker on a recording to `path` that takes from the one end of the queue, and gives spent buffers back to the other.
    pub(super) fn new(
        path: PathBuf,
        settings: Settings,
        inbox: Receiver<Message>,
        (spent_pictures, spent_blocks): (Sender<Canvas>, Sender<Vec<f32>>),
        status: Arc<Status>,
    ) -> Self {
        let is_even = settings.fps_mode == FpsMode::Cfr;
        Self {
            path,
            inbox,
            spent_pictures,
            spent_blocks,
            status,
            grid: is_even.then(|| Grid::new(settings.rate)),
            frame: OutputFrame::new((settings.width, settings.height), Filter::CatmullRom, 1),
            settings,
        }
    }

    /// Works until the queue is given up; tells first what has opened.
    pub(super) fn run(mut self, begun: &Sender<EncoderInfo>) -> Result<Summary, RecordError> {
        let mut encoders = Some(OpenEncoders::open(&self.path, &self.settings)?);
        if let Some(encoders) = &encoders {
            // Only a recorder that was given up no longer waits for it.
            let _ = begun.send(EncoderInfo {
                name: encoders.encoder().into(),
                fell_back: encoders.fell_back().map(str::to_owned),
            });
        }
        let mut sink: Option<Box<dyn Sink>> = None;
        let mut summary = Summary {
            path: self.path.clone(),
            frames: 0,
            dropped: 0,
            repeated: 0,
            skipped: 0,
            duration: Duration::ZERO,
        };
        let (mut monitor, begun) = (DiskMonitor::default(), Instant::now());
        let mut due = disk::INTERVAL;
        let inbox = self.inbox.clone();
        let mut outcome = inbox.iter().try_for_each(|message| {
            let at = begun.elapsed();
            if at >= due
                && let Some(sink) = &sink
                && let Some(free) = disk::free(&self.path)
            {
                due = at + disk::INTERVAL;
                self.status
                    .set_disk_space(monitor.update(at, sink.written(), free));
            }
            if let (None, Message::Picture(..)) = (&sink, &message)
                && let Some(encoders) = encoders.take()
            {
                sink = Some(self.create(encoders)?);
            }
            self.handle(message, sink.as_deref_mut(), &mut summary)
        });
        if outcome.is_err() {
            self.status.failed.store(true, Ordering::Relaxed);
        }
        match sink {
            // After a failure the first error counts; closing still saves what it can.
            Some(sink) => outcome = outcome.and(sink.finish()),
            None => outcome = outcome.and(Err(RecordError::Nothing(self.path.clone()))),
        }
        settle(outcome, summary)
    }

    fn create(&self, encoders: OpenEncoders) -> Result<Box<dyn Sink>, RecordError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| RecordError::write("make the folder", folder, error))?;
        }
        encoders.create(&self.path, &self.settings)
    }

    fn handle(
        &mut self,
        message: Message,
        sink: Option<&mut (dyn Sink + 'static)>,
        summary: &mut Summary,
    ) -> Result<(), RecordError> {
        match message {
            Message::Picture(buffer, projection, at) => {
                if let Some(sink) = sink {
                    self.picture(&buffer, &projection, at, sink, summary)?;
                }
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

    fn picture(
        &mut self,
        picture: &Canvas,
        projection: &Projection,
        at: Duration,
        sink: &mut dyn Sink,
        summary: &mut Summary,
    ) -> Result<(), RecordError> {
        let place = match &mut self.grid {
            None => at,
            Some(grid) => {
                let Some(lack) = grid.lack(at) else {
                    summary.skipped += 1;
                    return Ok(());
                };
                // Before the first there is none to repeat: it begins where the file does.
                let lack = if summary.frames == 0 { 0 } else { lack };
                for _ in 0..lack {
                    sink.repeat(grid.fill())?;
                    summary.repeated += 1;
                }
                grid.fill()
            }
        };
        sink.picture(self.frame.draw(picture, projection), place)?;
        summary.frames += 1;
        summary.duration = at;
        Ok(())
    }
}
