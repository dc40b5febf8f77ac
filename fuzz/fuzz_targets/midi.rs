//! Bytes of a MIDI port, played on every map that ships.
#![no_main]

use latentloop_control::Values;
use latentloop_control::midi::{BoundMap, ControllerMap, Reader, SHIPPED};
use latentloop_core::instrument::{Action, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let table = Table::standard();
    let values = Values::new(&table);
    for (stem, text) in SHIPPED {
        let map = ControllerMap::parse(text, &table).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let map = BoundMap::new(map);
        let mut reader = Reader::default();
        let mut now = 0;
        for delivery in bytes.chunks(32) {
            now += 40_000_000;
            for action in reader.actions(delivery, now, &map, &values) {
                if let Action::Set { param, value } = action {
                    let row = table.row(param);
                    assert!((row.min..=row.max).contains(&value), "{} = {value}", row.name);
                    values.set(param, value);
                }
            }
        }
    }
});
