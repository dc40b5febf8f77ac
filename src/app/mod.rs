//! The show: wires controllers, engine, stage and recorder around the instrument, and runs it.

mod arm;
mod clock;
mod clocks;
mod commands;
mod console;
mod controllers;
mod engine_thread;
mod event;
mod frame_source;
mod gpu_recovery;
mod hud;
mod keyboard;
mod monitor;
mod outputs;
mod performance;
mod placement;
mod presenting;
mod preset_loader;
mod recording;
mod recording_worker;
#[cfg(test)]
mod rehearsal;
mod show;
mod sleep_inhibitor;
mod sound_input;
mod stats;
mod status;
mod take_log;
mod thumbnail;
mod window;
#[cfg(all(unix, not(target_os = "macos")))]
mod x11;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::control::{ControlPlane, NoticeLog};
use crate::engine::{EngineOptions, Norm};
use crate::instrument::params::SHOW_QUIT;
use crate::instrument::{Action, Table};
use crate::interrupt;
use crate::library;
use crate::record::{Codec, Encoders, FpsMode};
use crate::stage::{Offscreen, Presenter, Target};

use controllers::Controllers;
use preset_loader::InitialPatch;
use stats::StatsReport;

pub use monitor::{Display, Monitor, monitors, open_display};
pub use take_log::TakeLog;

/// Where the performer's console opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConsoleChoice {
    /// Nowhere.
    Never,
    /// On another monitor than the output, where there is one.
    #[default]
    Auto,
    /// In a window where the system puts it.
    Window,
    /// On the monitor with that in its name.
    Monitor(String),
}

/// How a show is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The model or preset; the preset that ships where none is named.
    pub patch: Option<PathBuf>,
    /// What draws.
    pub engine: EngineOptions,
    /// Batch norm's statistics, instead of the preset's.
    pub norm: Option<Norm>,
    /// Pictures a second.
    pub fps: f64,
    /// Size of what is recorded, in pixels; the engine's own where none is given.
    pub size: Option<(u32, u32)>,
    /// How recordings are coded; H.264 where none is given.
    pub codec: Option<Codec>,
    /// What codes them.
    pub encoder: Encoders,
    /// Whether recordings have a constant frame rate.
    pub fps_mode: FpsMode,
    /// Whether recordings become plain MP4 files when they are closed.
    pub plain_mp4: bool,
    /// Whether recordings have pictures as they were before their look.
    pub without_look: bool,
    /// Where raw pictures go.
    pub out: Vec<Target>,
    /// Size of raw pictures, in pixels; the engine's own where none is given.
    pub out_size: Option<(u32, u32)>,
    /// Where OSC is listened to, `HOST:PORT`; nowhere where none is given.
    pub osc: Option<String>,
    /// Where OSCQuery is served, `HOST:PORT` or `none`; beside OSC, at a free port, where none is given.
    pub oscquery: Option<String>,
    /// The networks that OSC and OSCQuery are let in from; all where none is given.
    pub osc_allow: Vec<ipnet::IpNet>,
    /// Where every change is sent.
    pub osc_out: Option<String>,
    /// A part of the name of the MIDI ports that clock is sent to.
    pub midi_clock_out: Option<String>,
    /// A part of the name of the MIDI ports whose clock is taken; every one where none is given.
    pub midi_clock_in: Option<String>,
    /// The sound input that is listened to.
    pub sound_in: Option<String>,
    /// Parts of the names of the monitors to play on: an output for each. Where none is given, one output, where it was last.
    pub monitors: Vec<String>,
    /// The performer's console.
    pub console: ConsoleChoice,
    /// Whether the show begins fullscreen.
    pub fullscreen: bool,
    /// How long it lasts from its first frame on; until it is ended where none is given.
    pub length: Option<Duration>,
    /// Where its figures are written when it ends.
    pub stats: Option<PathBuf>,
    /// Where the seeds of re-rolls begin.
    pub seed: u64,
    /// The folder for recordings.
    pub takes: PathBuf,
}

