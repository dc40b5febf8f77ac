//! The port watcher, thread `midi-watch`: finds ports that come and go, reads maps, and writes what is learnt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::Sender;
use crossbeam_queue::ArrayQueue;

use super::bound_map::BoundMap;
use super::input_handler::{InputHandler, MidiContext, SourceState};
use super::jack_ports::{ForeignPort, JackPorts, may_run};
use super::learning::LearnedControl;
use super::map_library::{LearnResult, MapLibrary};
use super::output::{OutputChange, OutputPort, OutputRole, offer};
use super::platform::Platform;
use super::port::{JACK, PLATFORM, Port, is_same_device, same_client, stable_name};
use crate::instrument::ParamId;
use crate::instrument::params::MIDI_PAGE;
use crate::worker::StopSignal;

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

/// A source that is or was there, as published.
#[derive(Clone, Debug)]
pub(super) struct KnownSource {
    pub(super) port: Port,
    pub(super) state: Arc<SourceState>,
    pub(super) connected: bool,
    /// Whether its device is sent feedback.
    pub(super) has_feedback: bool,
}

/// The registry of ports: what the watcher publishes, and what it is asked.
#[derive(Debug)]
pub(super) struct PortRegistry {
    pub(super) sources: ArcSwap<Vec<KnownSource>>,
    pub(super) last_learned: ArcSwapOption<LearnResult>,
    pub(super) unlearn_requests: ArrayQueue<ParamId>,
}

