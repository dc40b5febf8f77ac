//! The thread `midi-out`: lights, rings and motor faders, and the clock that others follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use crossbeam_queue::ArrayQueue;
use midir::MidiOutputConnection;

use super::feedback::Told;
use super::jack_ports::Outgoing;
use super::listener::{Common, Line};
use super::packet::Packet;
use super::reader::Wiring;
use crate::control::clock::Pulse;

/// Devices are told what changed this often.
const INTERVAL: Duration = Duration::from_millis(20);
/// A control that has just been moved is not told where it stands for so long: it knows, and may still be moving.
const QUIET: Duration = Duration::from_millis(300);
/// Half the time of a blink.
const BLINK: Duration = Duration::from_millis(250);
/// A device that has just come is told everything once more after this: some are deaf while they start.
const STARTING: Duration = Duration::from_secs(1);
/// A server's next period comes within this.
const PERIOD: Duration = Duration::from_millis(60);
/// Pulses that wait to be sent.
const PULSES: usize = 256;
/// Outlets that wait to be taken up or let go.
const CHANGES: usize = 64;

/// Sends MIDI clock. Cheap to clone; sending neither locks, allocates nor waits.
#[derive(Clone, Debug)]
pub struct ClockOut {
    pulses: Arc<ArrayQueue<Pulse>>,
    thread: Thread,
}

impl ClockOut {
    /// Sends a pulse at once, to the ports that were chosen for the clock. False: too many wait already.
    pub fn send(&self, pulse: Pulse) -> bool {
        let taken = self.pulses.push(pulse).is_ok();
        self.thread.unpark();
        taken
    }
}

/// What an outlet is for; set by `midi-watch`, read by `midi-out`.
#[derive(Debug, Default)]
pub(super) struct Duty {
    /// The device whose lights it tells.
    pub(super) line: ArcSwapOption<Line>,
    /// Whether it sends the clock.
    pub(super) clock: AtomicBool,
    /// Whether what is at its other end has just come.
    pub(super) fresh: AtomicBool,
}

/// Where an outlet's messages go.
pub(super) enum Way {
    /// A port of the platform.
    Platform(MidiOutputConnection),
    /// A port of our own at the JACK server.
    Jack(Outgoing),
}

/// A new outlet, or one less.
pub(super) enum Change {
    Open(u64, Way, Arc<Duty>),
    Close(u64),
}

/// The thread, seen from outside.
pub(super) struct Speaker {
    changes: Sender<Change>,
    pulses: Arc<ArrayQueue<Pulse>>,
    closing: Arc<AtomicBool>,
    waker: Thread,
    thread: Option<JoinHandle<()>>,
}

impl Speaker {
    pub(super) fn start(common: Arc<Common>) -> std::io::Result<Self> {
        let (changes, receiver) = bounded(CHANGES);
        let pulses = Arc::new(ArrayQueue::new(PULSES));
        let closing = Arc::new(AtomicBool::new(false));
        let room = Room {
            common,
            changes: receiver,
            pulses: Arc::clone(&pulses),
            outlets: Vec::new(),
        };
        let flag = Arc::clone(&closing);
        let thread = std::thread::Builder::new()
            .name("midi-out".into())
            .spawn(move || room.run(&flag))?;
        Ok(Self {
            changes,
            pulses,
            closing,
            waker: thread.thread().clone(),
            thread: Some(thread),
        })
    }

    /// A way to send the clock.
    pub(super) fn clock_out(&self) -> ClockOut {
        ClockOut {
            pulses: Arc::clone(&self.pulses),
            thread: self.waker.clone(),
        }
    }

    /// Hands on changes; its end is for `midi-watch`.
    pub(super) fn changes(&self) -> Sender<Change> {
        self.changes.clone()
    }

