//! What a parameter is, for a hand that rests on it: its help, its address, its controls, and its menu.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use egui::{Key, KeyboardShortcut, Modifiers, Rect, Response, Sense, Stroke, Ui};

use super::links::{Links, Own};
use super::style::{ALARM, BLUE, DIM, EDGE, GREEN, INK, RED};
use crate::instrument::{Kind, ParamId};

/// Learns a control for what Tab has come to.
const LEARN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::L);
/// The controls of a parameter are looked up this often.
const LOOK: Duration = Duration::from_secs(1);

/// What the controls remember from one picture to the next.
#[derive(Default)]
pub(super) struct Memory {
    controls: HashMap<ParamId, (Instant, String)>,
    /// What is being typed into the menu of a parameter.
    typed: String,
}

impl Memory {
    /// The controls that move a parameter, as one line.
    fn controls(&mut self, links: &Links, param: ParamId) -> &str {
        let now = Instant::now();
        let look = || (now, links.controls(param).join(", "));
        let known = self.controls.entry(param).or_insert_with(look);
        if now.duration_since(known.0) > LOOK {
            *known = look();
        }
        &known.1
    }
}

/// The button that learns a control: hollow, filled where there is a control, red while it waits for one.
pub(super) fn learn(ui: &mut Ui, links: &Links, memory: &mut Memory, param: ParamId, area: Rect) {
    if links.hub.is_none() {
        return;
    }
    let id = ui.scope_id().with(("learn", param.index()));
    // Not by Tab: every row would take two presses.
    let response = ui.interact(area, id, Sense::CLICK);
    if response.clicked() {
        links.toggle_learning(param);
    }
    let is_learning = links.is_learning(param);
    let controls = memory.controls(links, param).to_owned();
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

/// What a parameter is, for a hand that rests on it, and its menu.
pub(super) fn about(response: &Response, links: &Links, memory: &mut Memory, param: ParamId) {
    let row = links.table.row(param);
    if response.hovered() {
        let controls = memory.controls(links, param).to_owned();
        response.clone().on_hover_ui(|ui| {
            ui.set_max_width(340.0);
            match links.own(param) {
                Some(Own::Knob(knob)) => {
                    ui.label(&knob.help);
                    ui.colored_label(DIM, format!("{} to {}", knob.min, knob.max));
                }
                _ => _ = ui.label(&row.help),
            }
            if !matches!(row.kind, Kind::Toggle | Kind::Trigger | Kind::Choice(_)) {
                let range = format!("{} to {} {}", row.min, row.max, row.unit);
                ui.colored_label(DIM, range.trim());
            }
            ui.colored_label(BLUE, links.address(param));
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
        links.toggle_learning(param);
    }
    if response.secondary_clicked() {
        memory.typed = format!("{:.3}", links.get(param));
    }
    response.context_menu(|ui| menu(ui, links, memory, param));
}

/// What can be done with a parameter besides moving it.
fn menu(ui: &mut Ui, links: &Links, memory: &mut Memory, param: ParamId) {
    let row = links.table.row(param);
    ui.set_min_width(220.0);
    ui.label(&row.name);
    if matches!(row.kind, Kind::Float | Kind::Int) {
        let edit = egui::TextEdit::singleline(&mut memory.typed)
            .desired_width(200.0)
            .hint_text(row.unit);
        let edited = ui.add(edit);
        if edited.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            if let Ok(value) = memory.typed.trim().parse::<f64>()
                && value.is_finite()
            {
                links.set(param, row.clamp(value));
            }
            ui.close();
        }
    }
    if !matches!(row.kind, Kind::Trigger | Kind::Text) && ui.button("Default").clicked() {
        links.set(param, links.rest(param));
        ui.close();
    }
    if links.hub.is_some() {
        if ui.button("Learn a MIDI control").clicked() {
            links.toggle_learning(param);
            ui.close();
        }
        if ui.button("Forget its MIDI controls").clicked() {
            links.unlearn(param);
            ui.close();
        }
    }
    if ui.button("Copy its OSC address").clicked() {
        ui.ctx().copy_text(links.address(param));
        ui.close();
    }
}
