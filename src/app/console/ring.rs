//! The keyframe ring: the loop as a ring of keyframes, the play head on it, and the output picture in its middle.

use egui::epaint::PathStroke;
use egui::{
    Align2, Color32, Context, CornerRadius, Event, EventFilter, Key, Painter, Pos2, Rect, Response,
    Sense, Shape, Stroke, StrokeKind, Ui, Vec2,
};

use super::channel::{ConsoleReceiver, ConsoleSnapshot};
use super::handle::ConsoleHandle;
use super::ring_layout::{RingLayout, RingPart, swaps};
use super::ring_textures::RingTextures;
use super::style::{BLUE, CELL, DIM, EDGE, GROUND, HOVER, INK, LIT, NEAR, SCRIM, font, mix};
use crate::instrument::params::{
    KEYFRAME_CAPTURE, KEYFRAME_JUMP, KEYFRAME_LOCK, KEYFRAME_REROLL, KEYFRAME_SEED, KEYFRAME_SWAP,
    LOOP_POSITION, MAX_KEYFRAMES, Param, Trigger,
};
use crate::latent::MAX_SEED;

/// Side of the picture that a dragged cell carries, in points.
const CARRIED: f32 = 84.0;
/// The whole of a texture.
const WHOLE: Rect = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));

/// The keyframe ring.
pub(super) struct KeyframeRing {
    pictures: RingTextures,
    /// The part that the hand has hold of.
    held: RingPart,
    /// The keyframe that the keyboard has reached.
    cursor: usize,
    /// The keyframe whose menu is open, and the seed that is being typed there.
    menu: usize,
    seed: String,
}

/// What the ring is painted from.
struct View<'a> {
    painter: Painter,
    handle: &'a ConsoleHandle,
    snapshot: &'a ConsoleSnapshot,
    plan: &'a RingLayout,
    hovered: RingPart,
    position: f64,
}

impl Default for KeyframeRing {
    fn default() -> Self {
        Self {
            pictures: RingTextures::default(),
            held: RingPart::Nothing,
            cursor: 0,
            menu: 0,
            seed: String::new(),
        }
    }
}

