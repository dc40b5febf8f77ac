//! Maps, controls, feedback and the library together, without a port.

use std::sync::Arc;

use proptest::prelude::*;

use super::sent_state::SentState;
use super::*;
use crate::control::{Stamp, Values};
use crate::instrument::{Action, Table};

mod learning;
mod maps;

const SECOND: Stamp = 1_000_000_000;

/// A device with a map, and the show's values beside it.
struct Rig {
    table: Arc<Table>,
    values: Values,
    bound: BoundMap,
    reader: Reader,
    now: Stamp,
}

impl Rig {
    /// A map of these bindings.
    fn new(bindings: &str) -> Self {
        let text = format!("version = 1\nname = \"rig\"\nbindings = [{bindings}]");
        Self::of(&text)
    }

    fn of(text: &str) -> Self {
        let table = Arc::new(Table::standard());
        let map = parse_user_map(text, &table).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self {
            values: Values::new(&table),
            table,
            bound: BoundMap::new(map),
            reader: Reader::default(),
            now: 10 * SECOND,
        }
    }

    /// Time goes on; what was sent is long published.
    fn later(&mut self) {
        self.now += 10 * SECOND;
    }

    fn set(&mut self, name: &str, value: f64) {
        self.values.set(self.table.find(name).unwrap(), value);
    }

    /// Sends bytes; what they do, as text, and the values follow as a show's would.
    fn send(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut done = Vec::new();
        let (table, values) = (&self.table, &self.values);
        self.now += SECOND / 1000;
        for action in self.reader.actions(bytes, self.now, &self.bound, values) {
            let name = |param| &table.row(param).name;
            done.push(match action {
                Action::Set { param, value } => {
                    values.set(param, value);
                    format!("{} = {value:.3}", name(param))
                }
                Action::SetUnit { param, unit } => format!("{} at {unit:.3}", name(param)),
                Action::Nudge { param, delta } => format!("{} by {delta:.3}", name(param)),
                Action::Trigger { param } => format!("{}!", name(param)),
                other => format!("{other:?}"),
            });
        }
        done
    }

    /// The feedback that the device is sent.
    fn feedback(&self, state: &mut SentState, blink_off: bool) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        state.update(
            self.bound.map(),
            &self.values,
            blink_off,
            |_| false,
            |packet| sent.push(packet.bytes().to_vec()),
        );
        sent
    }
}

/// Bindings, deliveries, and what these do.
type Case<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a str]);

