//! The console under a hand and under a keyboard, without a window.

use std::sync::Arc;
use std::time::Duration;

use egui::{Context, Event, Id, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Shape};

use super::super::worker::Request;
use super::*;
use crate::app::console::channel::{ConsoleSender, console_channel};
use crate::app::console::style;
use crate::control::ControlPlane;
use crate::control::midi::HubHandle;
use crate::instrument::{Action, Preset, Table};
use crate::library::Patch;
use crate::stage::Canvas;

/// A console without a window.
struct Rig {
    view: ConsoleView,
    sender: ConsoleSender,
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

impl Rig {
    fn new(size: Vec2, keyframes: usize) -> Self {
        let table = Arc::new(Table::standard());
        let (sender, receiver) = console_channel(4);
        receiver.watch(true);
        let handle = ConsoleHandle {
            monitors: Arc::default(),
            bank: Arc::default(),
            plane: ControlPlane::new(&table),
            looks: Arc::new(crate::stage::user::ShaderRegistry::new(
                crate::report::Reporter::silent(),
            )),
            midi: HubHandle::default(),
            osc: None,
            oscquery: None,
            keys: Arc::new([("B".to_owned(), "Blackout".to_owned())]),
            takes: "takes".into(),
        };
        handle.plane.notices.warn("a line that is told");
        let context = Context::default();
        style::apply(&context);
        let mut rig = Self {
            view: ConsoleView::new(handle, receiver).unwrap(),
            sender,
            context,
            size,
            shapes: Vec::new(),
        };
        let snapshot = ConsoleSnapshot {
            keyframes,
            captured: 2,
            fps: 59.9,
            sound: Some((true, [0.5; 4])),
            ..ConsoleSnapshot::default()
        };
        let canvas = Canvas::black((64, 48));
        rig.sender.send(Instant::now(), snapshot, &canvas);
        rig.pass(Vec::new());
        rig
    }

    fn pass(&mut self, events: Vec<Event>) {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            events,
            ..RawInput::default()
        };
        let view = &mut self.view;
        let mut output = self.context.run_ui(input, |ui| view.show(ui));
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
        self.view
            .handle
            .plane
            .inbox
            .take(|action, _| actions.push(action));
        actions
    }
}

#[test]
fn a_click_is_an_action() {
    let mut rig = Rig::new(Vec2::new(1280.0, 800.0), 8);
    let table = Arc::clone(&rig.view.handle.plane.table);
    let plain = Modifiers::NONE;
    for (at, held, name) in [
        ((40.0, 20.0), plain, "master.blackout"),
        ((226.0, 473.0), plain, "keyframe.5.jump"),
        ((226.0, 473.0), Modifiers::SHIFT, "keyframe.5.reroll"),
        ((33.0, 560.0), plain, "preset.bank.1"),
        ((980.0, 40.0), plain, "record.toggle"),
    ] {
        for pressed in [true, false] {
            rig.button(at.into(), PointerButton::Primary, pressed, held);
        }
        let param = table.find(name).unwrap();
        assert_eq!(rig.actions(), [Action::Trigger { param }], "{name}");
    }
}

#[test]
fn tab_comes_to_everything_and_what_it_comes_to_is_seen() {
    let mut rig = Rig::new(Vec2::new(1280.0, 800.0), 8);
    rig.pass(Vec::new());
    assert!(rig.focused().is_none() && !has_ring(&rig.shapes));
    let mut reached: Vec<Id> = Vec::new();
    for stop in 0.. {
        rig.press(Key::Tab, Modifiers::NONE);
        let focused = rig.focused();
        if focused.is_some() && focused == reached.first().copied() {
            break;
        }
        assert!(has_ring(&rig.shapes), "stop {stop} is not seen");
        reached.extend(focused);
        assert!(stop < 300, "it never comes round");
    }
    // Transport, ring, bank, tabs, and the knobs of a page.
    assert!(reached.len() > 60, "{} stops", reached.len());
    rig.press(Key::Escape, Modifiers::NONE);
    assert!(rig.focused().is_none());
}

