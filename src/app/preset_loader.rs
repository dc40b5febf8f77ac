//! The thread `preset-loader`: opens presets and models beside the show, saves presets, and watches the file of the one that plays.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Settings;
use super::controllers::Controllers;
use crate::control::{ControlPlane, Notices};
use crate::engine::{Backend, Engine, EngineOptions, Winograd, open, sample_palette};
use crate::files::write_atomic;
use crate::instrument::{Instrument, Preset, Recall, Table};
use crate::library::{self, Bank, Patch};
use crate::network::weights::GeneratorWeights;
use crate::palette::{Oklab, Palette};
use crate::report::chain;
use crate::take::Model;
use crate::worker::Worker;

/// Requests that can wait.
const WAITING: usize = 64;
/// The file of the preset that plays is looked at this often.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// The patch that a show begins with.
pub(super) struct InitialPatch {
    pub(super) patch: Patch,
    pub(super) instrument: Instrument,
    pub(super) engine: Box<dyn Engine>,
    /// The colours of its model's footage, where the file tells them.
    pub(super) palette: Option<Oklab>,
}

impl InitialPatch {
    pub(super) fn open(
        patch: Patch,
        settings: &Settings,
        table: &Arc<Table>,
    ) -> anyhow::Result<Self> {
        let weights = GeneratorWeights::load(&patch.model)?;
        let engine = open(&weights, &settings.engine)?;
        let instrument = Instrument::new(&patch.preset, Arc::clone(table), engine.latent())
            .with_context(|| format!("cannot play {}", patch.name))?;
        Ok(Self {
            patch,
            instrument,
            engine,
            palette: weights.palette.as_ref().map(Palette::oklab),
        })
    }
}

/// A model made ready.
pub(super) struct LoadedModel {
    pub(super) engine: Box<dyn Engine>,
    /// The colours of its footage, where the file tells them.
    pub(super) palette: Option<Oklab>,
}

/// A patch made ready to play.
pub(super) struct Loaded {
    pub(super) patch: Arc<Patch>,
    /// Nothing where only the model changes.
    pub(super) recall: Option<(Recall, Arc<Preset>)>,
    /// Nothing where the patch is played on the engine that is there.
    pub(super) model: Option<LoadedModel>,
}

/// Which preset is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PresetSelector {
    /// So many after the one that was asked for last, in its folder.
    Neighbour(isize),
    /// That place of the bank, counted from 0.
    Bank(usize),
    /// The one of that name.
    Named(Box<str>),
}

/// What is to be played next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoadRequest {
    /// A preset beside the one that plays.
    Preset(PresetSelector),
    /// The model of that name, for the loop that plays.
    Model(Box<str>),
}

enum Request {
    Load(LoadRequest),
    /// Save a preset of this patch under that name.
    Save(Box<str>, Box<Preset>, Arc<Patch>),
    /// Throw away what takes time to throw away.
    Retire(Box<dyn Any + Send>),
}

/// Too many requests wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

/// The show's end of the thread. Of several loads that wait, the newest is carried out; the neighbour of a preset is counted from
/// the one that was asked for last, whether it plays yet or not.
pub(super) struct PresetLoader {
    // Dropped first: the thread ends with it.
    requests: Sender<Request>,
    loaded: Receiver<Box<Loaded>>,
    _worker: Worker,
}

impl PresetLoader {
    /// Starts the thread of a show that begins with this patch, on a model with latents of that length.
    pub(super) fn start(
        settings: &Settings,
        controllers: &Controllers,
        patch: &Arc<Patch>,
        latent: usize,
    ) -> std::io::Result<Self> {
        let options = EngineOptions {
            // Measuring would take the processor from the show.
            winograd: match settings.engine.winograd {
                Winograd::Auto => Winograd::Cached,
                other => other,
            },
            ..settings.engine.clone()
        };
        let open = move |model: &Path| {
            let weights = GeneratorWeights::load(model)?;
            Ok(LoadedModel {
                engine: open(&weights, &options)?,
                palette: weights.palette.as_ref().map(Palette::oklab),
            })
        };
        Self::with(open, &controllers.control, &controllers.bank, patch, latent)
    }

