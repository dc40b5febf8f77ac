//! The thread `midi-watch`: finds ports that come and go, reads maps, and writes what is learnt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::Sender;
use crossbeam_queue::ArrayQueue;

use super::jack_ports::{Foreign, JackPorts, may_run};
use super::listener::{Common, Line, Listener};
use super::output::{Change, Duty};
use super::platform::Platform;
use super::port::{JACK, PLATFORM, Port, lasting};
use super::reader::Wiring;
use super::shelf::{Learnt, Shelf};
use crate::control::Notices;
use crate::instrument::ParamId;

mod learnt;
mod outlets;

/// Ports that came or went are noticed this often.
const INTERVAL: Duration = Duration::from_millis(300);
/// A control that is learnt is noticed this often.
const LEARNING: Duration = Duration::from_millis(50);
/// Maps that were changed on disk are noticed this often.
const LOOK: Duration = Duration::from_secs(1);
/// Most sources that are remembered.
const MAX_SOURCES: usize = 1024;
/// The purpose of the JACK port that sends the clock.
const CLOCK: &str = "clock_out";

/// A source that is or was there, as others see it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) port: Port,
    pub(super) line: Arc<Line>,
    pub(super) connected: bool,
    pub(super) told: bool,
}

/// What others see of the watch and ask of it.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) known: ArcSwap<Vec<Known>>,
    pub(super) learnt: ArcSwapOption<Learnt>,
    pub(super) unlearn: ArrayQueue<ParamId>,
}

