//! One parameter under the hand: a bar, a choice or a key, with its address, its controls and its menu.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use egui::{
    Align2, Color32, ComboBox, EventFilter, Key, Painter, Pos2, Rect, Response, Sense, Stroke,
    StrokeKind, Ui, Vec2,
};

use super::links::{Links, Own};
use super::style::{
    BLUE, CELL, CORNER, DARK, DIM, EDGE, FILL, GREEN, HOVER, INK, LIT, RED, font, mix,
};
use crate::instrument::{Kind, ParamId, Row};

/// Height of a row in points.
pub(super) const HEIGHT: f32 = 25.0;
/// Width of the button that learns a control.
const LEARN: f32 = 22.0;
/// A narrower row shows nothing.
const LEAST: f32 = 60.0;
/// The part of a row that its name takes.
const NAME: f32 = 0.36;
/// Names of choices up to so many letters altogether stand beside one another.
const SHORT: usize = 20;
/// A step of an arrow key, and a slow drag's share of a quick one.
const STEP: f64 = 0.01;
const SLOW: f64 = 0.1;
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

/// A row of a parameter that holds a value: name, bar or choice, and the button that learns.
pub(super) fn row(ui: &mut Ui, links: &Links, memory: &mut Memory, param: ParamId, name: &str) {
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let split = area.left() + area.width() * NAME;
    if area.width() < LEAST {
        return;
    }
    let row = links.table.row(param);
    let face = Rect::from_min_max(area.min, Pos2::new(split - 4.0, area.bottom()));
    let id = ui.scope_id().with(("name", param.0));
    let label = ui.interact(face, id, Sense::CLICK);
    let ink = if label.hovered() { INK } else { DIM };
    let at = face.left_center();
    ui.painter()
        .text(at, Align2::LEFT_CENTER, name, font(14.0), ink);
    about(&label, links, memory, param);
    let middle = Rect::from_min_max(
        Pos2::new(split, area.top()),
        Pos2::new(area.right() - LEARN - 2.0, area.bottom()),
    );
    match row.kind {
        Kind::Choice(names) => choice(ui, links, param, middle, names),
        _ => {
            let text = match links.own(param) {
                Some(Own::Knob(knob)) => format!("{:.2}", knob.value(links.get(param))),
                _ => told(row, links.get(param)),
            };
            let response = bar(ui, links, param, middle, (&text, 14.0));
            about(&response, links, memory, param);
        }
    }
    let dot = Rect::from_min_max(Pos2::new(middle.right() + 2.0, area.top()), area.max);
    learn(ui, links, memory, param, dot);
}

/// A bar that is filled up to the value, and dragged.
pub(super) fn bar(
    ui: &mut Ui,
    links: &Links,
    param: ParamId,
    area: Rect,
    (text, size): (&str, f32),
) -> Response {
    let row = links.table.row(param);
    let id = ui.scope_id().with(("bar", param.0));
    let response = ui.interact(area, id, Sense::click_and_drag());
    let value = links.get(param);
    if let Some(wanted) = moved(ui, &response, row, (value, links.rest(param))) {
        links.set(param, wanted);
    }
    let painter = ui.painter_at(area);
    let ground = if response.hovered() { HOVER } else { CELL };
    painter.rect_filled(area, CORNER, ground);
    let at = |value: f64| area.left() + area.width() * row.to_unit(value) as f32;
    let zero = at(0.0f64.clamp(row.min, row.max));
    let (left, right) = (zero.min(at(value)), zero.max(at(value)));
    let filled = Rect::from_x_y_ranges(left..=right, area.y_range());
    painter.rect_filled(filled, if zero > area.left() { 0.0 } else { CORNER }, FILL);
    if zero > area.left() && zero < area.right() {
        painter.vline(zero, area.y_range(), Stroke::new(1.0, EDGE));
    }
    // A bar may be narrower than its mark.
    let edge = at(value).min(area.right() - 1.0).max(area.left() + 1.0);
    let words = painter.layout_no_wrap(text.to_owned(), font(size), INK);
    let at = area.center() - words.size() / 2.0;
    let stroke = Stroke::new(2.0, LIT);
    if (edge - area.center().x).abs() > words.size().x / 2.0 + 3.0 {
        painter.vline(edge, area.y_range(), stroke);
    } else {
        // Not through the number.
        painter.vline(edge, area.top()..=area.top() + 5.0, stroke);
        painter.vline(edge, area.bottom() - 5.0..=area.bottom(), stroke);
    }
    painter.galley(at, words, INK);
    focus_ring(ui, &response);
    response
}

/// Where a hand brings a bar.
fn moved(ui: &Ui, response: &Response, row: &Row, (value, rest): (f64, f64)) -> Option<f64> {
    if response.double_clicked() {
        return Some(rest);
    }
    let is_slow = ui.input(|input| input.modifiers.shift);
    let width = f64::from(response.rect.width().max(1.0));
    if let Some(at) = response.interact_pointer_pos()
        && (response.dragged() || response.clicked())
    {
        let unit = if is_slow {
            row.to_unit(value) + f64::from(response.drag_delta().x) / width * SLOW
        } else {
            f64::from(at.x - response.rect.left()) / width
        };
        let wanted = row.from_unit(unit);
        return (wanted != value).then_some(wanted);
    }
    if !response.has_focus() {
        return None;
    }
    // Otherwise the arrows would go on to the next widget.
    ui.memory_mut(|memory| {
        let filter = EventFilter {
            horizontal_arrows: true,
            ..EventFilter::default()
        };
        memory.set_focus_lock_filter(response.id, filter);
    });
    let presses = |key| ui.input(|input| input.num_presses(key)) as f64;
    let steps = presses(Key::ArrowRight) - presses(Key::ArrowLeft);
    if steps == 0.0 {
        return None;
    }
    Some(match row.kind {
        Kind::Int => row.clamp(value + steps),
        _ => row.from_unit(row.to_unit(value) + steps * STEP),
    })
}

