//! A whole show in a test: a tiny engine, a display that only counts, and a clock that stands still but where it is waited for.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::clock::{Clock, CountedClock};
use super::controllers::Controllers;
use super::engine_thread::EngineThread;
use super::event::WindowCommand;
use super::preset_loader::InitialPatch;
use super::show::{Parts, Show};
use super::stats::StatsReport;
use super::{ConsoleChoice, Settings};
use crate::control::ControlPlane;
use crate::engine::{Engine, EngineError, Norm, Rounding};
use crate::instrument::{Action, Instrument, ParamId, Preset, Table};
use crate::library::Patch;
use crate::stage::{Finished, PostChain, PostFrame, Presentation, Presented, Presenter};

/// Paints the first number of its latents everywhere.
pub(super) struct TinyEngine(pub(super) usize);

impl Engine for TinyEngine {
    fn name(&self) -> &str {
        "tiny"
    }
    fn latent(&self) -> usize {
        self.0
    }
    fn size(&self) -> (u32, u32) {
        (8, 8)
    }
    fn forward(&mut self, _: &[f32], _: Norm, _: &mut [f32]) -> Result<(), EngineError> {
        Ok(())
    }
    fn render_rgba(
        &mut self,
        z: &[f32],
        _: Norm,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        rgba.fill(rounding.byte(z[0] / 2.0));
        Ok(())
    }
}

/// A picture that was shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    /// The request that it was drawn from.
    pub(super) number: u64,
    pub(super) tick: u64,
    /// Red, green, blue and alpha of its first pixel.
    pub(super) pixel: [u8; 4],
    pub(super) has_readout: bool,
}

/// A display that shows at once, on the counted clock.
struct CountingDisplay {
    clock: CountedClock,
    shown: Arc<Mutex<Vec<Shown>>>,
    presented: Option<Presented>,
    tick: u64,
}

impl Presenter for CountingDisplay {
    fn supply(&mut self, _: &mut PostChain, next: &PostFrame, _: (u32, u32)) -> bool {
        self.tick = next.tick;
        true
    }

    fn present(&mut self, finished: &Finished, presentation: &Presentation) {
        let Finished::Cpu(picture) = finished else {
            panic!("there is no card");
        };
        let Presentation { number, at, .. } = *presentation;
        self.shown.lock().unwrap().push(Shown {
            number,
            tick: self.tick,
            pixel: picture.rgba[..4].try_into().unwrap(),
            has_readout: presentation.readout.is_some(),
        });
        assert_eq!(at, self.clock.now(), "all goes by one clock");
        self.presented = Some(Presented { number, at });
    }

    fn presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    fn name(&self) -> &str {
        "counting"
    }
}

/// A show that a test plays.
pub(super) struct Rehearsal {
    pub(super) show: Show,
    pub(super) control: ControlPlane,
    pub(super) clock: CountedClock,
    pub(super) shown: Arc<Mutex<Vec<Shown>>>,
    pub(super) commands: Arc<Mutex<Vec<WindowCommand>>>,
    pub(super) folder: tempfile::TempDir,
}

/// The settings of a show that keeps to a folder.
pub(super) fn settings(folder: &Path) -> Settings {
    Settings {
        codec: Some(crate::record::Codec::Png),
        console: ConsoleChoice::Never,
        seed: 7,
        takes: folder.join("takes"),
        ..Settings::default()
    }
}

/// A patch of the tiny engine, whose files lie in that folder.
pub(super) fn patch(folder: &Path) -> Patch {
    Patch {
        name: "one.toml".into(),
        preset: Preset::of_seeds(1..=8),
        model: folder.join("tiny.safetensors"),
        model_sha256: "00".repeat(32),
        path: Some(folder.join("one.toml")),
        bank: None,
    }
}

impl Rehearsal {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A show with other settings.
    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        change(&mut settings);
        let table = Arc::new(Table::standard());
        let control = ControlPlane::new(&table);
        let clock = CountedClock::new();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let commands = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::clone(&commands);
        let patch = patch(folder.path());
        let opened = InitialPatch {
            instrument: Instrument::new(&patch.preset, table, 4).unwrap(),
            patch,
            engine: Box::new(TinyEngine(4)),
            palette: None,
        };
        let parts = Parts {
            controllers: Controllers::none(control.clone()),
            presenter: Box::new(CountingDisplay {
                clock: clock.clone(),
                shown: Arc::clone(&shown),
                presented: None,
                tick: 0,
            }),
            console: None,
            window: Box::new(move |command| sent.lock().unwrap().push(command)),
            clock: Box::new(clock.clone()),
        };
        let inline = |engine, _, notices| Ok(EngineThread::inline(engine, notices));
        let mut show = Show::with_engine(&settings, opened, parts, inline).unwrap();
        show.begin();
        Self {
            show,
            control,
            clock,
            shown,
            commands,
            folder,
        }
    }

    pub(super) fn id(&self, name: &str) -> ParamId {
        self.control.table.find(name).unwrap()
    }

    /// A hand does something now.
    pub(super) fn put(&self, action: Action) {
        let at = self.control.inbox.stamp(self.clock.now());
        self.control.inbox.put(action, at);
    }

    pub(super) fn fire(&self, name: &str) {
        let param = self.id(name);
        self.put(Action::Trigger { param });
    }

    pub(super) fn set(&self, name: &str, value: f64) {
        let param = self.id(name);
        self.put(Action::Set { param, value });
    }

    pub(super) fn text(&self, name: &str, text: &str) {
        let (param, text) = (self.id(name), text.into());
        self.put(Action::Text { param, text });
    }

    /// What everybody is told of a parameter.
    pub(super) fn value(&self, name: &str) -> f64 {
        self.control.values.get(self.id(name))
    }

    /// Plays so many frames.
    pub(super) fn frames(&mut self, count: usize) {
        for _ in 0..count {
            self.show.step();
            self.show.wait();
        }
    }

    /// Plays, frame by frame, until something holds that another thread brings about.
    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "waiting for {what}"
            );
            self.frames(1);
            std::thread::yield_now();
        }
    }

    /// What the performer was told since the last call.
    pub(super) fn notices(&self) -> Vec<String> {
        std::iter::from_fn(|| self.control.notices.take_logged())
            .map(|notice| notice.text)
            .collect()
    }

    pub(super) fn last(&self) -> Shown {
        self.shown.lock().unwrap().last().cloned().unwrap()
    }

    /// Ends the show.
    pub(super) fn end(self) -> (StatsReport, tempfile::TempDir) {
        (self.show.end(), self.folder)
    }
}
