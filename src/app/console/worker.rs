//! The console worker, thread `console-files`: reads models and presets beside the console, and looks how much room the disk has.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::model_card::ModelCard;
use crate::instrument::Table;
use crate::library::{self, Bank};
use crate::record;
use crate::worker::Worker;

/// Models that are listed at most.
const MODELS: usize = 256;
/// The disk and the files of the bank are looked at this often.
const INTERVAL: Duration = Duration::from_secs(1);
/// What the system does not tell.
const UNKNOWN: u64 = u64::MAX;

/// A request to the worker.
#[derive(Debug)]
pub(super) enum Request {
    /// The models that are found from this one.
    Models(PathBuf),
    /// The bank beside this preset; beside the preset that ships where none is given.
    Bank(Option<PathBuf>),
    /// To wait until the other end is gone, as for a disk that does not answer.
    #[cfg(test)]
    Wait(Receiver<()>),
}

/// A response of the worker.
#[derive(Debug)]
pub(super) enum Response {
    /// A list of models begins: the one before counts no more.
    ModelList,
    /// The next model of the list.
    Model(Box<ModelCard>),
    /// The names of the presets in the bank, a place each.
    Bank(Vec<Option<String>>),
}

/// The console's handle of the worker.
pub(super) struct ConsoleWorker {
    requests: Option<Sender<Request>>,
    responses: Receiver<Response>,
    free_bytes: Arc<AtomicU64>,
    _thread: Worker,
}

impl ConsoleWorker {
    /// Starts the thread; recordings go to the folder `takes`.
    pub(super) fn start(
        table: Arc<Table>,
        takes: PathBuf,
        bank: Arc<Bank>,
    ) -> std::io::Result<Self> {
        let (requests, taken) = bounded(2);
        let (answers, responses) = bounded(4);
        let free_bytes = Arc::new(AtomicU64::new(UNKNOWN));
        let worker = WorkerThread {
            table,
            takes,
            bank,
            banked: None,
            requests: taken,
            responses: answers,
            free_bytes: Arc::clone(&free_bytes),
            models: VecDeque::new(),
        };
        let thread = Worker::start("console-files", move |_| worker.run())?;
        Ok(Self {
            requests: Some(requests),
            responses,
            free_bytes,
            _thread: thread,
        })
    }

    /// Requests something; false where the worker takes no request yet. Never waits.
    pub(super) fn request(&self, request: Request) -> bool {
        let requests = self.requests.as_ref();
        requests.is_some_and(|requests| requests.try_send(request).is_ok())
    }

    /// Whether a response has come.
    pub(super) fn has_news(&self) -> bool {
        !self.responses.is_empty()
    }

    /// The next response.
    pub(super) fn take(&self) -> Option<Response> {
        self.responses.try_recv().ok()
    }

    /// Bytes that are free for recordings, where the system tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let free = self.free_bytes.load(Ordering::Relaxed);
        (free != UNKNOWN).then_some(free)
    }
}

impl Drop for ConsoleWorker {
    fn drop(&mut self) {
        self.requests = None;
        // Nobody takes what it still hands over.
        while self.responses.recv().is_ok() {}
    }
}

/// Presets, and when each was changed.
type PresetFiles = Vec<(PathBuf, Option<SystemTime>)>;

/// The thread's side.
struct WorkerThread {
    table: Arc<Table>,
    takes: PathBuf,
    bank: Arc<Bank>,
    /// The preset whose bank is shown, and the files beside it when that was read.
    banked: Option<(PathBuf, PresetFiles)>,
    requests: Receiver<Request>,
    responses: Sender<Response>,
    free_bytes: Arc<AtomicU64>,
    /// Models of the present list that are to be read.
    models: VecDeque<PathBuf>,
}

