//! Presets: parsed, and played for a moment.

#![no_main]

use std::sync::{Arc, LazyLock};

use latentloop_core::instrument::{Instrument, Preset, Table};
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| Arc::new(Table::standard()));

fuzz_target!(|text: &str| {
    let Ok(preset) = Preset::parse(text, &TABLE) else {
        return;
    };
    let written = preset.to_toml().expect("what was read can be written");
    assert_eq!(Preset::parse(&written, &TABLE).as_ref(), Ok(&preset));
    if let Ok(mut instrument) = Instrument::new(&preset, Arc::clone(&TABLE), 4) {
        (0..100).for_each(|_| instrument.tick());
        instrument.latents(&mut [0.0; 32]);
    }
});
