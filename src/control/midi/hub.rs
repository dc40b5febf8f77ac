//! Every MIDI port, found, connected and found again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use midir::{Ignore, MidiInput, MidiInputConnection};

use super::jack_input::{self, JackInput};
use super::map::Map;
use super::parser::Parser;
use crate::control::{Inbox, Notices};

/// Ports that came or went are noticed this often.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// A source of MIDI messages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Port {
    /// `ALSA`, `CoreMIDI`, `WinMM` or `JACK`.
    pub system: &'static str,
    /// Its name there.
    pub name: String,
}

#[cfg(target_os = "macos")]
const PLATFORM: &str = "CoreMIDI";
#[cfg(windows)]
const PLATFORM: &str = "WinMM";
#[cfg(not(any(target_os = "macos", windows)))]
const PLATFORM: &str = "ALSA";

/// Every MIDI source of this machine at this moment, and what a system said that gives none.
pub fn ports() -> (Vec<Port>, Vec<String>) {
    let mut found = Vec::new();
    let mut silent = Vec::new();
    match platform("latentloop-devices") {
        Ok(input) => {
            let names = input
                .ports()
                .into_iter()
                .filter_map(|port| input.port_name(&port).ok());
            found.extend(names.map(|name| Port {
                system: PLATFORM,
                name,
            }));
        }
        Err(error) => silent.push(format!("{PLATFORM} gives no MIDI: {error}")),
    }
    let sources = jack_input::sources().into_iter();
    found.extend(sources.map(|name| Port {
        system: "JACK",
        name,
    }));
    (found, silent)
}

/// A client of the platform's MIDI system.
fn platform(name: &str) -> Result<MidiInput, String> {
    // ALSA's library prints to the terminal each time that it finds no sequencer.
    let sequencer = std::path::Path::new("/dev/snd/seq");
    if cfg!(target_os = "linux") && !sequencer.exists() {
        return Err("there is no /dev/snd/seq (load the kernel module snd-seq)".to_owned());
    }
    MidiInput::new(name).map_err(|error| error.to_string())
}

/// Where every port's callback puts what it reads. Neither locks nor allocates.
pub(super) struct Sink {
    map: Map,
    inbox: Arc<Inbox>,
    faults: AtomicU64,
}

impl Sink {
    /// Takes a delivery of bytes that came in this moment.
    pub(super) fn take(&self, parser: &mut Parser, bytes: &[u8]) {
        let at = self.inbox.now();
        parser.feed(bytes, |outcome| match outcome {
            Ok(message) => {
                if let Some(action) = self.map.action(message) {
                    self.inbox.put(action, at);
                }
            }
            Err(_) => self.fault(),
        });
        // The systems deliver whole messages, but for parts of a sysex.
        if parser.end().is_err() {
            self.fault();
        }
    }

