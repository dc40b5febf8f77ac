//! The tabs: pages of the console's largest part.

use egui::{Align2, Pos2, Rect, Sense, Stroke, Ui, Vec2};

use super::style::{CELL, DIM, INK, LIT, font};
use super::widgets;

/// Height of the tabs, and width of one, in points.
const HEIGHT: f32 = 30.0;
const WIDTH: f32 = 104.0;

/// Which page is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Play,
    Look,
    Models,
    Program,
}

const TABS: [(Tab, &str); 4] = [
    (Tab::Play, "PLAY"),
    (Tab::Look, "LOOK"),
    (Tab::Models, "MODELS"),
    (Tab::Program, "PROGRAM"),
];

pub(super) fn show(ui: &mut Ui, open: &mut Tab) {
    let size = Vec2::new(ui.available_width(), HEIGHT);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let width = WIDTH.min(area.width() / TABS.len() as f32);
    ui.painter()
        .hline(area.x_range(), area.bottom() - 0.5, Stroke::new(1.0, CELL));
    for (index, (tab, name)) in TABS.into_iter().enumerate() {
        let at = Pos2::new(area.left() + width * index as f32, area.top());
        let place = Rect::from_min_size(at, Vec2::new(width, HEIGHT));
        let id = ui.scope_id().with(("tab", index));
        let response = ui.interact(place, id, Sense::click());
        if response.clicked() {
            *open = tab;
        }
        let is_open = *open == tab;
        let ink = if is_open || response.hovered() {
            INK
        } else {
            DIM
        };
        let painter = ui.painter();
        let at = place.center() - Vec2::new(0.0, 1.0);
        painter.text(at, Align2::CENTER_CENTER, name, font(14.0), ink);
        if is_open {
            let stroke = Stroke::new(3.0, LIT);
            painter.hline(place.x_range(), place.bottom() - 1.5, stroke);
        }
        widgets::focus_ring(ui, &response);
    }
}