#[test]
fn each_binding_does_what_it_says() {
    let note = [0x90, 10, 20];
    let cc = |value| [0xb0, 10, value];
    let cases: &[Case] = &[
        // Buttons are on at 64; triggers fire on the press alone.
        (
            r#"{ type = "cc", number = 10, to = "loop.undo" }"#,
            &[&cc(63), &cc(64), &cc(100), &cc(0), &cc(127)],
            &["loop.undo!", "loop.undo!"],
        ),
        (
            r#"{ type = "note", number = 10, to = "loop.pause" }"#,
            &[&note, &[0x80, 10, 0], &note],
            &["loop.pause!", "loop.pause!"],
        ),
        (
            r#"{ type = "note", number = 10, to = "master.blackout", momentary = true }"#,
            &[&note, &[0x90, 10, 0]],
            &["master.blackout = 1.000", "master.blackout = 0.000"],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.path", value = "smooth" }"#,
            &[&cc(127), &cc(0)],
            &["loop.path = 3.000"],
        ),
        (
            r#"{ type = "note", number = 10, to = "loop.speed", step = -0.5 }"#,
            &[&note],
            &["loop.speed by -0.500"],
        ),
        (
            r#"{ type = "note", number = 10, to = "master.fade", velocity = true }"#,
            &[&[0x90, 10, 127], &[0x80, 10, 0]],
            &["master.fade = 1.000"],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.speed", relative = "twos", step = 0.1 }"#,
            &[&cc(1), &cc(127), &cc(3), &cc(0)],
            &[
                "loop.speed by 0.100",
                "loop.speed by -0.100",
                "loop.speed by 0.300",
            ],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.speed", relative = "offset64", step = 0.1 }"#,
            &[&cc(65), &cc(63), &cc(64)],
            &["loop.speed by 0.100", "loop.speed by -0.100"],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.speed", relative = "sign", step = 0.1, invert = true }"#,
            &[&cc(1), &cc(65)],
            &["loop.speed by -0.100", "loop.speed by 0.100"],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.speed", takeover = "jump", range = [-1, 1], invert = true }"#,
            &[&cc(0), &cc(127)],
            &["loop.speed = 1.000", "loop.speed = -1.000"],
        ),
        (
            r#"{ type = "cc", number = 10, to = "loop.speed", takeover = "jump", range = [0, 4], curve = "square" }"#,
            &[&cc(127), &[0xb0, 10, 64]],
            &["loop.speed = 4.000", "loop.speed = 1.016"],
        ),
        (
            r#"{ type = "cc14", number = 10, to = "loop.speed", takeover = "jump", range = [0, 1] }"#,
            &[&cc(64), &[0xb0, 42, 64], &cc(127), &[0xb0, 42, 127]],
            &[
                "loop.speed = 0.504",
                "loop.speed = 0.504",
                "loop.speed = 0.992",
                "loop.speed = 1.000",
            ],
        ),
        (
            r#"{ type = "nrpn", number = 300, to = "loop.speed", takeover = "jump", range = [0, 1], step = 0.25 }"#,
            &[&[0xb0, 99, 2, 98, 44, 6, 127, 96, 0, 97, 0]],
            &[
                "loop.speed = 1.000",
                "loop.speed by 0.250",
                "loop.speed by -0.250",
            ],
        ),
        (
            r#"{ type = "bend", to = "loop.speed", range = [-1, 1] }"#,
            &[&[0xe0, 0x7f, 0x7f], &[0xe0, 0, 0]],
            &["loop.speed = 1.000", "loop.speed = -1.000"],
        ),
        (
            r#"{ type = "pressure", to = "master.fade" }, { type = "poly", number = 9, to = "loop.glide", range = [0, 1] }"#,
            &[&[0xd0, 127], &[0xa0, 9, 127], &[0xa0, 8, 3]],
            &["master.fade = 1.000", "loop.glide = 1.000"],
        ),
        (
            r#"{ type = "program", number = 3, to = "preset.bank.4" }, { type = "program", to = "beat.per_bar", range = [1, 16], page = 2 }"#,
            &[&[0xc0, 3, 3, 4]],
            &["preset.bank.4!", "preset.bank.4!"],
        ),
        // One control, several parameters; the channel counts where it is named.
        (
            r#"{ type = "note", number = 10, to = "loop.undo", channel = 1 }, { type = "note", number = 10, to = "loop.reroll", channel = "any" }, { type = "note", number = 10, to = "record.keep", channel = 2 }"#,
            &[&note],
            &["loop.undo!", "loop.reroll!"],
        ),
    ];
    for (bindings, deliveries, expected) in cases {
        let mut rig = Rig::new(bindings);
        let done: Vec<String> = deliveries
            .iter()
            .flat_map(|bytes| rig.send(bytes))
            .collect();
        assert_eq!(&done, expected, "{bindings}");
    }
}

