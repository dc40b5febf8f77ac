//! What the performer is shown: gathered only while the heads-up display is open, ten times a second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::hands::Hands;
use crate::engine::Norm;
use crate::instrument::Instrument;
use crate::sound::Capture;
use crate::stage::Readout;

/// The readout is gathered this often.
const INTERVAL: Duration = Duration::from_millis(100);
/// Notices that are kept, and for how long they are shown.
const NOTICES: usize = 5;
const NOTICE_AGE: Duration = Duration::from_secs(12);

/// The heads-up display's contents, and whether it is open.
#[derive(Default)]
pub(super) struct Board {
    open: bool,
    readout: Readout,
    gathered: Option<Instant>,
    notices: VecDeque<(Instant, String)>,
}

/// Where the readout is gathered from.
pub(super) struct Sources<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) hands: &'a Hands,
    pub(super) engine: &'a str,
    pub(super) pace: Duration,
    pub(super) norm: Norm,
    pub(super) fps: f64,
    pub(super) dropped: u64,
    /// How long a recording has run, and how many pictures it lost.
    pub(super) recording: Option<(Duration, u64)>,
    pub(super) sound: Option<&'a Capture>,
}

impl Board {
    pub(super) fn new(piece: &str) -> Self {
        let mut board = Self::default();
        board.rename(piece);
        board
    }

    pub(super) fn rename(&mut self, piece: &str) {
        piece.clone_into(&mut self.readout.piece);
    }

    pub(super) fn toggle(&mut self) {
        self.open = !self.open;
        self.gathered = None;
    }

    /// What is to be shown, if the display is open.
    pub(super) fn visible(&self) -> Option<&Readout> {
        self.open.then_some(&self.readout)
    }

    /// Keeps a notice until it has been seen.
    pub(super) fn notice(&mut self, text: String, now: Instant) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back((now, text));
    }

    /// Gathers what is shown, where it is due.
    pub(super) fn update(&mut self, now: Instant, sources: &Sources) {
        if !self.open {
            return;
        }
        // The play head moves with every picture.
        self.readout.position = sources.instrument.position();
        if self
            .gathered
            .is_some_and(|at| now.duration_since(at) < INTERVAL)
        {
            return;
        }
        self.gathered = Some(now);
        self.notices
            .retain(|(at, _)| now.duration_since(*at) < NOTICE_AGE);
        let readout = &mut self.readout;
        readout.notices = self.notices.iter().map(|(_, text)| text.clone()).collect();
        let keyframes = sources.instrument.keyframes();
        readout.keyframes = keyframes.iter().map(|k| (k.seed, k.locked)).collect();
        let value = |name: &str| {
            let table = sources.instrument.table();
            table
                .id(name)
                .map_or(0.0, |param| sources.instrument.value(param))
        };
        let paused = value("loop.pause") > 0.5;
        readout.motion = if paused {
            "paused".to_owned()
        } else {
            let way = if value("loop.reverse") > 0.5 {
                -1.0
            } else {
                1.0
            };
            format!("{:+.2} keyframes/s", value("loop.speed") * way)
        };
        let norm = match sources.norm {
            Norm::Running => "running",
            Norm::Batch => "batch",
        };
        readout.engine = format!(
            "{}, norm {norm}, {:.1} ms a frame",
            sources.engine,
            sources.pace.as_secs_f64() * 1e3
        );
        readout.pace = format!("{:.1} fps, {} dropped", sources.fps, sources.dropped);
        let osc = sources.hands.osc.as_ref();
        let osc = osc.map_or("OSC off".to_owned(), |server| {
            format!("OSC {}", server.address())
        });
        let ports = sources.hands.midi.as_ref().map_or(0, |hub| hub.count());
        let sound = match sources.sound {
            None => "no sound".to_owned(),
            Some(capture) if capture.is_connected() => {
                format!("sound {:.0} %", capture.features().level * 100.0)
            }
            Some(_) => "sound gone".to_owned(),
        };
        let events = sources.hands.inbox.received();
        readout.hands = format!("{osc}   MIDI {ports} ports   {events} events   {sound}");
        readout.recording = sources.recording.map(|(length, dropped)| {
            let secs = length.as_secs();
            let lost = if dropped > 0 {
                format!("  {dropped} dropped")
            } else {
                String::new()
            };
            format!("REC {}:{:02}{lost}", secs / 60, secs % 60)
        });
        readout.blackout = value("master.blackout") > 0.5;
        readout.frozen = value("master.freeze") > 0.5;
    }
}
