//! The heads-up display: what the performer is shown over the output, gathered only while it is open, ten times a second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::controllers::Controllers;
use crate::control::keys::{Keys, STANDARD};
use crate::control::midi::PortState;
use crate::engine::Norm;
use crate::instrument::params::{
    BEAT_PER_BAR, BEAT_RATE, BEAT_SYNC, BEAT_TEMPO, BEAT_UNIT, LOOP_PAUSE, LOOP_REVERSE,
    LOOP_SPEED, MASTER_BLACKOUT, MASTER_FREEZE,
};
use crate::instrument::{Choice, Instrument, Kind, ParamId, Table};
use crate::sound::Capture;
use crate::stage::{Learn, Port, Readout};

/// The readout is gathered this often.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long a port's light stays on: an eighth of a second.
const BUSY_NANOS: u64 = 125_000_000;
/// Rows of the table of parameters that are shown at once.
const LEARN_ROWS: usize = 17;
/// Keyframes that are offered to be learnt.
const LEARNABLE_KEYFRAMES: u32 = 16;
/// Notices that are kept, and for how long they are shown.
const NOTICES: usize = 5;
const NOTICE_AGE: Duration = Duration::from_secs(12);

/// The heads-up display's contents, and whether it is open.
#[derive(Default)]
pub(super) struct Hud {
    open: bool,
    help: bool,
    /// Which parameter is picked for learning, while it is.
    picked: Option<usize>,
    last_picked: usize,
    learnable: Vec<ParamId>,
    keys: Vec<(String, String)>,
    readout: Readout,
    gathered: Option<Instant>,
    /// Whether it was gathered since it was last asked about.
    fresh: bool,
    notices: VecDeque<(Instant, String)>,
}

/// The sources of what is shown.
pub(super) struct Sources<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) controllers: &'a Controllers,
    pub(super) engine: &'a str,
    pub(super) frame_time: Duration,
    pub(super) norm: Norm,
    pub(super) fps: f64,
    pub(super) dropped: u64,
    /// How long a recording has run, and how many pictures it lost.
    pub(super) recording: Option<(Duration, u64)>,
    /// How long the disk has room for it, where that is not long.
    pub(super) disk_left: Option<Duration>,
    pub(super) sound: Option<&'a Capture>,
}

impl Hud {
    pub(super) fn new(patch: &str, table: &Table, keys: &Keys) -> Self {
        let learnable = table.iter().filter(|(_, row)| {
            // Of the keyframes, those that hands have room for.
            let keyframe = row.name.strip_prefix("keyframe.");
            let number = keyframe.and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
            let is_within = number.is_none_or(|number| number <= LEARNABLE_KEYFRAMES);
            is_within && !row.read_only && row.kind != Kind::Text && !row.name.starts_with("midi.")
        });
        let mut hud = Self {
            learnable: learnable.map(|(id, _)| id).collect(),
            keys: table_of_keys(keys),
            ..Self::default()
        };
        hud.rename(patch);
        hud
    }

    /// Opens or closes the table of parameters to be learnt; gives the one that is picked.
    pub(super) fn toggle_learn(&mut self) -> Option<ParamId> {
        self.picked = match self.picked {
            Some(_) => None,
            None => Some(self.last_picked),
        };
        self.gathered = None;
        self.picked()
    }

    /// Goes so many rows down; gives the parameter that is picked.
    pub(super) fn pick(&mut self, rows: i64) -> Option<ParamId> {
        let last = self.learnable.len().saturating_sub(1) as i64;
        let picked = self.picked?;
        let picked = (picked as i64 + rows).clamp(0, last) as usize;
        (self.picked, self.last_picked) = (Some(picked), picked);
        self.gathered = None;
        self.picked()
    }

    /// The parameter that is picked for learning.
    pub(super) fn picked(&self) -> Option<ParamId> {
        self.picked.map(|at| self.learnable[at])
    }

    pub(super) fn rename(&mut self, patch: &str) {
        patch.clone_into(&mut self.readout.patch);
    }

    pub(super) fn toggle(&mut self) {
        self.open = !self.open;
        self.gathered = None;
    }

