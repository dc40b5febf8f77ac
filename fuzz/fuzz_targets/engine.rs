//! Models of odd shapes, drawn: the unsafe kernels under the address sanitizer.
#![no_main]

use latentloop_nn::{engine, network};
use libfuzzer_sys::fuzz_target;

#[path = "../bodies/engine.rs"]
mod body;

fuzz_target!(|bytes: &[u8]| {
    body::draw(bytes, &std::env::temp_dir());
});
