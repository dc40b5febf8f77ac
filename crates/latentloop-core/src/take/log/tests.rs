//! Logs written, cut, damaged and read.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::instrument::params::LOOP_SPEED;
use crate::instrument::preset::LookEntry;
use crate::instrument::{Action, Curve, Instrument, LookOrder, ParamId, Preset, Table};

const LATENT: usize = 6;

fn instrument(table: &Arc<Table>) -> Instrument {
    Instrument::new(&Preset::of_seeds(1..=4), Arc::clone(table), LATENT).unwrap()
}

fn model() -> Model {
    Model {
        name: "m.safetensors".into(),
        sha256: "ab".repeat(32),
        latent: LATENT as u32,
    }
}

fn snapshot(instrument: &Instrument) -> Snapshot {
    Snapshot {
        model: model(),
        state: instrument.state(),
        seed: 0x9e37_79b9,
    }
}

/// A take of half a second: a state, and everything that there is after it.
fn take(table: &Arc<Table>) -> Take {
    let standard = Arc::new(Table::standard());
    let mut opening = snapshot(&instrument(&standard));
    let rows = standard.iter();
    let known: Vec<_> = rows.map(|(_, row)| table.id(&row.name)).collect();
    opening.state.renumber(&known, table);
    let id = |name| table.find(name).unwrap();
    let set = |name, value| {
        Event::Action(Action::Set {
            param: id(name),
            value,
        })
    };
    Take {
        opening: Box::new(opening),
        events: vec![
            (0, set("loop.speed", -1.5)),
            (3, set("loop.path", 2.0)),
            (
                10,
                Event::Action(Action::Trigger {
                    param: id("loop.reroll"),
                }),
            ),
            (10, Event::Mark("Grüße".into())),
            (
                20,
                Event::Preset {
                    preset: Box::new(Preset::of_seeds(5..=9).saying_what_it_keeps()),
                    fade_secs: 0.1,
                    keeps_head: true,
                },
            ),
            (20, Event::Model(model())),
            (200, Event::Latents { rows: 8, hash: 7 }),
        ],
        end: 240,
        unknown: Default::default(),
        ended: Ended::Whole,
    }
}

