//! MIDI over JACK: an input port of our own for every source, and an output port for every device that is sent something.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use jack::{
    AsyncClient, Client, ClientOptions, ClientStatus, Control, MidiIn, MidiOut,
    NotificationHandler, PortFlags, ProcessHandler, ProcessScope, RawMidi,
};

use super::input_handler::InputHandler;
use super::packet::Packet;
use super::port::OURS;
use crate::control::{Inbox, Stamp};
use crate::libjack;

/// A period that is said to have begun longer ago than this did not.
const MOST_LATE_NANOS: u64 = 500_000_000;
/// JACK's name for ports that carry MIDI.
const MIDI: &str = "8 bit raw midi";
/// Most ports of our own at once.
const MAX_PORTS: usize = 128;
/// Messages that wait for one port's next period.
const WAITING: usize = 512;

/// A queue of messages on their way into a JACK port, and the moments of those that have one.
pub(super) type Outgoing = Arc<ArrayQueue<(Packet, Option<Stamp>)>>;

/// A port of another program or device.
#[derive(Clone, Debug)]
pub(super) struct ForeignPort {
    /// Its name first, then other names that it has.
    pub(super) names: Vec<String>,
    /// Whether it is a device that the platform's own MIDI lists as well.
    pub(super) bridged: bool,
}

/// Whether a server may be running: its socket lies there, or PipeWire, which may take its place. libjack starts a thread each time
/// it is asked for a server, even where there is none, and does not survive it where the machine is too busy to run that thread.
pub(super) fn may_run() -> bool {
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let server = std::env::var("JACK_DEFAULT_SERVER").unwrap_or_else(|_| "default".to_owned());
    let pipewire = std::env::var_os("XDG_RUNTIME_DIR")
        .is_some_and(|folder| Path::new(&folder).join("pipewire-0").exists());
    pipewire || has_socket(Path::new("/dev/shm"), &server)
}

/// Whether a server's socket lies in that folder: `jack_NAME_USER_0` is JACK 2's, `jack-USER` JACK 1's.
fn has_socket(folder: &Path, server: &str) -> bool {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // A system without that folder has them elsewhere. Who may open no more files will be able to later.
        Err(error) => return error.kind() == std::io::ErrorKind::NotFound,
    };
    let second = format!("jack_{server}_");
    let is_user = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(&second) || name.strip_prefix("jack-").is_some_and(is_user)
    })
}

/// A connection to a running JACK server.
pub(super) struct JackPorts {
    client: AsyncClient<ShutdownHandler, JackProcess>,
    gone: Arc<AtomicBool>,
    changes: Arc<ArrayQueue<SlotChange>>,
    removed: Arc<ArrayQueue<Slot>>,
    count: u32,
    /// Our port for each foreign source, and for each purpose of sending: its number and its full name.
    inputs: BTreeMap<String, (u32, String)>,
    outputs: BTreeMap<String, (u32, String)>,
}

impl JackPorts {
    /// Joins the server that runs; none is started.
    pub(super) fn open(inbox: Arc<Inbox>) -> Result<Self, jack::Error> {
        libjack::load()?;
        let (client, _) = Client::new(OURS, ClientOptions::NO_START_SERVER)?;
        let gone = Arc::new(AtomicBool::new(false));
        let changes = Arc::new(ArrayQueue::new(MAX_PORTS));
        let removed = Arc::new(ArrayQueue::new(2 * MAX_PORTS));
        let process = JackProcess {
            changes: Arc::clone(&changes),
            removed: Arc::clone(&removed),
            inbox,
            slots: Vec::with_capacity(MAX_PORTS),
        };
        let client = client.activate_async(ShutdownHandler(Arc::clone(&gone)), process)?;
        Ok(Self {
            client,
            gone,
            changes,
            removed,
            count: 0,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
        })
    }

    /// Whether the server has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// The sources that there are, our own apart.
    pub(super) fn sources(&self) -> Vec<ForeignPort> {
        foreign(self.client.as_client(), PortFlags::IS_OUTPUT)
    }