    /// Leaves every device and ends.
    pub(super) fn close(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            self.waker.unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Whether a change was taken; what was not is handed back to be dropped.
pub(super) fn offer(changes: &Sender<Change>, change: Change) -> bool {
    match changes.try_send(change) {
        Ok(()) => true,
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
    }
}

struct Outlet {
    number: u64,
    way: Way,
    duty: Arc<Duty>,
    told: Told,
    /// The map by which it was told; another one begins anew.
    wiring: Option<Arc<Wiring>>,
    /// When it is told everything once more.
    again: Option<Instant>,
}

struct Room {
    common: Arc<Common>,
    changes: Receiver<Change>,
    pulses: Arc<ArrayQueue<Pulse>>,
    outlets: Vec<Outlet>,
}

impl Room {
    fn run(mut self, closing: &AtomicBool) {
        let start = Instant::now();
        let mut due = start;
        while !closing.load(Ordering::Relaxed) {
            self.send_pulses();
            let now = Instant::now();
            if now >= due {
                self.take_changes();
                let dark = now.duration_since(start).as_millis() / BLINK.as_millis() % 2 == 1;
                for outlet in &mut self.outlets {
                    outlet.update(&self.common, now, dark);
                }
                due = now + INTERVAL;
            }
            std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
        let left = self.outlets.iter_mut().map(Outlet::leave);
        if left.fold(false, |any, one| any | one) {
            std::thread::sleep(PERIOD);
        }
    }

    fn take_changes(&mut self) {
        while let Ok(change) = self.changes.try_recv() {
            match change {
                Change::Open(number, way, duty) => self.outlets.push(Outlet {
                    number,
                    way,
                    duty,
                    told: Told::default(),
                    wiring: None,
                    again: None,
                }),
                Change::Close(number) => self.outlets.retain(|outlet| outlet.number != number),
            }
        }
    }

    fn send_pulses(&mut self) {
        while let Some(pulse) = self.pulses.pop() {
            let packet = packet(pulse);
            for outlet in &mut self.outlets {
                if outlet.duty.clock.load(Ordering::Relaxed) {
                    outlet.way.send(packet);
                }
            }
        }
    }
}

fn packet(pulse: Pulse) -> Packet {
    match pulse {
        Pulse::Clock => Packet::new(&[0xf8]),
        Pulse::Start => Packet::new(&[0xfa]),
        Pulse::Continue => Packet::new(&[0xfb]),
        Pulse::Stop => Packet::new(&[0xfc]),
        Pulse::Position(at) => Packet::new(&[0xf2, (at & 0x7f) as u8, (at >> 7 & 0x7f) as u8]),
    }
}

impl Outlet {
    fn update(&mut self, common: &Common, now: Instant, dark: bool) {
        let Some(line) = self.duty.line.load_full() else {
            return;
        };
        let wiring = line.wiring.load_full();
        let same = |before: &Arc<Wiring>| Arc::ptr_eq(before, &wiring);
        let other = !self.wiring.as_ref().is_some_and(same);
        let fresh = self.duty.fresh.swap(false, Ordering::Relaxed);
        if fresh || other {
            for message in &wiring.map.on_connect {
                self.way.send(Packet::new(message));
            }
            self.told.forget();
            self.again = fresh.then_some(now + STARTING);
            self.wiring = Some(Arc::clone(&wiring));
        }
        if self.again.take_if(|again| *again <= now).is_some() {
            self.told.forget();
        }
        let at = common.inbox.now();
        let held = |place| wiring.moved_within(place, QUIET, at);
        let way = &mut self.way;
        self.told
            .update(&wiring.map, &common.values, dark, held, |packet| {
                way.send(packet);
            });
    }

    /// Puts the lights out; whether anything was sent.
    fn leave(&mut self) -> bool {
        let Some(wiring) = self.wiring.take() else {
            return false;
        };
        let mut sent = false;
        for packet in wiring.map.dark() {
            self.way.send(packet);
            sent = true;
        }
        for message in &wiring.map.on_leave {
            self.way.send(Packet::new(message));
            sent = true;
        }
        sent
    }
}

impl Way {
    fn send(&mut self, packet: Packet) {
        match self {
            // A port that has gone refuses; `midi-watch` sees that it has.
            Self::Platform(connection) => {
                let _ = connection.send(packet.bytes());
            }
            // A server that stands still takes nothing.
            Self::Jack(outgoing) => {
                let _ = outgoing.push(packet);
            }
        }
    }
}