impl KeyframeRing {
    /// Takes the pictures that have come.
    pub(super) fn look(
        &mut self,
        context: &Context,
        receiver: &mut ConsoleReceiver,
        snapshot: &ConsoleSnapshot,
    ) {
        receiver.thumbnails(|thumbnail| self.pictures.take(context, thumbnail, &snapshot.stamps));
        if let Some(canvas) = receiver.picture() {
            self.pictures.take_preview(context, canvas);
        }
    }

    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        handle: &ConsoleHandle,
        snapshot: &ConsoleSnapshot,
        side: f32,
    ) {
        let (area, response) = ui.allocate_exact_size(
            Vec2::new(ui.available_width(), side),
            Sense::click_and_drag(),
        );
        let plan = RingLayout::new(area, snapshot.keyframes.min(MAX_KEYFRAMES));
        self.cursor = self.cursor.min(plan.count - 1);
        self.touch(ui, handle, &plan, &response);
        self.type_keys(ui, handle, &plan, &response);
        self.paint(ui, handle, snapshot, &plan, &response);
        if let RingPart::Keyframe(keyframe) = response
            .hover_pos()
            .map_or(RingPart::Nothing, |at| plan.hit(at))
        {
            let seed = self.told_seed(handle, snapshot, keyframe);
            response.clone().on_hover_ui(|ui| {
                ui.label(format!("Keyframe {}: {seed}", keyframe + 1));
                ui.colored_label(DIM, "Click: jump    Shift + click: re-roll");
                ui.colored_label(DIM, "Drag: move it to another place    Right: more");
            });
        }
        response.context_menu(|ui| self.menu(ui, handle));
    }

    fn touch(&mut self, ui: &Ui, handle: &ConsoleHandle, plan: &RingLayout, response: &Response) {
        let under = |at: Option<Pos2>| at.map_or(RingPart::Nothing, |at| plan.hit(at));
        let here = response.interact_pointer_pos();
        if response.drag_started() {
            let origin = ui.input(|input| input.pointer.press_origin());
            self.held = under(origin);
        }
        if let (RingPart::PlayHead, Some(at), true) = (self.held, here, response.dragged()) {
            handle.set(LOOP_POSITION, plan.position(at));
        }
        if response.drag_stopped() {
            if let (RingPart::Keyframe(from), RingPart::Keyframe(to)) = (self.held, under(here)) {
                for place in swaps(from, to, plan.count) {
                    handle.fire(KEYFRAME_SWAP.at(place));
                }
            }
            self.held = RingPart::Nothing;
        }
        if let (true, Some(at)) = (response.clicked(), here) {
            match plan.hit(at) {
                RingPart::Keyframe(keyframe) => {
                    self.cursor = keyframe;
                    let is_shifted = ui.input(|input| input.events.iter().any(is_shifted));
                    handle.fire(trigger_of(keyframe, is_shifted));
                }
                RingPart::PlayHead => handle.set(LOOP_POSITION, plan.position(at)),
                RingPart::Nothing => {}
            }
        }
        if response.secondary_clicked()
            && let RingPart::Keyframe(keyframe) = under(here)
        {
            self.menu = keyframe;
            let seed = handle.get(KEYFRAME_SEED.at(keyframe));
            self.seed = format!("{seed:.0}");
        }
    }

    /// Once Tab has reached the ring, arrows go from cell to cell, Enter and Space jump, and with Shift re-roll.
    fn type_keys(
        &mut self,
        ui: &Ui,
        handle: &ConsoleHandle,
        plan: &RingLayout,
        response: &Response,
    ) {
        if !response.has_focus() {
            return;
        }
        ui.memory_mut(|memory| {
            let filter = EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..EventFilter::default()
            };
            memory.set_focus_lock_filter(response.id, filter);
        });
        let presses = |keys: [Key; 2]| {
            let count = |key: Key| ui.input(|input| input.num_presses(key));
            keys.into_iter().map(count).sum::<usize>() % plan.count
        };
        let ahead = presses([Key::ArrowRight, Key::ArrowDown]);
        let back = presses([Key::ArrowLeft, Key::ArrowUp]);
        self.cursor = (self.cursor + plan.count + ahead - back) % plan.count;
        if let Some(is_shifted) = ui.input(|input| input.events.iter().find_map(acts)) {
            handle.fire(trigger_of(self.cursor, is_shifted));
        }
    }

    fn menu(&mut self, ui: &mut Ui, handle: &ConsoleHandle) {
        ui.set_min_width(200.0);
        ui.label(format!("Keyframe {}", self.menu + 1));
        let lock = if handle.is_on(KEYFRAME_LOCK.at(self.menu)) {
            "Unlock"
        } else {
            "Lock"
        };
        for (name, param) in [
            (lock, KEYFRAME_LOCK.at(self.menu).id()),
            ("Re-roll", KEYFRAME_REROLL.at(self.menu).id()),
            (
                "Capture what is played now",
                KEYFRAME_CAPTURE.at(self.menu).id(),
            ),
            ("Swap with the next", KEYFRAME_SWAP.at(self.menu).id()),
        ] {
            if ui.button(name).clicked() {
                handle.fire(param);
                ui.close();
            }
        }
        ui.horizontal(|ui| {
            ui.colored_label(DIM, "Seed");
            let edit = egui::TextEdit::singleline(&mut self.seed).desired_width(120.0);
            let edited = ui.add(edit);
            if edited.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                if let Ok(seed) = self.seed.trim().parse::<u32>() {
                    handle.set(KEYFRAME_SEED.at(self.menu), f64::from(seed.min(MAX_SEED)));
                }
                ui.close();
            }
        });
    }

    fn told_seed(
        &self,
        handle: &ConsoleHandle,
        snapshot: &ConsoleSnapshot,
        keyframe: usize,
    ) -> String {
        if snapshot.captured >> keyframe & 1 == 1 {
            "captured".to_owned()
        } else {
            format!("seed {:.0}", handle.get(KEYFRAME_SEED.at(keyframe)))
        }
    }

    fn paint(
        &mut self,
        ui: &Ui,
        handle: &ConsoleHandle,
        snapshot: &ConsoleSnapshot,
        plan: &RingLayout,
        response: &Response,
    ) {
        let here = response.interact_pointer_pos();
        let view = View {
            painter: ui.painter_at(response.rect),
            handle,
            snapshot,
            plan,
            hovered: response
                .hover_pos()
                .map_or(RingPart::Nothing, |at| plan.hit(at)),
            position: handle.get(LOOP_POSITION),
        };
        for keyframe in 0..plan.count {
            self.paint_cell(&view, keyframe);
        }
        if response.has_focus() {
            let edge = plan.edge(self.cursor, 1.0);
            let ring = Shape::closed_line(edge, Stroke::new(3.0, BLUE));
            view.painter.add(ring);
        }
        self.paint_middle(&view);
        self.paint_head(&view);
        if let (RingPart::Keyframe(from), Some(at)) = (self.held, here) {
            self.paint_carried(&view, from, at);
        }
    }

    fn paint_head(&self, view: &View) {
        let (plan, painter) = (view.plan, &view.painter);
        let is_near = view.hovered == RingPart::PlayHead || self.held == RingPart::PlayHead;
        let track = if is_near { EDGE } else { CELL };
        painter.circle_stroke(plan.centre, plan.track(), Stroke::new(3.0, track));
        let direction = plan.direction(view.position);
        let at = |radius: f32| plan.centre + direction * radius;
        // Dark beside it, so that it is seen on any picture.
        for (width, ink) in [(6.0, SCRIM), (3.0, LIT)] {
            let line = [at(plan.track()), at(plan.outer + 3.0)];
            painter.line_segment(line, Stroke::new(width, ink));
        }
        painter.circle_filled(at(plan.track()), if is_near { 9.0 } else { 7.0 }, LIT);
    }

    fn paint_cell(&mut self, view: &View, keyframe: usize) {
        let (plan, painter) = (view.plan, &view.painter);
        let count = plan.count as f64;
        let off = (view.position - keyframe as f64).rem_euclid(count);
        let near = 1.0 - (off.min(count - off) as f32).min(1.0);
        let is_hovered = view.hovered == RingPart::Keyframe(keyframe);
        let middle = (plan.outer + plan.inner) / 2.0;
        match self.pictures.keyframe(keyframe, &view.snapshot.stamps) {
            Some((texture, is_present)) => {
                let is_carried = self.held == RingPart::Keyframe(keyframe);
                let level = match (is_carried || !is_present, is_hovered) {
                    (true, _) => 90,
                    (_, true) => 255,
                    _ => 165 + (90.0 * near) as u8,
                };
                let tint = Color32::from_gray(level);
                painter.add(plan.cell(keyframe, texture.id(), tint));
            }
            None => {
                let ground = if is_hovered { HOVER } else { CELL };
                let arc = plan.arc(keyframe, middle, 2.0);
                let width = plan.outer - plan.inner;
                painter.line(arc, PathStroke::new(width, mix(ground, NEAR, near)));
            }
        }
        // The picture's own edge is jagged.
        let edge = plan.edge(keyframe, 0.0);
        painter.add(Shape::closed_line(edge, Stroke::new(1.5, GROUND)));
        if near > 0.0 {
            let lit = plan.arc(keyframe, plan.inner + 1.5, 2.0);
            painter.line(lit, PathStroke::new(3.0, LIT.gamma_multiply(near)));
        }
        let is_locked = view.handle.is_on(KEYFRAME_LOCK.at(keyframe));
        if is_locked {
            let edge = plan.arc(keyframe, plan.outer - 2.0, 2.0);
            painter.line(edge, PathStroke::new(4.0, BLUE));
        }
        self.paint_badge(view, keyframe, is_locked);
    }

    /// Number, seed and lock of a keyframe, on a dark ground.
    fn paint_badge(&self, view: &View, keyframe: usize, is_locked: bool) {
        let (plan, painter) = (view.plan, &view.painter);
        let room = plan.room();
        let number = (keyframe + 1).to_string();
        let size = (room * 0.4).clamp(7.0, 16.0);
        let number = painter.layout_no_wrap(number, font(size), INK);
        let seed = (room >= 96.0).then(|| {
            let seed = self.told_seed(view.handle, view.snapshot, keyframe);
            let seed = seed.strip_prefix("seed ").unwrap_or(&seed).to_owned();
            painter.layout_no_wrap(seed, font(11.5), DIM)
        });
        let lock = if is_locked && room >= 40.0 { 14.0 } else { 0.0 };
        let tail = seed.as_ref().map_or(0.0, |seed| seed.size().x + 5.0);
        let width = number.size().x + tail + lock;
        let depth = plan.outer - number.size().y / 2.0 - 9.0;
        let at = plan.centre + plan.direction(keyframe as f64) * depth.max(plan.inner);
        let inside = Rect::from_center_size(at, Vec2::new(width, number.size().y));
        let ground = inside.expand2(Vec2::new(5.0, 0.0));
        painter.rect_filled(ground, CornerRadius::same(4), SCRIM);
        let mut left = inside.left();
        if lock > 0.0 {
            padlock(painter, Pos2::new(left + 4.0, at.y));
            left += lock;
        }
        let top = inside.top();
        let end = left + number.size().x + 5.0;
        painter.galley(Pos2::new(left, top), number, INK);
        if let Some(seed) = seed {
            painter.galley(Pos2::new(end, at.y - seed.size().y / 2.0 + 1.0), seed, DIM);
        }
    }

    /// The cell that is being dragged, under the hand, and where it would go.
    fn paint_carried(&mut self, view: &View, from: usize, at: Pos2) {
        let (plan, painter) = (view.plan, &view.painter);
        if let RingPart::Keyframe(to) = plan.hit(at)
            && to != from
        {
            let edge = Shape::closed_line(plan.edge(to, 1.0), Stroke::new(3.0, BLUE));
            painter.add(edge);
        }
        let carried = Rect::from_center_size(at, Vec2::splat(CARRIED));
        match self.pictures.keyframe(from, &view.snapshot.stamps) {
            Some((texture, _)) => {
                painter.image(texture.id(), carried, WHOLE, Color32::from_white_alpha(220));
            }
            None => {
                painter.rect_filled(carried, 4.0, HOVER);
            }
        }
        painter.rect_stroke(carried, 4.0, Stroke::new(2.0, BLUE), StrokeKind::Outside);
        let number = (from + 1).to_string();
        let place = carried.left_top() + Vec2::new(14.0, 12.0);
        painter.circle_filled(place, 10.0, SCRIM);
        painter.text(place, Align2::CENTER_CENTER, number, font(14.0), INK);
    }

    fn paint_middle(&self, view: &View) {
        let (middle, painter) = (view.plan.middle(), &view.painter);
        painter.rect_filled(middle, 2.0, Color32::BLACK);
        if let Some(texture) = &self.pictures.preview {
            let size = texture.size_vec2();
            let factor = (middle.width() / size.x).min(middle.height() / size.y);
            let shown = Rect::from_center_size(middle.center(), size * factor);
            painter.image(texture.id(), shown, WHOLE, Color32::WHITE);
        }
        painter.rect_stroke(middle, 2.0, Stroke::new(1.0, CELL), StrokeKind::Outside);
    }
}

