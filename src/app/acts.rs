//! What the hands ask of the program around the instrument: presets, recordings, windows.

use std::sync::Arc;

use super::arm::{Edge, Place, Press};
use super::console::{Feed, Glance};
use super::desk::Job;
use super::pieces::{Opened, Played, Which};
use super::show::{Show, WindowCommand};
use super::tape::Change;
use crate::engine::Norm;
use crate::instrument::preset::PresetError;
use crate::instrument::{Action, BANK, Kind, MAX_KEYFRAMES, ParamId, Scope, Table, ticks};
use crate::record::Sound;

/// Parameters that the stage and the program act on.
pub(super) struct Ids {
    pub(super) norm: ParamId,
    pub(super) fade: ParamId,
    pub(super) blackout: ParamId,
    pub(super) freeze: ParamId,
    record: ParamId,
    arm: ParamId,
    per_bar: ParamId,
    mode: ParamId,
    keep: ParamId,
    keep_secs: ParamId,
    next: ParamId,
    previous: ParamId,
    load: ParamId,
    save: ParamId,
    fade_secs: ParamId,
    model: ParamId,
    fullscreen: ParamId,
    leave_fullscreen: ParamId,
    next_monitor: ParamId,
    monitor: ParamId,
    console: ParamId,
    hud: ParamId,
    help: ParamId,
    learn: ParamId,
    unlearn: ParamId,
    quit: ParamId,
    bank: Vec<ParamId>,
    jumps: Vec<ParamId>,
}

impl Ids {
    pub(super) fn new(table: &Table) -> Result<Self, PresetError> {
        let id = |name: &str| table.find(name);
        let bank = (1..=BANK).map(|place| id(&format!("preset.bank.{place}")));
        let jumps = (1..=MAX_KEYFRAMES).map(|number| id(&format!("keyframe.{number}.jump")));
        Ok(Self {
            norm: id("loop.norm")?,
            fade: id("master.fade")?,
            blackout: id("master.blackout")?,
            freeze: id("master.freeze")?,
            record: id("record.toggle")?,
            arm: id("record.arm")?,
            per_bar: id("beat.per_bar")?,
            mode: id("loop.mode")?,
            keep: id("record.keep")?,
            keep_secs: id("record.keep_secs")?,
            next: id("preset.next")?,
            previous: id("preset.previous")?,
            load: id("preset.load")?,
            save: id("preset.save")?,
            fade_secs: id("preset.fade_secs")?,
            model: id("model.load")?,
            fullscreen: id("window.fullscreen")?,
            leave_fullscreen: id("window.leave_fullscreen")?,
            next_monitor: id("window.next_monitor")?,
            monitor: id("window.monitor")?,
            console: id("window.console")?,
            hud: id("hud.toggle")?,
            help: id("hud.help")?,
            learn: id("midi.learn")?,
            unlearn: id("midi.unlearn")?,
            quit: id("show.quit")?,
            bank: bank.collect::<Result<_, _>>()?,
            jumps: jumps.collect::<Result<_, _>>()?,
        })
    }
}

impl Show {
    pub(super) fn apply(&mut self, action: Action) {
        let param = match &action {
            Action::Trigger { param }
            | Action::Text { param, .. }
            | Action::Set { param, .. }
            | Action::SetUnit { param, .. }
            | Action::Nudge { param, .. } => *param,
            Action::Source { .. } | Action::Clock { .. } => return self.act(action),
        };
        let is_fired = matches!(action, Action::Trigger { .. });
        match action {
            Action::Text { param, text } => self.text(param, text),
            Action::Trigger { param } if param == self.ids.save => self.save("".into()),
            // In the table of controls, steps go up and down.
            Action::Nudge { param, delta } if param == self.ids.learn => {
                let picked = self.board.pick(delta as i64);
                self.hands.learn(picked);
            }
            _ if self.table.row(param).scope == Scope::Host && is_fired => self.fire(param),
            // The program's own values are kept with the instrument's.
            action => self.act(action),
        }
    }

    fn text(&mut self, param: ParamId, text: Box<str>) {
        if param == self.ids.load {
            self.ask_for(Job::Open(Which::Named(text), Arc::clone(&self.piece)));
        } else if param == self.ids.save {
            self.save(text);
        } else if param == self.ids.model {
            self.ask_for(Job::Model(text, Arc::clone(&self.piece)));
        } else if param == self.ids.monitor {
            (self.window)(WindowCommand::ToMonitor(text));
        }
    }

