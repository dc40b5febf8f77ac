//! Widgets of one parameter: a bar, a choice or a button.

use std::sync::Arc;

use egui::{
    Color32, ComboBox, EventFilter, Galley, Key, Painter, Pos2, Rect, Response, Sense, Stroke,
    StrokeKind, Ui, Vec2,
};

use super::handle::{ConsoleHandle, UserPassRow};
use super::style::{BLUE, CELL, CORNER, DIM, EDGE, FILL, HOVER, INK, LIT, SOFT, font, ink_on, mix};
use super::tooltip::{self, UiState};
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

/// A row of a parameter that holds a value: name, bar or choice, and the button that learns.
pub(super) fn row(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    param: ParamId,
    name: &str,
) {
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let split = area.left() + area.width() * NAME;
    if area.width() < LEAST {
        return;
    }
    let row = handle.plane.table.row(param);
    let face = Rect::from_min_max(area.min, Pos2::new(split - 4.0, area.bottom()));
    let id = ui.scope_id().with(("name", param.index()));
    let label = ui.interact(face, id, Sense::CLICK);
    let ink = if label.hovered() { INK } else { DIM };
    name_on(ui.painter(), face, name, ink);
    tooltip::attach(&label, handle, state, param);
    let middle = Rect::from_min_max(
        Pos2::new(split, area.top()),
        Pos2::new(area.right() - LEARN - 2.0, area.bottom()),
    );
    match row.kind {
        Kind::Choice(names) => choice(ui, handle, param, middle, names),
        _ => {
            let number = match handle.user_pass_row(param) {
                Some(UserPassRow::Knob(knob)) => format!("{:.2}", knob.value(handle.get(param))),
                _ => number(row, handle.get(param)),
            };
            let face = BarLabel::Ends(&number, row.unit);
            let response = bar(ui, handle, param, middle, face);
            tooltip::attach(&response, handle, state, param);
        }
    }
    let dot = Rect::from_min_max(Pos2::new(middle.right() + 2.0, area.top()), area.max);
    tooltip::learn_button(ui, handle, state, param, dot);
}

/// A name at the left of an area, smaller where it is too long.
fn name_on(painter: &Painter, area: Rect, name: &str, ink: Color32) {
    let mut galley = painter.layout_no_wrap(name.to_owned(), font(14.0), ink);
    if galley.size().x > area.width() {
        let size = (14.0 * area.width() / galley.size().x).max(9.0);
        galley = painter.layout_no_wrap(name.to_owned(), font(size), ink);
    }
    let top = area.center().y - galley.size().y / 2.0;
    painter.galley(Pos2::new(area.left(), top), galley, ink);
}

/// The label of a bar.
pub(super) enum BarLabel<'a> {
    /// A text of that size in the middle.
    Middle(&'a str, f32),
    /// A number at its left end, a unit at its right one.
    Ends(&'a str, &'a str),
}

