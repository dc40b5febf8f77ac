//! Takes behind their checksums, and models of odd shapes: what the fuzz targets `take_sums` and `engine` do, with their corpora,
//! mutations of them and bytes at random.

use std::sync::Arc;

use latentloop::{engine, instrument, network, take};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::corpus;

#[path = "../../fuzz/bodies/engine.rs"]
mod model;
#[path = "../../fuzz/bodies/take_sums.rs"]
mod take_sums;

#[test]
fn the_kept_corpora_are_read_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in corpus("engine") {
        assert!(model::draw(&bytes, folder.path()), "{bytes:?}");
    }
    let table = Arc::new(instrument::Table::standard());
    for bytes in corpus("take_sums") {
        assert!(take_sums::play(&bytes, &table));
        // What stops at a checksum is let through.
        let mut damaged = bytes.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 0xff;
        assert!(take_sums::play(&damaged, &table));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn takes_with_right_sums_and_anything_in_them_end_in_a_value_or_an_error(
        edits in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let table = Arc::new(instrument::Table::standard());
        let mut bytes = corpus("take_sums").swap_remove(0);
        for (at, byte) in edits {
            let at = 12 + at.index(bytes.len() - 12);
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(12 + cut.index(bytes.len() - 12));
        }
        take_sums::play(&bytes, &table);
    }

    #[test]
    fn models_of_any_shape_are_drawn_or_refused(bytes in vec(any::<u8>(), 8..40)) {
        let folder = tempfile::tempdir().unwrap();
        model::draw(&bytes, folder.path());
    }
}
