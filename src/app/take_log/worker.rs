//! The worker of the take log: plays along, writes into the ring and into the file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{Message, Shared, WAITING};
use crate::files::write_atomic;
use crate::instrument::{Instrument, Preset, Recall, State, TICKS_PER_SEC, ticks};
use crate::record::reserve;
use crate::report::Reporter;
use crate::take::log::{LogError, Ring, STATE_SECS, Writer, fingerprint};
use crate::take::{Model, Snapshot};

/// Bytes of the ring.
const RING_BYTES: usize = 32 << 20;
/// Seconds that the ring goes back.
const RING_SECS: u64 = 600;
/// Between two looks at what has come.
const PAUSE: Duration = Duration::from_millis(20);
/// At most this much is lost when the machine goes down.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// The file of a recording.
struct Open {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

/// What the thread works with.
pub(super) struct Worker {
    shared: Arc<Shared>,
    folder: PathBuf,
    head: Vec<u8>,
    ring: Ring,
    writer: Writer,
    /// The record that is being written.
    record: Vec<u8>,
    /// Plays along, so that states come from here and cost the show nothing.
    instrument: Instrument,
    z: Vec<f32>,
    model: Arc<Model>,
    seed: u32,
    /// When the next state is due.
    due: u64,
    file: Option<Open>,
    reporter: Reporter,
    /// Whether a record could not be encoded: it is told once.
    has_failed: bool,
}

impl Worker {
    /// Begins where `instrument` stands.
    pub(super) fn new(
        shared: Arc<Shared>,
        folder: &Path,
        instrument: &Instrument,
        (model, seed): (Arc<Model>, u32),
        reporter: Reporter,
    ) -> Self {
        let table = instrument.table();
        Self {
            shared,
            folder: folder.to_owned(),
            head: Writer::head(table),
            ring: Ring::new(table, RING_BYTES, RING_SECS),
            writer: Writer::default(),
            record: Vec::new(),
            instrument: instrument.clone(),
            z: Vec::new(),
            model,
            seed,
            due: 0,
            file: None,
            reporter,
            has_failed: false,
        }
    }

    pub(super) fn run(mut self) {
        self.state();
        loop {
            // Asked before: what came until then is still written.
            let is_over = self.shared.over.load(Ordering::Acquire);
            for _ in 0..WAITING {
                match self.shared.messages.pop() {
                    Some(message) => self.handle(message),
                    None => break,
                }
            }
            let lost = self.shared.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let text = format!("{lost} records were lost: the log could not keep up");
                self.reporter.warn(format!("take: {text}"));
                let tick = self.writer.tick();
                self.write(tick, |writer, out| writer.mark(tick, &text, out));
            }
            if let Err(error) = self.flush() {
                self.fail(&error);
            }
            if is_over {
                return self.end(self.writer.tick());
            }
            thread::park_timeout(PAUSE);
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Action(tick, action) => {
                self.come_to(tick);
                self.write(tick, |writer, out| writer.action(tick, &action, out));
                self.instrument.apply(&action);
            }
            Message::Latents(tick, rows, hash) => {
                self.come_to(tick);
                self.write(tick, |writer, out| writer.latents(tick, rows, hash, out));
                self.compare(rows, hash);
            }
            Message::Preset(tick, preset, fade_secs, keeps_head) => {
                self.come_to(tick);
                self.preset(tick, &preset, fade_secs, keeps_head);
            }
            Message::Model(tick, model) => {
                self.come_to(tick);
                self.write(tick, |writer, out| writer.model(tick, &model, out));
                self.model = model;
            }
            Message::State(state) => {
                self.come_to(state.tick());
                self.take_over(&state);
            }
            Message::Begin(tick, path) => {
                self.end(tick);
                self.come_to(tick);
                match self.open(path) {
                    Ok(file) => {
                        self.file = Some(file);
                        self.state();
                    }
                    Err(text) => self.reporter.warn(text),
                }
            }
            Message::End(tick, dropped) => {
                if dropped > 0 && self.file.is_some() {
                    let text = format!("the film lost {dropped} pictures");
                    self.come_to(tick);
                    self.write(tick, |writer, out| writer.mark(tick, &text, out));
                }
                self.end(tick);
            }
            Message::Keep(tick, secs) => {
                self.come_to(tick);
                self.keep(tick, secs);
            }
        }
    }

    /// Plays up to a tick; where a state is due on the way, it is written there.
    fn come_to(&mut self, tick: u64) {
        while self.instrument.ticks() < tick {
            self.instrument.tick();
            if self.instrument.ticks() >= self.due {
                self.state();
            }
        }
    }

    /// Writes the whole state.
    fn state(&mut self) {
        // Between a model and its preset there is no whole state.
        if self.model.latent as usize != self.instrument.latent() {
            return;
        }
        let tick = self.instrument.ticks();
        self.due = tick + STATE_SECS * TICKS_PER_SEC;
        let snapshot = Snapshot {
            model: Model::clone(&self.model),
            state: self.instrument.state(),
            seed: self.seed,
        };
        self.record.clear();
        match self.writer.state(&snapshot, &mut self.record) {
            Ok(()) => self.add(tick, true),
            Err(error) => self.complain(&error),
        }
    }