    pub(super) fn toggle_help(&mut self) {
        self.help = !self.help;
        self.gathered = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn shows_help(&self) -> bool {
        self.help
    }

    /// What is to be shown, if the display is open.
    pub(super) fn visible(&self) -> Option<&Readout> {
        let any = self.open || self.help || self.picked.is_some();
        any.then_some(&self.readout)
    }

    /// Whether something else is to be shown than when this was last asked.
    pub(super) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
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
        if self.visible().is_none() {
            return;
        }
        // The play head moves with every picture.
        self.readout.position = sources.instrument.position();
        self.readout.beat = beat(sources.instrument);
        if self
            .gathered
            .is_some_and(|at| now.duration_since(at) < INTERVAL)
        {
            return;
        }
        (self.gathered, self.fresh) = (Some(now), true);
        self.readout.open = self.open;
        self.readout.keys = self.help.then(|| self.keys.clone());
        self.readout.learn = self.picked.map(|picked| self.learn(picked, sources));
        self.notices
            .retain(|(at, _)| now.duration_since(*at) < NOTICE_AGE);
        let readout = &mut self.readout;
        readout.notices = self.notices.iter().map(|(_, text)| text.clone()).collect();
        let keyframes = sources.instrument.keyframes();
        readout.keyframes = keyframes.iter().map(|k| (k.seed, k.locked)).collect();
        let instrument = sources.instrument;
        readout.motion = if instrument.get(LOOP_PAUSE) {
            "paused".to_owned()
        } else {
            let direction = if instrument.get(LOOP_REVERSE) {
                -1.0
            } else {
                1.0
            };
            if instrument.get(BEAT_SYNC) {
                let unit = instrument.get(BEAT_UNIT).name();
                let rate = instrument.get(BEAT_RATE) * direction;
                format!("{rate:+} keyframes a {unit}")
            } else {
                let speed = instrument.get(LOOP_SPEED) * direction;
                format!("{speed:+.2} keyframes/s")
            }
        };
        let norm = sources.norm.name();
        readout.engine = format!(
            "{}, norm {norm}, {:.1} ms a frame",
            sources.engine,
            sources.frame_time.as_secs_f64() * 1e3
        );
        readout.pace = format!("{:.1} fps, {} dropped", sources.fps, sources.dropped);
        let osc = sources.controllers.osc.as_ref();
        let osc = osc.map_or("OSC off".to_owned(), |server| {
            format!("OSC {}", server.address())
        });
        let now_stamp = sources.controllers.control.inbox.now();
        readout.ports = sources.controllers.midi.hub().map_or(Vec::new(), |hub| {
            let port = |state: PortState| Port {
                name: if state.map.is_empty() {
                    state.port.name
                } else {
                    format!("{} ({})", state.port.name, state.map)
                },
                connected: state.connected,
                busy: state
                    .heard_at
                    .is_some_and(|at| now_stamp.saturating_sub(at) < BUSY_NANOS),
            };
            hub.ports().into_iter().map(port).collect()
        });
        readout.tempo = format!("{:.1} BPM", instrument.get(BEAT_TEMPO));
        readout.waiting = sources.instrument.is_waiting();
        let sound = match sources.sound {
            None => "no sound".to_owned(),
            Some(capture) if capture.is_connected() => {
                format!("sound {:.0} %", capture.features().level * 100.0)
            }
            Some(_) => "sound gone".to_owned(),
        };
        let events = sources.controllers.control.inbox.received();
        readout.hands = format!("{osc}   {events} events   {sound}");
        readout.recording = sources.recording.map(|(length, dropped)| {
            let secs = length.as_secs();
            let mut text = format!("REC {}:{:02}", secs / 60, secs % 60);
            if dropped > 0 {
                text += &format!("  {dropped} dropped");
            }
            if let Some(left) = sources.disk_left.map(|left| left.as_secs()) {
                text += &format!("  disk full in {}:{:02}", left / 60, left % 60);
            }
            text
        });
        readout.blackout = instrument.get(MASTER_BLACKOUT);
        readout.frozen = instrument.get(MASTER_FREEZE);
    }

    /// The rows around the picked one.
    fn learn(&self, picked: usize, sources: &Sources) -> Learn {
        let instrument = sources.instrument;
        let table = instrument.table();
        let first = picked.saturating_sub(LEARN_ROWS / 2);
        let first = first.min(self.learnable.len().saturating_sub(LEARN_ROWS));
        let rows = self.learnable.iter().skip(first).take(LEARN_ROWS);
        let rows = rows.map(|&param| {
            let row = table.row(param);
            let value = match row.kind {
                Kind::Trigger | Kind::Text => String::new(),
                _ => match table.written(param, instrument.base_value(param)) {
                    toml::Value::Boolean(on) => (if on { "on" } else { "off" }).to_owned(),
                    toml::Value::String(name) => name,
                    toml::Value::Integer(number) => number.to_string(),
                    _ => format!("{:.2} {}", instrument.base_value(param), row.unit),
                },
            };
            let name = match sources.controllers.looks.label(param) {
                Some(label) => format!("{} {label}", row.name),
                None => row.name.clone(),
            };
            [
                name,
                value,
                sources.controllers.midi.bindings(param).join(", "),
            ]
        });
        let learnt = sources
            .controllers
            .midi
            .hub()
            .and_then(|hub| hub.last_learned());
        Learn {
            said: learnt.map_or(String::new(), |learnt| {
                let instead = if learnt.replaced.is_empty() {
                    String::new()
                } else {
                    format!(", and no longer {}", learnt.replaced.join(", "))
                };
                format!("{} moves {}{instead}", learnt.control, learnt.name)
            }),
            rows: rows.collect(),
            picked: picked - first,
            hint: "Up and Down pick, a control that you move is learnt, Delete forgets, L ends"
                .to_owned(),
        }
    }
}

/// Which beat of the bar it is, and how many there are.
fn beat(instrument: &Instrument) -> (usize, usize) {
    let count = instrument.get(BEAT_PER_BAR) as f64;
    (instrument.beat().rem_euclid(count) as usize, count as usize)
}

/// Keys and what they do; those of a number in one line.
pub(super) fn table_of_keys(keys: &Keys) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for binding in keys.bindings() {
        let key = binding.chord.to_string();
        let told = STANDARD
            .iter()
            .find(|(_, does, _)| *does == binding.does || does.replace("{n}", "1") == binding.does);
        let is_numbered = |n: u32| {
            binding.does.contains(&format!(".{n}.")) || binding.does.ends_with(&format!(".{n}"))
        };
        match told {
            Some((_, does, help)) if does.contains(".N") && key.ends_with('1') => {
                lines.push((format!("{key} to 8"), (*help).to_owned()));
            }
            Some((_, _, help)) => lines.push((key, (*help).to_owned())),
            None if (2..=8).any(is_numbered) => {}
            None => lines.push((key, binding.does.clone())),
        }
    }
    lines
}
