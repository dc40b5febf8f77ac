//! The output thread `midi-out`: controller feedback, and the MIDI clock that others follow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use crossbeam_queue::ArrayQueue;
use midir::MidiOutputConnection;

use super::bound_map::BoundMap;
use super::input_handler::{MidiContext, SourceState};
use super::jack_ports::Outgoing;
use super::packet::Packet;
use super::sent_state::SentState;
use crate::control::Stamp;
use crate::control::clock::Pulse;
use crate::worker::{StopSignal, Worker};

/// Feedback is sent this often.
const INTERVAL: Duration = Duration::from_millis(20);
/// A control that has just been moved is sent no feedback for so long: it may still be moving.
const QUIET: Duration = Duration::from_millis(300);
/// Half the time of a blink.
const BLINK: Duration = Duration::from_millis(250);
/// A device that has just come is sent everything once more after this: some are deaf while they start.
const STARTING: Duration = Duration::from_secs(1);
/// A server's next period comes within this.
const PERIOD: Duration = Duration::from_millis(60);
/// Pulses that wait to be sent.
const PULSES: usize = 256;
/// Outputs that wait to be opened or closed.
const CHANGES: usize = 64;

/// A sender of MIDI clock. Cheap to clone; sending neither locks, allocates nor waits.
#[derive(Clone, Debug)]
pub struct ClockOut {
    pulses: Arc<ArrayQueue<(Pulse, Stamp)>>,
    thread: Option<Thread>,
}

impl ClockOut {
    /// Sends a pulse at a moment that is near, to the ports that were chosen for the clock; pulses come in the order of theirs.
    /// False: too many wait already.
    pub fn send(&self, pulse: Pulse, at: Stamp) -> bool {
        let taken = self.pulses.push((pulse, at)).is_ok();
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
        taken
    }
}

/// The role of an output; set by `midi-watch`, read by `midi-out`.
#[derive(Debug, Default)]
pub(super) struct OutputRole {
    /// The source of the device that it sends feedback to.
    pub(super) source: ArcSwapOption<SourceState>,
    /// Whether it sends the clock.
    pub(super) clock: AtomicBool,
    /// Whether what is at its other end has just come.
    pub(super) fresh: AtomicBool,
}

/// The port of an output.
pub(super) enum OutputPort {
    /// A port of the platform.
    Platform(MidiOutputConnection),
    /// A port of our own at the JACK server.
    Jack(Outgoing),
}

/// A change to the outputs.
pub(super) enum OutputChange {
    Open(u64, OutputPort, Arc<OutputRole>),
    Close(u64),
}

/// The handle of the output thread. Dropped, it leaves every device and ends.
pub(super) struct OutputThread {
    changes: Sender<OutputChange>,
    pulses: Arc<ArrayQueue<(Pulse, Stamp)>>,
    worker: Worker,
}

impl OutputThread {
    pub(super) fn start(context: Arc<MidiContext>) -> std::io::Result<Self> {
        let (changes, receiver) = bounded(CHANGES);
        let pulses = Arc::new(ArrayQueue::new(PULSES));
        let thread = OutputWorker {
            context,
            changes: receiver,
            pulses: Arc::clone(&pulses),
            due: VecDeque::with_capacity(PULSES),
            outputs: Vec::new(),
        };
        Ok(Self {
            changes,
            pulses,
            worker: Worker::start("midi-out", move |stop| thread.run(&stop))?,
        })
    }

    /// A way to send the clock.
    pub(super) fn clock_out(&self) -> ClockOut {
        ClockOut {
            pulses: Arc::clone(&self.pulses),
            thread: self.worker.thread().cloned(),
        }
    }

    /// Hands on changes; its end is for `midi-watch`.
    pub(super) fn changes(&self) -> Sender<OutputChange> {
        self.changes.clone()
    }
}

/// Offers the output thread a change; false where it cannot take it.
pub(super) fn offer(changes: &Sender<OutputChange>, change: OutputChange) -> bool {
    match changes.try_send(change) {
        Ok(()) => true,
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
    }
}

struct Output {
    number: u64,
    port: OutputPort,
    role: Arc<OutputRole>,
    sent: SentState,
    /// The map by which that was sent; another one begins anew.
    bound: Option<Arc<BoundMap>>,
    /// When it is sent everything once more.
    again: Option<Instant>,
}

