//! The loop as a ring of keyframes, the play head on it, and the picture that is shown in its middle.

use std::f32::consts::{FRAC_PI_2, TAU};

use egui::epaint::PathStroke;
use egui::{
    Align2, Color32, ColorImage, Event, Painter, Pos2, Rect, Response, Sense, Stroke, StrokeKind,
    TextureHandle, TextureOptions, Ui, Vec2,
};

use super::feed::Glance;
use super::links::Links;
use super::style::{BLUE, CELL, DIM, EDGE, HOVER, INK, LIT, NEAR, font, mix};
use crate::instrument::preset::PresetError;
use crate::instrument::{MAX_KEYFRAMES, ParamId, Table};
use crate::latent::MAX_SEED;
use crate::stage::Canvas;

/// Where the cells begin, as a part of the ring's radius, and the track of the play head inside them, in points.
const INNER: f32 = 0.78;
const TRACK: f32 = 9.0;
/// How far from the track a hand may take hold of the play head.
const GRIP: f32 = 11.0;

/// The parameters of a keyframe.
struct Ids {
    jump: ParamId,
    reroll: ParamId,
    seed: ParamId,
    lock: ParamId,
    capture: ParamId,
    swap: ParamId,
}

/// What a hand has hold of.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    Nothing,
    Head,
    Cell(usize),
}

pub(super) struct Ring {
    keyframes: Vec<Ids>,
    position: ParamId,
    hold: Hold,
    /// The keyframe whose menu is open, and the seed that is being typed there.
    menu: usize,
    seed: String,
    preview: Option<TextureHandle>,
}

/// Where things are on the screen.
struct Plan {
    centre: Pos2,
    outer: f32,
    inner: f32,
    count: usize,
}

impl Plan {
    fn new(area: Rect, count: usize) -> Self {
        let outer = area.width().min(area.height()) / 2.0 - 4.0;
        Self {
            centre: area.center(),
            outer,
            inner: outer * INNER,
            count: count.max(1),
        }
    }

    /// The direction of a position on the loop: the first keyframe is at the top, the loop goes on clockwise.
    fn direction(&self, position: f64) -> Vec2 {
        let angle = position as f32 / self.count as f32 * TAU - FRAC_PI_2;
        Vec2::angled(angle)
    }

    /// The position in that direction, in [0, count).
    fn position(&self, at: Pos2) -> f64 {
        let angle = (at - self.centre).angle() + FRAC_PI_2;
        let position = f64::from(angle.rem_euclid(TAU) / TAU) * self.count as f64;
        // The remainder can be the whole turn.
        if position >= self.count as f64 {
            0.0
        } else {
            position
        }
    }

    /// What is there.
    fn hit(&self, at: Pos2) -> Hold {
        let distance = (at - self.centre).length();
        if (self.inner..=self.outer + 4.0).contains(&distance) {
            Hold::Cell(self.position(at).round() as usize % self.count)
        } else if (distance - self.track()).abs() <= GRIP {
            Hold::Head
        } else {
            Hold::Nothing
        }
    }

    fn track(&self) -> f32 {
        self.inner - TRACK
    }

    /// The square that fits into the ring.
    fn middle(&self) -> Rect {
        let side = (self.track() - 9.0) * std::f32::consts::SQRT_2;
        Rect::from_center_size(self.centre, Vec2::splat(side))
    }

    /// The middle line of a keyframe's cell.
    fn arc(&self, keyframe: usize, radius: f32, gap: f32) -> Vec<Pos2> {
        let half = 0.5 - f64::from(gap / radius) * self.count as f64 / f64::from(TAU);
        let steps = (96 / self.count).clamp(4, 48);
        let point = |step: usize| {
            let offset = -half + 2.0 * half * step as f64 / steps as f64;
            self.centre + self.direction(keyframe as f64 + offset) * radius
        };
        (0..=steps).map(point).collect()
    }
}

