//! Takes of both kinds: read, and the first seconds of them played.

#![no_main]

use std::sync::{Arc, LazyLock};

use latentloop_core::instrument::Table;
use latentloop_core::take::{Player, Script, Take, trim};
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| Arc::new(Table::standard()));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Script::parse(text, &TABLE);
    }
    let Ok(take) = Take::read(bytes, &TABLE) else {
        return;
    };
    let written = take.write(&TABLE).expect("what was read can be written");
    assert!(Take::read(&written, &TABLE).is_ok());
    let until = take.end.min(take.start() + 960);
    if let Ok(mut player) = Player::take(&take, &TABLE) {
        let _ = player.advance(until);
        let _ = player.preset().to_toml();
        let _ = trim(&take, 10, 960, &TABLE);
    }
});
