//! Every MIDI port, found, connected and found again; what their controls do, and what is learnt.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_queue::ArrayQueue;

use super::learning::Learning;
use super::listener::Common;
use super::output::{ClockOut, Speaker};
use super::port::{JACK, PLATFORM, Port};
use super::shelf::{Learnt, Shelf};
use super::watch::{Board, Watch};
use super::{jack_ports, platform};
use crate::control::clock::Pulses;
use crate::control::{Inbox, Notices, Stamp, Values};
use crate::instrument::{ParamId, Table};

/// What the hub is told at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the performer's own maps; nothing is learnt where there is none.
    pub folder: Option<PathBuf>,
    /// A part of the name of the ports that MIDI clock is sent to, in any case.
    pub clock_out: Option<String>,
}

/// What the hub reads and writes.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Where actions go.
    pub inbox: Arc<Inbox>,
    /// Where parameters stand.
    pub values: Arc<Values>,
    /// Where clocks go.
    pub pulses: Arc<Pulses>,
    /// Where faults and news go.
    pub notices: Arc<Notices>,
}

/// A source, as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortState {
    /// Its name and system.
    pub port: Port,
    /// Which source it is in this run; [`Pulses`] name it so.
    pub number: u16,
    /// What its map calls the device.
    pub map: String,
    /// Whether it is there.
    pub connected: bool,
    /// Whether the device is told something.
    pub told: bool,
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

/// Listens to every MIDI port until dropped: a port that goes is taken up again when it returns.
pub struct Hub {
    common: Arc<Common>,
    board: Arc<Board>,
    closing: Arc<AtomicBool>,
    speaker: Speaker,
    clock_out: ClockOut,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Starts the threads `midi-watch`, which opens the ports, and `midi-out`, which sends.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: Settings, table: &Arc<Table>, ends: Ends) -> std::io::Result<Self> {
        let common = Arc::new(Common {
            inbox: ends.inbox,
            values: ends.values,
            pulses: ends.pulses,
            learning: Learning::default(),
            faults: AtomicU64::new(0),
        });
        let board = Arc::new(Board {
            known: ArcSwap::from_pointee(Vec::new()),
            learnt: ArcSwapOption::empty(),
            unlearn: ArrayQueue::new(64),
        });
        let closing = Arc::new(AtomicBool::new(false));
        let speaker = Speaker::start(Arc::clone(&common))?;
        let clock_out = speaker.clock_out();
        let watch = Watch::new(
            Arc::clone(&common),
            ends.notices,
            Arc::clone(&board),
            Shelf::new(Arc::clone(table), settings.folder),
            speaker.changes(),
            settings.clock_out,
        );
        let flag = Arc::clone(&closing);
        let thread = std::thread::Builder::new()
            .name("midi-watch".into())
            .spawn(move || watch.run(&flag))?;
        Ok(Self {
            common,
            board,
            closing,
            speaker,
            clock_out,
            thread: Some(thread),
        })
    }

    /// Every source that is or was there in this run. Allocates: not for the frame path.
    pub fn ports(&self) -> Vec<PortState> {
        let known = self.board.known.load();
        let state = |known: &super::watch::Known| {
            let heard_at = known.line.heard_at.load(Ordering::Relaxed);
            PortState {
                port: known.port.clone(),
                number: known.line.number,
                map: known.line.wiring.load().map.name().to_owned(),
                connected: known.connected,
                told: known.told,
                heard_at: (heard_at > 0).then_some(heard_at),
            }
        };
        known.iter().map(state).collect()
    }

    /// The controls of the devices that are there that move a parameter, such as "APC mini mk2 CC 48", and the page where they
    /// do. Allocates: not for the frame path.
    pub fn bindings(&self, param: ParamId) -> Vec<String> {
        let known = self.board.known.load();
        let mut found = Vec::new();
        for known in known.iter().filter(|known| known.connected) {
            for text in known.line.wiring.load().map.controls_of(param) {
                if !found.contains(&text) {
                    found.push(text);
                }
            }
        }
        found
    }

    /// Lets a parameter wait for the next control that is clearly moved, or, with none, calls that off. While it waits, controls
    /// do nothing else. What is learnt is told by a notice and by [`Hub::learnt`].
    pub fn learn(&self, param: Option<ParamId>) {
        self.common.learning.want(param);
        self.wake();
    }

    /// The parameter that waits for a control.
    pub fn learning(&self) -> Option<ParamId> {
        self.common.learning.wanted()
    }

    /// What was learnt last in this run, and what it took the place of.
    pub fn learnt(&self) -> Option<Arc<Learnt>> {
        self.board.learnt.load_full()
    }

    /// Takes away the learnt controls of a parameter, in every map of the performer's.
    pub fn unlearn(&self, param: ParamId) {
        // Where too many wait, hands are faster than the disk: the press is lost.
        let _ = self.board.unlearn.push(param);
        self.wake();
    }

    /// A way to send MIDI clock to the ports that were chosen for it.
    pub fn clock_out(&self) -> ClockOut {
        self.clock_out.clone()
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // First the lights go out, while their ports are still open.
        self.speaker.close();
        self.closing.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