impl Ring {
    pub(super) fn new(table: &Table) -> Result<Self, PresetError> {
        let ids = |number: usize| {
            let id = |part: &str| table.find(&format!("keyframe.{number}.{part}"));
            Ok(Ids {
                jump: id("jump")?,
                reroll: id("reroll")?,
                seed: id("seed")?,
                lock: id("lock")?,
                capture: id("capture")?,
                swap: id("swap")?,
            })
        };
        Ok(Self {
            keyframes: (1..=MAX_KEYFRAMES).map(ids).collect::<Result<_, _>>()?,
            position: table.find("loop.position")?,
            hold: Hold::Nothing,
            menu: 0,
            seed: String::new(),
            preview: None,
        })
    }

    /// Takes a picture for the middle.
    pub(super) fn picture(&mut self, context: &egui::Context, canvas: &Canvas) {
        let size = [canvas.size.0 as usize, canvas.size.1 as usize];
        if canvas.rgba.len() != size[0] * size[1] * 4 {
            return;
        }
        let image = ColorImage::from_rgba_premultiplied(size, &canvas.rgba);
        match &mut self.preview {
            Some(texture) => texture.set(image, TextureOptions::LINEAR),
            None => {
                let texture = context.load_texture("preview", image, TextureOptions::LINEAR);
                self.preview = Some(texture);
            }
        }
    }

    pub(super) fn show(&mut self, ui: &mut Ui, links: &Links, glance: &Glance, side: f32) {
        let (area, response) = ui.allocate_exact_size(
            Vec2::new(ui.available_width(), side),
            Sense::click_and_drag(),
        );
        let plan = Plan::new(area, glance.keyframes.min(self.keyframes.len()));
        self.touch(ui, links, &plan, &response);
        self.paint(ui, links, glance, &plan, &response);
        if let Hold::Cell(_) = response
            .hover_pos()
            .map_or(Hold::Nothing, |at| plan.hit(at))
        {
            response.clone().on_hover_ui(|ui| {
                ui.label("Click: jump    Shift + click: re-roll");
                ui.label("Drag: move it to another place    Right: more");
            });
        }
        response.context_menu(|ui| self.menu(ui, links));
    }

    fn touch(&mut self, ui: &Ui, links: &Links, plan: &Plan, response: &Response) {
        let under = |at: Option<Pos2>| at.map_or(Hold::Nothing, |at| plan.hit(at));
        let here = response.interact_pointer_pos();
        if response.drag_started() {
            let origin = ui.input(|input| input.pointer.press_origin());
            self.hold = under(origin);
        }
        if let (Hold::Head, Some(at), true) = (self.hold, here, response.dragged()) {
            links.set(self.position, plan.position(at));
        }
        if response.drag_stopped() {
            if let (Hold::Cell(from), Hold::Cell(to)) = (self.hold, under(here)) {
                for place in swaps(from, to, plan.count) {
                    links.fire(self.keyframes[place].swap);
                }
            }
            self.hold = Hold::Nothing;
        }
        if response.clicked() {
            match under(here) {
                Hold::Cell(keyframe) => {
                    let ids = &self.keyframes[keyframe];
                    let is_shifted = ui.input(|input| input.events.iter().any(is_shifted));
                    links.fire(if is_shifted { ids.reroll } else { ids.jump });
                }
                Hold::Head => {
                    if let Some(at) = here {
                        links.set(self.position, plan.position(at));
                    }
                }
                Hold::Nothing => {}
            }
        }
        if response.secondary_clicked()
            && let Hold::Cell(keyframe) = under(here)
        {
            self.menu = keyframe;
            let seed = links.get(self.keyframes[keyframe].seed);
            self.seed = format!("{seed:.0}");
        }
    }

