//! Commands: what a performer asks of the program around the instrument, presets, recordings and windows.

use super::arm::{ArmMode, LoopPosition, Press};
use super::event::WindowCommand;
use super::preset_loader::{LoadRequest, Loaded, LoadedModel, PresetSelector};
use super::recording::Change;
use super::show::Show;
use crate::instrument::Action;
use crate::instrument::params::*;
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

/// The command that a trigger is, where it is one of the program's.
fn command_of(trigger: ParamId) -> Option<Command> {
    Some(match trigger {
        id::PRESET_NEXT => Command::Neighbour(1),
        id::PRESET_PREVIOUS => Command::Neighbour(-1),
        id::PRESET_SAVE => Command::Save,
        id::RECORD_TOGGLE => Command::ToggleRecording,
        id::RECORD_KEEP => Command::KeepTake,
        id::WINDOW_FULLSCREEN => Command::ToggleFullscreen,
        id::WINDOW_LEAVE_FULLSCREEN => Command::LeaveFullscreen,
        id::WINDOW_NEXT_MONITOR => Command::NextMonitor,
        id::WINDOW_CONSOLE => Command::ToggleConsole,
        id::HUD_TOGGLE => Command::ToggleHud,
        id::HUD_HELP => Command::ToggleHelp,
        id::MIDI_LEARN => Command::ToggleLearning,
        id::MIDI_UNLEARN => Command::Unlearn,
        id::SHOW_QUIT => Command::Quit,
        param => Command::Bank(PRESET_BANK.index_of(param)?),
    })
}

impl Show {
    /// Carries out an action: a command of the program's, or something for the instrument.
    pub(super) fn carry_out(&mut self, action: Action, now: Instant) {
        match action {
            Action::Text { param, text } => self.take_text(param, text),
            // In the table of controls, steps go up and down.
            Action::Nudge { param, delta } if param == MIDI_LEARN => {
                let picked = self.status.hud.pick(delta as i64);
                self.controllers.midi.learn(picked);
            }
            Action::Trigger { param } => match command_of(param) {
                Some(command) => self.command(command, now),
                None => self.performance.act(action),
            },
            // The program's own values are kept with the instrument's.
            action => self.performance.act(action),
        }
    }

    fn take_text(&mut self, param: ParamId, text: Box<str>) {
        match param {
            id::PRESET_LOAD => self.load(LoadRequest::Preset(PresetSelector::Named(text))),
            id::MODEL_LOAD => self.load(LoadRequest::Model(text)),
            id::PRESET_SAVE => self.save(text),
            id::BEAT_CLOCK_IN => self.take_clock_of(&text),
            id::WINDOW_MONITOR => (self.window)(WindowCommand::ToMonitor(text)),
            _ => {}
        }
    }

    fn take_clock_of(&mut self, part: &str) {
        if let Some(hub) = self.controllers.midi.hub() {
            hub.take_clock_of(part);
        }
        self.performance.clocks.forget();
        let values = &self.controllers.control.values;
        values.set_text(BEAT_CLOCK_IN, part);
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
                let secs = self.performance.instrument().get(RECORD_KEEP_SECS);
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
                self.controllers.midi.learn(picked);
            }
            Command::Unlearn => {
                if let Some(picked) = self.status.hud.picked() {
                    self.controllers.midi.unlearn(picked);
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
        let fade_secs = self.performance.instrument().get(PRESET_FADE_SECS);
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
        self.performance.instrument().get(RECORD_ARM)
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
            ping_pong: instrument.get(LOOP_MODE) == LoopMode::PingPong,
            bars: instrument.beat() / instrument.get(BEAT_PER_BAR) as f64,
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
        values.set_text(PRESET_LOAD, &self.patch.name);
        let model = self.patch.model.file_name().unwrap_or_default();
        values.set_text(MODEL_LOAD, &model.to_string_lossy());
        self.status.name(&self.patch, self.frames.engine_name());
    }

    /// Tells everyone where the parameters are; triggers are told as lit where what they do is the case.
    pub(super) fn publish_values(&self, now: Instant) {
        let control = &self.controllers.control;
        let (values, instrument) = (&control.values, self.performance.instrument());
        for (param, row) in control.table.iter() {
            // Triggers are set once, below: others read while this is written, and no light may blink.
            if row.kind.keeps_a_value() {
                values.set(param, instrument.base_value(param));
            }
        }
        let lit = |param: Param<Trigger>, on: bool| values.set(param, f64::from(u8::from(on)));
        let head = instrument.position() as usize;
        for (keyframe, param) in KEYFRAME_JUMP.iter().enumerate() {
            lit(param, keyframe == head);
        }
        let place = self.patch.bank.map(|place| usize::from(place) - 1);
        for (at, param) in PRESET_BANK.iter().enumerate() {
            lit(param, place == Some(at));
        }
        // One that waits blinks, twice a second.
        let recording = &self.recording;
        let blinks = recording.arm.waits() && (instrument.ticks() / 120).is_multiple_of(2);
        let runs = recording.session.running(now).is_some();
        lit(RECORD_TOGGLE, runs != blinks);
        lit(WINDOW_CONSOLE, self.status.has_console());
        lit(HUD_TOGGLE, self.status.hud.is_open());
        lit(HUD_HELP, self.status.hud.shows_help());
        lit(MIDI_LEARN, self.status.hud.picked().is_some());
    }
}

#[cfg(test)]
mod tests;