/// The key of a source: its system, its stable name, and its place among those of the same name.
type Key = (&'static str, String, usize);

struct Source {
    state: Arc<SourceState>,
    /// Every name that it has; the first one is shown.
    names: Vec<String>,
    /// The platform's identifier, while it is there.
    id: Option<String>,
    connected: bool,
    fresh: bool,
}

struct OutputHandle {
    number: u64,
    role: Arc<OutputRole>,
}

pub(super) struct PortWatcher {
    context: Arc<MidiContext>,
    registry: Arc<PortRegistry>,
    library: MapLibrary,
    changes: Sender<OutputChange>,
    clock_out: Option<String>,
    sources: BTreeMap<Key, Source>,
    /// By system and sink.
    outputs: BTreeMap<(&'static str, String), OutputHandle>,
    count: u64,
    platform: Platform,
    platform_was_silent: bool,
    jack: Option<JackPorts>,
    jack_was_silent: bool,
    /// Maps that were exchanged: callbacks may still hold them, and must not be the ones that drop them.
    retired: Vec<Arc<BoundMap>>,
    looked: Option<Instant>,
    faults_reported: (u64, Instant),
}

impl PortWatcher {
    pub(super) fn new(
        context: Arc<MidiContext>,
        registry: Arc<PortRegistry>,
        library: MapLibrary,
        changes: Sender<OutputChange>,
        clock_out: Option<String>,
    ) -> Self {
        Self {
            context,
            registry,
            library,
            changes,
            clock_out: clock_out.map(|part| part.to_lowercase()),
            sources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            count: 0,
            platform: Platform::default(),
            platform_was_silent: false,
            jack: None,
            jack_was_silent: false,
            retired: Vec::new(),
            looked: None,
            faults_reported: (0, Instant::now()),
        }
    }

    pub(super) fn run(mut self, stop: &StopSignal) {
        let mut due = Instant::now();
        while !stop.is_set() {
            self.take_learned();
            self.choose_clocks();
            let now = Instant::now();
            if now >= due {
                self.look_at_maps(now);
                self.look_at_platform();
                self.look_at_jack();
                self.report_faults();
                self.publish();
                self.retired.retain(|old| Arc::strong_count(old) > 1);
                due = now + INTERVAL;
            }
            let learning = self.context.learning.wanted().is_some();
            let wait = if learning { LEARNING } else { INTERVAL };
            stop.doze(wait.min(due.saturating_duration_since(Instant::now())));
        }
        self.platform.close();
        if let Some(jack) = self.jack {
            jack.close();
        }
    }

    fn choose_clocks(&self) {
        for source in self.sources.values() {
            let gives = self.gives_clock(&source.names);
            source.state.gives_clock.store(gives, Ordering::Relaxed);
        }
    }

    fn gives_clock(&self, names: &[String]) -> bool {
        let part = self.context.clock_in.load();
        part.is_empty()
            || names
                .iter()
                .any(|name| name.to_lowercase().contains(part.as_str()))
    }

    fn look_at_maps(&mut self, now: Instant) {
        let due = |looked: Instant| now.duration_since(looked) >= LOOK;
        if self.looked.is_none_or(due) {
            self.looked = Some(now);
            if self.library.refresh(&self.context.plane.notices) {
                self.rebind();
            }
        }
    }

    /// Binds every source to the map that is for it now.
    fn rebind(&mut self) {
        for source in self.sources.values() {
            let before = source.state.bound.load_full();
            match self.library.map(&source.names) {
                Ok(map) if map != *before.map() => {
                    let bound = Arc::new(BoundMap::replace(map, &before));
                    self.retired.push(source.state.bound.swap(bound));
                }
                Ok(_) => {}
                Err(error) => self.context.plane.notices.warn(format!(
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
                self.context.plane.notices.log(format!(
                    "{PLATFORM} gives no MIDI ({error}); JACK's is listened to where it runs"
                ));
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
        self.report_changes(PLATFORM);
        let sinks: Vec<(String, Vec<String>)> = self
            .platform
            .sinks()
            .into_iter()
            .map(|(id, name)| (id, vec![stable_name(&name).to_owned()]))
            .collect();
        self.update_outputs(PLATFORM, &sinks);
    }

    fn listen_to_platform(&mut self, id: &str, name: &str) {
        let name = stable_name(name).to_owned();
        // Two of the same name are told apart by their order.
        let free = |place: &usize| {
            let source = self.sources.get(&(PLATFORM, name.clone(), *place));
            source.is_none_or(|source| source.id.is_none())
        };
        let Some(place) = (0..MAX_SOURCES).find(free) else {
            return;
        };
        let key = (PLATFORM, name.clone(), place);
        let Some(state) = self.source_state(&key, vec![name.clone()]) else {
            return;
        };
        let handler = InputHandler::new(state, Arc::clone(&self.context));
        match self.platform.listen(id, handler) {
            Ok(()) => {
                if let Some(source) = self.sources.get_mut(&key) {
                    source.id = Some(id.to_owned());
                    (source.connected, source.fresh) = (true, true);
                }
            }
            Err(error) => tracing::debug!("MIDI port {name}: {error}"),
        }
    }

    /// The state of a source, which is remembered from now on.
    fn source_state(&mut self, key: &Key, names: Vec<String>) -> Option<Arc<SourceState>> {
        if let Some(source) = self.sources.get(key) {
            return Some(Arc::clone(&source.state));
        }
        if self.sources.len() >= MAX_SOURCES {
            return None;
        }
        let map = match self.library.map(&names) {
            Ok(map) => map,
            Err(error) => {
                self.context
                    .plane
                    .notices
                    .warn(format!("the controller map of {}: {error}", key.1));
                return None;
            }
        };
        let state = Arc::new(SourceState {
            number: self.sources.len() as u16,
            bound: ArcSwap::from_pointee(BoundMap::new(map)),
            gives_clock: self.gives_clock(&names).into(),
            heard_at: 0.into(),
        });
        let source = Source {
            state: Arc::clone(&state),
            names,
            id: None,
            connected: false,
            fresh: false,
        };
        self.sources.insert(key.clone(), source);
        Some(state)
    }

    fn look_at_jack(&mut self) {
        if let Some(jack) = self.jack.take_if(|jack| jack.is_gone()) {
            self.context
                .plane
                .notices
                .warn("JACK has ended; it is joined again when it returns");
            jack.close();
            for ((system, ..), source) in &mut self.sources {
                source.connected &= *system != JACK;
            }
            self.close_outputs(JACK, |_| false);
        }
        if self.jack.is_none() {
            let inbox = &self.context.plane.inbox;
            self.jack = match may_run().then(|| JackPorts::open(Arc::clone(inbox))) {
                Some(Ok(jack)) => Some(jack),
                Some(Err(jack::Error::LibraryError(reason))) if !self.jack_was_silent => {
                    self.jack_was_silent = true;
                    self.context.plane.notices.log(format!(
                        "JACK's MIDI is not listened to: its library cannot be opened ({reason})"
                    ));
                    None
                }
                _ => None,
            };
        }
        let Some(mut jack) = self.jack.take() else {
            return self.report_changes(JACK);
        };
        // What a bridge shows of the platform's devices is listened to there.
        let both = self.platform.is_there();
        let ours = |port: &ForeignPort| !(both && port.bridged);
        let there: Vec<ForeignPort> = jack.sources().into_iter().filter(ours).collect();
        for foreign in &there {
            let Some(name) = foreign.names.first() else {
                continue;
            };
            let key = (JACK, name.clone(), 0);
            let Some(state) = self.source_state(&key, foreign.names.clone()) else {
                continue;
            };
            let context = Arc::clone(&self.context);
            let fresh = jack.connect_source(name, || InputHandler::new(state, context));
            if let Some(source) = self.sources.get_mut(&key) {
                source.connected = fresh.is_some();
                source.fresh |= fresh == Some(true);
            }
        }
        let names = |foreign: &[ForeignPort]| -> Vec<String> {
            let first = |port: &ForeignPort| port.names.first().cloned();
            foreign.iter().filter_map(first).collect()
        };
        let (sources, sinks) = (names(&there), jack.sinks());
        let sinks: Vec<ForeignPort> = sinks.into_iter().filter(ours).collect();
        for ((system, name, _), source) in &mut self.sources {
            source.connected &= *system != JACK || sources.contains(name);
        }
        self.jack = Some(jack);
        self.report_changes(JACK);
        let sinks: Vec<(String, Vec<String>)> = sinks
            .into_iter()
            .filter_map(|sink| Some((sink.names.first()?.clone(), sink.names)))
            .collect();
        self.update_outputs(JACK, &sinks);
        self.clock_at_jack(&sinks);
        let sinks: Vec<String> = sinks.into_iter().map(|(name, _)| name).collect();
        if let Some(jack) = &mut self.jack {
            jack.forget(|name| {
                name == CLOCK || sources.iter().chain(&sinks).any(|there| there == name)
            });
        }
    }

    /// Reports sources of a system that came or went.
    fn report_changes(&mut self, system: &'static str) {
        let before = self.registry.sources.load_full();
        for ((of, ..), source) in &self.sources {
            let number = source.state.number;
            let was = before.iter().find(|known| known.state.number == number);
            let was = was.is_some_and(|known| known.connected);
            if *of != system || was == source.connected {
                continue;
            }
            let name = source.names.first().map_or("a port", String::as_str);
            if source.connected {
                let bound = source.state.bound.load();
                let map = bound.map().name();
                self.context
                    .plane
                    .notices
                    .info(format!("MIDI: {name} ({system}), map {map}"));
            } else {
                self.context
                    .plane
                    .notices
                    .warn(format!("MIDI: {name} ({system}) has gone"));
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let with_feedback: Vec<u16> = self
            .outputs
            .values()
            .filter_map(|output| Some(output.role.source.load().as_ref()?.number))
            .collect();
        let known = self
            .sources
            .iter()
            .map(|((system, name, _), source)| KnownSource {
                port: Port {
                    system,
                    name: name.clone(),
                },
                state: Arc::clone(&source.state),
                connected: source.connected,
                has_feedback: with_feedback.contains(&source.state.number),
            });
        self.registry.sources.store(Arc::new(known.collect()));
    }

    fn report_faults(&mut self) {
        let faults = self.context.faults.load(Ordering::Relaxed);
        let (reported, at) = self.faults_reported;
        if faults > reported && at.elapsed() >= Duration::from_secs(1) {
            self.context.plane.notices.warn(format!(
                "MIDI: {} broken messages were passed over",
                faults - reported
            ));
            self.faults_reported = (faults, Instant::now());
        }
    }

    /// Takes learnt controls, and requests to forget some, into the maps.
    fn take_learned(&mut self) {
        while let Some((port, param, found)) = self.context.learning.take() {
            match self.learn_one(port, param, found) {
                Ok(learnt) => {
                    let mut text = format!("{} is learnt: {}", learnt.control, learnt.name);
                    if !learnt.replaced.is_empty() {
                        text += &format!(", instead of {}", learnt.replaced.join(" and "));
                    }
                    self.context.plane.notices.info(text);
                    self.registry.last_learned.store(Some(Arc::new(learnt)));
                }
                Err(reason) => self
                    .context
                    .plane
                    .notices
                    .warn(format!("nothing is learnt: {reason}")),
            }
        }
        while let Some(param) = self.registry.unlearn_requests.pop() {
            match self.library.unlearn(param) {
                Ok(count) => self
                    .context
                    .plane
                    .notices
                    .info(format!("{count} learnt controls are forgotten")),
                Err(reason) => self.context.plane.notices.warn(reason),
            }
            self.rebind();
        }
    }

    fn learn_one(
        &mut self,
        port: u16,
        param: ParamId,
        found: LearnedControl,
    ) -> Result<LearnResult, String> {
        let mut sources = self.sources.values();
        let source = sources.find(|source| source.state.number == port);
        let source = source.ok_or_else(|| "its port has gone".to_owned())?;
        let names = source.names.clone();
        let bound = source.state.bound.load_full();
        let page = self.context.plane.values.get(MIDI_PAGE) as u8;
        let learnt = self
            .library
            .learn(&names, bound.map(), param, found, page)?;
        self.rebind();
        Ok(learnt)
    }

    /// Opens an output to each sink that is sent something, and closes those of sinks that have gone.
    fn update_outputs(&mut self, system: &'static str, sinks: &[(String, Vec<String>)]) {
        let gone = |id: &str| id == CLOCK || sinks.iter().any(|(there, _)| there == id);
        self.close_outputs(system, gone);
        let mut fresh = Vec::new();
        for (key, source) in &self.sources {
            if key.0 != system || !source.connected || !has_feedback(source) {
                continue;
            }
            let taken = |id: &str| {
                fresh
                    .iter()
                    .any(|(other, ..): &(String, Arc<SourceState>, bool)| other == id)
            };
            if let Some(id) = sink_of(key, source, sinks, taken) {
                fresh.push((id, Arc::clone(&source.state), source.fresh));
            }
        }
        for (key, source) in &mut self.sources {
            source.fresh &= key.0 != system;
        }
        for (id, names) in sinks {
            let paired = fresh.iter().find(|(other, ..)| other == id);
            let clock = system != JACK && self.is_clock(names);
            if paired.is_none() && !clock && !self.outputs.contains_key(&(system, id.clone())) {
                continue;
            }
            let source = paired.map(|(_, state, _)| Arc::clone(state));
            let fresh = paired.is_some_and(|(.., fresh)| *fresh);
            self.ensure_output(system, id, source, clock, fresh);
        }
    }

    fn is_clock(&self, names: &[String]) -> bool {
        let part = self.clock_out.as_ref();
        part.is_some_and(|part| names.iter().any(|name| name.to_lowercase().contains(part)))
    }

    /// The port that sends the clock is there for anyone to connect, and is connected to whom the setting names.
    fn clock_at_jack(&mut self, sinks: &[(String, Vec<String>)]) {
        if self.clock_out.is_none() {
            return;
        }
        self.ensure_output(JACK, CLOCK, None, true, false);
        for (name, names) in sinks {
            if self.is_clock(names)
                && let Some(jack) = &self.jack
            {
                jack.connect_sink(CLOCK, name);
            }
        }
    }

    /// Sees to it that an output is there, is connected and has its role.
    fn ensure_output(
        &mut self,
        system: &'static str,
        id: &str,
        source: Option<Arc<SourceState>>,
        clock: bool,
        fresh: bool,
    ) {
        let key = (system, id.to_owned());
        if !self.outputs.contains_key(&key) {
            let Some(port) = self.open_output(system, id) else {
                return;
            };
            self.count += 1;
            let (number, role) = (self.count, Arc::new(OutputRole::default()));
            role.fresh.store(true, Ordering::Relaxed);
            if !offer(
                &self.changes,
                OutputChange::Open(number, port, Arc::clone(&role)),
            ) {
                return;
            }
            self.outputs
                .insert(key.clone(), OutputHandle { number, role });
        }
        let connected = id != CLOCK
            && self
                .jack
                .as_ref()
                .is_some_and(|jack| system == JACK && jack.connect_sink(id, id));
        let Some(output) = self.outputs.get(&key) else {
            return;
        };
        let before = output.role.source.swap(source);
        drop(before);
        output.role.clock.store(clock, Ordering::Relaxed);
        if fresh || connected {
            output.role.fresh.store(true, Ordering::Relaxed);
        }
    }

    fn open_output(&mut self, system: &'static str, id: &str) -> Option<OutputPort> {
        if system == JACK {
            let jack = self.jack.as_mut()?;
            let name = if id == CLOCK {
                CLOCK.to_owned()
            } else {
                jack.next_name("out", id)
            };
            return jack.output(id, &name).map(OutputPort::Jack);
        }
        match Platform::speak(id) {
            Ok(connection) => Some(OutputPort::Platform(connection)),
            Err(error) => {
                tracing::debug!("MIDI output {id}: {error}");
                None
            }
        }
    }

    fn close_outputs(&mut self, system: &'static str, stays: impl Fn(&str) -> bool) {
        let changes = &self.changes;
        self.outputs.retain(|(of, id), output| {
            *of != system || stays(id) || !offer(changes, OutputChange::Close(output.number))
        });
    }
}

/// Whether a device is sent anything.
fn has_feedback(source: &Source) -> bool {
    let bound = source.state.bound.load();
    let map = bound.map();
    !(map.indicators.is_empty() && map.on_connect.is_empty() && map.on_leave.is_empty())
}

/// The sink of a source's device that no other source has taken.
fn sink_of(
    key: &Key,
    source: &Source,
    sinks: &[(String, Vec<String>)],
    taken: impl Fn(&str) -> bool,
) -> Option<String> {
    let free = |(id, _): &&(String, Vec<String>)| !taken(id);
    let by_name = |(_, names): &&(String, Vec<String>)| {
        let pairs = |one: &String| names.iter().any(|other| is_same_device(one, other));
        source.names.iter().any(pairs)
    };
    let by_client = |(_, names): &&(String, Vec<String>)| {
        let pairs = |one: &String| names.iter().any(|other| same_client(one, other));
        key.0 == JACK && source.names.iter().any(pairs)
    };
    let found = sinks.iter().filter(free).find(by_name);
    let found = found.or_else(|| sinks.iter().filter(free).find(by_client));
    found.map(|(id, _)| id.clone())
}