    /// [`PresetLoader::start`] with another way to open a model's file.
    fn with(
        open_model: impl Fn(&Path) -> anyhow::Result<LoadedModel> + Send + 'static,
        control: &ControlPlane,
        bank: &Arc<Bank>,
        patch: &Arc<Patch>,
        latent: usize,
    ) -> std::io::Result<Self> {
        let (requests, inbox) = bounded(WAITING);
        let (outbox, loaded) = bounded(1);
        let loader = Loader {
            open_model: Box::new(open_model),
            table: Arc::clone(&control.table),
            notices: Arc::clone(&control.notices),
            bank: Arc::clone(bank),
            requested: patch.path.clone(),
            modified: patch.path.as_deref().and_then(modified),
            current: Arc::clone(patch),
            latent,
            next: None,
        };
        let worker = Worker::start("preset-loader", move |_| loader.run(&inbox, &outbox))?;
        Ok(Self {
            requests,
            loaded,
            _worker: worker,
        })
    }

    /// Asks for another preset or model. Does not wait.
    pub(super) fn load(&self, request: LoadRequest) -> Result<(), Busy> {
        self.ask(Request::Load(request))
    }

    /// Has a preset of this patch saved, under a free name where it is empty. Does not wait.
    pub(super) fn save(
        &self,
        name: Box<str>,
        preset: Preset,
        patch: &Arc<Patch>,
    ) -> Result<(), Busy> {
        self.ask(Request::Save(name, Box::new(preset), Arc::clone(patch)))
    }

    /// Takes what would take its time to be thrown away; where too many requests wait it is thrown away here.
    pub(super) fn retire(&self, what: impl Any + Send) {
        let _ = self.ask(Request::Retire(Box::new(what)));
    }

    /// What is ready to play, if anything is.
    pub(super) fn take(&self) -> Option<Box<Loaded>> {
        self.loaded.try_recv().ok()
    }

    fn ask(&self, request: Request) -> Result<(), Busy> {
        self.requests.try_send(request).map_err(|_full| Busy)
    }
}

/// What is opened next.
enum Target {
    Preset(PathBuf, Option<Walk>),
    Model(Box<str>),
}

/// A walk from preset to preset: past those that do not open, until one does.
struct Walk {
    direction: isize,
    /// Those that did not open.
    tried: Vec<PathBuf>,
}

/// Reads a model file and makes an engine for it.
type OpenModel = Box<dyn Fn(&Path) -> anyhow::Result<LoadedModel> + Send>;

struct Loader {
    open_model: OpenModel,
    table: Arc<Table>,
    notices: Arc<Notices>,
    bank: Arc<Bank>,
    /// The patch that was handed over last, the length of its latents, and when its file was changed.
    current: Arc<Patch>,
    latent: usize,
    modified: Option<SystemTime>,
    /// The preset that was asked for last.
    requested: Option<PathBuf>,
    next: Option<Target>,
}

