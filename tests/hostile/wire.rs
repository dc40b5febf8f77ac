//! What comes over the network, through the entry points that `fuzz/` uses: its corpus, and mutations of it.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use latentloop::control::osc::{Decoder, messages};
use latentloop::control::oscquery::Head;
use latentloop::instrument::Table;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::taken;

static TABLE: LazyLock<Table> = LazyLock::new(Table::standard);
static PACKETS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| corpus("osc"));
static HEADS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| corpus("http"));

/// The files of a folder of the corpus.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Requests, and faults put into words; holds the memory that it took to a bound.
fn hear(decoder: &mut Decoder, packet: &[u8]) -> (usize, Vec<String>) {
    let (mut requests, mut faults) = (0, Vec::new());
    let took = taken(|| {
        messages(packet, |outcome| match outcome {
            Ok((message, _)) => {
                decoder.requests(&message, &TABLE, Instant::now(), |request| match request {
                    Ok(_) => requests += 1,
                    Err(fault) => faults.push(fault.to_string()),
                });
            }
            Err(error) => faults.push(error.to_string()),
        });
    });
    let said: usize = faults.iter().map(String::len).sum();
    assert!(faults.iter().all(|fault| fault.len() < 400));
    assert!(
        took <= (1 << 20) + 8 * said as isize,
        "{took} bytes for {}",
        packet.len()
    );
    (requests, faults)
}

fn mutate(bytes: &mut Vec<u8>, edits: Vec<(Index, u8, bool)>, cut: Option<Index>) {
    for (place, byte, inserted) in edits {
        let place = place.index(bytes.len());
        if inserted {
            bytes.insert(place, byte);
        } else {
            bytes[place] = byte;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
}

#[test]
fn the_corpus_is_heard_without_a_fault() {
    let mut decoder = Decoder::new(&TABLE);
    for packet in PACKETS.iter() {
        let (requests, faults) = hear(&mut decoder, packet);
        assert!(requests > 0 && faults.is_empty(), "{packet:?}: {faults:?}");
    }
    for head in HEADS.iter() {
        assert!(Head::parse(head).unwrap().unwrap().target.is_ok());
    }
}

#[test]
fn packets_of_nothing_but_nesting_patterns_and_lengths_are_taken_in_proportion() {
    let mut decoder = Decoder::new(&TABLE);
    let long = |address: String| {
        let mut packet = address.into_bytes();
        packet.resize((packet.len() / 4 + 1) * 4, 0);
        packet
    };
    let star = long(format!("/{}", "*a".repeat(60)));
    for packet in [
        long(format!("/{}", "*".repeat(60_000))),
        long(format!("/{}", "{a,b}".repeat(10_000))),
        long(format!("/keyframe/{}", "[!a-z]".repeat(19))),
        star.clone(),
        [
            b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec(),
            b"\0\0\0\x08#bundle\0".repeat(5000),
        ]
        .concat(),
        [
            b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec(),
            b"\0\0\0\0".repeat(16_000),
        ]
        .concat(),
        [b"/a\0\0,b\0\0".to_vec(), vec![0xff; 60_000]].concat(),
    ] {
        let (_, faults) = hear(&mut decoder, &packet);
        assert!(!faults.is_empty());
    }
    // The same pattern again is remembered.
    hear(&mut decoder, &star);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn damaged_packets_end_in_requests_or_faults(
        which in any::<Index>(),
        edits in vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..8),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let mut packet = which.get(&PACKETS).clone();
        mutate(&mut packet, edits, cut);
        hear(&mut Decoder::new(&TABLE), &packet);
    }

    #[test]
    fn damaged_heads_end_in_a_head_or_an_error(
        which in any::<Index>(),
        edits in vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..8),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let mut head = which.get(&HEADS).clone();
        mutate(&mut head, edits, cut);
        let took = taken(|| drop(Head::parse(&head)));
        prop_assert!(took <= 1 << 16, "{took} bytes");
    }
}