#[test]
fn what_tab_has_come_to_is_brought_into_sight() {
    let height = 560.0;
    let mut rig = Rig::new(Vec2::new(1280.0, height), 8);
    rig.view.tab = Tab::Look;
    rig.pass(Vec::new());
    let mut seen = 0;
    for stop in 0..120 {
        rig.tab(1);
        rig.pass(Vec::new());
        let focused = rig.focused().unwrap();
        let area = rig.context.read_response(focused).unwrap().rect;
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
    let mut rig = Rig::new(Vec2::new(1280.0, 800.0), 8);
    let table = Arc::clone(&rig.view.handle.plane.table);
    let id = |name: &str| table.find(name).unwrap();
    let plain = Modifiers::NONE;
    rig.tab(1);
    rig.press(Key::Space, plain);
    let blackout = id("master.blackout");
    assert_eq!(rig.actions(), [Action::Trigger { param: blackout }]);
    // A bar: arrows go a hundredth of its range.
    rig.tab(2);
    rig.press(Key::ArrowLeft, plain);
    let [Action::Set { param, value }] = rig.actions()[..] else {
        panic!("the fade does not move");
    };
    assert_eq!(param, id("master.fade"));
    assert!((value - 0.99).abs() < 1e-9, "{value}");
    // The ring: arrows go from cell to cell.
    let (third, eighth) = (id("keyframe.3.jump"), id("keyframe.8.reroll"));
    rig.tab(6);
    rig.press(Key::ArrowRight, plain);
    rig.press(Key::ArrowRight, plain);
    rig.press(Key::Enter, plain);
    assert_eq!(rig.actions(), [Action::Trigger { param: third }]);
    for _ in 0..3 {
        rig.press(Key::ArrowLeft, plain);
    }
    rig.press(Key::Enter, Modifiers::SHIFT);
    assert_eq!(rig.actions(), [Action::Trigger { param: eighth }]);
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
        let mut rig = Rig::new(Vec2::new(width, height), keyframes);
        for turn in 0..150 {
            rig.view.tab = [Tab::Play, Tab::Look, Tab::Models, Tab::Program][turn / 40];
            let button = match below(5.0) as u32 {
                0 => PointerButton::Secondary,
                _ => PointerButton::Primary,
            };
            for pressed in [true, false] {
                let at = Pos2::new(below(width), below(height));
                rig.button(at, button, pressed, Modifiers::NONE);
            }
            for action in rig.actions() {
                if let Action::Set { param, value } = action {
                    let row = rig.view.handle.plane.table.row(param);
                    assert!((row.min..=row.max).contains(&value), "{} {value}", row.name);
                }
            }
        }
    }
}

#[test]
fn a_disk_that_does_not_answer_stops_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let preset = folder.path().join("slow.toml");
    std::fs::write(&preset, "version = 1\n").unwrap();
    let mut rig = Rig::new(Vec2::new(1280.0, 800.0), 8);
    // Whoever reads files waits until the disk answers.
    let (disk_stands, until) = crossbeam_channel::bounded(0);
    assert!(rig.view.worker.request(Request::Wait(until)));
    let (answer, is_asked) = std::sync::mpsc::channel::<()>();
    let disk = std::thread::spawn(move || {
        let is_asked = is_asked.recv_timeout(Duration::from_secs(20)).is_ok();
        drop(disk_stands);
        is_asked
    });
    let patch = Patch {
        name: "slow.toml".to_owned(),
        preset: Preset::of_seeds(1..=8),
        model: folder.path().join("none.safetensors"),
        model_sha256: String::new(),
        path: Some(preset),
        bank: None,
    };
    rig.sender.set_patch(&Arc::new(patch), "an engine");
    rig.pass(Vec::new());
    rig.tab(1);
    rig.press(Key::Space, Modifiers::NONE);
    assert_eq!(rig.actions().len(), 1);
    let has_name = |rig: &Rig| rig.view.bank.names.contains(&Some("slow".to_owned()));
    assert!(!has_name(&rig));
    answer.send(()).unwrap();
    assert!(disk.join().unwrap(), "the console waited for the disk");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_name(&rig) {
        assert!(Instant::now() < deadline, "the bank was not read");
        rig.pass(Vec::new());
    }
}