struct OutputWorker {
    context: Arc<MidiContext>,
    changes: Receiver<OutputChange>,
    pulses: Arc<ArrayQueue<(Pulse, Stamp)>>,
    /// Pulses for the platform's ports, which send at once whatever they are given: these wait for their moment.
    due: VecDeque<(Pulse, Stamp)>,
    outputs: Vec<Output>,
}

impl OutputWorker {
    fn run(mut self, stop: &StopSignal) {
        let start = Instant::now();
        let mut due = start;
        while !stop.is_set() {
            self.send_pulses();
            let now = Instant::now();
            if now >= due {
                self.take_changes();
                let blink_off = now.duration_since(start).as_millis() / BLINK.as_millis() % 2 == 1;
                for output in &mut self.outputs {
                    output.update(&self.context, now, blink_off);
                }
                due = now + INTERVAL;
            }
            let rest = due.saturating_duration_since(Instant::now());
            stop.doze(self.until_pulse().map_or(rest, |pulse| pulse.min(rest)));
        }
        let left = self.outputs.iter_mut().map(Output::leave);
        if left.fold(false, |any, one| any | one) {
            std::thread::sleep(PERIOD);
        }
    }

    fn take_changes(&mut self) {
        while let Ok(change) = self.changes.try_recv() {
            match change {
                OutputChange::Open(number, port, role) => self.outputs.push(Output {
                    number,
                    port,
                    role,
                    sent: SentState::default(),
                    bound: None,
                    again: None,
                }),
                OutputChange::Close(number) => {
                    self.outputs.retain(|output| output.number != number);
                }
            }
        }
    }

    fn send_pulses(&mut self) {
        // One is taken only where there is room for it to wait.
        while self.due.len() < PULSES
            && let Some((pulse, at)) = self.pulses.pop()
        {
            for output in &mut self.outputs {
                if let (true, OutputPort::Jack(outgoing)) =
                    (output.role.clock.load(Ordering::Relaxed), &output.port)
                {
                    // A server that stands still takes nothing.
                    let _ = outgoing.push((packet(pulse), Some(at)));
                }
            }
            self.due.push_back((pulse, at));
        }
        let now = self.context.plane.inbox.now();
        while let Some((pulse, _)) = self.due.pop_front_if(|(_, at)| *at <= now) {
            for output in &mut self.outputs {
                if output.role.clock.load(Ordering::Relaxed)
                    && matches!(output.port, OutputPort::Platform(_))
                {
                    output.port.send(packet(pulse));
                }
            }
        }
    }

    /// How long it is until the next pulse of the platform's ports.
    fn until_pulse(&self) -> Option<Duration> {
        let (_, at) = self.due.front()?;
        let now = self.context.plane.inbox.now();
        Some(Duration::from_nanos(at.saturating_sub(now)))
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

impl Output {
    fn update(&mut self, context: &MidiContext, now: Instant, blink_off: bool) {
        let Some(source) = self.role.source.load_full() else {
            return;
        };
        let bound = source.bound.load_full();
        let same = |before: &Arc<BoundMap>| Arc::ptr_eq(before, &bound);
        let other = !self.bound.as_ref().is_some_and(same);
        let fresh = self.role.fresh.swap(false, Ordering::Relaxed);
        if fresh || other {
            for message in &bound.map().on_connect {
                self.port.send(Packet::new(message));
            }
            self.sent.forget();
            self.again = fresh.then_some(now + STARTING);
            self.bound = Some(Arc::clone(&bound));
        }
        if self.again.take_if(|again| *again <= now).is_some() {
            self.sent.forget();
        }
        let at = context.plane.inbox.now();
        let is_held = |index| bound.moved_within(index, QUIET, at);
        let port = &mut self.port;
        self.sent.update(
            bound.map(),
            &context.plane.values,
            blink_off,
            is_held,
            |packet| {
                port.send(packet);
            },
        );
    }

    /// Switches the LEDs off; whether anything was sent.
    fn leave(&mut self) -> bool {
        let Some(bound) = self.bound.take() else {
            return false;
        };
        let mut sent = false;
        for packet in bound.map().all_off() {
            self.port.send(packet);
            sent = true;
        }
        for message in &bound.map().on_leave {
            self.port.send(Packet::new(message));
            sent = true;
        }
        sent
    }
}

impl OutputPort {
    fn send(&mut self, packet: Packet) {
        match self {
            // A port that has gone refuses; `midi-watch` sees that it has.
            Self::Platform(connection) => {
                let _ = connection.send(packet.bytes());
            }
            // A server that stands still takes nothing.
            Self::Jack(outgoing) => {
                let _ = outgoing.push((packet, None));
            }
        }
    }
}