    /// The sinks that there are, our own apart.
    pub(super) fn sinks(&self) -> Vec<ForeignPort> {
        foreign(self.client.as_client(), PortFlags::IS_INPUT)
    }

    /// Connects a source to the port of ours that is for it: whether it was not connected before; nothing where it cannot be, yet.
    pub(super) fn connect_source(
        &mut self,
        source: &str,
        handler: impl FnOnce() -> InputHandler,
    ) -> Option<bool> {
        if !self.inputs.contains_key(source) {
            let name = self.next_name("in", source);
            let registered = self
                .client
                .as_client()
                .register_port(&name, MidiIn::default());
            let (port, full) = named(registered)?;
            let port = SlotPort::In(port, Box::new(handler()));
            let number = self.add(port)?;
            self.inputs.insert(source.to_owned(), (number, full));
        }
        let ours = &self.inputs[source].1;
        self.connect(source, ours)
    }

    /// Makes an output port for a purpose, where there is none yet.
    pub(super) fn output(&mut self, purpose: &str, name: &str) -> Option<Outgoing> {
        let registered = self
            .client
            .as_client()
            .register_port(name, MidiOut::default());
        let (port, full) = named(registered)?;
        let outgoing = Arc::new(ArrayQueue::new(WAITING));
        let port = SlotPort::Out(port, Arc::clone(&outgoing), None);
        let number = self.add(port)?;
        self.outputs.insert(purpose.to_owned(), (number, full));
        Some(outgoing)
    }

    /// A port name that is not taken.
    pub(super) fn next_name(&self, side: &str, device: &str) -> String {
        let letter = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        };
        let device: String = device.chars().take(40).map(letter).collect();
        format!("{side}_{}_{device}", self.count + 1)
    }

    /// Connects the output port of that purpose to a sink; true where it was not connected before.
    pub(super) fn connect_sink(&self, purpose: &str, sink: &str) -> bool {
        self.outputs
            .get(purpose)
            .is_some_and(|(_, ours)| self.connect(ours, sink) == Some(true))
    }

    /// Gives up the ports whose source or sink is no more.
    pub(super) fn forget(&mut self, there: impl Fn(&str) -> bool) {
        for ports in [&mut self.inputs, &mut self.outputs] {
            ports.retain(|name, (number, _)| {
                // Where the queue is full it is tried again in the next round.
                there(name) || self.changes.push(SlotChange::Remove(*number)).is_err()
            });
        }
        while let Some(slot) = self.removed.pop() {
            let client = self.client.as_client();
            let _ = match slot.port {
                SlotPort::In(port, _) => client.unregister_port(port),
                SlotPort::Out(port, ..) => client.unregister_port(port),
            };
        }
    }

    /// Leaves the server.
    pub(super) fn close(self) {
        // A server that has died refuses; there is nothing left to leave then.
        let _ = self.client.deactivate();
    }

    fn add(&mut self, port: SlotPort) -> Option<u32> {
        if self.inputs.len() + self.outputs.len() >= MAX_PORTS {
            return None;
        }
        self.count += 1;
        let number = self.count;
        let pushed = self.changes.push(SlotChange::Add(Slot { number, port }));
        pushed.ok().map(|()| number)
    }

    fn connect(&self, from: &str, to: &str) -> Option<bool> {
        match self.client.as_client().connect_ports_by_name(from, to) {
            Ok(()) => Some(true),
            Err(jack::Error::PortAlreadyConnected(..)) => Some(false),
            Err(error) => {
                tracing::debug!("JACK MIDI {from} to {to}: {error}");
                None
            }
        }
    }
}

fn named<P>(port: Result<jack::Port<P>, jack::Error>) -> Option<(jack::Port<P>, String)> {
    match port.and_then(|port| port.name().map(|name| (port, name))) {
        Ok(named) => Some(named),
        Err(error) => {
            tracing::debug!("JACK gives no port: {error}");
            None
        }
    }
}

