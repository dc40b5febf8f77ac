//! The thread `take-log`: what reaches the instrument, kept in memory and, while a recording runs, in a file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_queue::ArrayQueue;

use super::free_name;
use crate::instrument::{Action, Instrument, Preset, Recall, State, TICKS_PER_SEC, ticks};
use crate::network::checkpoint::write_whole;
use crate::take::log::{LogError, Ring, STATE_SECS, Writer, fingerprint};
use crate::take::{Model, Snapshot};

/// Records that can wait: far more than come while a file is being synced.
const WAITING: usize = 1 << 14;
/// Bytes of the ring.
const RING_BYTES: usize = 32 << 20;
/// Seconds that the ring goes back.
const RING_SECS: u64 = 600;
/// Between two looks at what has come.
const PAUSE: Duration = Duration::from_millis(20);
/// At most this much is lost when the machine goes down.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// What is told of a take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It went well.
    Tell(String),
    /// It failed, and the show goes on.
    Warn(String),
}

/// Where notices go.
type Notices = Box<dyn Fn(Notice) + Send>;

/// The log of a show. A call only puts something into a queue: it never waits or touches a file, and but where it says so it
/// allocates nothing. Ticks never go back.
#[derive(Debug)]
pub struct TakeLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    messages: ArrayQueue<Message>,
    lost: AtomicU64,
    /// Whether the thread's instrument is no longer the show's.
    astray: AtomicBool,
    over: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Action(u64, Action),
    Latents(u64, u8, u64),
    Preset(u64, Arc<Preset>, f64),
    Model(u64, Arc<Model>, Option<Box<State>>),
    State(Box<State>),
    Mark(u64, Arc<str>),
    Begin(u64, PathBuf),
    End(u64),
    Keep(u64, f64),
}