    fn fire(&mut self, param: ParamId) {
        let ids = &self.ids;
        let open = |which| Job::Open(which, Arc::clone(&self.piece));
        if param == ids.next {
            self.ask_for(open(Which::Neighbour(1)));
        } else if param == ids.previous {
            self.ask_for(open(Which::Neighbour(-1)));
        } else if let Some(place) = ids.bank.iter().position(|id| *id == param) {
            self.ask_for(open(Which::Bank(place)));
        } else if param == ids.record {
            self.press_record();
        } else if param == ids.keep {
            let secs = self.instrument.value(ids.keep_secs);
            self.log.keep(self.instrument.ticks(), secs);
        } else if param == ids.fullscreen {
            (self.window)(WindowCommand::ToggleFullscreen);
        } else if param == ids.leave_fullscreen {
            (self.window)(WindowCommand::LeaveFullscreen);
        } else if param == ids.next_monitor {
            (self.window)(WindowCommand::NextMonitor);
        } else if param == ids.console {
            (self.window)(WindowCommand::ToggleConsole);
        } else if param == ids.hud {
            self.board.toggle();
        } else if param == ids.help {
            self.board.toggle_help();
        } else if param == ids.learn {
            let picked = self.board.toggle_learn();
            self.hands.learn(picked);
        } else if param == ids.unlearn {
            if let Some(picked) = self.board.picked() {
                self.hands.unlearn(picked);
            }
        } else if param == ids.quit {
            self.over = true;
        } else {
            // A toggle of the program's, which the instrument keeps.
            self.act(Action::Trigger { param });
        }
    }

    fn save(&self, name: Box<str>) {
        let preset = Box::new(self.instrument.preset());
        self.ask_for(Job::Save(name, preset, Arc::clone(&self.piece)));
    }

    fn ask_for(&self, job: Job) {
        if self.pieces.ask(job).is_err() {
            self.hands
                .notices
                .warn("too many presets were asked for at once");
        }
    }

    /// Lets an action take effect on the instrument, and logs it.
    pub(super) fn act(&mut self, action: Action) {
        self.instrument.apply(&action);
        self.log.action(self.instrument.ticks(), action);
    }

    /// Goes over to another piece; what is on screen stays until its first frame is drawn.
    pub(super) fn change_piece(&mut self, opened: Opened) {
        let now = self.instrument.ticks();
        if let Some(Played {
            engine,
            model,
            palette,
        }) = opened.played
        {
            let (name, latent) = (engine.name().to_owned(), engine.latent());
            if self.drawing.change(engine).is_err() {
                let text = format!("{} came too soon after the last one", opened.piece.name);
                return self.hands.notices.warn(text);
            }
            self.generation += 1;
            (self.palette, self.palette_asked) = (palette, false);
            // From its first frame on, the new model's pictures fade in.
            let length = ticks(self.instrument.value(self.ids.fade_secs));
            self.fade_in = Some((self.requests + 1, length));
            (self.engine_name, self.latent) = (name, latent);
            self.log.model(now, model);
        }
        if let Some((recall, preset)) = opened.recall {
            let fade_secs = self.instrument.value(self.ids.fade_secs);
            let keeps_head = recall.keeps_head();
            let before = self.instrument.recall(recall, ticks(fade_secs));
            self.log.preset(now, preset, fade_secs, keeps_head);
            // Where the desk is full it is thrown away here.
            let _ = self.pieces.ask(Job::Discard(Box::new(before)));
        }
        if let Some(norm) = self.norm {
            let value = f64::from(u8::from(norm == Norm::Batch));
            let param = self.ids.norm;
            self.act(Action::Set { param, value });
        }
        self.board.rename(&opened.piece.name);
        self.piece = opened.piece;
        self.publish_names();
        let _ = self.pieces.ask(Job::Watch(Arc::clone(&self.piece)));
    }

    fn edge(&self) -> Edge {
        Edge::of(self.instrument.value(self.ids.arm))
    }

