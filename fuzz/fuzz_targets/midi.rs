//! Bytes of a MIDI port, played on every map that ships.
#![no_main]

use latentloop_control::Values;
use latentloop_control::midi::{Given, Map, Reader, SHIPPED, Wiring};
use latentloop_core::instrument::{Action, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let table = Table::standard();
    let values = Values::new(&table);
    for (stem, text) in SHIPPED {
        let map = Map::parse(text, &table).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let wiring = Wiring::new(map);
        let mut reader = Reader::default();
        let mut now = 0;
        for delivery in bytes.chunks(32) {
            now += 40_000_000;
            reader.feed(delivery, now, &wiring, &values, |given| {
                if let Given::Action(Action::Set { param, value }) = given {
                    let row = table.row(param);
                    assert!((row.min..=row.max).contains(&value), "{} = {value}", row.name);
                    values.set(param, value);
                }
            });
        }
    }
});
