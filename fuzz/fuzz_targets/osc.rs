//! OSC packets, from bytes to requests.
#![no_main]

use std::sync::LazyLock;
use std::time::Instant;

use latentloop_control::osc::{Decoder, messages};
use latentloop_core::instrument::Table;
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<Table> = LazyLock::new(Table::standard);

fuzz_target!(|packet: &[u8]| {
    let mut decoder = Decoder::new(&TABLE);
    let now = Instant::now();
    messages(packet, |outcome| {
        if let Ok((message, _)) = outcome {
            decoder.requests(&message, &TABLE, now, |request| {
                if let Err(fault) = request {
                    let _ = fault.to_string();
                }
            });
        }
    });
});
