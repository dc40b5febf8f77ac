//! The model browser: the models that can be played, each with its contact sheet and its card. A click loads one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{
    Align, Align2, Color32, Context, Layout, Pos2, Rect, Response, RichText, ScrollArea, Sense,
    Stroke, StrokeKind, TextureHandle, TextureOptions, Ui, Vec2,
};

use super::handle::ConsoleHandle;
use super::model_card::ModelCard;
use super::style::{ALARM, CORNER, DARK, DIM, EDGE, GROUND, INK, LIT, PANEL, font};
use super::widgets;
use super::worker::{ConsoleWorker, Request};
use crate::instrument::params::MODEL_LOAD;
use crate::library::Patch;

/// A column is at least so wide.
const COLUMN: f32 = 256.0;
const GAP: f32 = 8.0;
const MARGIN: f32 = 10.0;
/// A model that does not come in this time has been refused; the log says why.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tile of the browser.
struct ModelTile {
    card: ModelCard,
    sheet: Option<TextureHandle>,
    /// Its height when it was last drawn.
    height: f32,
}

#[derive(Default)]
pub(super) struct ModelBrowser {
    models: Vec<ModelTile>,
    /// The patch that the models were listed beside, and whether they are to be listed.
    patch: Option<Arc<Patch>>,
    is_due: bool,
    /// Which one was asked for, and when.
    asked: Option<(String, Instant)>,
}

impl ModelBrowser {
    /// Has the models listed anew.
    pub(super) fn refresh(&mut self) {
        self.is_due = true;
    }

    /// Requests the models beside a patch where they are to be listed.
    pub(super) fn follow(&mut self, worker: &ConsoleWorker, patch: Option<Arc<Patch>>) {
        let folder = |patch: &Option<Arc<Patch>>| {
            let patch = patch.as_ref()?;
            patch.model.parent().map(std::path::Path::to_owned)
        };
        self.is_due |= folder(&self.patch) != folder(&patch);
        self.patch = patch;
        if let (true, Some(patch)) = (self.is_due, &self.patch) {
            self.is_due = !worker.request(Request::Models(patch.model.clone()));
        }
    }

    /// Begins a new list.
    pub(super) fn clear(&mut self) {
        self.models.clear();
    }

    /// Takes the next model of the list.
    pub(super) fn add(&mut self, context: &Context, mut card: ModelCard) {
        let sheet = card.sheet.as_mut().ok().and_then(Option::take);
        let sheet =
            sheet.map(|image| context.load_texture(&card.name, image, TextureOptions::LINEAR));
        self.models.push(ModelTile {
            card,
            sheet,
            height: 0.0,
        });
    }

    pub(super) fn show(&mut self, ui: &mut Ui, handle: &ConsoleHandle) {
        let playing = handle.plane.values.text(MODEL_LOAD);
        let now = Instant::now();
        self.asked = self
            .asked
            .take()
            .filter(|(name, at)| *name != *playing && now.duration_since(*at) < PATIENCE);
        if self.models.is_empty() {
            ui.colored_label(DIM, "reading the models");
        }
        let mut chosen = None;
        ScrollArea::vertical()
            .id_salt("models")
            .auto_shrink(false)
            .show(ui, |ui| {
                let count = ((ui.available_width() / COLUMN) as usize).clamp(1, 4);
                let mut heights = vec![0.0f32; count];
                ui.spacing_mut().item_spacing = Vec2::splat(GAP);
                ui.columns(count, |columns| {
                    for model in &mut self.models {
                        // Each goes where there is most room.
                        let at = (0..count)
                            .min_by(|a, b| heights[*a].total_cmp(&heights[*b]))
                            .unwrap_or(0);
                        let state = State {
                            is_playing: model.card.name == *playing,
                            is_asked: self
                                .asked
                                .as_ref()
                                .is_some_and(|(name, _)| *name == model.card.name),
                        };
                        if model.show(&mut columns[at], state).clicked() && !state.is_playing {
                            chosen = Some(model.card.name.clone());
                        }
                        heights[at] += model.height + GAP;
                    }
                });
            });
        if let Some(name) = chosen {
            handle.say(MODEL_LOAD, &name);
            self.asked = Some((name, now));
        }
    }
}

/// The state of a tile: whether its model is played, or asked for.
#[derive(Clone, Copy)]
struct State {
    is_playing: bool,
    is_asked: bool,
}

