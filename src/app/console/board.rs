//! What is where on the console.

use std::time::Instant;

use egui::{CentralPanel, Frame, Margin, Panel, Ui, Vec2};

use super::bank::{self, Bank};
use super::control::Memory;
use super::feed::{Glance, Sight};
use super::graph::Graph;
use super::knobs::Knobs;
use super::links::Links;
use super::log::Log;
use super::ports;
use super::ring::Ring;
use super::style::{GROUND, PANEL};
use super::transport::{self, Transport};
use crate::instrument::ParamId;
use crate::instrument::preset::PresetError;

/// Height of the lowest panel, width of the left one and of the parts of the lowest, in points.
const FOOT: f32 = 132.0;
const LEFT: f32 = 452.0;
const PORTS: f32 = 330.0;
const GRAPH: f32 = 300.0;
const GAP: f32 = 8.0;
/// Beat lights are drawn anew so often in a beat.
const FADES: f64 = 6.0;

pub(super) struct Board {
    links: Links,
    sight: Sight,
    glance: Glance,
    memory: Memory,
    transport: Transport,
    ring: Ring,
    bank: Bank,
    knobs: Knobs,
    log: Log,
    graph: Graph,
    phase: ParamId,
    per_bar: ParamId,
}

impl Board {
    pub(super) fn new(links: Links, sight: Sight) -> Result<Self, PresetError> {
        let table = &links.table;
        Ok(Self {
            transport: Transport::new(table)?,
            ring: Ring::new(table)?,
            bank: Bank::new(table)?,
            knobs: Knobs::new(table),
            phase: table.find("beat.phase")?,
            per_bar: table.find("beat.per_bar")?,
            log: Log::default(),
            graph: Graph::default(),
            glance: Glance::default(),
            memory: Memory::default(),
            sight,
            links,
        })
    }

    /// Says whether anyone looks.
    pub(super) fn watch(&self, on: bool) {
        self.sight.watch(on);
    }

    /// Whether the show has told something new.
    pub(super) fn has_news(&self) -> bool {
        self.sight.is_new()
    }

    /// A number that changes with what the console shows of the parameters (FNV-1a).
    pub(super) fn digest(&self) -> u64 {
        let mut digest = 0xcbf2_9ce4_8422_2325u64;
        for (param, _) in self.links.table.iter() {
            let mut value = self.links.get(param);
            if param == self.phase {
                // It never stands still; its light changes by steps.
                value = (value * self.links.get(self.per_bar) * FADES).floor();
            }
            digest = (digest ^ value.to_bits()).wrapping_mul(0x0100_0000_01b3);
        }
        digest
    }

    /// Lays everything out.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let now = Instant::now();
        self.glance = self.sight.glance();
        if let Some(canvas) = self.sight.picture() {
            self.ring.picture(ui.ctx(), canvas);
        }
        self.log.take(&self.links);
        self.graph.note(now, &self.glance);
        self.bank.follow(self.sight.piece(), &self.links.table);

