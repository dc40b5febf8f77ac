//! Commands: what a performer asks of the program around the instrument, presets, recordings and windows.

use super::arm::{ArmMode, LoopPosition, Press};
use super::event::WindowCommand;
use super::preset_loader::{LoadRequest, Loaded, LoadedModel, PresetSelector};
use super::recording::Change;
use super::show::Show;
use crate::instrument::params::LOOK_OWN_KNOBS;
use crate::instrument::preset::PresetError;
use crate::instrument::{Action, BANK, Kind, MAX_KEYFRAMES, ParamId, Table};
use crate::stage::user::ShaderLoaded;
use std::time::Instant;

/// What a trigger of the program's does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Neighbour(isize),
    Bank(usize),
    Save,
    ToggleRecording,
    KeepTake,
    ToggleFullscreen,
    LeaveFullscreen,
    NextMonitor,
    ToggleConsole,
    ToggleHud,
    ToggleHelp,
    ToggleLearning,
    Unlearn,
    Quit,
}

/// The triggers that are commands; the places of the bank are beside them.
const COMMANDS: [(&str, Command); 14] = [
    ("preset.next", Command::Neighbour(1)),
    ("preset.previous", Command::Neighbour(-1)),
    ("preset.save", Command::Save),
    ("record.toggle", Command::ToggleRecording),
    ("record.keep", Command::KeepTake),
    ("window.fullscreen", Command::ToggleFullscreen),
    ("window.leave_fullscreen", Command::LeaveFullscreen),
    ("window.next_monitor", Command::NextMonitor),
    ("window.console", Command::ToggleConsole),
    ("hud.toggle", Command::ToggleHud),
    ("hud.help", Command::ToggleHelp),
    ("midi.learn", Command::ToggleLearning),
    ("midi.unlearn", Command::Unlearn),
    ("show.quit", Command::Quit),
];

/// Parameters that the program acts on.
pub(super) struct Ids {
    /// What each parameter's trigger does, by the parameter's index.
    commands: Box<[Option<Command>]>,
    record: ParamId,
    arm: ParamId,
    per_bar: ParamId,
    mode: ParamId,
    keep_secs: ParamId,
    pub(super) load: ParamId,
    save: ParamId,
    fade_secs: ParamId,
    pub(super) model: ParamId,
    monitor: ParamId,
    console: ParamId,
    hud: ParamId,
    help: ParamId,
    learn: ParamId,
    bank: Vec<ParamId>,
    jumps: Vec<ParamId>,
}

impl Ids {
    pub(super) fn new(table: &Table) -> Result<Self, PresetError> {
        let id = |name: &str| table.find(name);
        let bank = (1..=BANK).map(|place| id(&format!("preset.bank.{place}")));
        let bank: Vec<ParamId> = bank.collect::<Result<_, _>>()?;
        let jumps = (1..=MAX_KEYFRAMES).map(|number| id(&format!("keyframe.{number}.jump")));
        let mut commands = vec![None; table.len()];
        for (name, command) in COMMANDS {
            commands[id(name)?.index()] = Some(command);
        }
        for (place, param) in bank.iter().enumerate() {
            commands[param.index()] = Some(Command::Bank(place));
        }
        Ok(Self {
            commands: commands.into(),
            record: id("record.toggle")?,
            arm: id("record.arm")?,
            per_bar: id("beat.per_bar")?,
            mode: id("loop.mode")?,
            keep_secs: id("record.keep_secs")?,
            load: id("preset.load")?,
            save: id("preset.save")?,
            fade_secs: id("preset.fade_secs")?,
            model: id("model.load")?,
            monitor: id("window.monitor")?,
            console: id("window.console")?,
            hud: id("hud.toggle")?,
            help: id("hud.help")?,
            learn: id("midi.learn")?,
            bank,
            jumps: jumps.collect::<Result<_, _>>()?,
        })
    }

    fn command(&self, param: ParamId) -> Option<Command> {
        self.commands[param.index()]
    }
}

