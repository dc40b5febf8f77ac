//! What is learnt, and which map is whose.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;

use super::Rig;
use crate::control::clock::Pulse;
use crate::control::midi::event::{Control, Sort};
use crate::control::midi::learning::{Found, Learning};
use crate::control::midi::listener::{Common, Line, Listener};
use crate::control::midi::shelf::Shelf;
use crate::control::midi::{Map, SHIPPED, Wiring};
use crate::control::{Inbox, Notices, Values};
use crate::instrument::Table;

#[test]
fn while_a_parameter_waits_controls_do_nothing_but_answer() {
    let table = Table::standard();
    let common = Arc::new(Common {
        inbox: Arc::new(Inbox::new(&table)),
        values: Arc::new(Values::new(&table)),
        pulses: Arc::default(),
        learning: Learning::default(),
        faults: 0.into(),
    });
    let map = Map::parse(SHIPPED[4].1, &table).unwrap();
    let line = Arc::new(Line {
        number: 7,
        wiring: ArcSwap::from_pointee(Wiring::new(map)),
        heard_at: 0.into(),
    });
    let mut listener = Listener::new(Arc::clone(&line), Arc::clone(&common));
    let undo = table.find("loop.undo").unwrap();
    common.learning.want(Some(undo));
    listener.take(&[0xf8, 0xb0, 1, 9], 5);
    common
        .inbox
        .take(|action, _| panic!("{action:?} was done while a control was learnt"));
    assert_eq!(common.pulses.take(), Some((7, Pulse::Clock, 5)));
    assert_eq!(common.learning.take(), None);
    listener.take(&[0xb0, 1, 90], 6);
    let (port, param, found) = common.learning.take().unwrap();
    assert_eq!((port, param, found.control.number), (7, undo, 1));
    // From now on it plays again.
    listener.take(&[0xb0, 1, 90], 7);
    let mut done = 0;
    common.inbox.take(|_, _| done += 1);
    assert_eq!((done, line.heard_at.load(Ordering::Relaxed)), (1, 7));
    listener.take(&[0x90, 5], 8);
    assert_eq!(common.faults.load(Ordering::Relaxed), 1);
}

/// A shelf with a folder of the performer's own.
fn shelf(folder: &std::path::Path) -> Shelf {
    Shelf::new(Arc::new(Table::standard()), Some(folder.to_owned()))
}

fn found(sort: Sort, number: u16) -> Found {
    Found {
        control: Control {
            sort,
            number,
            channel: 0,
        },
        relative: None,
    }
}

#[test]
fn the_map_of_a_device_is_found_by_its_name_and_the_performers_own_wins() {
    let place = tempfile::tempdir().unwrap();
    let mut shelf = shelf(place.path());
    let notices = Notices::default();
    assert!(!shelf.look(&notices));
    let name = |shelf: &Shelf, port: &str| {
        let map = shelf.map(&[port.to_owned()]).unwrap();
        map.name().to_owned()
    };
    assert_eq!(name(&shelf, "apc MINI mk2:Control 1"), "APC mini mk2");
    assert_eq!(name(&shelf, "theremin"), "MIDI");
    let path = place.path().join("mine.toml");
    let own = "version = 1\nname = \"mine\"\nports = [\"apc mini mk2:\"]\nbindings = []\n";
    std::fs::write(&path, own).unwrap();
    assert!(shelf.look(&notices));
    assert_eq!(name(&shelf, "APC mini mk2:Control 1"), "mine");
    // A fault is named with its file and line; the last good one stays.
    std::fs::write(&path, format!("{own}nonsense = 1\n")).unwrap();
    shelf.look(&notices);
    let said = notices.take().unwrap();
    assert!(said.contains("mine.toml: line 5"), "{said}");
    assert!(said.contains("the last good one stays"), "{said}");
    assert_eq!(name(&shelf, "APC mini mk2:Control 1"), "mine");
    std::fs::remove_file(&path).unwrap();
    assert!(shelf.look(&notices));
    assert_eq!(name(&shelf, "APC mini mk2:Control 1"), "APC mini mk2");
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
    let controls = |shelf: &Shelf, param| shelf.map(&names).unwrap().controls_of(param);
    let mut first = shelf(&folder);
    let map = first.map(&names).unwrap();
    let learnt = first
        .learn(&names, &map, glide, found(Sort::Cc, 49), 1)
        .unwrap();
    assert_eq!(learnt.control, "APC mini mk2 CC 49");
    assert_eq!(learnt.replaced, ["loop.speed"]);
    // Another program start.
    let mut second = shelf(&folder);
    assert!(second.look(&Notices::default()));
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
            found(Sort::Note, 3),
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
        .learn(&names, &map, speed, found(Sort::Cc, 1), 1)
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