impl Loader {
    fn run(mut self, inbox: &Receiver<Request>, outbox: &Sender<Box<Loaded>>) {
        loop {
            let loaded = match inbox.recv_timeout(WATCH_INTERVAL) {
                Ok(request) => {
                    self.handle(request);
                    self.load_newest(inbox)
                }
                Err(RecvTimeoutError::Timeout) => self.reload_changed(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Some(loaded) = loaded {
                self.hand_over(&loaded);
                if outbox.send(Box::new(loaded)).is_err() {
                    return;
                }
            }
        }
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Load(LoadRequest::Model(name)) => self.next = Some(Target::Model(name)),
            Request::Load(LoadRequest::Preset(which)) => match self.path(&which) {
                Ok(path) => {
                    let walk = match which {
                        PresetSelector::Neighbour(steps) => Some(Walk {
                            direction: steps.signum(),
                            tried: Vec::new(),
                        }),
                        _ => None,
                    };
                    // From a name that is not there, nobody goes on.
                    if walk.is_some() || path.is_file() {
                        self.requested = Some(path.clone());
                    }
                    self.next = Some(Target::Preset(path, walk));
                }
                Err(error) => self.notices.warn(chain(error.as_ref())),
            },
            Request::Save(name, preset, patch) => self.save(&name, *preset, &patch),
            Request::Retire(what) => drop(what),
        }
    }

    /// Opens what was asked for last; nothing where it cannot be opened.
    fn load_newest(&mut self, inbox: &Receiver<Request>) -> Option<Loaded> {
        loop {
            while let Ok(request) = inbox.try_recv() {
                self.handle(request);
            }
            // Looked at first: what is changed while it is read is read again.
            let (found, loaded, walk) = match self.next.take()? {
                Target::Preset(path, walk) => {
                    let found = modified(&path);
                    let loaded = self.open(&path);
                    (found, loaded, walk.map(|walk| (walk, path)))
                }
                Target::Model(name) => (self.modified, self.open_model(&name), None),
            };
            while let Ok(request) = inbox.try_recv() {
                self.handle(request);
            }
            if self.next.is_some() {
                // Something else was asked for meanwhile: it is not played, but what is wrong with it is told.
                if let Err(error) = loaded {
                    self.notices.warn(chain(error.as_ref()));
                }
                continue;
            }
            if let Some(loaded) = self.report(loaded, "playing") {
                self.modified = found;
                return Some(loaded);
            }
            let (walk, path) = walk?;
            self.go_on(walk, path);
        }
    }

    /// Goes on with a walk past a preset that does not open, unless all of its folder were tried.
    fn go_on(&mut self, mut walk: Walk, path: PathBuf) {
        let next = library::neighbour(&path, walk.direction);
        walk.tried.push(path);
        let plays = self.current.path.as_deref().and_then(Path::file_name);
        // Folders of one name may be several: their files are told apart by name, as the walk does.
        let is_new = |next: &PathBuf| {
            let name = next.file_name();
            name != plays && walk.tried.iter().all(|tried| tried.file_name() != name)
        };
        match next.filter(is_new) {
            Some(next) => {
                self.requested = Some(next.clone());
                self.next = Some(Target::Preset(next, Some(walk)));
            }
            None => {
                self.requested = self.current.path.clone().or_else(|| self.requested.take());
                self.notices
                    .warn("no other preset of this folder opens; the one that plays goes on");
            }
        }
    }

    /// The patch that plays, opened again where its file has changed.
    fn reload_changed(&mut self) -> Option<Loaded> {
        let found = modified(self.current.path.as_deref()?);
        // A file that is gone for a moment is one that is being written.
        if found.is_none() || found == self.modified {
            return None;
        }
        self.modified = found;
        let path = self.current.path.clone()?;
        let loaded = self.open(&path);
        if let Ok(loaded) = &loaded
            && loaded.patch.preset == self.current.preset
        {
            return None;
        }
        let mut loaded = self.report(loaded, "read again")?;
        loaded.recall = loaded
            .recall
            .map(|(recall, preset)| (recall.keeping_head(), preset));
        Some(loaded)
    }

    fn hand_over(&mut self, loaded: &Loaded) {
        self.current = Arc::clone(&loaded.patch);
        if let Some(model) = &loaded.model {
            self.latent = model.engine.latent();
        }
    }

    /// Saves a preset of a patch.
    fn save(&mut self, name: &str, mut preset: Preset, patch: &Patch) {
        preset.model = Some(model_name(patch));
        preset.model_sha256 = Some(patch.model_sha256.clone());
        match self.write(name, preset, patch) {
            Ok(path) => {
                if self.current.path.as_deref() == Some(&path) {
                    self.modified = modified(&path);
                }
                self.notices.info(format!("saved {}", path.display()));
            }
            Err(error) => self.notices.warn(format!(
                "the preset was not saved: {}",
                chain(error.as_ref())
            )),
        }
    }

    /// What was there under the same name is kept beside it.
    fn write(&self, name: &str, mut preset: Preset, patch: &Patch) -> anyhow::Result<PathBuf> {
        let path = library::place_for(patch, name)?;
        preset.bank = self.bank.place_to_save(&path, &self.table);
        let text = preset.to_toml()?;
        if path.exists() {
            let before = path.with_extension("toml.bak");
            std::fs::copy(&path, &before)
                .with_context(|| format!("cannot keep {}", before.display()))?;
        }
        write_atomic(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn path(&self, which: &PresetSelector) -> anyhow::Result<PathBuf> {
        let beside = match &self.requested {
            Some(path) => path.clone(),
            None => library::first()?,
        };
        match which {
            PresetSelector::Neighbour(_) if self.requested.is_none() => Ok(beside),
            PresetSelector::Neighbour(steps) => library::neighbour(&beside, *steps)
                .with_context(|| format!("there is no preset beside {}", beside.display())),
            PresetSelector::Named(name) => library::named_preset(&beside, name),
            PresetSelector::Bank(place) => {
                let mut bank = self.bank.places(&beside, &self.table);
                let found = bank.get_mut(*place).and_then(Option::take);
                found.with_context(|| format!("place {} of the bank is empty", place + 1))
            }
        }
    }

    /// Opens a preset; the engine only where its model is another than the present one.
    fn open(&self, path: &Path) -> anyhow::Result<Loaded> {
        let mut patch = library::preset(path, &self.table)?;
        patch.bank = self.bank.place_of(path, &self.table);
        if let Some(made_with) = &patch.preset.model_sha256
            && *made_with != patch.model_sha256
        {
            self.notices.warn(format!(
                "{} was saved with another model than {} is now: its pictures will differ",
                patch.name,
                patch.model.display()
            ));
        }
        let model = self.model_of(&patch)?;
        let latent = model
            .as_ref()
            .map_or(self.latent, |model| model.engine.latent());
        let recall = Recall::new(&patch.preset, &self.table, latent)
            .with_context(|| format!("cannot play {}", patch.name))?;
        let preset = Arc::new(patch.preset.clone());
        Ok(Loaded {
            patch: Arc::new(patch),
            recall: Some((recall, preset)),
            model,
        })
    }

    fn open_model(&self, name: &str) -> anyhow::Result<Loaded> {
        let model = library::named_model(&self.current.model, name)?;
        let mut patch = Patch {
            model_sha256: crate::files::sha256(&model)?,
            model,
            ..Patch::clone(&self.current)
        };
        patch.preset.model_sha256 = None;
        let model = self.model_of(&patch)?;
        if let Some(LoadedModel { engine, .. }) = &model
            && engine.latent() != self.latent
        {
            bail!(
                "{} takes latents of {} numbers, the loop has {}: load a preset of that model instead",
                patch.model.display(),
                engine.latent(),
                self.latent
            );
        }
        Ok(Loaded {
            patch: Arc::new(patch),
            recall: None,
            model,
        })
    }

    fn model_of(&self, patch: &Patch) -> anyhow::Result<Option<LoadedModel>> {
        if patch.model_sha256 == self.current.model_sha256 {
            return Ok(None);
        }
        (self.open_model)(&patch.model).map(Some)
    }

    fn report(&self, loaded: anyhow::Result<Loaded>, what: &str) -> Option<Loaded> {
        match loaded {
            Ok(loaded) => {
                let name = match loaded.recall {
                    Some(_) => loaded.patch.name.clone(),
                    None => loaded.patch.model.display().to_string(),
                };
                self.notices.info(format!("{what} {name}"));
                Some(loaded)
            }
            Err(error) => {
                self.notices.warn(chain(error.as_ref()));
                None
            }
        }
    }
}

/// A patch's model, as a take names it.
pub(super) fn take_model(patch: &Patch, latent: usize) -> Model {
    Model {
        name: model_name(patch),
        sha256: patch.model_sha256.clone(),
        latent: latent as u32,
    }
}

fn model_name(patch: &Patch) -> String {
    let name = patch.model.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// Finds the colours that a model paints with, where its file does not tell those of its footage: a second or a few, on a thread
/// of its own for each model.
#[derive(Default)]
pub(super) struct PaletteSearch {
    has_begun: bool,
    running: Option<(PathBuf, Worker<Option<Oklab>>)>,
}

impl PaletteSearch {
    /// Whether it has been asked for, with or without success.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Forgets about it, for another model is played: what runs is left to end by itself.
    pub(super) fn reset(&mut self) {
        self.has_begun = false;
        if let Some((_, search)) = self.running.take() {
            search.abandon();
        }
    }

    /// Begins with this patch's model.
    pub(super) fn begin(&mut self, patch: &Patch, options: &EngineOptions, notices: &Arc<Notices>) {
        self.has_begun = true;
        let options = EngineOptions {
            // The show's own threads come first.
            backend: Backend::Cpu,
            threads: Some(1),
            ..options.clone()
        };
        let (model, told) = (patch.model.clone(), Arc::clone(notices));
        let search = Worker::start("palette", move |_| {
            let palette = GeneratorWeights::load(&model)
                .map_err(anyhow::Error::from)
                .and_then(|weights| Ok(open(&weights, &options)?))
                .and_then(|mut engine| Ok(sample_palette(engine.as_mut())?));
            let palette = palette.unwrap_or_else(|error| {
                told.warn(format!(
                    "the colours of {} are not found out: {}",
                    model.display(),
                    chain(error.as_ref())
                ));
                None
            });
            palette.as_ref().map(Palette::oklab)
        });
        match search {
            Ok(search) => self.running = Some((patch.model.clone(), search)),
            Err(error) => notices.warn(format!(
                "cannot start the thread that finds the model's colours: {error}"
            )),
        }
    }

    /// The colours of this patch's model, once they are found.
    pub(super) fn take(&mut self, patch: &Patch) -> Option<Oklab> {
        if !self.running.as_ref()?.1.is_finished() {
            return None;
        }
        let (model, search) = self.running.take()?;
        search.join().flatten().filter(|_| model == patch.model)
    }
}

#[cfg(test)]
mod tests;