impl Show {
    /// Carries out an action: a command of the program's, or something for the instrument.
    pub(super) fn carry_out(&mut self, action: Action, now: Instant) {
        match action {
            Action::Text { param, text } => self.take_text(param, text),
            // In the table of controls, steps go up and down.
            Action::Nudge { param, delta } if param == self.ids.learn => {
                let picked = self.status.hud.pick(delta as i64);
                self.controllers.learn(picked);
            }
            Action::Trigger { param } => match self.ids.command(param) {
                Some(command) => self.command(command, now),
                None => self.performance.act(action),
            },
            // The program's own values are kept with the instrument's.
            action => self.performance.act(action),
        }
    }

    fn take_text(&mut self, param: ParamId, text: Box<str>) {
        if param == self.ids.load {
            self.load(LoadRequest::Preset(PresetSelector::Named(text)));
        } else if param == self.ids.model {
            self.load(LoadRequest::Model(text));
        } else if param == self.ids.save {
            self.save(text);
        } else if param == self.ids.monitor {
            (self.window)(WindowCommand::ToMonitor(text));
        }
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Neighbour(steps) => {
                self.load(LoadRequest::Preset(PresetSelector::Neighbour(steps)));
            }
            Command::Bank(place) => self.load(LoadRequest::Preset(PresetSelector::Bank(place))),
            Command::Save => self.save("".into()),
            Command::ToggleRecording => self.press_record(now),
            Command::KeepTake => {
                let secs = self.performance.value(self.ids.keep_secs);
                self.performance.keep_take(secs);
            }
            Command::ToggleFullscreen => (self.window)(WindowCommand::ToggleFullscreen),
            Command::LeaveFullscreen => (self.window)(WindowCommand::LeaveFullscreen),
            Command::NextMonitor => (self.window)(WindowCommand::NextMonitor),
            Command::ToggleConsole => (self.window)(WindowCommand::ToggleConsole),
            Command::ToggleHud => self.status.hud.toggle(),
            Command::ToggleHelp => self.status.hud.toggle_help(),
            Command::ToggleLearning => {
                let picked = self.status.hud.toggle_learn();
                self.controllers.learn(picked);
            }
            Command::Unlearn => {
                if let Some(picked) = self.status.hud.picked() {
                    self.controllers.unlearn(picked);
                }
            }
            Command::Quit => self.over = true,
        }
    }

    fn load(&self, request: LoadRequest) {
        let asked = self.loader.load(request);
        self.warn_if_busy(asked.is_err());
    }

    fn save(&self, name: Box<str>) {
        let preset = self.performance.instrument().preset();
        let asked = self.loader.save(name, preset, &self.patch);
        self.warn_if_busy(asked.is_err());
    }

    fn warn_if_busy(&self, is_busy: bool) {
        if is_busy {
            let notices = &self.controllers.control.notices;
            notices.warn("too many presets were asked for at once");
        }
    }

    /// Goes over to another patch; what is on screen stays until its first frame is drawn.
    pub(super) fn change_patch(&mut self, loaded: Loaded) {
        let fade_secs = self.performance.value(self.ids.fade_secs);
        if let Some(LoadedModel { engine, palette }) = loaded.model {
            self.performance
                .change_model(&loaded.patch, engine.latent());
            // From its first frame on, the new model's pictures fade in.
            let (first, before) = self.frames.change(engine);
            let compositor = &mut self.video.compositor;
            let length = compositor.fade_length(self.performance.instrument());
            compositor.change_model(first, length);
            if let Some(before) = before {
                self.loader.retire(before);
            }
            self.video.palette = palette;
            self.palette_search.reset();
        }
        if let Some((recall, preset)) = loaded.recall {
            let before = self.performance.recall(recall, preset, fade_secs);
            self.loader.retire(before);
        }
        self.performance.override_norm();
        self.status.hud.rename(&loaded.patch.name);
        self.patch = loaded.patch;
        self.publish_names();
    }

    fn arm_mode(&self) -> ArmMode {
        ArmMode::of(self.performance.value(self.ids.arm))
    }

    fn press_record(&mut self, now: Instant) {
        let text = match self.recording.arm.press(self.arm_mode()) {
            Press::Now => return self.toggle_recording(now),
            Press::Waits => {
                self.recording.prepare(self.video.compositor.size());
                "the recording waits for its moment"
            }
            Press::CalledOff => {
                self.recording.session.call_off();
                "the recording no longer waits"
            }
        };
        self.controllers.control.notices.info(text);
    }

    /// Starts or stops the recording that waits, where its moment has come.
    pub(super) fn follow_arm(&mut self, now: Instant) {
        let instrument = self.performance.instrument();
        let position = LoopPosition {
            position: instrument.position(),
            keyframes: instrument.keyframes().len(),
            ping_pong: instrument.value(self.ids.mode) > 0.5,
            bars: instrument.beat() / instrument.value(self.ids.per_bar),
        };
        if self.recording.arm.step(self.arm_mode(), position) {
            self.toggle_recording(now);
        }
    }

    fn toggle_recording(&mut self, now: Instant) {
        match self.recording.toggle(now, self.video.compositor.size()) {
            Change::None => {}
            Change::Begun(take) => self.performance.begin_take(take),
            Change::Ended(dropped) => self.performance.end_take(dropped),
        }
    }

    /// Follows what stands in the folder of the performer's own passes, and what the look asks for.
    pub(super) fn follow_looks(&mut self) {
        while let Some(loaded) = self.controllers.looks.next_loaded() {
            self.welcome(loaded);
        }
        let notices = &self.controllers.control.notices;
        let wanted = self.video.wants_palette(&self.performance);
        if wanted && !self.palette_search.has_begun() {
            self.palette_search
                .begin(&self.patch, &self.engine_options, notices);
        }
    }

    /// The knobs of a pass that has come stand where its file wants them; but not where a hand or a preset has put them before it
    /// came to an empty place.
    fn welcome(&mut self, loaded: ShaderLoaded) {
        let knobs = LOOK_OWN_KNOBS.map(|knob| knob.at(loaded.slot).id());
        let (instrument, table) = (
            self.performance.instrument(),
            &self.controllers.control.table,
        );
        let is_untouched =
            |param: &ParamId| instrument.base_value(*param) == table.row(*param).default;
        if !loaded.replaces && !knobs.iter().all(is_untouched) {
            return;
        }
        for (param, value) in knobs.into_iter().zip(loaded.defaults) {
            self.performance.act(Action::Set { param, value });
        }
    }

    /// Tells whoever asks what is played. Allocates: once a patch.
    pub(super) fn publish_names(&self) {
        let values = &self.controllers.control.values;
        values.set_text(self.ids.load, &self.patch.name);
        let model = self.patch.model.file_name().unwrap_or_default();
        values.set_text(self.ids.model, &model.to_string_lossy());
        self.status.name(&self.patch, self.frames.engine_name());
    }

    /// Tells everyone where the parameters are; triggers are told as lit where what they do is the case.
    pub(super) fn publish_values(&self, now: Instant) {
        let control = &self.controllers.control;
        let (values, instrument) = (&control.values, self.performance.instrument());
        for (param, row) in control.table.iter() {
            // Triggers are set once, below: others read while this is written, and no light may blink.
            if !matches!(row.kind, Kind::Trigger | Kind::Text) {
                values.set(param, instrument.base_value(param));
            }
        }
        let lit = |param: ParamId, on: bool| values.set(param, f64::from(u8::from(on)));
        let head = instrument.position() as usize;
        for (keyframe, &param) in self.ids.jumps.iter().enumerate() {
            lit(param, keyframe == head);
        }
        let place = self.patch.bank.map(|place| usize::from(place) - 1);
        for (at, &param) in self.ids.bank.iter().enumerate() {
            lit(param, place == Some(at));
        }
        // One that waits blinks, twice a second.
        let recording = &self.recording;
        let blinks = recording.arm.waits() && (instrument.ticks() / 120).is_multiple_of(2);
        let runs = recording.session.running(now).is_some();
        lit(self.ids.record, runs != blinks);
        lit(self.ids.console, self.status.has_console());
        lit(self.ids.hud, self.status.hud.is_open());
        lit(self.ids.help, self.status.hud.shows_help());
        lit(self.ids.learn, self.status.hud.picked().is_some());
    }
}

#[cfg(test)]
mod tests;