    fn menu(&mut self, ui: &mut Ui, links: &Links) {
        let ids = &self.keyframes[self.menu];
        ui.set_min_width(200.0);
        ui.label(format!("Keyframe {}", self.menu + 1));
        let lock = if links.is_on(ids.lock) {
            "Unlock"
        } else {
            "Lock"
        };
        for (name, param) in [
            (lock, ids.lock),
            ("Re-roll", ids.reroll),
            ("Capture what is played now", ids.capture),
            ("Swap with the next", ids.swap),
        ] {
            if ui.button(name).clicked() {
                links.fire(param);
                ui.close();
            }
        }
        ui.horizontal(|ui| {
            ui.colored_label(DIM, "Seed");
            let edit = egui::TextEdit::singleline(&mut self.seed).desired_width(120.0);
            let edited = ui.add(edit);
            if edited.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
                if let Ok(seed) = self.seed.trim().parse::<u32>() {
                    links.set(ids.seed, f64::from(seed.min(MAX_SEED)));
                }
                ui.close();
            }
        });
    }

    fn paint(&self, ui: &Ui, links: &Links, glance: &Glance, plan: &Plan, response: &Response) {
        let painter = ui.painter_at(response.rect);
        let position = links.get(self.position);
        let hovered = response
            .hover_pos()
            .map_or(Hold::Nothing, |at| plan.hit(at));
        for keyframe in 0..plan.count {
            self.paint_cell(&painter, links, glance, plan, keyframe, hovered);
        }
        if let (Hold::Cell(from), Some(at)) = (self.hold, response.interact_pointer_pos()) {
            let stroke = |colour| PathStroke::new(2.5, colour);
            painter.line(plan.arc(from, plan.outer, 2.0), stroke(DIM));
            if let Hold::Cell(to) = plan.hit(at)
                && to != from
            {
                painter.line(plan.arc(to, plan.outer, 2.0), stroke(BLUE));
                painter.line(plan.arc(to, plan.inner, 2.0), stroke(BLUE));
            }
        }
        self.paint_middle(&painter, plan);
        let is_near = hovered == Hold::Head || self.hold == Hold::Head;
        let track = if is_near { EDGE } else { CELL };
        painter.circle_stroke(plan.centre, plan.track(), Stroke::new(3.0, track));
        let direction = plan.direction(position);
        let at = |radius: f32| plan.centre + direction * radius;
        // Not through the numbers.
        for (from, to) in [
            (plan.track(), plan.inner + 8.0),
            (plan.outer - 7.0, plan.outer + 3.0),
        ] {
            painter.line_segment([at(from), at(to)], Stroke::new(3.0, LIT));
        }
        painter.circle_filled(at(plan.track()), if is_near { 9.0 } else { 7.0 }, LIT);
    }

    fn paint_cell(
        &self,
        painter: &Painter,
        links: &Links,
        glance: &Glance,
        plan: &Plan,
        keyframe: usize,
        hovered: Hold,
    ) {
        let ids = &self.keyframes[keyframe];
        let (middle, width) = ((plan.outer + plan.inner) / 2.0, plan.outer - plan.inner);
        let off = (links.get(self.position) - keyframe as f64).rem_euclid(plan.count as f64);
        let distance = off.min(plan.count as f64 - off) as f32;
        let ground = if hovered == Hold::Cell(keyframe) {
            HOVER
        } else {
            CELL
        };
        let fill = mix(ground, NEAR, 1.0 - distance);
        let arc = plan.arc(keyframe, middle, 2.0);
        painter.line(arc, PathStroke::new(width, fill));
        let is_locked = links.is_on(ids.lock);
        if is_locked {
            let edge = plan.arc(keyframe, plan.outer - 2.0, 2.0);
            painter.line(edge, PathStroke::new(4.0, BLUE));
        }
        let room = TAU * middle / plan.count as f32;
        let direction = plan.direction(keyframe as f64);
        let at = plan.centre + direction * middle;
        let text = |offset: f32, words: &str, size: f32, ink: Color32| {
            let at = at + Vec2::new(0.0, offset);
            painter.text(at, Align2::CENTER_CENTER, words, font(size), ink);
        };
        let number = (keyframe + 1).to_string();
        if room < 52.0 {
            return text(0.0, &number, (room * 0.5).clamp(8.0, 15.0), INK);
        }
        let seed = if glance.captured >> keyframe & 1 == 1 {
            "captured".to_owned()
        } else {
            format!("{:.0}", links.get(ids.seed))
        };
        text(-7.0, &number, 20.0, INK);
        text(11.0, &seed, if seed.len() > 7 { 10.0 } else { 13.0 }, DIM);
        if is_locked {
            lock(painter, at + Vec2::new(17.0, -8.0));
        }
    }

    fn paint_middle(&self, painter: &Painter, plan: &Plan) {
        let middle = plan.middle();
        painter.rect_filled(middle, 2.0, Color32::BLACK);
        if let Some(texture) = &self.preview {
            let size = texture.size_vec2();
            let factor = (middle.width() / size.x).min(middle.height() / size.y);
            let shown = Rect::from_center_size(middle.center(), size * factor);
            let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
            painter.image(texture.id(), shown, whole, Color32::WHITE);
        }
        painter.rect_stroke(middle, 2.0, Stroke::new(1.0, CELL), StrokeKind::Outside);
    }
}