fn foreign(client: &Client, side: PortFlags) -> Vec<ForeignPort> {
    let ports = client.ports(None, Some(MIDI), side);
    let known = |name: String| {
        if name.starts_with(OURS) {
            return None;
        }
        let port = client.port_by_name(&name);
        let physical = port
            .as_ref()
            .is_some_and(|port| port.flags().contains(PortFlags::IS_PHYSICAL));
        let bridges = ["a2j:", "a2jmidid:", "Midi-Bridge:"];
        let bridged = physical || bridges.iter().any(|bridge| name.starts_with(bridge));
        let aliases = port
            .and_then(|port| port.aliases().ok())
            .unwrap_or_default();
        let names = std::iter::once(name).chain(aliases).collect();
        Some(ForeignPort { names, bridged })
    };
    ports.into_iter().filter_map(known).collect()
}

struct ShutdownHandler(Arc<AtomicBool>);

impl NotificationHandler for ShutdownHandler {
    #[allow(
        unsafe_code,
        reason = "the trait's signature; storing a flag is safe in a signal handler"
    )]
    unsafe fn shutdown(&mut self, _: ClientStatus, _: &str) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A port of our own, for the process callback.
struct Slot {
    number: u32,
    port: SlotPort,
}

enum SlotPort {
    In(jack::Port<MidiIn>, Box<InputHandler>),
    /// With the message whose moment had not come in the last period, or that found no room there.
    Out(
        jack::Port<MidiOut>,
        Outgoing,
        Option<(Packet, Option<Stamp>)>,
    ),
}

/// The period that is being filled, on the clock of moments.
#[derive(Clone, Copy, Debug)]
struct Period {
    frames: u32,
    /// When it began, by the server's own even count, and how long one takes.
    begun: f64,
    nanos: f64,
}

impl Period {
    fn of(client: &Client, scope: &ProcessScope, now: Stamp, rate: u64) -> Self {
        let frames = scope.n_frames();
        let (since, nanos) = match scope.cycle_times() {
            Ok(times) if times.period_usecs > 0.0 => (
                client.time() as f64 - times.current_usecs as f64,
                f64::from(times.period_usecs),
            ),
            _ => {
                let usecs = |frames: u32| f64::from(frames) * 1e6 / rate as f64;
                (usecs(scope.frames_since_cycle_start()), usecs(frames))
            }
        };
        Self {
            frames,
            begun: now as f64 - since * 1e3,
            nanos: nanos * 1e3,
        }
    }

    /// The frame of a moment, one period late: what came during the period before lies in this one as it lay there. The first
    /// frame for what is later than that; nothing for what is yet to come.
    fn frame(&self, at: Stamp) -> Option<u32> {
        let place = 1.0 + (at as f64 - self.begun) / self.nanos;
        let frame = (place.max(0.0) * f64::from(self.frames)).round() as u32;
        (frame < self.frames).then_some(frame)
    }
}

enum SlotChange {
    Add(Slot),
    Remove(u32),
}

/// The process callback. Ports come to it and leave it by queues, so that nothing is made or dropped here.
struct JackProcess {
    changes: Arc<ArrayQueue<SlotChange>>,
    removed: Arc<ArrayQueue<Slot>>,
    inbox: Arc<Inbox>,
    slots: Vec<Slot>,
}