impl Default for Settings {
    /// Sixty pictures a second of the preset that ships, heard by nobody, recorded into `takes`.
    fn default() -> Self {
        Self {
            patch: None,
            engine: EngineOptions::default(),
            norm: None,
            fps: 60.0,
            size: None,
            codec: None,
            encoder: Encoders::default(),
            fps_mode: FpsMode::default(),
            plain_mp4: false,
            without_look: false,
            out: Vec::new(),
            out_size: None,
            osc: None,
            oscquery: None,
            osc_allow: Vec::new(),
            osc_out: None,
            midi_clock_out: None,
            midi_clock_in: None,
            sound_in: None,
            monitors: Vec::new(),
            console: ConsoleChoice::default(),
            fullscreen: false,
            length: None,
            stats: None,
            seed: 1,
            takes: "takes".into(),
        }
    }
}

/// Plays a show, in a window on a display or, without one, offscreen in real time, until it is ended.
///
/// # Errors
/// When the preset, the model or the engine cannot be opened, or the statistics cannot be written. What fails later is named
/// while the show goes on.
pub fn run(settings: &Settings, display: Option<Display>) -> anyhow::Result<()> {
    play(settings, |control, opened, controllers| {
        let (inbox, notices) = (Arc::clone(&control.inbox), Arc::clone(&control.notices));
        interrupt::listen(move || {
            let at = inbox.now();
            inbox.put(Action::fire(SHOW_QUIT), at);
            notices.log("the show ends; Ctrl+C once more ends it at once");
        })?;
        match display {
            Some(display) => window::run(display, settings, opened, controllers),
            None => {
                let presenter = Offscreen::new(control.notices.reporter());
                play_on(settings, Box::new(presenter), opened, controllers)
            }
        }
    })
}

/// Plays a show in real time on a presenter of one's own, without a window, until it is ended.
///
/// # Errors
/// As [`run`].
pub fn run_on(settings: &Settings, presenter: Box<dyn Presenter>) -> anyhow::Result<()> {
    play(settings, |_, opened, controllers| {
        play_on(settings, presenter, opened, controllers)
    })
}

/// Opens what a show begins with, plays it and writes its statistics.
fn play(
    settings: &Settings,
    run: impl FnOnce(&ControlPlane, InitialPatch, Controllers) -> anyhow::Result<StatsReport>,
) -> anyhow::Result<()> {
    crate::memory::give_back_what_is_freed();
    let table = Arc::new(Table::standard());
    let control = ControlPlane::new(&table);
    // Dropped last: what others say when they end is logged too.
    let _log =
        NoticeLog::start(&control.notices).context("cannot start the thread that logs notices")?;
    let patch = library::open(settings.patch.as_deref(), &table)?;
    let opened = InitialPatch::open(patch, settings, &table)?;
    let controllers = Controllers::start(settings, control.clone())?;
    let report = run(&control, opened, controllers)?;
    write_stats(settings, &report)
}

/// Writes what a show came to, where it is to be written.
fn write_stats(settings: &Settings, report: &StatsReport) -> anyhow::Result<()> {
    if let Some(path) = &settings.stats {
        let text = serde_json::to_string_pretty(report)?;
        crate::files::write_atomic(path, text.as_bytes())
            .with_context(|| format!("cannot write the statistics to {}", path.display()))?;
    }
    Ok(())
}

fn play_on(
    settings: &Settings,
    presenter: Box<dyn Presenter>,
    opened: InitialPatch,
    controllers: Controllers,
) -> anyhow::Result<StatsReport> {
    let parts = show::Parts {
        controllers,
        presenter,
        console: None,
        window: Box::new(|_| {}),
        clock: Box::new(clock::RealClock),
    };
    Ok(show::Show::new(settings, opened, parts)?.run())
}