        let plain = |fill| Frame::NONE.fill(fill).inner_margin(Margin::same(GAP as i8));
        Panel::top("transport")
            .frame(plain(PANEL))
            .exact_size(transport::HEIGHT + 2.0 * GAP)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                self.transport
                    .show(ui, &self.links, &mut self.memory, &self.glance);
            });
        Panel::bottom("foot")
            .frame(plain(PANEL))
            .exact_size(FOOT)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| self.foot(ui, now));
        Panel::left("loop")
            .frame(plain(GROUND))
            .exact_size(LEFT.min(ui.available_width() * 0.46))
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                let side = (ui.available_height() - bank::HEIGHT - GAP).max(200.0);
                self.ring.show(ui, &self.links, &self.glance, side);
                self.bank.show(ui, &self.links, &mut self.memory);
            });
        CentralPanel::default().frame(plain(GROUND)).show(ui, |ui| {
            self.knobs.show(ui, &self.links, &mut self.memory);
        });
    }

    fn foot(&mut self, ui: &mut Ui, now: Instant) {
        let area = ui.available_rect_before_wrap();
        let (left, rest) = area.split_left_right_at_x(area.left() + PORTS.min(area.width() * 0.3));
        let (middle, right) =
            rest.split_left_right_at_x(rest.right() - GRAPH.min(area.width() * 0.3));
        let mut part = |area: egui::Rect, name: &str| {
            let builder = egui::UiBuilder::new()
                .max_rect(area.shrink2(Vec2::new(GAP / 2.0, 0.0)))
                .id_salt(name);
            ui.new_child(builder)
        };
        ports::show(&mut part(left, "ports"), &self.links, &self.glance);
        self.log.show(&mut part(middle, "log"));
        let engine = self.sight.engine();
        self.graph
            .show(&mut part(right, "graph"), now, &self.glance, &engine);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui::{Context, Event, Modifiers, PointerButton, Pos2, RawInput, Rect};

    use super::*;
    use crate::app::console::feed::{Feed, feed};
    use crate::app::console::style;
    use crate::control::{Inbox, Notices, Values};
    use crate::instrument::{Action, Table};
    use crate::stage::own::Shelf;
    use crate::stage::{Canvas, LookIds};

    /// A console without a window.
    struct Stand {
        board: Board,
        feed: Feed,
        context: Context,
        size: Vec2,
    }

    impl Stand {
        fn new(size: Vec2, keyframes: usize) -> Self {
            let table = Arc::new(Table::standard());
            let (feed, sight) = feed();
            sight.watch(true);
            let links = Links {
                values: Arc::new(Values::new(&table)),
                inbox: Arc::new(Inbox::new(&table)),
                notices: Arc::new(Notices::default()),
                looks: Arc::new(Shelf::new(Box::new(|_, _| {}))),
                look: LookIds::new(&table).ok(),
                hub: None,
                osc: None,
                oscquery: None,
                table,
            };
            links.notices.warn("a line that is told");
            let context = Context::default();
            style::apply(&context);
            let mut stand = Self {
                board: Board::new(links, sight).unwrap(),
                feed,
                context,
                size,
            };
            let glance = Glance {
                keyframes,
                captured: 2,
                fps: 59.9,
                sound: Some((true, [0.5; 4])),
                ..Glance::default()
            };
            let canvas = Canvas::black((64, 48));
            stand.feed.tell(Instant::now(), glance, &canvas);
            stand.pass(Vec::new());
            stand
        }

        fn pass(&mut self, events: Vec<Event>) {
            let input = RawInput {
                screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
                events,
                ..RawInput::default()
            };
            let board = &mut self.board;
            let mut output = self.context.run_ui(input, |ui| board.show(ui));
            output.textures_delta.clear();
        }

        fn button(&mut self, at: Pos2, button: PointerButton, pressed: bool, modifiers: Modifiers) {
            let pressed = Event::PointerButton {
                pos: at,
                button,
                pressed,
                modifiers,
            };
            self.pass(vec![Event::PointerMoved(at), pressed]);
        }

        fn actions(&self) -> Vec<Action> {
            let mut actions = Vec::new();
            self.board
                .links
                .inbox
                .take(|action, _| actions.push(action));
            actions
        }
    }

    #[test]
    fn a_click_is_an_action() {
        let mut stand = Stand::new(Vec2::new(1280.0, 800.0), 8);
        let table = Arc::clone(&stand.board.links.table);
        let plain = Modifiers::NONE;
        for (at, held, name) in [
            ((40.0, 20.0), plain, "master.blackout"),
            ((226.0, 473.0), plain, "keyframe.5.jump"),
            ((226.0, 473.0), Modifiers::SHIFT, "keyframe.5.reroll"),
            ((33.0, 560.0), plain, "preset.bank.1"),
            ((980.0, 40.0), plain, "record.toggle"),
        ] {
            for pressed in [true, false] {
                stand.button(at.into(), PointerButton::Primary, pressed, held);
            }
            let param = table.find(name).unwrap();
            assert_eq!(stand.actions(), [Action::Trigger { param }], "{name}");
        }
    }

    #[test]
    fn whatever_a_hand_does_at_any_size_is_within_range() {
        // Numbers of Knuth's generator (TAOCP 3.3.4).
        let mut state = 7u64;
        let mut below = move |most: f32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 * most
        };
        for (width, height, keyframes) in [
            (1280.0, 800.0, 8),
            (300.0, 200.0, 2),
            (2560.0, 1440.0, 64),
            (900.0, 560.0, 0),
            (640.0, 400.0, 5),
            (40.0, 20.0, 3),
        ] {
            let mut stand = Stand::new(Vec2::new(width, height), keyframes);
            for _ in 0..150 {
                let button = match below(5.0) as u32 {
                    0 => PointerButton::Secondary,
                    _ => PointerButton::Primary,
                };
                for pressed in [true, false] {
                    let at = Pos2::new(below(width), below(height));
                    stand.button(at, button, pressed, Modifiers::NONE);
                }
                for action in stand.actions() {
                    if let Action::Set { param, value } = action {
                        let row = stand.board.links.table.row(param);
                        assert!((row.min..=row.max).contains(&value), "{} {value}", row.name);
                    }
                }
            }
        }
    }
}