impl ModelTile {
    fn show(&mut self, ui: &mut Ui, state: State) -> Response {
        let top = ui.cursor().min;
        let width = ui.available_width();
        // Where it was last time, for it has to be known before what is in it.
        let area = Rect::from_min_size(top, Vec2::new(width, self.height.max(1.0)));
        let id = ui.scope_id().with(("model", &self.card.name));
        let response = ui.interact(area, id, Sense::click());
        let frame = egui::Frame::NONE
            .fill(PANEL)
            .corner_radius(6.0)
            .inner_margin(egui::Margin::same(MARGIN as i8));
        let shown = frame.show(ui, |ui| {
            ui.set_width(width - 2.0 * MARGIN);
            ui.spacing_mut().item_spacing = Vec2::new(8.0, 4.0);
            // Columns are justified, and so would be the words.
            ui.with_layout(Layout::top_down(Align::LEFT), |ui| {
                self.picture(ui);
                self.palette(ui);
                ui.add_space(2.0);
                self.title(ui, state);
                self.words(ui);
            });
        });
        let area = shown.response.rect;
        self.height = area.height();
        let edge = match (state.is_playing, response.hovered()) {
            (true, _) => Some((2.0, LIT)),
            (_, true) => Some((1.0, EDGE)),
            _ => None,
        };
        if let Some((width, ink)) = edge {
            let stroke = Stroke::new(width, ink);
            ui.painter()
                .rect_stroke(area, 6.0, stroke, StrokeKind::Inside);
        }
        widgets::focus_ring(ui, &response);
        response
    }

    fn picture(&self, ui: &mut Ui) {
        let width = ui.available_width();
        let size = self.sheet.as_ref().map(TextureHandle::size_vec2);
        let height = size.map_or(54.0, |size| width * size.y / size.x.max(1.0));
        let (area, _) = ui.allocate_exact_size(Vec2::new(width, height), Sense::hover());
        let painter = ui.painter_at(area);
        match &self.sheet {
            Some(texture) => {
                let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
                painter.image(texture.id(), area, whole, Color32::from_gray(225));
            }
            None => {
                painter.rect_filled(area, CORNER, GROUND);
                let (text, ink) = match &self.card.sheet {
                    Err(error) => (error.as_str(), ALARM),
                    Ok(_) => ("no contact sheet beside it", DIM),
                };
                widgets::fit_text(&painter, area.shrink(6.0), text, 13.0, ink);
            }
        }
    }

    /// The colours of its footage, each as wide as it is common.
    fn palette(&self, ui: &mut Ui) {
        let Some(palette) = &self.card.palette else {
            return;
        };
        let size = Vec2::new(ui.available_width(), 10.0);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let all: f32 = palette.iter().map(|(_, share)| share).sum();
        let mut left = area.left();
        for &(colour, share) in palette {
            let width = area.width() * share / all.max(f32::EPSILON);
            let place = Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(width, size.y));
            ui.painter().rect_filled(place, 0.0, colour);
            left += width;
        }
    }

    fn title(&self, ui: &mut Ui, state: State) {
        let (area, _) =
            ui.allocate_exact_size(Vec2::new(ui.available_width(), 24.0), Sense::hover());
        let painter = ui.painter_at(area);
        let at = area.left_center();
        painter.text(at, Align2::LEFT_CENTER, self.card.title(), font(18.0), INK);
        let badge = match (state.is_playing, state.is_asked) {
            (true, _) => Some(("PLAYING", LIT, DARK)),
            (_, true) => Some(("LOADING", EDGE, INK)),
            _ => None,
        };
        if let Some((text, ground, ink)) = badge {
            let size = Vec2::new(70.0, 20.0);
            let place = Rect::from_min_size(area.right_center() - Vec2::new(70.0, 10.0), size);
            painter.rect_filled(place, CORNER, ground);
            widgets::fit_text(&painter, place.shrink(3.0), text, 12.0, ink);
        }
    }

    fn words(&self, ui: &mut Ui) {
        let line = |ui: &mut Ui, text: RichText| {
            ui.add(egui::Label::new(text).wrap());
        };
        match &self.card.summary {
            Ok(text) => line(ui, RichText::new(text).size(13.0).color(INK)),
            Err(error) => line(ui, RichText::new(error).size(13.0).color(ALARM)),
        }
        for (name, says) in &self.card.lines {
            line(ui, RichText::new(name).size(11.0).color(DIM));
            ui.add_space(-4.0);
            line(ui, RichText::new(says).size(13.0).color(INK));
        }
    }
}
