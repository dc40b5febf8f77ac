//! Tooltips and context menus of parameters: help, address, controls, and what can be done besides moving it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use egui::{Key, KeyboardShortcut, Modifiers, Rect, Response, Sense, Stroke, Ui};

use super::handle::{ConsoleHandle, UserPassRow};
use super::style::{ALARM, BLUE, DIM, EDGE, GREEN, INK, RED};
use crate::instrument::{Kind, ParamId};

/// Learns a control for what Tab has come to.
const LEARN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::L);
/// The controls of a parameter are looked up this often.
const LOOK: Duration = Duration::from_secs(1);

/// UI state that widgets keep from one picture to the next.
#[derive(Default)]
pub(super) struct UiState {
    controls: HashMap<ParamId, (Instant, String)>,
    /// The text that is being typed into the menu of a parameter.
    typed: String,
}

impl UiState {
    /// The controls that move a parameter, as one line.
    fn controls(&mut self, handle: &ConsoleHandle, param: ParamId) -> &str {
        let now = Instant::now();
        let look = || (now, handle.midi.bindings(param).join(", "));
        let known = self.controls.entry(param).or_insert_with(look);
        if now.duration_since(known.0) > LOOK {
            *known = look();
        }
        &known.1
    }
}

/// The button that learns a control: hollow, filled where there is a control, red while it waits for one.
pub(super) fn learn_button(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    param: ParamId,
    area: Rect,
) {
    if handle.midi.hub().is_none() {
        return;
    }
    let id = ui.scope_id().with(("learn", param.index()));
    // Not by Tab: every row would take two presses.
    let response = ui.interact(area, id, Sense::CLICK);
    if response.clicked() {
        handle.midi.toggle_learning(param);
    }
    let is_learning = handle.midi.is_learning(param);
    let controls = state.controls(handle, param).to_owned();
    let (at, painter) = (area.center(), ui.painter());
    if is_learning {
        painter.circle_filled(at, 6.0, RED);
    } else if controls.is_empty() {
        let ink = if response.hovered() { INK } else { EDGE };
        painter.circle_stroke(at, 4.5, Stroke::new(1.5, ink));
    } else {
        let ink = if response.hovered() { INK } else { GREEN };
        painter.circle_filled(at, 4.5, ink);
    }
    response.on_hover_ui(|ui| {
        if is_learning {
            ui.colored_label(ALARM, "Move a control: it is learnt. A click calls it off.");
        } else {
            ui.label("Click, then move a MIDI control");
        }
        if !controls.is_empty() {
            ui.colored_label(GREEN, &controls);
        }
    });
}

/// Attaches a parameter's tooltip and context menu to a widget.
pub(super) fn attach(
    response: &Response,
    handle: &ConsoleHandle,
    state: &mut UiState,
    param: ParamId,
) {
    let row = handle.plane.table.row(param);
    if response.hovered() {
        let controls = state.controls(handle, param).to_owned();
        response.clone().on_hover_ui(|ui| {
            ui.set_max_width(340.0);
            match handle.user_pass_row(param) {
                Some(UserPassRow::Knob(knob)) => {
                    ui.label(&knob.help);
                    ui.colored_label(DIM, format!("{} to {}", knob.min, knob.max));
                }
                _ => _ = ui.label(&row.help),
            }
            if !matches!(row.kind, Kind::Toggle | Kind::Trigger | Kind::Choice(_)) {
                let range = format!("{} to {} {}", row.min, row.max, row.unit);
                ui.colored_label(DIM, range.trim());
            }
            ui.colored_label(BLUE, handle.address(param));
            if !controls.is_empty() {
                ui.colored_label(GREEN, controls);
            }
        });
    }
    // For hands that have come by Tab.
    if response.has_focus()
        && response
            .ctx
            .input_mut(|input| input.consume_shortcut(&LEARN))
    {
        handle.midi.toggle_learning(param);
    }
    if response.secondary_clicked() {
        state.typed = format!("{:.3}", handle.get(param));
    }
    response.context_menu(|ui| menu(ui, handle, state, param));
}

/// The context menu of a parameter.
fn menu(ui: &mut Ui, handle: &ConsoleHandle, state: &mut UiState, param: ParamId) {
    let row = handle.plane.table.row(param);
    ui.set_min_width(220.0);
    ui.label(&row.name);
    if matches!(row.kind, Kind::Float | Kind::Int) {
        let edit = egui::TextEdit::singleline(&mut state.typed)
            .desired_width(200.0)
            .hint_text(row.unit);
        let edited = ui.add(edit);
        if edited.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            if let Ok(value) = state.typed.trim().parse::<f64>()
                && value.is_finite()
            {
                handle.set(param, row.clamp(value));
            }
            ui.close();
        }
    }
    if !matches!(row.kind, Kind::Trigger | Kind::Text) && ui.button("Default").clicked() {
        handle.set(param, handle.rest(param));
        ui.close();
    }
    if handle.midi.hub().is_some() {
        if ui.button("Learn a MIDI control").clicked() {
            handle.midi.toggle_learning(param);
            ui.close();
        }
        if ui.button("Forget its MIDI controls").clicked() {
            handle.midi.unlearn(param);
            ui.close();
        }
    }
    if ui.button("Copy its OSC address").clicked() {
        ui.ctx().copy_text(handle.address(param));
        ui.close();
    }
}
