//! The console under a hand and under a keyboard, without a window.

use std::sync::Arc;

use egui::{Context, Event, Id, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Shape};

use super::*;
use crate::app::console::feed::{Feed, feed};
use crate::app::console::style;
use crate::control::{Inbox, Notices, Values};
use crate::instrument::{Action, Table};
use crate::stage::Canvas;

/// A console without a window.
struct Stand {
    board: Board,
    feed: Feed,
    context: Context,
    size: Vec2,
    shapes: Vec<Shape>,
}

/// Whether something has a ring around it.
fn has_ring(shapes: &[Shape]) -> bool {
    shapes.iter().any(|shape| match shape {
        Shape::Rect(shape) => {
            let stroke = shape.stroke;
            stroke.width > 1.0 && [style::BLUE, style::LIT].contains(&stroke.color)
        }
        Shape::Path(shape) => {
            let blue = egui::epaint::ColorMode::Solid(style::BLUE);
            shape.closed && shape.stroke.color == blue
        }
        Shape::Vec(shapes) => has_ring(shapes),
        _ => false,
    })
}

impl Stand {
    fn new(size: Vec2, keyframes: usize) -> Self {
        let table = Arc::new(Table::standard());
        let (feed, sight) = feed(4);
        sight.watch(true);
        let links = Links {
            monitors: Arc::default(),
            values: Arc::new(Values::new(&table)),
            inbox: Arc::new(Inbox::new(&table)),
            notices: Arc::new(Notices::default()),
            looks: Arc::new(crate::stage::own::Shelf::new(
                crate::report::Reporter::silent(),
            )),
            look: crate::stage::LookIds::new(&table).ok(),
            hub: None,
            osc: None,
            oscquery: None,
            keys: Arc::new([("B".to_owned(), "Blackout".to_owned())]),
            takes: "takes".into(),
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
            shapes: Vec::new(),
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
        self.shapes = output.shapes.into_iter().map(|shape| shape.shape).collect();
    }

    fn press(&mut self, key: Key, modifiers: Modifiers) {
        for pressed in [true, false] {
            let event = Event::Key {
                key,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers,
            };
            self.pass(vec![event]);
        }
    }

    fn focused(&self) -> Option<Id> {
        self.context.memory(|memory| memory.focused())
    }

    /// Goes so many places on.
    fn tab(&mut self, places: usize) {
        for _ in 0..places {
            self.press(Key::Tab, Modifiers::NONE);
        }
        self.pass(Vec::new());
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
fn tab_comes_to_everything_and_what_it_comes_to_is_seen() {
    let mut stand = Stand::new(Vec2::new(1280.0, 800.0), 8);
    stand.pass(Vec::new());
    assert!(stand.focused().is_none() && !has_ring(&stand.shapes));
    let mut reached: Vec<Id> = Vec::new();
    for stop in 0.. {
        stand.press(Key::Tab, Modifiers::NONE);
        let focused = stand.focused();
        if focused.is_some() && focused == reached.first().copied() {
            break;
        }
        assert!(has_ring(&stand.shapes), "stop {stop} is not seen");
        reached.extend(focused);
        assert!(stop < 300, "it never comes round");
    }
    // Transport, ring, bank, tabs, and the knobs of a page.
    assert!(reached.len() > 60, "{} stops", reached.len());
    stand.press(Key::Escape, Modifiers::NONE);
    assert!(stand.focused().is_none());
}

#[test]
fn what_tab_has_come_to_is_brought_into_sight() {
    let height = 560.0;
    let mut stand = Stand::new(Vec2::new(1280.0, height), 8);
    stand.board.tab = Tab::Look;
    stand.pass(Vec::new());
    let mut seen = 0;
    for stop in 0..120 {
        stand.tab(1);
        stand.pass(Vec::new());
        let focused = stand.focused().unwrap();
        let area = stand.context.read_response(focused).unwrap().rect;
        // The knobs are to the right of the ring and above the foot.
        if area.left() > 460.0 && area.top() > 72.0 {
            assert!(area.bottom() <= height - FOOT, "stop {stop}: {area}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} knobs");
}

#[test]
fn what_tab_has_come_to_is_played_by_keys() {
    let mut stand = Stand::new(Vec2::new(1280.0, 800.0), 8);
    let table = Arc::clone(&stand.board.links.table);
    let id = |name: &str| table.find(name).unwrap();
    let plain = Modifiers::NONE;
    stand.tab(1);
    stand.press(Key::Space, plain);
    let blackout = id("master.blackout");
    assert_eq!(stand.actions(), [Action::Trigger { param: blackout }]);
    // A bar: arrows go a hundredth of its range.
    stand.tab(2);
    stand.press(Key::ArrowLeft, plain);
    let [Action::Set { param, value }] = stand.actions()[..] else {
        panic!("the fade does not move");
    };
    assert_eq!(param, id("master.fade"));
    assert!((value - 0.99).abs() < 1e-9, "{value}");
    // The ring: arrows go from cell to cell.
    let (third, eighth) = (id("keyframe.3.jump"), id("keyframe.8.reroll"));
    stand.tab(6);
    stand.press(Key::ArrowRight, plain);
    stand.press(Key::ArrowRight, plain);
    stand.press(Key::Enter, plain);
    assert_eq!(stand.actions(), [Action::Trigger { param: third }]);
    for _ in 0..3 {
        stand.press(Key::ArrowLeft, plain);
    }
    stand.press(Key::Enter, Modifiers::SHIFT);
    assert_eq!(stand.actions(), [Action::Trigger { param: eighth }]);
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
        for turn in 0..150 {
            stand.board.tab = [Tab::Play, Tab::Look, Tab::Models, Tab::Program][turn / 40];
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
