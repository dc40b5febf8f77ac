//! The key table: every key and what it does.

use egui::{Align2, Margin, ScrollArea, Sense, Ui, Vec2};

use super::style::{DIM, INK, LIT, PANEL, caption, font};

const LINE: f32 = 21.0;
/// Width of the keys in points.
const KEY: f32 = 132.0;

pub(super) fn show(ui: &mut Ui, keys: &[(String, String)]) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let frame = egui::Frame::NONE
        .fill(PANEL)
        .corner_radius(6.0)
        .inner_margin(Margin::same(9));
    frame.show(ui, |ui| {
        let size = Vec2::new(ui.available_width(), 20.0);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        caption(
            ui.painter(),
            area.left_top() + Vec2::new(0.0, 5.0),
            "keys",
            LIT,
        );
        ScrollArea::vertical()
            .id_salt("keys")
            .auto_shrink(false)
            .show(ui, |ui| {
                for (key, does) in keys {
                    let size = Vec2::new(ui.available_width(), LINE);
                    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
                    let painter = ui.painter_at(area);
                    let at = area.left_center();
                    painter.text(at, Align2::LEFT_CENTER, key, font(13.5), INK);
                    let at = at + Vec2::new(KEY, 0.0);
                    painter.text(at, Align2::LEFT_CENTER, does, font(13.5), DIM);
                    response.on_hover_text(does);
                }
            });
    });
}