    /// Goes on from the show's own state.
    fn take_over(&mut self, state: &State) {
        let table = Arc::clone(self.instrument.table());
        match Instrument::from_state(state, table) {
            Ok(instrument) => self.instrument = instrument,
            Err(error) => self.complain(&error),
        }
        self.state();
    }

    fn preset(&mut self, tick: u64, preset: &Preset, fade_secs: f64, keeps_head: bool) {
        // A model that came at the same tick may have latents of another length.
        let (table, latent) = (self.instrument.table(), self.model.latent as usize);
        match (
            preset.clone().saying_what_it_keeps().to_toml(),
            Recall::new(preset, table, latent),
        ) {
            (Ok(text), Ok(mut recall)) => {
                if keeps_head {
                    recall = recall.keeping_head();
                }
                self.write(tick, |writer, out| {
                    writer.preset(tick, &text, fade_secs, keeps_head, out)
                });
                self.instrument.recall(recall, ticks(fade_secs));
            }
            (Err(error), _) => self.complain(&error),
            (_, Err(error)) => self.complain(&error),
        }
    }

    /// Whether the instrument here draws what the show draws.
    fn compare(&mut self, rows: u8, hash: u64) {
        let length = usize::from(rows) * self.instrument.latent();
        self.z.resize(length, 0.0);
        self.instrument.latents(&mut self.z);
        if fingerprint(&self.z) != hash {
            self.shared.astray.store(true, Ordering::Relaxed);
        }
    }

    /// Makes the file, up to its first state.
    fn open(&self, path: PathBuf) -> Result<Open, String> {
        let open = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = BufWriter::new(File::create_new(&path)?);
            file.write_all(&self.head)?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Open {
                path,
                file,
                flushed: Instant::now(),
            }),
            Err(error) => {
                let error: std::io::Error = error;
                Err(format!("cannot write the take {}: {error}", path.display()))
            }
        }
    }

    fn write(
        &mut self,
        tick: u64,
        encode: impl FnOnce(&mut Writer, &mut Vec<u8>) -> Result<(), LogError>,
    ) {
        self.record.clear();
        match encode(&mut self.writer, &mut self.record) {
            Ok(()) => self.add(tick, false),
            Err(error) => self.complain(&error),
        }
    }

    /// Adds the record to the ring and to the file.
    fn add(&mut self, tick: u64, is_state: bool) {
        // Before the first state there is nothing to add to.
        let _ = self.ring.push(&self.record, tick, is_state);
        if let Some(open) = &mut self.file
            && let Err(error) = open.file.write_all(&self.record)
        {
            self.fail(&error);
        }
    }

    fn complain(&mut self, error: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.has_failed, true) {
            let text = format!("the take leaves something out: {error}");
            self.reporter.warn(text);
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if let Some(open) = &mut self.file
            && open.flushed.elapsed() >= FLUSH_EVERY
        {
            open.flushed = Instant::now();
            open.file.flush()?;
        }
        Ok(())
    }

    /// Gives the file up; what is in it stays.
    fn fail(&mut self, error: &std::io::Error) {
        if let Some(Open { path, file, .. }) = self.file.take() {
            // What waits could not be written either.
            let _ = file.into_parts();
            let text = format!("the take {} has ended: {error}", path.display());
            self.reporter.warn(text);
        }
    }

    fn end(&mut self, tick: u64) {
        let Some(Open { path, mut file, .. }) = self.file.take() else {
            return;
        };
        self.record.clear();
        let mut writer = self.writer.clone();
        if let Err(error) = writer.end(tick.max(writer.tick()), &mut self.record) {
            self.complain(&error);
        }
        let closed = file
            .write_all(&self.record)
            .and_then(|()| file.flush())
            .and_then(|()| file.get_ref().sync_all());
        match closed {
            Ok(()) => self
                .reporter
                .info(format!("the take is in {}", path.display())),
            Err(error) => self
                .reporter
                .warn(format!("cannot close the take {}: {error}", path.display())),
        }
    }

    fn keep(&mut self, tick: u64, secs: f64) {
        let kept = match self.ring.since(tick, secs) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.reporter.warn("there is nothing to keep yet"),
            Err(error) => return self.complain(&error),
        };
        let name = match reserve(&self.folder, SystemTime::now(), ".take") {
            Ok(name) => name,
            Err(error) => {
                let text = format!("cannot keep the take: {error}");
                return self.reporter.warn(text);
            }
        };
        let path = name.path();
        match write_atomic(path, &kept) {
            Ok(()) => self.reporter.info(format!(
                "kept the last {:.0} s in {}",
                secs.min(self.ring.secs()),
                path.display()
            )),
            Err(error) => self
                .reporter
                .warn(format!("cannot keep the take {}: {error}", path.display())),
        }
    }
}
