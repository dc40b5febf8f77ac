//! The MIDI hub: every port, found, connected and found again; what their controls do, and what is learnt.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_queue::ArrayQueue;

use super::input_handler::MidiContext;
use super::learning::LearnMode;
use super::map_library::{LearnResult, MapLibrary};
use super::output::{ClockOut, OutputThread};
use super::port::{JACK, PLATFORM, Port};
use super::watcher::{PortRegistry, PortWatcher};
use super::{jack_ports, platform};
use crate::control::clock::Pulses;
use crate::control::{ControlPlane, Stamp};
use crate::instrument::ParamId;
use crate::worker::Worker;

/// Settings of the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the performer's own maps; nothing is learnt where there is none.
    pub folder: Option<PathBuf>,
    /// A part of the name of the ports that MIDI clock is sent to, in any case.
    pub clock_out: Option<String>,
    /// A part of the name of the ports whose MIDI clock is taken, in any case; every port's where there is none.
    pub clock_in: Option<String>,
}

/// The present state of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortState {
    /// Its name and system.
    pub port: Port,
    /// Which source it is in this run; [`Pulses`] name it so.
    pub number: u16,
    /// The name that its map gives the device.
    pub map: String,
    /// Whether it is there.
    pub connected: bool,
    /// Whether the device is sent feedback.
    pub has_feedback: bool,
    /// When it sent something last.
    pub heard_at: Option<Stamp>,
}

/// Every MIDI source of this machine at this moment, and what a system said that gives none.
pub fn ports() -> (Vec<Port>, Vec<String>) {
    let mut found = Vec::new();
    let mut silent = Vec::new();
    let port = |system| move |name| Port { system, name };
    match platform::sources() {
        Ok(names) => found.extend(names.into_iter().map(port(PLATFORM))),
        Err(error) => silent.push(format!("{PLATFORM} gives no MIDI: {error}")),
    }
    found.extend(jack_ports::sources().into_iter().map(port(JACK)));
    (found, silent)
}

/// The hub of all MIDI ports: listens to every one until dropped; a port that goes is taken up again when it returns.
pub struct Hub {
    context: Arc<MidiContext>,
    registry: Arc<PortRegistry>,
    clock_out: ClockOut,
    // Dropped first: the LEDs go out while their ports are still open.
    _output: OutputThread,
    watcher: Worker,
}