impl TakeLog {
    /// Starts the thread, which plays along on an instrument of its own: a show begins with `instrument` and `model`. Takes that
    /// are kept go into `folder`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        folder: &Path,
        instrument: &Instrument,
        model: Arc<Model>,
        notices: Notices,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            messages: ArrayQueue::new(WAITING),
            lost: AtomicU64::new(0),
            astray: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let table = instrument.table();
        let work = Work {
            shared: Arc::clone(&shared),
            folder: folder.to_owned(),
            head: Writer::head(table),
            ring: Ring::new(table, RING_BYTES, RING_SECS),
            writer: Writer::default(),
            record: Vec::new(),
            instrument: instrument.clone(),
            z: Vec::new(),
            model,
            due: 0,
            file: None,
            notices,
            has_failed: false,
        };
        let thread = thread::Builder::new()
            .name("take-log".into())
            .spawn(move || work.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Logs an action that was applied at that tick.
    pub fn action(&self, tick: u64, action: Action) {
        self.put(Message::Action(tick, action));
    }

    /// Logs the [`crate::take::log::fingerprint`] of `rows` of latents that are being drawn.
    pub fn latents(&self, tick: u64, rows: u8, hash: u64) {
        self.put(Message::Latents(tick, rows, hash));
    }

    /// Logs a preset that was taken up by [`Instrument::recall`], and the seconds that the change takes.
    pub fn preset(&self, tick: u64, preset: Arc<Preset>, fade_secs: f64) {
        self.put(Message::Preset(tick, preset, fade_secs));
    }

    /// Logs a model that took effect. Where the show goes on with another instrument, it is given; its state is taken, which
    /// allocates.
    pub fn model(&self, tick: u64, model: Arc<Model>, instrument: Option<&Instrument>) {
        let state = instrument.map(|instrument| Box::new(instrument.state()));
        self.put(Message::Model(tick, model, state));
    }

    /// Logs a remark.
    pub fn mark(&self, tick: u64, text: Arc<str>) {
        self.put(Message::Mark(tick, text));
    }

    /// Whether [`TakeLog::state`] is to be called: something was lost, so that the thread's instrument is not the show's.
    pub fn wants_state(&self) -> bool {
        self.shared.astray.load(Ordering::Relaxed)
    }

    /// Brings the thread's instrument back to the show's. Takes its state, which allocates.
    pub fn state(&self, instrument: &Instrument) {
        self.shared.astray.store(false, Ordering::Relaxed);
        self.put(Message::State(Box::new(instrument.state())));
    }

    /// Begins a file with the state at that tick. A file that is there is left alone.
    pub fn begin_file(&self, tick: u64, path: PathBuf) {
        self.put(Message::Begin(tick, path));
    }

    /// Ends the file, if there is one.
    pub fn end_file(&self, tick: u64) {
        self.put(Message::End(tick));
    }

    /// Makes a take of the last seconds before that tick, from the last state before them; its name is the date and time.
    pub fn keep(&self, tick: u64, secs: f64) {
        self.put(Message::Keep(tick, secs));
    }

    fn put(&self, message: Message) {
        if self.shared.messages.push(message).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.astray.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for TakeLog {
    /// Writes what waits, and closes the file.
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// The file of a recording.
struct Open {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

/// What the thread works with.
struct Work {
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
    /// When the next state is due.
    due: u64,
    file: Option<Open>,
    notices: Notices,
    /// Whether a record could not be encoded: it is told once.
    has_failed: bool,
}

impl Work {
    fn run(mut self) {
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
                (self.notices)(Notice::Warn(format!("take: {text}")));
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
            Message::Preset(tick, preset, fade_secs) => {
                self.come_to(tick);
                self.preset(tick, &preset, fade_secs);
            }
            Message::Model(tick, model, state) => {
                self.come_to(tick);
                self.write(tick, |writer, out| writer.model(tick, &model, out));
                self.model = model;
                match state {
                    Some(state) => self.take_over(&state),
                    None => self.state(),
                }
            }
            Message::State(state) => {
                self.come_to(state.tick());
                self.take_over(&state);
            }
            Message::Mark(tick, text) => {
                self.come_to(tick);
                self.write(tick, |writer, out| writer.mark(tick, &text, out));
            }
            Message::Begin(tick, path) => {
                self.end(tick);
                self.come_to(tick);
                match self.open(path) {
                    Ok(file) => {
                        self.file = Some(file);
                        self.state();
                    }
                    Err(text) => (self.notices)(Notice::Warn(text)),
                }
            }
            Message::End(tick) => self.end(tick),
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
        let tick = self.instrument.ticks();
        self.due = tick + STATE_SECS * TICKS_PER_SEC;
        let snapshot = Snapshot {
            model: Model::clone(&self.model),
            state: self.instrument.state(),
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

    fn preset(&mut self, tick: u64, preset: &Preset, fade_secs: f64) {
        let (table, latent) = (self.instrument.table(), self.instrument.latent());
        match (preset.to_toml(), Recall::new(preset, table, latent)) {
            (Ok(text), Ok(recall)) => {
                self.write(tick, |writer, out| {
                    writer.preset(tick, &text, fade_secs, out)
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
            (self.notices)(Notice::Warn(text));
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
            (self.notices)(Notice::Warn(text));
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
        (self.notices)(match closed {
            Ok(()) => Notice::Tell(format!("the take is in {}", path.display())),
            Err(error) => {
                Notice::Warn(format!("cannot close the take {}: {error}", path.display()))
            }
        });
    }

    fn keep(&mut self, tick: u64, secs: f64) {
        let kept = match self.ring.since(tick, secs) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return (self.notices)(Notice::Warn("there is nothing to keep yet".into())),
            Err(error) => return self.complain(&error),
        };
        let path = free_name(&self.folder, SystemTime::now(), ".take");
        let written = fs::create_dir_all(&self.folder).and_then(|()| write_whole(&path, &kept));
        (self.notices)(match written {
            Ok(()) => Notice::Tell(format!(
                "kept the last {:.0} s in {}",
                secs.min(self.ring.secs()),
                path.display()
            )),
            Err(error) => Notice::Warn(format!("cannot keep the take {}: {error}", path.display())),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::instrument::Table;
    use crate::take::{Ended, Event, Player, Take};

    struct Played {
        log: Option<TakeLog>,
        instrument: Instrument,
        table: Arc<Table>,
        told: Arc<Mutex<Vec<Notice>>>,
    }

    impl Played {
        fn start(folder: &Path) -> Self {
            let table = Arc::new(Table::standard());
            let model = Model {
                name: "m.safetensors".into(),
                sha256: "00".repeat(32),
                latent: 6,
            };
            let told = Arc::new(Mutex::new(Vec::new()));
            let notices = {
                let told = Arc::clone(&told);
                Box::new(move |notice| told.lock().unwrap().push(notice))
            };
            let mut instrument =
                Instrument::new(&Preset::of_seeds(1..=4), Arc::clone(&table), 6).unwrap();
            instrument.seed(9);
            let log = TakeLog::start(folder, &instrument, Arc::new(model), notices).unwrap();
            Self {
                log: Some(log),
                instrument,
                table,
                told,
            }
        }

        /// Plays that many frames of eight ticks, as a show does.
        fn play(&mut self, frames: u64) {
            let log = self.log.as_ref().unwrap();
            let reroll = self.table.find("loop.reroll").unwrap();
            for frame in 0..frames {
                let tick = self.instrument.ticks();
                if frame % 20 == 7 {
                    let action = Action::Trigger { param: reroll };
                    self.instrument.apply(&action);
                    log.action(tick, action);
                }
                (0..8).for_each(|_| self.instrument.tick());
                let mut z = [0.0; 6];
                self.instrument.latents(&mut z);
                log.latents(self.instrument.ticks(), 1, fingerprint(&z));
                // A show leaves the log its time.
                if frame % 1000 == 999 {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }

        fn end(&mut self) -> Vec<Notice> {
            self.log = None;
            std::mem::take(&mut self.told.lock().unwrap())
        }

        fn read(&self, path: &Path) -> Take {
            Take::read(&fs::read(path).unwrap(), &self.table).unwrap()
        }
    }

    #[test]
    fn what_is_played_while_a_file_is_open_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takes/one.take");
        let mut played = Played::start(folder.path());
        played.play(30);
        let begun = played.instrument.ticks();
        played.log.as_ref().unwrap().begin_file(begun, path.clone());
        played.play(70);
        let end = played.instrument.ticks();
        played.log.as_ref().unwrap().end_file(end);
        played.play(30);
        let told = played.end();
        assert!(
            matches!(&told[..], [Notice::Tell(text)] if text.contains("one.take")),
            "{told:?}"
        );
        let take = played.read(&path);
        assert_eq!(take.ended, Ended::Whole);
        assert_eq!((take.start(), take.end), (begun, end));
        let latents = take
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Latents { .. }));
        assert_eq!(latents.count(), 70);
        let mut player = Player::take(&take, &played.table).unwrap();
        player.advance(take.end).unwrap();
        assert_eq!((player.check().same, player.check().different), (70, 0));
    }

    #[test]
    fn the_last_seconds_can_be_kept_at_any_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut played = Played::start(folder.path());
        // Twenty-five seconds: states at 0, 10 and 20.
        played.play(1500);
        played.log.as_ref().unwrap().keep(25 * 480, 12.0);
        let told = played.end();
        assert!(
            matches!(&told[..], [Notice::Tell(text)] if text.contains("kept the last 12 s")),
            "{told:?}"
        );
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1);
        let take = played.read(&files[0].as_ref().unwrap().path());
        assert_eq!((take.start(), take.end), (10 * 480, 25 * 480));
        assert_eq!(take.ended, Ended::Whole);
    }

    #[test]
    fn a_file_that_is_there_or_cannot_be_written_is_named_and_the_log_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken.take");
        fs::write(&taken, "mine").unwrap();
        let mut played = Played::start(folder.path());
        played.log.as_ref().unwrap().begin_file(0, taken.clone());
        played.play(10);
        played
            .log
            .as_ref()
            .unwrap()
            .begin_file(80, taken.join("below"));
        played.play(10);
        played.log.as_ref().unwrap().keep(160, 60.0);
        let told = played.end();
        assert!(
            matches!(&told[..], [Notice::Warn(a), Notice::Warn(b), Notice::Tell(_)]
                if a.contains("taken.take") && b.contains("below")),
            "{told:?}"
        );
        assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    }

    #[test]
    fn what_comes_too_fast_is_counted_and_the_show_brings_the_log_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut played = Played::start(folder.path());
        played.play(1);
        let (tick, reroll) = (8, played.table.find("loop.reroll").unwrap());
        let log = played.log.as_ref().unwrap();
        for sent in 0.. {
            let action = Action::Trigger { param: reroll };
            played.instrument.apply(&action);
            log.action(tick, action);
            if log.wants_state() {
                break;
            }
            assert!(sent < 10_000_000, "the log keeps up with anything");
        }
        while !log.shared.messages.is_empty() {
            thread::yield_now();
        }
        log.state(&played.instrument);
        played.play(10);
        let log = played.log.as_ref().unwrap();
        log.keep(played.instrument.ticks(), 0.0);
        let told = played.end();
        let lost = |notice: &Notice| matches!(notice, Notice::Warn(text) if text.contains("lost"));
        assert!(told.iter().any(lost), "{told:?}");
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap();
        let take = played.read(&file.unwrap().path());
        let mut player = Player::take(&take, &played.table).unwrap();
        player.advance(take.end).unwrap();
        assert_eq!((player.check().same, player.check().different), (10, 0));
    }
}