/// A choice: its names beside one another where there is room, else in a list.
fn choice(ui: &mut Ui, links: &Links, param: ParamId, area: Rect, names: &'static [&'static str]) {
    let chosen = links.get(param) as usize;
    let letters: usize = names.iter().map(|name| name.len()).sum();
    if letters <= SHORT {
        let width = area.width() / names.len() as f32;
        for (index, name) in names.iter().enumerate() {
            let left = area.left() + width * index as f32;
            let cell = Rect::from_min_size(
                Pos2::new(left, area.top()),
                Vec2::new(width - 2.0, area.height()),
            );
            let id = ui.scope_id().with(("choice", param.0, index));
            let response = ui.interact(cell, id, Sense::click());
            if response.clicked() {
                links.set(param, index as f64);
            }
            paint_key(ui, &response, name, index == chosen, LIT, 13.0);
        }
        return;
    }
    let mut place = ui.new_child(egui::UiBuilder::new().max_rect(area));
    ComboBox::from_id_salt(("choice", param.0))
        .selected_text(names.get(chosen).copied().unwrap_or(""))
        .width(area.width() - 2.0)
        .show_ui(&mut place, |ui| {
            for (index, name) in names.iter().enumerate() {
                if ui.selectable_label(index == chosen, *name).clicked() {
                    links.set(param, index as f64);
                }
            }
        });
}

/// A key that flips a toggle or fires a trigger, lit where it is on.
pub(super) fn key(
    ui: &mut Ui,
    links: &Links,
    memory: &mut Memory,
    (param, name): (ParamId, &str),
    size: Vec2,
) {
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let face = Rect::from_min_max(area.min, Pos2::new(area.right() - LEARN, area.bottom()));
    let response = press(ui, links, param, face, (name, 13.0), LIT);
    about(&response, links, memory, param);
    let dot = Rect::from_min_max(Pos2::new(face.right(), area.top()), area.max);
    learn(ui, links, memory, param, dot);
}

/// The face of a key, without a button that learns.
pub(super) fn press(
    ui: &mut Ui,
    links: &Links,
    param: ParamId,
    area: Rect,
    (name, size): (&str, f32),
    colour: Color32,
) -> Response {
    let id = ui.scope_id().with(("key", param.0));
    let response = ui.interact(area, id, Sense::click());
    if response.clicked() {
        links.fire(param);
    }
    paint_key(ui, &response, name, links.is_on(param), colour, size);
    response
}

/// Paints a key; what is on is in full colour.
pub(super) fn paint_key(
    ui: &Ui,
    response: &Response,
    name: &str,
    is_on: bool,
    colour: Color32,
    size: f32,
) {
    let area = response.rect;
    let is_down = response.is_pointer_button_down_on();
    let fill = match (is_on, is_down || response.clicked(), response.hovered()) {
        (true, ..) => colour,
        (_, true, _) => mix(CELL, colour, 0.6),
        (.., true) => HOVER,
        _ => CELL,
    };
    let painter = ui.painter_at(area);
    painter.rect_filled(area, CORNER, fill);
    let ink = if is_on { DARK } else { INK };
    fitted(&painter, area.shrink(2.0), name, size, ink);
    focus_ring(ui, response);
}

/// A text in the middle of an area, smaller where it is too long.
pub(super) fn fitted(painter: &Painter, area: Rect, text: &str, size: f32, ink: Color32) {
    let mut galley = painter.layout_no_wrap(text.to_owned(), font(size), ink);
    if galley.size().x > area.width() {
        let size = (size * area.width() / galley.size().x).max(9.0);
        galley = painter.layout_no_wrap(text.to_owned(), font(size), ink);
    }
    let at = area.center() - galley.size() / 2.0;
    painter.galley(Pos2::new(at.x.max(area.left()), at.y), galley, ink);
}

fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, BLUE);
        ui.painter()
            .rect_stroke(response.rect, CORNER, stroke, StrokeKind::Inside);
    }
}

/// The button that learns a control: hollow, filled where there is a control, red while it waits for one.
fn learn(ui: &mut Ui, links: &Links, memory: &mut Memory, param: ParamId, area: Rect) {
    if links.hub.is_none() {
        return;
    }
    let id = ui.scope_id().with(("learn", param.0));
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
            ui.colored_label(RED, "Move a control: it is learnt. A click calls it off.");
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

/// A value as people read it.
pub(super) fn told(row: &Row, value: f64) -> String {
    let number = match row.kind {
        Kind::Int => format!("{value:.0}"),
        _ if row.max - row.min > 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    format!("{number} {}", row.unit).trim_end().to_owned()
}