impl Hub {
    /// Starts the threads `midi-watch`, which opens the ports, and `midi-out`, which sends. Clocks that come in go to `pulses`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: Settings,
        plane: ControlPlane,
        pulses: Arc<Pulses>,
    ) -> std::io::Result<Self> {
        let table = Arc::clone(&plane.table);
        let context = Arc::new(MidiContext {
            plane,
            pulses,
            learning: LearnMode::default(),
            clock_in: ArcSwap::from_pointee(settings.clock_in.unwrap_or_default().to_lowercase()),
            faults: AtomicU64::new(0),
        });
        let registry = Arc::new(PortRegistry {
            sources: ArcSwap::from_pointee(Vec::new()),
            last_learned: ArcSwapOption::empty(),
            unlearn_requests: ArrayQueue::new(64),
        });
        let output = OutputThread::start(Arc::clone(&context))?;
        let clock_out = output.clock_out();
        let watcher = PortWatcher::new(
            Arc::clone(&context),
            Arc::clone(&registry),
            MapLibrary::new(table, settings.folder),
            output.changes(),
            settings.clock_out,
        );
        Ok(Self {
            context,
            registry,
            clock_out,
            _output: output,
            watcher: Worker::start("midi-watch", move |stop| watcher.run(&stop))?,
        })
    }

    /// Every source that is or was there in this run. Allocates: not for the frame path.
    pub fn ports(&self) -> Vec<PortState> {
        let known = self.registry.sources.load();
        let state = |known: &super::watcher::KnownSource| {
            let heard_at = known.state.heard_at.load(Ordering::Relaxed);
            PortState {
                port: known.port.clone(),
                number: known.state.number,
                map: known.state.bound.load().map().name().to_owned(),
                connected: known.connected,
                has_feedback: known.has_feedback,
                heard_at: (heard_at > 0).then_some(heard_at),
            }
        };
        known.iter().map(state).collect()
    }

    /// The controls of the devices that are there that move a parameter, such as "APC mini mk2 CC 48", and the page where they
    /// do. Allocates: not for the frame path.
    pub fn bindings(&self, param: ParamId) -> Vec<String> {
        let known = self.registry.sources.load();
        let mut found = Vec::new();
        for known in known.iter().filter(|known| known.connected) {
            for text in known.state.bound.load().map().controls_of(param) {
                if !found.contains(&text) {
                    found.push(text);
                }
            }
        }
        found
    }

    /// Lets a parameter wait for the next control that is clearly moved, or, with none, calls that off. While it waits, controls
    /// do nothing else. What is learnt is told by a notice and by [`Hub::last_learned`].
    pub fn learn(&self, param: Option<ParamId>) {
        self.context.learning.want(param);
        self.watcher.wake();
    }

    /// The parameter that waits for a control.
    pub fn learning(&self) -> Option<ParamId> {
        self.context.learning.wanted()
    }

    /// The control that was learnt last in this run, and what it replaced.
    pub fn last_learned(&self) -> Option<Arc<LearnResult>> {
        self.registry.last_learned.load_full()
    }

    /// Takes away the learnt controls of a parameter, in every map of the performer's.
    pub fn unlearn(&self, param: ParamId) {
        // Where too many wait, hands are faster than the disk: the press is lost.
        let _ = self.registry.unlearn_requests.push(param);
        self.watcher.wake();
    }

    /// Takes MIDI clock from the ports alone that have this in their name, in any case; from every port where it is empty.
    pub fn take_clock_of(&self, part: &str) {
        let part = Arc::new(part.to_lowercase());
        self.context.clock_in.store(part);
        self.watcher.wake();
    }

    /// The name of the source of that number. Allocates: not for every frame.
    pub fn name_of(&self, number: u16) -> Option<String> {
        let known = self.registry.sources.load();
        let source = known.iter().find(|known| known.state.number == number)?;
        Some(source.port.name.clone())
    }

    /// A way to send MIDI clock to the ports that were chosen for it.
    pub fn clock_out(&self) -> ClockOut {
        self.clock_out.clone()
    }
}

/// A handle to the hub. Where there is none, nothing is bound and nothing is learnt.
#[derive(Clone, Default)]
pub struct HubHandle(Option<Arc<Hub>>);

impl HubHandle {
    /// A handle to a hub.
    pub fn new(hub: Hub) -> Self {
        Self(Some(Arc::new(hub)))
    }

    /// The hub, where there is one.
    pub fn hub(&self) -> Option<&Hub> {
        self.0.as_deref()
    }

    /// The controls that move a parameter; see [`Hub::bindings`].
    pub fn bindings(&self, param: ParamId) -> Vec<String> {
        self.hub()
            .map(|hub| hub.bindings(param))
            .unwrap_or_default()
    }

    /// Lets a parameter wait for the next control that moves; see [`Hub::learn`].
    pub fn learn(&self, param: Option<ParamId>) {
        if let Some(hub) = self.hub() {
            hub.learn(param);
        }
    }

    /// Whether a parameter waits for a control.
    pub fn is_learning(&self, param: ParamId) -> bool {
        self.hub().and_then(Hub::learning) == Some(param)
    }

    /// Lets a parameter wait for the next control that moves, or, where it does, calls that off.
    pub fn toggle_learning(&self, param: ParamId) {
        self.learn((!self.is_learning(param)).then_some(param));
    }

    /// Takes away the learnt controls of a parameter; see [`Hub::unlearn`].
    pub fn unlearn(&self, param: ParamId) {
        if let Some(hub) = self.hub() {
            hub.unlearn(param);
        }
    }
}
