//! MIDI learn, and the map library.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;

use super::Rig;
use crate::control::clock::Pulse;
use crate::control::midi::event::{ControlId, ControlType};
use crate::control::midi::input_handler::{InputHandler, MidiContext, SourceState};
use crate::control::midi::learning::{LearnMode, LearnedControl};
use crate::control::midi::map_library::MapLibrary;
use crate::control::midi::{BoundMap, ControllerMap, SHIPPED};
use crate::control::{ControlPlane, Notices};
use crate::instrument::Table;

#[test]
fn while_a_parameter_waits_controls_do_nothing_but_answer() {
    let table = Arc::new(Table::standard());
    let context = Arc::new(MidiContext {
        plane: ControlPlane::new(&table),
        pulses: Arc::default(),
        learning: LearnMode::default(),
        clock_in: ArcSwap::default(),
        faults: 0.into(),
    });
    let map = ControllerMap::parse(SHIPPED[4].1, &table).unwrap();
    let source = Arc::new(SourceState {
        number: 7,
        bound: ArcSwap::from_pointee(BoundMap::new(map)),
        gives_clock: true.into(),
        heard_at: 0.into(),
    });
    let mut handler = InputHandler::new(Arc::clone(&source), Arc::clone(&context));
    let undo = table.find("loop.undo").unwrap();
    context.learning.want(Some(undo));
    handler.receive(&[0xf8, 0xb0, 1, 9], 5);
    context
        .plane
        .inbox
        .take(|action, _| panic!("{action:?} was done while a control was learnt"));
    assert_eq!(context.pulses.take(), Some((7, Pulse::Clock, 5)));
    assert_eq!(context.learning.take(), None);
    handler.receive(&[0xb0, 1, 90], 6);
    let (port, param, found) = context.learning.take().unwrap();
    assert_eq!((port, param, found.control.number), (7, undo, 1));
    // From now on it plays again.
    handler.receive(&[0xb0, 1, 90], 7);
    let mut done = 0;
    context.plane.inbox.take(|_, _| done += 1);
    assert_eq!((done, source.heard_at.load(Ordering::Relaxed)), (1, 7));
    source.gives_clock.store(false, Ordering::Relaxed);
    handler.receive(&[0xf8], 8);
    assert_eq!(context.pulses.take(), None, "another port's clock is taken");
    handler.receive(&[0x90, 5], 8);
    assert_eq!(context.faults.load(Ordering::Relaxed), 1);
}

/// A library with a folder of the performer's own.
fn library(folder: &std::path::Path) -> MapLibrary {
    MapLibrary::new(Arc::new(Table::standard()), Some(folder.to_owned()))
}

fn found(control_type: ControlType, number: u16) -> LearnedControl {
    LearnedControl {
        control: ControlId {
            control_type,
            number,
            channel: 0,
        },
        relative: None,
    }
}

#[test]
fn the_map_of_a_device_is_found_by_its_name_and_the_performers_own_wins() {
    let place = tempfile::tempdir().unwrap();
    let mut library = library(place.path());
    let notices = Notices::default();
    assert!(!library.refresh(&notices));
    let name = |library: &MapLibrary, port: &str| {
        let map = library.map(&[port.to_owned()]).unwrap();
        map.name().to_owned()
    };
    assert_eq!(name(&library, "apc MINI mk2:ControlId 1"), "APC mini mk2");
    assert_eq!(name(&library, "theremin"), "MIDI");
    let path = place.path().join("mine.toml");
    let own = "version = 1\nname = \"mine\"\nports = [\"apc mini mk2:\"]\nbindings = []\n";
    std::fs::write(&path, own).unwrap();
    assert!(library.refresh(&notices));
    assert_eq!(name(&library, "APC mini mk2:ControlId 1"), "mine");
    // A fault is named with its file and line; the last good one stays.
    std::fs::write(&path, format!("{own}nonsense = 1\n")).unwrap();
    library.refresh(&notices);
    let said = notices.take().unwrap();
    assert!(said.contains("mine.toml: line 5"), "{said}");
    assert!(said.contains("the last good one stays"), "{said}");
    assert_eq!(name(&library, "APC mini mk2:ControlId 1"), "mine");
    std::fs::remove_file(&path).unwrap();
    assert!(library.refresh(&notices));
    assert_eq!(name(&library, "APC mini mk2:ControlId 1"), "APC mini mk2");
}

#[test]
fn what_is_learnt_is_kept_wins_on_its_page_and_is_forgotten_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("controllers");
    let table = Table::standard();
    let (glide, speed) = (
        table.find("loop.glide").unwrap(),
        table.find("loop.speed").unwrap(),
    );
    let names = ["APC mini mk2".to_owned()];
    let controls = |library: &MapLibrary, param| library.map(&names).unwrap().controls_of(param);
    let mut first = library(&folder);
    let map = first.map(&names).unwrap();
    let learnt = first
        .learn(&names, &map, glide, found(ControlType::Cc, 49), 1)
        .unwrap();
    assert_eq!(learnt.control, "APC mini mk2 CC 49");
    assert_eq!(learnt.replaced, ["loop.speed"]);
    // Another program start.
    let mut second = library(&folder);
    assert!(second.refresh(&Notices::default()));
    assert!(controls(&second, glide).contains(&"APC mini mk2 CC 49, page 1".to_owned()));
    let text = std::fs::read_to_string(folder.join("akai-apc-mini-mk2.toml")).unwrap();
    let mut rig = Rig::of(&text);
    rig.set("loop.glide", 0.0);
    assert_eq!(rig.send(&[0xb0, 49, 0]), ["loop.glide = 0.000"]);
    rig.set("midi.page", 2.0);
    rig.set("loop.speed", -2.0);
    assert_eq!(rig.send(&[0xb0, 49, 0]), ["loop.speed = -2.000"]);
    assert_eq!(second.unlearn(speed), Ok(0));
    assert_eq!(second.unlearn(glide), Ok(1));
    assert_eq!(controls(&second, glide), ["APC mini mk2 CC 50"]);
    // A pad keeps its light, and a device that no map is for gets one.
    let map = second.map(&names).unwrap();
    second
        .learn(
            &names,
            &map,
            table.find("loop.undo").unwrap(),
            found(ControlType::Note, 3),
            1,
        )
        .unwrap();
    let text = std::fs::read_to_string(folder.join("akai-apc-mini-mk2.toml")).unwrap();
    assert!(
        text.contains("colors = [45, 3]") || text.contains("colors = [\n"),
        "{text}"
    );
    let names = ["pads:out".to_owned()];
    let map = second.map(&names).unwrap();
    second
        .learn(&names, &map, speed, found(ControlType::Cc, 1), 1)
        .unwrap();
    assert!(folder.join("pads-out.toml").is_file());
    let learnt = second.map(&names).unwrap();
    assert_eq!(
        learnt.controls_of(speed),
        ["pads:out CC 2", "pads:out CC 1, page 1"]
            .map(String::from)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}
