//! A controller's map of the performer's.
#![no_main]

use latentloop_control::midi::parse_user_map;
use latentloop_core::instrument::Table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = parse_user_map(text, &Table::standard()) {
        let _ = error.to_string();
    }
});