impl ProcessHandler for JackProcess {
    fn process(&mut self, client: &Client, scope: &ProcessScope) -> Control {
        while let Some(change) = self.changes.pop() {
            match change {
                // There is room: no more are added than that.
                SlotChange::Add(slot) => self.slots.push(slot),
                SlotChange::Remove(number) => {
                    let place = self.slots.iter().position(|slot| slot.number == number);
                    if let Some(place) = place {
                        let _ = self.removed.push(self.slots.swap_remove(place));
                    }
                }
            }
        }
        let rate = u64::from(client.sample_rate().max(1));
        // How long ago the period began: a busy machine comes to it late.
        let late_frames = u64::from(scope.frames_since_cycle_start());
        let late = (late_frames * 1_000_000_000 / rate).min(MOST_LATE_NANOS);
        let period = Period::of(client, scope, self.inbox.now(), rate);
        for slot in &mut self.slots {
            match &mut slot.port {
                SlotPort::In(port, handler) => {
                    let now = handler.now().saturating_sub(late);
                    for message in port.iter(scope) {
                        // What is read now came during the last period: so its moments keep their distances.
                        let frames = scope.n_frames().saturating_sub(message.time);
                        let age = u64::from(frames) * 1_000_000_000 / rate;
                        handler.receive(message.bytes, now.saturating_sub(age));
                    }
                }
                SlotPort::Out(port, outgoing, held) => {
                    let mut writer = port.writer(scope);
                    let mut last = 0;
                    while let Some((packet, at)) = held.take().or_else(|| outgoing.pop()) {
                        let frame = at.map_or(Some(last), |at| period.frame(at));
                        // What is due later waits, and what comes after it with it.
                        let written = frame.is_some_and(|frame| {
                            let time = frame.max(last);
                            let bytes = packet.bytes();
                            let is_written = writer.write(&RawMidi { time, bytes }).is_ok();
                            last = time;
                            is_written
                        });
                        if !written {
                            *held = Some((packet, at));
                            break;
                        }
                    }
                }
            }
        }
        Control::Continue
    }
}

/// The MIDI sources of the JACK server that runs, if one does.
pub(super) fn sources() -> Vec<String> {
    if libjack::load().is_err() {
        return Vec::new();
    }
    let name = format!("{OURS}-devices");
    match Client::new(&name, ClientOptions::NO_START_SERVER) {
        Ok((client, _)) => foreign(&client, PortFlags::IS_OUTPUT)
            .into_iter()
            .filter_map(|source| source.names.into_iter().next())
            .collect(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_one_period_late_at_its_own_frame() {
        let rate = 48_000.0;
        let mut frames = Vec::new();
        let mut moments = (0..500u32).map(|pulse| {
            let nanos = 1e9 + f64::from(pulse) * 60e9 / 126.5 / 24.0;
            (nanos, nanos as Stamp)
        });
        let mut next = moments.next();
        let count = 1024;
        for cycle in 0..1_000u32 {
            let nanos = f64::from(count) * 1e9 / rate;
            let begun = f64::from(cycle) * nanos;
            let period = Period {
                frames: count,
                begun,
                nanos,
            };
            while let Some((exact, at)) = next
                && let Some(frame) = period.frame(at)
            {
                let heard = (f64::from(cycle) - 1.0) * nanos + f64::from(frame) * 1e9 / rate;
                frames.push((heard - exact) * rate / 1e9);
                next = moments.next();
            }
        }
        assert_eq!(frames.len(), 500);
        assert!(frames.iter().all(|off| off.abs() <= 0.51), "{frames:?}");
        let period = Period {
            frames: count,
            begun: 1e9,
            nanos: 2e7,
        };
        assert_eq!(period.frame(0), Some(0), "late as it is, it is sent");
        assert_eq!(period.frame(1_000_000_000), None, "it is yet to come");
        assert_eq!(period.frame(990_000_000), Some(512));
    }

    #[test]
    fn a_server_is_known_by_its_socket() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        for name in [
            "jack-shm-registry",
            "jack-0-0",
            "jack_db-0",
            "jack_sem.0_stage_system",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        assert!(!has_socket(folder, "stage"));
        std::fs::write(folder.join("jack_stage_1000_0"), "").unwrap();
        assert!(has_socket(folder, "stage"));
        assert!(!has_socket(folder, "default"));
        std::fs::create_dir(folder.join("jack-1000")).unwrap();
        assert!(has_socket(folder, "default"));
        assert!(
            has_socket(&folder.join("nowhere"), "stage"),
            "it may be elsewhere"
        );
    }
}