/// Whether Shift was held when the button was let go: by the time that is drawn, it may be up again.
fn is_shifted(event: &Event) -> bool {
    matches!(event, Event::PointerButton { pressed: false, modifiers, .. } if modifiers.shift)
}

/// A small padlock.
fn lock(painter: &Painter, at: Pos2) {
    let body = Rect::from_center_size(at + Vec2::new(0.0, 2.0), Vec2::new(9.0, 7.0));
    painter.rect_filled(body, 1.5, BLUE);
    painter.circle_stroke(at - Vec2::new(0.0, 2.0), 3.0, Stroke::new(1.5, BLUE));
}

/// The places whose swaps with the next bring a cell to another place, the shorter way round.
fn swaps(from: usize, to: usize, count: usize) -> Vec<usize> {
    let ahead = (to + count - from) % count;
    let behind = count - ahead;
    if ahead == 0 {
        Vec::new()
    } else if ahead <= behind {
        (0..ahead).map(|step| (from + step) % count).collect()
    } else {
        (1..=behind)
            .map(|step| (from + count - step) % count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_brought_to_another_place_the_shorter_way() {
        for (from, to, expected) in [
            (2, 3, vec![2]),
            (3, 2, vec![2]),
            (7, 0, vec![7]),
            (0, 7, vec![7]),
            (0, 3, vec![0, 1, 2]),
            (1, 6, vec![0, 7, 6]),
            (4, 4, vec![]),
        ] {
            let found = swaps(from, to, 8);
            assert_eq!(found, expected, "{from} to {to}");
            let mut cells: Vec<usize> = (0..8).collect();
            found.iter().for_each(|&at| cells.swap(at, (at + 1) % 8));
            assert_eq!(cells[to], from);
        }
    }

    #[test]
    fn what_is_under_the_hand_is_found() {
        let area = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::splat(400.0));
        let plan = Plan::new(area, 8);
        let at = |position: f64, radius: f32| plan.centre + plan.direction(position) * radius;
        let cells = (plan.inner + plan.outer) / 2.0;
        for (position, keyframe) in [(0.0, 0), (0.4, 0), (0.6, 1), (6.9, 7), (7.6, 0)] {
            assert!(plan.hit(at(position, cells)) == Hold::Cell(keyframe));
            let head = at(position, plan.track());
            assert!(plan.hit(head) == Hold::Head);
            assert!((plan.position(head) - position).abs() < 1e-3);
        }
        assert!(plan.hit(plan.centre) == Hold::Nothing);
        assert!(plan.middle().width() > 180.0);
        assert!(!plan.middle().contains(at(2.5, plan.track())));
    }
}
