//! Which devices are told something, and by which ports.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{CLOCK, Key, Outlet, Source, Watch};
use crate::control::midi::listener::Line;
use crate::control::midi::output::{Change, Duty, Way, offer};
use crate::control::midi::platform::Platform;
use crate::control::midi::port::{JACK, belongs, same_client};

impl Watch {
    /// Opens an outlet to each sink that has something to be told, and closes those of sinks that have gone.
    pub(super) fn outlets_of(&mut self, system: &'static str, sinks: &[(String, Vec<String>)]) {
        let gone = |id: &str| id == CLOCK || sinks.iter().any(|(there, _)| there == id);
        self.close_outlets(system, gone);
        let mut fresh = Vec::new();
        for (key, source) in &self.sources {
            if key.0 != system || !source.connected || !speaks(source) {
                continue;
            }
            let taken = |id: &str| {
                fresh
                    .iter()
                    .any(|(other, ..): &(String, Arc<Line>, bool)| other == id)
            };
            if let Some(id) = sink_of(key, source, sinks, taken) {
                fresh.push((id, Arc::clone(&source.line), source.fresh));
            }
        }
        for (key, source) in &mut self.sources {
            source.fresh &= key.0 != system;
        }
        for (id, names) in sinks {
            let told = fresh.iter().find(|(other, ..)| other == id);
            let clock = system != JACK && self.is_clock(names);
            if told.is_none() && !clock && !self.outlets.contains_key(&(system, id.clone())) {
                continue;
            }
            let line = told.map(|(_, line, _)| Arc::clone(line));
            let fresh = told.is_some_and(|(.., fresh)| *fresh);
            self.tend(system, id, line, clock, fresh);
        }
    }

    fn is_clock(&self, names: &[String]) -> bool {
        let part = self.clock_out.as_ref();
        part.is_some_and(|part| names.iter().any(|name| name.to_lowercase().contains(part)))
    }

    /// The port that sends the clock is there for anyone to connect, and is connected to whom the setting names.
    pub(super) fn clock_at_jack(&mut self, sinks: &[(String, Vec<String>)]) {
        if self.clock_out.is_none() {
            return;
        }
        self.tend(JACK, CLOCK, None, true, false);
        for (name, names) in sinks {
            if self.is_clock(names)
                && let Some(jack) = &self.jack
            {
                jack.connect_sink(CLOCK, name);
            }
        }
    }

    /// Sees to it that an outlet is there, is connected and does its duty.
    fn tend(
        &mut self,
        system: &'static str,
        id: &str,
        line: Option<Arc<Line>>,
        clock: bool,
        fresh: bool,
    ) {
        let key = (system, id.to_owned());
        if !self.outlets.contains_key(&key) {
            let Some(way) = self.open_outlet(system, id) else {
                return;
            };
            self.count += 1;
            let (number, duty) = (self.count, Arc::new(Duty::default()));
            duty.fresh.store(true, Ordering::Relaxed);
            if !offer(&self.changes, Change::Open(number, way, Arc::clone(&duty))) {
                return;
            }
            self.outlets.insert(key.clone(), Outlet { number, duty });
        }
        let connected = id != CLOCK
            && self
                .jack
                .as_ref()
                .is_some_and(|jack| system == JACK && jack.connect_sink(id, id));
        let Some(outlet) = self.outlets.get(&key) else {
            return;
        };
        let before = outlet.duty.line.swap(line);
        drop(before);
        outlet.duty.clock.store(clock, Ordering::Relaxed);
        if fresh || connected {
            outlet.duty.fresh.store(true, Ordering::Relaxed);
        }
    }

    fn open_outlet(&mut self, system: &'static str, id: &str) -> Option<Way> {
        if system == JACK {
            let jack = self.jack.as_mut()?;
            let name = if id == CLOCK {
                CLOCK.to_owned()
            } else {
                jack.next_name("out", id)
            };
            return jack.output(id, &name).map(Way::Jack);
        }
        match Platform::speak(id) {
            Ok(connection) => Some(Way::Platform(connection)),
            Err(error) => {
                tracing::debug!("MIDI output {id}: {error}");
                None
            }
        }
    }

    pub(super) fn close_outlets(&mut self, system: &'static str, stays: impl Fn(&str) -> bool) {
        let changes = &self.changes;
        self.outlets.retain(|(of, id), outlet| {
            *of != system || stays(id) || !offer(changes, Change::Close(outlet.number))
        });
    }
}

/// Whether a device is told anything.
fn speaks(source: &Source) -> bool {
    let map = &source.line.wiring.load().map;
    !(map.lights.is_empty() && map.on_connect.is_empty() && map.on_leave.is_empty())
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
        let pairs = |one: &String| names.iter().any(|other| belongs(one, other));
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