/// Which source: its system, its lasting name, and its place among those of the same name.
type Key = (&'static str, String, usize);

struct Source {
    line: Arc<Line>,
    /// Every name that it has; the first one is shown.
    names: Vec<String>,
    /// The platform's identifier, while it is there.
    id: Option<String>,
    connected: bool,
    fresh: bool,
}

struct Outlet {
    number: u64,
    duty: Arc<Duty>,
}

pub(super) struct Watch {
    common: Arc<Common>,
    notices: Arc<Notices>,
    board: Arc<Board>,
    shelf: Shelf,
    changes: Sender<Change>,
    clock_out: Option<String>,
    sources: BTreeMap<Key, Source>,
    /// By system and sink.
    outlets: BTreeMap<(&'static str, String), Outlet>,
    count: u64,
    platform: Platform,
    platform_was_silent: bool,
    jack: Option<JackPorts>,
    /// Maps that were exchanged: callbacks may still hold them, and must not be the ones that drop them.
    retired: Vec<Arc<Wiring>>,
    looked: Option<Instant>,
    faults_told: (u64, Instant),
}

impl Watch {
    pub(super) fn new(
        common: Arc<Common>,
        notices: Arc<Notices>,
        board: Arc<Board>,
        shelf: Shelf,
        changes: Sender<Change>,
        clock_out: Option<String>,
    ) -> Self {
        Self {
            common,
            notices,
            board,
            shelf,
            changes,
            clock_out: clock_out.map(|part| part.to_lowercase()),
            sources: BTreeMap::new(),
            outlets: BTreeMap::new(),
            count: 0,
            platform: Platform::default(),
            platform_was_silent: false,
            jack: None,
            retired: Vec::new(),
            looked: None,
            faults_told: (0, Instant::now()),
        }
    }

    pub(super) fn run(mut self, closing: &AtomicBool) {
        let mut due = Instant::now();
        while !closing.load(Ordering::Relaxed) {
            self.learn();
            let now = Instant::now();
            if now >= due {
                self.look_at_maps(now);
                self.look_at_platform();
                self.look_at_jack();
                self.tell_faults();
                self.publish();
                self.retired.retain(|old| Arc::strong_count(old) > 1);
                due = now + INTERVAL;
            }
            let learning = self.common.learning.wanted().is_some();
            let wait = if learning { LEARNING } else { INTERVAL };
            std::thread::park_timeout(wait.min(due.saturating_duration_since(Instant::now())));
        }
        self.platform.close();
        if let Some(jack) = self.jack {
            jack.close();
        }
    }

    fn look_at_maps(&mut self, now: Instant) {
        let due = |looked: Instant| now.duration_since(looked) >= LOOK;
        if self.looked.is_none_or(due) {
            self.looked = Some(now);
            if self.shelf.look(&self.notices) {
                self.rewire();
            }
        }
    }

    /// Gives every source the map that is for it now.
    fn rewire(&mut self) {
        for source in self.sources.values() {
            let before = source.line.wiring.load_full();
            match self.shelf.map(&source.names) {
                Ok(map) if map != before.map => {
                    let wiring = Arc::new(Wiring::follow(map, &before));
                    self.retired.push(source.line.wiring.swap(wiring));
                }
                Ok(_) => {}
                Err(error) => self.notices.warn(format!(
                    "the controller map of {}: {error}",
                    source.names.first().map_or("a port", String::as_str)
                )),
            }
        }
    }

    fn look_at_platform(&mut self) {
        if let Err(error) = self.platform.open() {
            if !self.platform_was_silent {
                self.platform_was_silent = true;
                tracing::info!(
                    "{PLATFORM} gives no MIDI ({error}); JACK's is listened to where it runs"
                );
            }
            return;
        }
        let there = self.platform.sources();
        for source in self.sources.values_mut() {
            let gone = |id: &mut String| !there.iter().any(|(other, _)| other == id);
            if source.id.take_if(gone).is_some() {
                source.connected = false;
            }
        }
        for (id, name) in &there {
            if !self.platform.listens(id) {
                self.listen_to_platform(id, name);
            }
        }
        self.tell(PLATFORM);
        let sinks: Vec<(String, Vec<String>)> = self
            .platform
            .sinks()
            .into_iter()
            .map(|(id, name)| (id, vec![lasting(&name).to_owned()]))
            .collect();
        self.outlets_of(PLATFORM, &sinks);
    }

    fn listen_to_platform(&mut self, id: &str, name: &str) {
        let name = lasting(name).to_owned();
        // Two of the same name are told apart by their order.
        let free = |place: &usize| {
            let source = self.sources.get(&(PLATFORM, name.clone(), *place));
            source.is_none_or(|source| source.id.is_none())
        };
        let Some(place) = (0..MAX_SOURCES).find(free) else {
            return;
        };
        let key = (PLATFORM, name.clone(), place);
        let Some(line) = self.line(&key, vec![name.clone()]) else {
            return;
        };
        let listener = Listener::new(line, Arc::clone(&self.common));
        match self.platform.listen(id, listener) {
            Ok(()) => {
                if let Some(source) = self.sources.get_mut(&key) {
                    source.id = Some(id.to_owned());
                    (source.connected, source.fresh) = (true, true);
                }
            }
            Err(error) => tracing::debug!("MIDI port {name}: {error}"),
        }
    }

    /// The line of a source, which is remembered from now on.
    fn line(&mut self, key: &Key, names: Vec<String>) -> Option<Arc<Line>> {
        if let Some(source) = self.sources.get(key) {
            return Some(Arc::clone(&source.line));
        }
        if self.sources.len() >= MAX_SOURCES {
            return None;
        }
        let map = match self.shelf.map(&names) {
            Ok(map) => map,
            Err(error) => {
                self.notices
                    .warn(format!("the controller map of {}: {error}", key.1));
                return None;
            }
        };
        let line = Arc::new(Line {
            number: self.sources.len() as u16,
            wiring: ArcSwap::from_pointee(Wiring::new(map)),
            heard_at: 0.into(),
        });
        let source = Source {
            line: Arc::clone(&line),
            names,
            id: None,
            connected: false,
            fresh: false,
        };
        self.sources.insert(key.clone(), source);
        Some(line)
    }

    fn look_at_jack(&mut self) {
        if let Some(jack) = self.jack.take_if(|jack| jack.is_gone()) {
            self.notices
                .warn("JACK has ended; it is joined again when it returns");
            jack.close();
            for ((system, ..), source) in &mut self.sources {
                source.connected &= *system != JACK;
            }
            self.close_outlets(JACK, |_| false);
        }
        if self.jack.is_none() {
            self.jack = may_run().then(JackPorts::open).and_then(Result::ok);
        }
        let Some(mut jack) = self.jack.take() else {
            return self.tell(JACK);
        };
        // What a bridge shows of the platform's devices is listened to there.
        let both = self.platform.is_there();
        let ours = |port: &Foreign| !(both && port.bridged);
        let there: Vec<Foreign> = jack.sources().into_iter().filter(ours).collect();
        for foreign in &there {
            let Some(name) = foreign.names.first() else {
                continue;
            };
            let key = (JACK, name.clone(), 0);
            let Some(line) = self.line(&key, foreign.names.clone()) else {
                continue;
            };
            let common = Arc::clone(&self.common);
            let fresh = jack.connect_source(name, || Listener::new(line, common));
            if let Some(source) = self.sources.get_mut(&key) {
                source.connected = fresh.is_some();
                source.fresh |= fresh == Some(true);
            }
        }
        let names = |foreign: &[Foreign]| -> Vec<String> {
            let first = |port: &Foreign| port.names.first().cloned();
            foreign.iter().filter_map(first).collect()
        };
        let (sources, sinks) = (names(&there), jack.sinks());
        let sinks: Vec<Foreign> = sinks.into_iter().filter(ours).collect();
        for ((system, name, _), source) in &mut self.sources {
            source.connected &= *system != JACK || sources.contains(name);
        }
        self.jack = Some(jack);
        self.tell(JACK);
        let sinks: Vec<(String, Vec<String>)> = sinks
            .into_iter()
            .filter_map(|sink| Some((sink.names.first()?.clone(), sink.names)))
            .collect();
        self.outlets_of(JACK, &sinks);
        self.clock_at_jack(&sinks);
        let sinks: Vec<String> = sinks.into_iter().map(|(name, _)| name).collect();
        if let Some(jack) = &mut self.jack {
            jack.forget(|name| {
                name == CLOCK || sources.iter().chain(&sinks).any(|there| there == name)
            });
        }
    }

    /// Tells of sources of a system that came or went.
    fn tell(&mut self, system: &'static str) {
        let before = self.board.known.load_full();
        for ((of, ..), source) in &self.sources {
            let number = source.line.number;
            let was = before.iter().find(|known| known.line.number == number);
            let was = was.is_some_and(|known| known.connected);
            if *of != system || was == source.connected {
                continue;
            }
            let name = source.names.first().map_or("a port", String::as_str);
            if source.connected {
                let wiring = source.line.wiring.load();
                let map = wiring.map.name();
                self.notices
                    .info(format!("MIDI: {name} ({system}), map {map}"));
            } else {
                self.notices
                    .warn(format!("MIDI: {name} ({system}) has gone"));
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let speaking: Vec<u16> = self
            .outlets
            .values()
            .filter_map(|outlet| Some(outlet.duty.line.load().as_ref()?.number))
            .collect();
        let known = self
            .sources
            .iter()
            .map(|((system, name, _), source)| Known {
                port: Port {
                    system,
                    name: name.clone(),
                },
                line: Arc::clone(&source.line),
                connected: source.connected,
                told: speaking.contains(&source.line.number),
            });
        self.board.known.store(Arc::new(known.collect()));
    }

    fn tell_faults(&mut self) {
        let faults = self.common.faults.load(Ordering::Relaxed);
        let (told, at) = self.faults_told;
        if faults > told && at.elapsed() >= Duration::from_secs(1) {
            self.notices.warn(format!(
                "MIDI: {} broken messages were passed over",
                faults - told
            ));
            self.faults_told = (faults, Instant::now());
        }
    }
}
