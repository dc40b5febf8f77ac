//! The head of an OSCQuery request.
#![no_main]

use latentloop_control::oscquery::Head;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Head::parse(bytes);
});