/// A bar that is filled up to the value, and dragged.
pub(super) fn bar(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    param: ParamId,
    area: Rect,
    face: BarLabel,
) -> Response {
    let row = handle.plane.table.row(param);
    let id = ui.scope_id().with(("bar", param.index()));
    let response = ui.interact(area, id, Sense::click_and_drag());
    let value = handle.get(param);
    if let Some(wanted) = moved(ui, &response, row, (value, handle.rest(param))) {
        handle.set(param, wanted);
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
    let stroke = Stroke::new(2.0, LIT);
    let words = words(&painter, area, face);
    let is_through = |(at, words): &(Pos2, Arc<Galley>)| {
        (at.x - 3.0..=at.x + words.size().x + 3.0).contains(&edge) && !words.is_empty()
    };
    if words.iter().any(is_through) {
        // Not through the number.
        painter.vline(edge, area.top()..=area.top() + 4.0, stroke);
        painter.vline(edge, area.bottom() - 4.0..=area.bottom(), stroke);
    } else {
        painter.vline(edge, area.y_range(), stroke);
    }
    for (at, words) in words {
        painter.galley(at, words, INK);
    }
    focus_ring(ui, &response);
    response
}

/// The words on a bar, and where they go.
fn words(painter: &Painter, area: Rect, face: BarLabel) -> Vec<(Pos2, Arc<Galley>)> {
    let lay = |text: &str, size, ink| painter.layout_no_wrap(text.to_owned(), font(size), ink);
    let top = |words: &Galley| area.center().y - words.size().y / 2.0;
    match face {
        BarLabel::Middle(text, size) => {
            let words = lay(text, size, INK);
            vec![(area.center() - words.size() / 2.0, words)]
        }
        BarLabel::Ends(number, unit) => {
            let (number, unit) = (lay(number, 14.0, INK), lay(unit, 11.5, SOFT));
            let left = Pos2::new(area.left() + 8.0, top(&number));
            let right = Pos2::new(area.right() - 8.0 - unit.size().x, top(&unit));
            let room = right.x - left.x - number.size().x;
            let mut words = vec![(left, number)];
            if room > 4.0 {
                words.push((right, unit));
            }
            words
        }
    }
}

/// The value that a hand moves a bar to.
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
fn choice(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    param: ParamId,
    area: Rect,
    names: &'static [&'static str],
) {
    let chosen = handle.get(param) as usize;
    let letters: usize = names.iter().map(|name| name.len()).sum();
    if letters <= SHORT {
        let width = area.width() / names.len() as f32;
        for (index, name) in names.iter().enumerate() {
            let left = area.left() + width * index as f32;
            let cell = Rect::from_min_size(
                Pos2::new(left, area.top()),
                Vec2::new(width - 2.0, area.height()),
            );
            let id = ui.scope_id().with(("choice", param.index(), index));
            let response = ui.interact(cell, id, Sense::click());
            if response.clicked() {
                handle.set(param, index as f64);
            }
            paint_button(ui, &response, name, index == chosen, LIT, 13.0);
        }
        return;
    }
    let mut place = ui.new_child(egui::UiBuilder::new().max_rect(area));
    let list = ComboBox::from_id_salt(("choice", param.index()))
        .selected_text(names.get(chosen).copied().unwrap_or(""))
        .width(area.width() - 2.0)
        .show_ui(&mut place, |ui| {
            for (index, name) in names.iter().enumerate() {
                if ui.selectable_label(index == chosen, *name).clicked() {
                    handle.set(param, index as f64);
                }
            }
        });
    focus_ring(&place, &list.response);
}

/// A button that flips a toggle or fires a trigger, lit where it is on.
pub(super) fn button(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    (param, name): (ParamId, &str),
    size: Vec2,
) {
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let face = Rect::from_min_max(area.min, Pos2::new(area.right() - LEARN, area.bottom()));
    let response = plain_button(ui, handle, param, face, (name, 13.0), LIT);
    tooltip::attach(&response, handle, state, param);
    let dot = Rect::from_min_max(Pos2::new(face.right(), area.top()), area.max);
    tooltip::learn_button(ui, handle, state, param, dot);
}

/// The same without the button that learns.
pub(super) fn plain_button(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    param: ParamId,
    area: Rect,
    (name, size): (&str, f32),
    colour: Color32,
) -> Response {
    let id = ui.scope_id().with(("key", param.index()));
    let response = ui.interact(area, id, Sense::click());
    if response.clicked() {
        handle.fire(param);
    }
    paint_button(ui, &response, name, handle.is_on(param), colour, size);
    response
}

/// Paints a button; what is on is in full colour.
pub(super) fn paint_button(
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
    let ink = if is_on { ink_on(colour) } else { INK };
    fit_text(&painter, area.shrink(2.0), name, size, ink);
    focus_ring(ui, response);
}

/// A text in the middle of an area, smaller where it is too long.
pub(super) fn fit_text(painter: &Painter, area: Rect, text: &str, size: f32, ink: Color32) {
    let mut galley = painter.layout_no_wrap(text.to_owned(), font(size), ink);
    if galley.size().x > area.width() {
        let size = (size * area.width() / galley.size().x).max(9.0);
        galley = painter.layout_no_wrap(text.to_owned(), font(size), ink);
    }
    let at = area.center() - galley.size() / 2.0;
    painter.galley(Pos2::new(at.x.max(area.left()), at.y), galley, ink);
}

/// A ring around what the keyboard has come to, which is brought into sight.
pub(super) fn focus_ring(ui: &Ui, response: &Response) {
    if response.gained_focus() && !ui.clip_rect().contains_rect(response.rect) {
        ui.scroll_to_rect(response.rect, None);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.5, BLUE);
        ui.painter()
            .rect_stroke(response.rect, CORNER, stroke, StrokeKind::Inside);
    }
}

/// A value as people read it, without its unit.
fn number(row: &Row, value: f64) -> String {
    match row.kind {
        Kind::Int => format!("{value:.0}"),
        _ if row.max - row.min > 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