#[test]
fn a_control_picks_its_parameter_up_and_loses_it_to_other_hands() {
    let mut rig = Rig::new(r#"{ type = "cc", number = 7, to = "master.fade" }"#);
    rig.set("master.fade", 0.5);
    let send = |rig: &mut Rig, value| rig.send(&[0xb0, 7, value]).len();
    assert_eq!(send(&mut rig, 10), 0);
    assert_eq!(send(&mut rig, 60), 0);
    // It crosses, and has it from now on, whichever way it goes.
    assert_eq!(send(&mut rig, 70), 1);
    assert_eq!(send(&mut rig, 120), 1);
    rig.later();
    assert_eq!(send(&mut rig, 20), 1);
    // Another hand, or a preset: it must be met again.
    rig.later();
    rig.set("master.fade", 0.9);
    assert_eq!(send(&mut rig, 21), 0);
    assert_eq!(send(&mut rig, 114), 1);
    // Touching is enough, at the first move too.
    let mut rig = Rig::new(r#"{ type = "cc", number = 7, to = "master.fade" }"#);
    rig.set("master.fade", 64.0 / 127.0);
    assert_eq!(send(&mut rig, 64), 1);
}

#[test]
fn a_show_that_is_held_up_does_not_take_a_fader_away() {
    let mut rig = Rig::new(r#"{ type = "cc", number = 7, to = "master.fade" }"#);
    rig.set("master.fade", 0.0);
    let fade = rig.table.find("master.fade").unwrap();
    for (value, pause) in [(0, 0), (30, 0), (60, SECOND), (90, SECOND / 10)] {
        rig.now += pause;
        assert_eq!(rig.send(&[0xb0, 7, value]).len(), 1, "{value}");
        // Nothing is published: the show stands.
        rig.values.set(fade, 0.0);
    }
}

#[test]
fn a_scaled_control_meets_its_parameter_at_the_ends() {
    let mut rig =
        Rig::new(r#"{ type = "cc", number = 7, to = "master.fade", takeover = "scaled" }"#);
    rig.set("master.fade", 0.5);
    assert!(rig.send(&[0xb0, 7, 0]).is_empty());
    assert_eq!(rig.send(&[0xb0, 7, 64]), ["master.fade = 0.752"]);
    assert_eq!(rig.send(&[0xb0, 7, 127]), ["master.fade = 1.000"]);
    assert_eq!(rig.send(&[0xb0, 7, 64]), ["master.fade = 0.504"]);
    rig.later();
    rig.set("master.fade", 1.0);
    assert_eq!(rig.send(&[0xb0, 7, 32]), ["master.fade = 0.500"]);
}

#[test]
fn pages_change_what_controls_do_and_a_pad_turns_them() {
    let mut rig = Rig::new(
        r#"{ type = "note", number = 1, to = "loop.undo" },
           { type = "note", number = 1, to = "loop.reroll", page = 2 },
           { type = "note", number = 2, to = "midi.page", value = 2 },
           { type = "note", number = 3, to = "record.keep" }"#,
    );
    assert_eq!(rig.send(&[0x90, 1, 9]), ["loop.undo!"]);
    assert_eq!(rig.send(&[0x90, 2, 9]), ["midi.page = 2.000"]);
    // What is bound to a page takes the place of what is bound to all.
    assert_eq!(rig.send(&[0x90, 1, 9]), ["loop.reroll!"]);
    assert_eq!(rig.send(&[0x90, 3, 9]), ["record.keep!"]);
}

#[test]
fn lights_follow_their_parameters_and_are_sent_only_when_they_change() {
    let mut rig = Rig::new(
        r#"{ type = "note", number = 5, channel = 1, to = "keyframe.1.jump", page = 1, colors = [2, 3], echo_channel = 7 },
           { type = "note", number = 5, channel = 1, to = "keyframe.1.lock", page = 2, colors = [4, 6], echo_channel = 7 },
           { type = "cc", number = 9, channel = 2, to = "master.fade", ring = [1, 13], echo_number = 17 },
           { type = "note", number = 8, to = "record.toggle", colors = [0, 127], blink = true },
           { type = "bend", channel = 3, to = "loop.speed", range = [-1, 1], echo = "value" }"#,
    );
    rig.set("loop.speed", 0.0);
    let mut state = SentState::default();
    let mut first = rig.feedback(&mut state, false);
    first.sort();
    let expected: [&[u8]; 4] = [
        &[0x90, 8, 0],
        &[0x96, 5, 2],
        &[0xb1, 17, 13],
        &[0xe2, 0, 0x40],
    ];
    assert_eq!(first, expected);
    assert!(rig.feedback(&mut state, false).is_empty());
    rig.set("keyframe.1.jump", 1.0);
    rig.set("master.fade", 0.0);
    rig.set("record.toggle", 1.0);
    let mut sent = rig.feedback(&mut state, false);
    sent.sort();
    let expected: [&[u8]; 3] = [&[0x90, 8, 127], &[0x96, 5, 3], &[0xb1, 17, 1]];
    assert_eq!(sent, expected);
    // It blinks; another page has other indicators.
    assert_eq!(rig.feedback(&mut state, true), [[0x90, 8, 0]]);
    rig.set("midi.page", 2.0);
    assert_eq!(rig.feedback(&mut state, true), [[0x96, 5, 4]]);
    rig.set("midi.page", 3.0);
    assert_eq!(rig.feedback(&mut state, true), [[0x96, 5, 2]]);
    // A device that comes anew is told everything.
    state.forget();
    assert_eq!(rig.feedback(&mut state, false).len(), 4);
}

proptest! {
    #[test]
    fn whatever_comes_stays_within_the_parameters_ranges(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        map in proptest::sample::select(SHIPPED),
    ) {
        let mut rig = Rig::of(map.1);
        let table = Arc::clone(&rig.table);
        rig.now += SECOND;
        for action in rig.reader.actions(&bytes, rig.now, &rig.bound, &rig.values) {
            if let Action::Set { param, value } = action {
                let row = table.row(param);
                assert!((row.min..=row.max).contains(&value), "{} = {value}", row.name);
            }
        }
    }
}