    fn press_record(&mut self) {
        let text = match self.arm.press(self.edge()) {
            Press::Now => return self.toggle_recording(),
            Press::Waits => {
                let (size, sound) = (self.canvas.size, self.sound());
                self.tape.prepare(size, sound);
                "the recording waits for its moment"
            }
            Press::CalledOff => {
                self.tape.call_off();
                "the recording no longer waits"
            }
        };
        self.hands.notices.info(text);
    }

    /// Starts or stops the recording that waits, where its moment has come.
    pub(super) fn follow_arm(&mut self) {
        let place = Place {
            position: self.instrument.position(),
            keyframes: self.instrument.keyframes().len(),
            ping_pong: self.instrument.value(self.ids.mode) > 0.5,
            bars: self.instrument.beat() / self.instrument.value(self.ids.per_bar),
        };
        if self.arm.step(self.edge(), place) {
            self.toggle_recording();
        }
    }

    /// The form of the sound that is heard.
    fn sound(&self) -> Option<Sound> {
        self.capture.as_ref().map(|capture| {
            let format = capture.format();
            Sound {
                rate: format.sample_rate_hz,
                channels: format.channels,
            }
        })
    }

    fn toggle_recording(&mut self) {
        let (now, sound) = (self.instrument.ticks(), self.sound());
        match self.tape.toggle(self.canvas.size, sound) {
            Change::None => {}
            Change::Begun(take) => self.log.begin_file(now, take),
            Change::Ended(dropped) => self.log.end_file(now, dropped),
        }
    }

    /// Tells whoever asks what is played. Allocates: once a piece.
    pub(super) fn publish_names(&self) {
        let values = &self.hands.values;
        values.set_text(self.ids.load, &self.piece.name);
        let model = self.piece.model.file_name().unwrap_or_default();
        values.set_text(self.ids.model, &model.to_string_lossy());
        if let Some(feed) = &self.hands.feed {
            feed.name(&self.piece, &self.engine_name);
        }
    }

    /// What the console is told besides the parameters.
    pub(super) fn glance(&mut self) -> Glance {
        let keyframes = self.instrument.keyframes();
        let feed = self.hands.feed.as_mut();
        let stamps = feed.map(|feed| feed.keyframes(keyframes, self.generation));
        let captured = keyframes.iter().enumerate();
        let captured = captured.filter(|(_, keyframe)| keyframe.seed.is_none());
        Glance {
            keyframes: keyframes.len(),
            captured: captured.fold(0, |bits, (at, _)| bits | 1 << at),
            stamps: stamps.unwrap_or_default(),
            fps: self.count.fps(),
            dropped: self.count.dropped(),
            pace: self.drawing.pace(),
            interval: self.count.interval(),
            longest: self.count.take_longest(),
            recording: self.tape.running(),
            disk_left: self.tape.left(),
            sound: self.capture.as_ref().map(|capture| {
                let heard = capture.features();
                let levels = [heard.level, heard.low, heard.mid, heard.high];
                (capture.is_connected(), levels)
            }),
            waiting: self.instrument.is_waiting(),
        }
    }

    /// Tells everyone where the parameters are; triggers are told as lit where what they do is the case.
    pub(super) fn publish_values(&self) {
        let values = &self.hands.values;
        for (param, row) in self.table.iter() {
            // Triggers are set once, below: others read while this is written, and no light may blink.
            if !matches!(row.kind, Kind::Trigger | Kind::Text) {
                values.set(param, self.instrument.base_value(param));
            }
        }
        let lit = |param: ParamId, on: bool| values.set(param, f64::from(u8::from(on)));
        let head = self.instrument.position() as usize;
        for (keyframe, &param) in self.ids.jumps.iter().enumerate() {
            lit(param, keyframe == head);
        }
        let place = self.piece.bank.map(|place| usize::from(place) - 1);
        for (at, &param) in self.ids.bank.iter().enumerate() {
            lit(param, place == Some(at));
        }
        // One that waits blinks, twice a second.
        let blinks = self.arm.waits() && (self.instrument.ticks() / 120).is_multiple_of(2);
        lit(self.ids.record, self.tape.running().is_some() != blinks);
        let feed = self.hands.feed.as_ref();
        lit(self.ids.console, feed.is_some_and(Feed::is_open));
        lit(self.ids.hud, self.board.is_open());
        lit(self.ids.help, self.board.shows_help());
        lit(self.ids.learn, self.board.picked().is_some());
    }
}