    fn fault(&self) {
        self.inbox.refuse();
        self.faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// Listens to every MIDI port until dropped: a port that goes is taken up again when it returns.
pub struct Hub {
    closing: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Starts the thread `midi-watch`, which opens the ports.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(map: Map, inbox: Arc<Inbox>, notices: Arc<Notices>) -> std::io::Result<Self> {
        let closing = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let watch = Watch {
            count: Arc::clone(&count),
            sink: Arc::new(Sink {
                map,
                inbox,
                faults: AtomicU64::new(0),
            }),
            known: Vec::new(),
            notices,
            lister: None,
            platform: BTreeMap::new(),
            jack: None,
            platform_was_silent: false,
            faults_told: (0, Instant::now()),
        };
        let flag = Arc::clone(&closing);
        let thread = std::thread::Builder::new()
            .name("midi-watch".into())
            .spawn(move || watch.run(&flag))?;
        Ok(Self {
            closing,
            count,
            thread: Some(thread),
        })
    }

    /// How many ports are listened to.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Watch {
    sink: Arc<Sink>,
    /// The ports that were there when it was last looked.
    known: Vec<Port>,
    count: Arc<AtomicUsize>,
    notices: Arc<Notices>,
    /// What lists the platform's ports, where it has MIDI.
    lister: Option<MidiInput>,
    /// Open ports of the platform by identifier.
    platform: BTreeMap<String, (String, MidiInputConnection<Parser>)>,
    jack: Option<JackInput>,
    platform_was_silent: bool,
    faults_told: (u64, Instant),
}

impl Watch {
    fn run(mut self, closing: &AtomicBool) {
        while !closing.load(Ordering::Relaxed) {
            let mut there = self.platform_ports();
            there.extend(self.jack_ports());
            self.tell(there);
            self.tell_faults();
            std::thread::park_timeout(WATCH_INTERVAL);
        }
        for (_, connection) in self.platform.into_values() {
            connection.close();
        }
        if let Some(jack) = self.jack {
            jack.close();
        }
    }

    fn platform_ports(&mut self) -> Vec<Port> {
        if self.lister.is_none() {
            match platform("latentloop") {
                Ok(input) => self.lister = Some(input),
                Err(error) if !self.platform_was_silent => {
                    self.platform_was_silent = true;
                    tracing::info!(
                        "{PLATFORM} gives no MIDI ({error}); JACK's is listened to where it runs"
                    );
                }
                Err(_) => {}
            }
        }
        let Some(input) = &self.lister else {
            return Vec::new();
        };
        let ports = input.ports();
        let ids: Vec<String> = ports.iter().map(midir::MidiInputPort::id).collect();
        self.platform.retain(|id, _| ids.contains(id));
        for (id, port) in ids.into_iter().zip(&ports) {
            let Ok(name) = input.port_name(port) else {
                continue;
            };
            // Our own ports are listed too on some systems.
            if self.platform.contains_key(&id) || name.contains("latentloop") {
                continue;
            }
            match open(port, &self.sink) {
                Ok(connection) => {
                    self.platform.insert(id, (name, connection));
                }
                Err(error) => tracing::debug!("MIDI port {name}: {error}"),
            }
        }
        let names = self.platform.values();
        let port = |(name, _): &(String, _)| Port {
            system: PLATFORM,
            name: name.clone(),
        };
        names.map(port).collect()
    }

    fn jack_ports(&mut self) -> Vec<Port> {
        if let Some(jack) = self.jack.take_if(|jack| jack.is_gone()) {
            self.notices
                .warn("JACK has ended; it is joined again when it returns");
            jack.close();
        }
        if self.jack.is_none() {
            self.jack = JackInput::open(Arc::clone(&self.sink)).ok();
        }
        let names = self
            .jack
            .as_ref()
            .map_or(Vec::new(), JackInput::connect_all);
        let port = |name| Port {
            system: "JACK",
            name,
        };
        names.into_iter().map(port).collect()
    }

    fn tell(&mut self, there: Vec<Port>) {
        for port in there.iter().filter(|port| !self.known.contains(port)) {
            self.notices
                .tell(format!("MIDI: {} ({})", port.name, port.system));
        }
        for port in self.known.iter().filter(|port| !there.contains(port)) {
            self.notices
                .warn(format!("MIDI: {} ({}) has gone", port.name, port.system));
        }
        self.count.store(there.len(), Ordering::Relaxed);
        self.known = there;
    }

    fn tell_faults(&mut self) {
        let faults = self.sink.faults.load(Ordering::Relaxed);
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

fn open(
    port: &midir::MidiInputPort,
    sink: &Arc<Sink>,
) -> Result<MidiInputConnection<Parser>, String> {
    let mut input = platform("latentloop")?;
    input.ignore(Ignore::All);
    let sink = Arc::clone(sink);
    let callback = move |_: u64, bytes: &[u8], parser: &mut Parser| sink.take(parser, bytes);
    input
        .connect(port, "latentloop-in", callback, Parser::default())
        .map_err(|error| error.to_string())
}