impl WorkerThread {
    fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let now = Instant::now();
            if now >= due {
                due = now + INTERVAL;
                let free = record::free(&self.takes.join("next")).unwrap_or(UNKNOWN);
                self.free_bytes.store(free, Ordering::Relaxed);
                if let Some(bank) = self.changed_bank()
                    && self.responses.send(bank).is_err()
                {
                    return;
                }
            }
            // Between two models a request is taken, but not waited for.
            let deadline = if self.models.is_empty() { due } else { now };
            let response = match self.requests.recv_deadline(deadline) {
                Ok(Request::Models(present)) => {
                    self.models = library::models(&present).into_iter().take(MODELS).collect();
                    Some(Response::ModelList)
                }
                Ok(Request::Bank(preset)) => Some(self.bank(preset)),
                #[cfg(test)]
                Ok(Request::Wait(end)) => {
                    let _ = end.recv();
                    None
                }
                Err(RecvTimeoutError::Timeout) => self
                    .models
                    .pop_front()
                    .map(|model| Response::Model(Box::new(ModelCard::read(&model)))),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if response.is_some_and(|response| self.responses.send(response).is_err()) {
                return;
            }
        }
    }

    /// The bank, where its files have changed since it was read.
    fn changed_bank(&mut self) -> Option<Response> {
        let (preset, read) = self.banked.as_ref()?;
        if library::changes_beside(preset) == *read {
            return None;
        }
        let preset = preset.clone();
        Some(self.bank(Some(preset)))
    }

    fn bank(&mut self, preset: Option<PathBuf>) -> Response {
        let Some(preset) = preset.or_else(|| library::first().ok()) else {
            return Response::Bank(Vec::new());
        };
        // Looked at first: what comes while it is read is seen the next time.
        self.banked = Some((preset.clone(), library::changes_beside(&preset)));
        let name = |path: &Path| Some(path.file_stem()?.to_string_lossy().into_owned());
        let places = self.bank.places(&preset, &self.table);
        Response::Bank(places.iter().map(|path| name(path.as_deref()?)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(takes: PathBuf) -> ConsoleWorker {
        ConsoleWorker::start(Arc::new(Table::standard()), takes, Arc::default()).unwrap()
    }

    #[test]
    fn the_models_that_ship_are_read_beside_the_console() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let worker = start(root.join("takes"));
        let models = || Request::Models(root.join("models/crystal.safetensors"));
        assert!(worker.request(models()));
        let (mut lists, mut names) = (0, Vec::new());
        let deadline = Instant::now() + Duration::from_secs(60);
        while names.len() < 3 {
            assert!(Instant::now() < deadline, "{names:?}");
            match worker.take() {
                Some(Response::ModelList) => lists += 1,
                Some(Response::Model(card)) => names.push(card.title().to_owned()),
                Some(other) => panic!("{other:?}"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        assert_eq!(lists, 1);
        assert!(names.contains(&"crystal".to_owned()), "{names:?}");
        assert!(names.is_sorted());
        assert!(worker.free_bytes().is_some());
        // Put away in the middle of another list.
        assert!(worker.request(models()));
        drop(worker);
    }

    #[test]
    fn the_bank_is_read_while_models_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let worker = start(root.join("takes"));
        assert!(worker.request(Request::Models(root.join("models/crystal.safetensors"))));
        assert!(worker.request(Request::Bank(Some(root.join("presets/first.toml")))));
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut bank, mut models) = (None, 0);
        while bank.is_none() || models < 3 {
            assert!(Instant::now() < deadline, "{bank:?}, {models} models");
            match worker.take() {
                Some(Response::Bank(names)) => bank = Some(names),
                Some(Response::Model(_)) => models += 1,
                Some(Response::ModelList) => {}
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        assert!(bank.unwrap().contains(&Some("first".to_owned())));
    }

    #[test]
    fn a_preset_that_comes_is_seen_in_the_bank() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("b.toml"), "").unwrap();
        let worker = start(at("takes"));
        assert!(worker.request(Request::Bank(Some(at("b.toml")))));
        let deadline = Instant::now() + Duration::from_secs(60);
        let wait_for = |first: &str, second: Option<&str>| {
            loop {
                assert!(Instant::now() < deadline, "{first}, {second:?}");
                if let Some(Response::Bank(names)) = worker.take()
                    && names[0].as_deref() == Some(first)
                    && names[1].as_deref() == second
                {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_for("b", None);
        std::fs::write(at("a.toml"), "").unwrap();
        wait_for("b", Some("a"));
    }
}