fn any_action() -> impl Strategy<Value = Action> {
    let last = Table::standard().len();
    let param = (0..last).prop_map(|at| ParamId::at(at).unwrap());
    let even = param
        .clone()
        .prop_filter("a control that was even", |param| {
            let curve = Table::standard().row(*param).curve;
            matches!(curve, Curve::Linear | Curve::Square)
        });
    let number = || any::<f64>().prop_filter("a number", |v| !v.is_nan());
    prop_oneof![
        (param.clone(), number()).prop_map(|(param, value)| Action::Set { param, value }),
        (even, number()).prop_map(|(param, unit)| Action::SetUnit { param, unit }),
        (param.clone(), number()).prop_map(|(param, delta)| Action::Nudge { param, delta }),
        param.clone().prop_map(|param| Action::Trigger { param }),
        (param, ".*").prop_map(|(param, text)| Action::Text {
            param,
            text: text.into()
        }),
        (0..4usize, number()).prop_map(|(source, value)| Action::Source { source, value }),
        (number(), number(), any::<bool>()).prop_map(|(beat, tempo, running)| Action::Clock {
            beat,
            tempo,
            running
        }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => any_action().prop_map(Event::Action),
        1 => ".*".prop_map(Event::Mark),
        2 => (1..=8u8, any::<u64>()).prop_map(|(rows, hash)| Event::Latents { rows, hash }),
    ]
}

proptest! {
    #[test]
    fn a_take_reads_back_as_it_was_written(events in proptest::collection::vec((0..5000u64, any_event()), 0..60)) {
        let table = Arc::new(Table::standard());
        let mut take = take(&table);
        for (ticks, event) in events {
            take.end += ticks;
            take.events.push((take.end, event));
        }
        let bytes = take.write(&table).unwrap();
        prop_assert_eq!(Take::read(&bytes, &table).unwrap(), take);
    }
}

#[test]
fn a_log_that_is_cut_anywhere_is_read_up_to_there() {
    let table = Arc::new(Table::standard());
    let whole = take(&table);
    let bytes = whole.write(&table).unwrap();
    // Where records begin: after magic and version, after the names, and after the state.
    let mut starts = vec![HEADER];
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    while reader.next().is_some() {
        starts.push(reader.at());
    }
    assert_eq!(reader.ended(), Some(Ended::Whole));
    assert_eq!(starts.len(), 1 + 2 + whole.events.len() + 1);
    for length in 0..bytes.len() {
        let read = Take::read(&bytes[..length], &table);
        let last = starts.iter().rposition(|&start| start <= length);
        match last {
            None if length < MAGIC.len() => assert_eq!(read, Err(LogError::Magic)),
            None => assert_eq!(read, Err(LogError::NoState(length))),
            Some(count @ 0..2) => assert_eq!(read, Err(LogError::NoState(starts[count]))),
            Some(count) => {
                let read = read.unwrap();
                assert_eq!(read.ended, Ended::Cut(starts[count]), "at {length}");
                assert_eq!(read.events, whole.events[..count - 2], "at {length}");
                assert_eq!(read.opening, whole.opening);
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let table = Arc::new(Table::standard());
    let whole = take(&table);
    let bytes = whole.write(&table).unwrap();
    let names = Writer::head(&table).len();
    for place in 0..bytes.len() {
        // The names are long: of them every seventh byte will do.
        if (HEADER..names).contains(&place) && !place.is_multiple_of(7) {
            continue;
        }
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        match Take::read(&damaged, &table) {
            Ok(read) => {
                assert_ne!(read.ended, Ended::Whole, "at {place}");
                assert!(whole.events.starts_with(&read.events), "at {place}");
            }
            Err(_) => assert!(place < bytes.len()),
        }
    }
}

#[test]
fn what_stands_after_the_end_or_is_of_another_version_is_refused() {
    let table = Arc::new(Table::standard());
    let bytes = take(&table).write(&table).unwrap();
    let more = [&bytes[..], b"more"].concat();
    assert_eq!(
        Take::read(&more, &table).unwrap().ended,
        Ended::Damaged(bytes.len())
    );
    let mut later = bytes.clone();
    later[MAGIC.len()] = 9;
    assert_eq!(Take::read(&later, &table), Err(LogError::Version(9)));
    // A record that says to be longer than any is not waited for.
    let mut long = bytes[..Writer::head(&table).len()].to_vec();
    long.extend_from_slice(&[0xff; 9]);
    assert_eq!(
        Take::read(&long, &table),
        Err(LogError::NoState(long.len() - 9))
    );
    let cut = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    assert_eq!(Take::read(&cut, &table), Err(LogError::NoState(HEADER)));
}

#[test]
fn parameters_are_found_by_name_and_those_that_are_not_there_are_counted() {
    let table = Arc::new(Table::standard());
    let rows = |keep: &dyn Fn(&str) -> bool| {
        let mut rows: Vec<_> = table.iter().map(|(_, row)| row.clone()).collect();
        rows.retain(|row| keep(&row.name));
        rows
    };
    // The table that writes has one row more, in front; the one that reads has none of its own for it.
    let mut odd = table.row(LOOP_SPEED).clone();
    odd.name = "odd.knob".into();
    let mut longer = rows(&|_| true);
    longer.insert(0, odd);
    let longer = Arc::new(Table::new(longer));
    let mut take = take(&longer);
    let odd = Action::Set {
        param: longer.find("odd.knob").unwrap(),
        value: 1.0,
    };
    take.events.insert(0, (0, Event::Action(odd)));
    let read = Take::read(&take.write(&longer).unwrap(), &table).unwrap();
    assert_eq!(
        read.unknown.into_iter().collect::<Vec<_>>(),
        [("odd.knob".to_owned(), 1)]
    );
    let speed = Action::Set {
        param: table.find("loop.speed").unwrap(),
        value: -1.5,
    };
    assert_eq!(read.events[0], (0, Event::Action(speed)));
    let it = Instrument::from_state(&read.opening.state, Arc::clone(&table)).unwrap();
    assert_eq!(it.state(), instrument(&table).state());
}

#[test]
fn what_stood_at_an_even_control_is_the_value_that_it_was() {
    let table = Arc::new(Table::standard());
    let param = table.find("loop.speed").unwrap();
    let mut take = take(&table);
    let action = Action::SetUnit { param, unit: 0.75 };
    take.events = vec![(1, Event::Action(action))];
    let read = Take::read(&take.write(&table).unwrap(), &table).unwrap();
    let value = 4.0;
    assert_ne!(
        table.row(param).from_unit(0.75),
        value,
        "it is even no more"
    );
    let set = Event::Action(Action::Set { param, value });
    assert_eq!(read.events, [(1, set)]);
}

#[test]
fn choices_are_found_by_name() {
    let table = Arc::new(Table::standard());
    let mut rows: Vec<_> = table.iter().map(|(_, row)| row.clone()).collect();
    let path = table.find("loop.path").unwrap();
    rows[path.index()].kind =
        crate::instrument::Kind::Choice(&["arc", "smooth", "lerp", "slerp", "norm-lerp"]);
    let other = Arc::new(Table::new(rows));
    let mut take = take(&other);
    let set = |value| Event::Action(Action::Set { param: path, value });
    take.events = vec![
        (1, set(1.0)),
        (1, set(0.0)),
        (
            2,
            Event::Action(Action::SetUnit {
                param: path,
                unit: 0.75,
            }),
        ),
        (3, set(9.0)),
    ];
    let read = Take::read(&take.write(&other).unwrap(), &table).unwrap();
    assert_eq!(read.events, [(1, set(3.0)), (2, set(1.0))]);
    let unknown: Vec<_> = read.unknown.keys().map(String::as_str).collect();
    assert_eq!(unknown, ["loop.path = 9", "loop.path = arc"]);
}

#[test]
fn the_order_of_the_passes_and_the_seed_of_grain_are_kept_and_older_takes_have_the_usual_ones() {
    let table = Arc::new(Table::standard());
    let order = LookOrder::of(&["grain", "own.2"]).unwrap();
    let preset = Preset {
        look: Some(LookEntry { order }),
        ..Preset::of_seeds(1..=4)
    };
    let it = Instrument::new(&preset, Arc::clone(&table), LATENT).unwrap();
    let opening = snapshot(&it);
    let mut bytes = Writer::head(&table);
    Writer::default().state(&opening, &mut bytes).unwrap();
    let take = Take::read(&bytes, &table).unwrap();
    assert_eq!(*take.opening, opening);
    let again = Instrument::from_state(&take.opening.state, Arc::clone(&table)).unwrap();
    assert_eq!(again.look_order(), order);
    // As it was written before there was an order.
    let mut older = Writer::head(&table);
    let old = |out: &mut Vec<u8>| {
        *out = postcard::to_extend(&opening, std::mem::take(out)).unwrap();
        Ok(())
    };
    super::frame::frame(Record::STATE, &mut older, old).unwrap();
    let take = Take::read(&older, &table).unwrap();
    let again = Instrument::from_state(&take.opening.state, Arc::clone(&table)).unwrap();
    assert_eq!(again.look_order(), LookOrder::default());
    assert_eq!(take.opening.seed, 0);
    // And before there was a seed of grain.
    let mut older = Writer::head(&table);
    let names: Vec<&str> = opening.state.look_order().names().collect();
    let old = |out: &mut Vec<u8>| {
        *out = postcard::to_extend(&(&opening, &names), std::mem::take(out)).unwrap();
        Ok(())
    };
    super::frame::frame(Record::STATE, &mut older, old).unwrap();
    let take = Take::read(&older, &table).unwrap();
    let seed = 0;
    assert_eq!(*take.opening, Snapshot { seed, ..opening });
}

#[test]
fn time_never_goes_back() {
    let table = Arc::new(Table::standard());
    let mut writer = Writer::default();
    let mut out = Vec::new();
    writer.mark(9, "nine", &mut out).unwrap();
    let length = out.len();
    let back = LogError::Backwards { tick: 8, last: 9 };
    assert_eq!(writer.mark(8, "eight", &mut out), Err(back));
    let opening = snapshot(&instrument(&table));
    let back = LogError::Backwards { tick: 0, last: 9 };
    assert_eq!(writer.state(&opening, &mut out), Err(back));
    assert_eq!(out.len(), length);
}

#[test]
fn the_ring_keeps_its_bounds_and_gives_whole_logs() {
    let table = Arc::new(Table::standard());
    let mut it = instrument(&table);
    let mut state = Vec::new();
    Writer::default().state(&snapshot(&it), &mut state).unwrap();
    let room = 5 * state.len();
    let mut ring = Ring::new(&table, room, 60);
    assert_eq!(ring.since(0, 10.0), Ok(None));
    let mut writer = Writer::default();
    let mut record = Vec::new();
    // A state every second; each keeps some bytes more than the last state, so that room for four of them is there.
    for secs in 0..100u64 {
        record.clear();
        writer.state(&snapshot(&it), &mut record).unwrap();
        assert!(ring.push(&record, it.ticks(), true));
        record.clear();
        writer.mark(it.ticks() + 100, "here", &mut record).unwrap();
        assert!(ring.push(&record, it.ticks() + 100, false));
        (0..480).for_each(|_| it.tick());
        let take = Take::read(&ring.since(it.ticks(), 2.5).unwrap().unwrap(), &table).unwrap();
        let first = (secs + 1).saturating_sub(3);
        assert_eq!(
            (take.start(), take.end, take.ended),
            (first * 480, (secs + 1) * 480, Ended::Whole)
        );
        assert_eq!(take.events.len() as u64, 2 * (secs - first) + 1);
    }
    assert!(ring.secs() < 5.0, "{}", ring.secs());
    // What has no room at all is refused, and what comes after it until the next state.
    assert!(!ring.push(&vec![0; room + 1], it.ticks(), false));
    assert!(!ring.push(&[0; 9], it.ticks(), false));
    assert_eq!(ring.since(it.ticks(), 10.0), Ok(None));
}

#[test]
fn writing_grows_to_the_largest_record_and_no_further() {
    let table = Arc::new(Table::standard());
    let mut writer = Writer::default();
    let mut out = Vec::new();
    let opening = snapshot(&instrument(&table));
    writer.state(&opening, &mut out).unwrap();
    let room = out.capacity();
    for tick in 0..1000 {
        out.clear();
        writer.latents(tick, 8, tick, &mut out).unwrap();
        assert_eq!(out.len(), 5 + 1 + 1 + 8 + 4);
    }
    assert_eq!(out.capacity(), room);
}
