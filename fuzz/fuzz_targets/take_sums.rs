//! As `take`, but with every record's checksum made right first.
#![no_main]

use std::sync::{Arc, LazyLock};

use latentloop_core::instrument::{self, Table};
use latentloop_core::take;
use libfuzzer_sys::fuzz_target;

#[path = "../bodies/take_sums.rs"]
mod take_sums;

static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| Arc::new(Table::standard()));

fuzz_target!(|bytes: &[u8]| {
    take_sums::play(bytes, &TABLE);
});
