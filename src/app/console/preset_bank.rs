//! The preset bank: its places, the neighbours, and saving under a name.

use std::sync::Arc;

use egui::{Align2, Pos2, Rect, Sense, Ui, Vec2};

use super::handle::ConsoleHandle;
use super::style::{CELL, CORNER, DARK, DIM, HOVER, INK, LIT, PANEL, font};
use super::tooltip::{self, UiState};
use super::widgets;
use super::worker::{ConsoleWorker, Request};
use crate::instrument::params::{BANK, PRESET_BANK, PRESET_LOAD, PRESET_SAVE, id};
use crate::library::Patch;

const GAP: f32 = 5.0;
const CELL_HEIGHT: f32 = 36.0;
const LINE: f32 = 30.0;
const ACROSS: usize = 8;
/// Height of all of it in points.
pub(super) const HEIGHT: f32 = 2.0 * (LINE + CELL_HEIGHT) + 4.0 * GAP;

/// The preset bank.
pub(super) struct PresetBank {
    /// The patch that is played, and whether the names beside it are to be read.
    patch: Option<Arc<Patch>>,
    is_due: bool,
    pub(super) names: Vec<Option<String>>,
    /// The name of a new preset as it is being typed.
    typed: String,
}

impl Default for PresetBank {
    fn default() -> Self {
        Self {
            patch: None,
            is_due: false,
            names: vec![None; BANK],
            typed: String::new(),
        }
    }
}

impl PresetBank {
    /// Requests the names of the presets beside a patch that has come.
    pub(super) fn follow(&mut self, patch: Option<Arc<Patch>>, worker: &ConsoleWorker) {
        self.is_due |= self.patch.as_ref().map(Arc::as_ptr) != patch.as_ref().map(Arc::as_ptr);
        self.patch = patch;
        if self.is_due {
            let preset = self.patch.as_ref().and_then(|patch| patch.path.clone());
            self.is_due = !worker.request(Request::Bank(preset));
        }
    }

    /// Takes the names that were read.
    pub(super) fn set_names(&mut self, names: Vec<Option<String>>) {
        self.names = names;
    }

    pub(super) fn show(&mut self, ui: &mut Ui, handle: &ConsoleHandle, state: &mut UiState) {
        let size = Vec2::new(ui.available_width(), HEIGHT);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let line = |top: f32, height: f32| {
            Rect::from_min_size(Pos2::new(area.left(), top), Vec2::new(area.width(), height))
        };
        self.neighbours(ui, handle, state, line(area.top(), LINE));
        let top = area.top() + LINE + GAP;
        let width = (area.width() + GAP) / ACROSS as f32;
        for place in 0..BANK {
            let (column, row) = (place % ACROSS, place / ACROSS);
            let at = Pos2::new(
                area.left() + width * column as f32,
                top + (CELL_HEIGHT + GAP) * row as f32,
            );
            let cell = Rect::from_min_size(at, Vec2::new(width - GAP, CELL_HEIGHT));
            self.place(ui, handle, state, place, cell);
        }
        let top = top + 2.0 * (CELL_HEIGHT + GAP);
        self.saving(ui, handle, line(top, LINE));
    }

    /// The preset that plays, between the one before it and the one after.
    fn neighbours(&self, ui: &mut Ui, handle: &ConsoleHandle, state: &mut UiState, area: Rect) {
        let side = Vec2::new(62.0, area.height());
        let left = Rect::from_min_size(area.min, side);
        let right = Rect::from_min_size(Pos2::new(area.right() - side.x, area.top()), side);
        for (param, name, cell) in [
            (id::PRESET_PREVIOUS, "<", left),
            (id::PRESET_NEXT, ">", right),
        ] {
            let response = widgets::plain_button(ui, handle, param, cell, (name, 18.0), LIT);
            tooltip::attach(&response, handle, state, param);
        }
        let middle = Rect::from_min_max(
            Pos2::new(left.right() + GAP, area.top()),
            Pos2::new(right.left() - GAP, area.bottom()),
        );
        let painter = ui.painter_at(middle);
        painter.rect_filled(middle, CORNER, PANEL);
        let playing = handle.plane.values.text(PRESET_LOAD);
        let playing = playing.strip_suffix(".toml").unwrap_or(&playing);
        widgets::fit_text(&painter, middle.shrink(6.0), playing, 17.0, INK);
    }

    fn place(
        &self,
        ui: &mut Ui,
        handle: &ConsoleHandle,
        state: &mut UiState,
        place: usize,
        area: Rect,
    ) {
        let param = PRESET_BANK.at(place).id();
        let response = ui.interact(area, ui.scope_id().with(("bank", place)), Sense::click());
        let name = self.names.get(place).and_then(Option::as_deref);
        if response.clicked() {
            handle.fire(param);
        }
        let is_on = handle.is_on(param);
        let fill = match (is_on, name.is_some(), response.hovered()) {
            (true, ..) => LIT,
            (_, _, true) => HOVER,
            (_, true, _) => CELL,
            _ => PANEL,
        };
        let painter = ui.painter_at(area);
        painter.rect_filled(area, CORNER, fill);
        let ink = match (is_on, name.is_some()) {
            (true, _) => DARK,
            (false, true) => INK,
            (false, false) => DIM,
        };
        let number = (place + 1).to_string();
        match name {
            None => {
                painter.text(
                    area.center(),
                    Align2::CENTER_CENTER,
                    number,
                    font(14.0),
                    DIM,
                );
            }
            Some(name) => {
                let (up, down) = area.split_top_bottom_at_fraction(0.46);
                painter.text(
                    up.center() + Vec2::new(0.0, 1.0),
                    Align2::CENTER_CENTER,
                    number,
                    font(13.0),
                    ink,
                );
                widgets::fit_text(&painter, down.shrink2(Vec2::new(3.0, 1.0)), name, 13.0, ink);
            }
        }
        widgets::focus_ring(ui, &response);
        tooltip::attach(&response, handle, state, param);
    }

    fn saving(&mut self, ui: &mut Ui, handle: &ConsoleHandle, area: Rect) {
        let (field, key) = area.split_left_right_at_x(area.right() - 96.0);
        let field = field.with_max_x(field.right() - GAP);
        let edit = egui::TextEdit::singleline(&mut self.typed)
            .hint_text("name of a new preset")
            .char_limit(80)
            .margin(Vec2::new(8.0, 6.0))
            .align(Align2::LEFT_CENTER);
        let edited = ui.put(field, edit);
        let is_entered =
            edited.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let response = ui.interact(key, ui.scope_id().with("save"), Sense::click());
        widgets::paint_button(ui, &response, "SAVE", false, LIT, 15.0);
        let hint = "Without a name it is saved under a new one";
        if response.on_hover_text(hint).clicked() || is_entered {
            handle.say(PRESET_SAVE, self.typed.trim());
            self.typed.clear();
            self.is_due = true;
        }
    }
}