/// The trigger of a click or a key on a keyframe: it jumps there, and with Shift re-rolls it.
fn trigger_of(keyframe: usize, is_shifted: bool) -> Param<Trigger> {
    if is_shifted {
        KEYFRAME_REROLL.at(keyframe)
    } else {
        KEYFRAME_JUMP.at(keyframe)
    }
}

/// Whether Shift was held when the button was let go: by the time that is drawn, it may be up again.
fn is_shifted(event: &Event) -> bool {
    matches!(event, Event::PointerButton { pressed: false, modifiers, .. } if modifiers.shift)
}

/// Whether a key acts on what is reached, and whether Shift was held with it.
fn acts(event: &Event) -> Option<bool> {
    match event {
        Event::Key {
            key: Key::Enter | Key::Space,
            pressed: true,
            modifiers,
            ..
        } => Some(modifiers.shift),
        _ => None,
    }
}

/// A small padlock.
fn padlock(painter: &Painter, at: Pos2) {
    let body = Rect::from_center_size(at + Vec2::new(0.0, 2.0), Vec2::new(9.0, 7.0));
    painter.rect_filled(body, 1.5, BLUE);
    painter.circle_stroke(at - Vec2::new(0.0, 2.0), 3.0, Stroke::new(1.5, BLUE));
}
