//! Bytes from anywhere, read as a state dict, a take, a preset, a packet or a request: a value or an error, never a panic, and
//! no more memory than in proportion.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test where they stand"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "hostile/fuzzed.rs"]
mod fuzzed;
#[path = "hostile/takes.rs"]
mod takes;

use latentloop::network::import::{Activation, Choices, parse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[cfg(feature = "live")]
#[path = "hostile/wire.rs"]
mod wire;

/// Bytes that each test's thread holds, and the most that it held.
struct Weighing;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn weigh(bytes: isize) {
    HELD.with(|held| {
        held.set(held.get() + bytes);
        MOST.with(|most| most.set(most.get().max(held.get())));
    });
}

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only weighs"
)]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        weigh(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        weigh(-(layout.size() as isize));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WEIGHING: Weighing = Weighing;

/// Holds the memory that reading so many bytes takes to their number.
fn bounded<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    let outcome = work();
    let taken = MOST.with(Cell::get) - before;
    let allowed = (1 << 20) + 256 * bytes as isize;
    assert!(taken <= allowed, "{taken} bytes were taken for {bytes}");
    outcome
}

/// Reads bytes in bounded memory. The error, where there is one.
fn read(bytes: &[u8], choices: &Choices) -> Option<String> {
    bounded(bytes.len(), || parse(bytes, choices).err())
}

/// The most bytes that work held beyond what was held before.
fn taken(work: impl FnOnce()) -> isize {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    work();
    MOST.with(Cell::get) - before
}

/// A file of `tests/import`.
fn made(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    fs::read(folder.join(name)).unwrap()
}

/// A legacy file of this pickle and one storage, `0`, of these bytes.
fn legacy(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    let whole = made("tutorial-legacy.pth");
    // Magic number, version and system, each a pickle, come before that of the state dict.
    let state = b"\x80\x02ccollections\n";
    let head = whole.windows(state.len()).position(|at| at == state);
    let count = (storage.len() as u64 / 4).to_le_bytes();
    let keys = b"]X\x01\x00\x00\x000a.";
    [&whole[..head.unwrap()], pickle, keys, &count, storage].concat()
}

/// The choices that lead furthest into most of the files.
fn choices(key: bool) -> Choices {
    Choices {
        key: key.then(|| "netG".to_owned()),
        activations: Some(vec![Activation::Relu]),
        ..Choices::default()
    }
}

/// A text's opcode.
fn text(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

/// The persistent id of the storage `0`, remembered as number 0; then the function that makes tensors as number 1.
fn tensors() -> Vec<u8> {
    [
        b"(".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        b"K\x00NtQq\x00ctorch._utils\n_rebuild_tensor_v2\nq\x01".to_vec(),
    ]
    .concat()
}

/// Parts of pickles, to be put together at random.
fn opcodes() -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = [
        "(",
        "0",
        "1",
        "2",
        "N",
        "t",
        "l",
        "d",
        "a",
        "e",
        "s",
        "u",
        "R",
        "b",
        "Q",
        ")",
        "]",
        "}",
        "K\x02",
        "K\x04",
        "q\x00",
        "q\x01",
        "h\x00",
        "h\x01",
        "ctorch\nFloatStorage\n",
        "ccollections\nOrderedDict\n",
        "ctorch._utils\n_rebuild_tensor_v2\n",
        "ctorch._utils\n_rebuild_parameter\n",
    ]
    .iter()
    .map(|part| part.as_bytes().to_vec())
    .collect();
    let bytes = [
        0x85, 0x86, 0x87, 0x81, 0x88, 0x93, 0x94, 0x92, 0x8f, 0x90, 0x91,
    ];
    parts.extend(bytes.map(|byte: u8| vec![byte]));
    parts.extend(["storage", "0", "main.0.weight", "main.1.weight", "netG"].map(text));
    // A whole tensor of four dimensions, and a vector.
    for shape in [&b"K\x02K\x03K\x01K\x01"[..], b"K\x03"] {
        let mut tensor = tensors();
        for part in [&b"(h\x00K\x00("[..], shape, b"t(", shape, b"t\x89NtR"] {
            tensor.extend_from_slice(part);
        }
        parts.push(tensor);
    }
    parts
}

const FILES: [&str; 9] = [
    "tutorial.pth",
    "tutorial-legacy.pth",
    "tutorial-legacy.pth",
    "tutorial-nested.pth",
    "hostile-legacy.pth",
    "linear.pth",
    "module.pth",
    "odd.safetensors",
    "discriminator.pth",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_end_in_a_value_or_an_error(
        name in select(&FILES[..]),
        edits in vec((any::<Index>(), any::<u8>(), any::<bool>()), 0..6),
        cut in proptest::option::weighted(0.2, any::<Index>()),
        key in any::<bool>(),
    ) {
        let mut bytes = made(name);
        // The pickle of a legacy file comes first, and is where most can go wrong.
        let head = bytes.len().min(3400);
        for (place, byte, early) in edits {
            let place = place.index(if early { head } else { bytes.len() });
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read(&bytes, &choices(key));
    }

    #[test]
    fn random_bytes_are_refused(
        head in select(vec![&b""[..], b"PK\x03\x04", b"\x80\x02", b"\x10\0\0\0\0\0\0\0{"]),
        bytes in vec(any::<u8>(), 0..400),
    ) {
        prop_assert!(read(&[head, &bytes].concat(), &choices(false)).is_some());
    }

    #[test]
    fn random_pickles_end_in_a_value_or_an_error(
        parts in vec(select(opcodes()), 0..60),
        key in any::<bool>(),
    ) {
        let pickle = [b"\x80\x02}".to_vec(), parts.concat(), b".".to_vec()].concat();
        read(&legacy(&pickle, &[0; 64]), &choices(key));
    }
}

/// The bytes that the fuzzer keeps for a target, each a file of `fuzz/corpus`.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Bytes of a corpus with some of them changed, cut short or put together.
#[cfg(feature = "live")]
fn damaged(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let whole = corpus(target);
    let edits = vec((any::<Index>(), any::<u8>()), 0..8);
    (
        select(whole.clone()),
        edits,
        any::<Index>(),
        proptest::option::weighted(0.3, select(whole)),
    )
        .prop_map(|(mut bytes, edits, cut, more)| {
            for (place, byte) in edits {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] = byte;
                }
            }
            if let Some(more) = more {
                bytes.truncate(cut.index(bytes.len() + 1));
                bytes.extend(more);
            }
            bytes
        })
}

#[cfg(feature = "live")]
mod midi {
    use latentloop::control::Values;
    use latentloop::control::midi::{BoundMap, ControllerMap, Reader, SHIPPED, parse_user_map};
    use latentloop::instrument::{Action, Table};

    use super::*;

    /// What `fuzz/fuzz_targets/midi.rs` does: the same bytes to a port of each map that ships.
    fn play(bytes: &[u8]) {
        let table = Table::standard();
        let values = Values::new(&table);
        for (_, text) in SHIPPED {
            let map = BoundMap::new(ControllerMap::parse(text, &table).unwrap());
            let mut reader = Reader::default();
            let mut now = 0;
            for delivery in bytes.chunks(32) {
                now += 40_000_000;
                for action in reader.actions(delivery, now, &map, &values) {
                    if let Action::Set { param, value } = action {
                        let row = table.row(param);
                        assert!(
                            (row.min..=row.max).contains(&value),
                            "{} = {value}",
                            row.name
                        );
                        values.set(param, value);
                    }
                }
            }
        }
    }

    /// What `fuzz/fuzz_targets/controller_map.rs` does. The error, where there is one.
    fn map(bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let error = parse_user_map(text, &Table::standard()).err()?.to_string();
        assert!(error.len() < 4000 + text.len(), "{error}");
        Some(error)
    }

    #[test]
    fn the_fuzzers_bytes_are_played_and_its_maps_are_read() {
        corpus("midi").iter().for_each(|bytes| play(bytes));
        for bytes in corpus("controller_map") {
            map(&bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn damaged_midi_stays_within_the_ranges(bytes in damaged("midi")) {
            play(&bytes);
        }

        #[test]
        fn damaged_maps_end_in_a_map_or_an_error(bytes in damaged("controller_map")) {
            map(&bytes);
        }
    }
}

#[test]
fn pickles_that_ask_for_more_than_they_are_get_no_more() {
    let long = "long".repeat(20_000);
    let names = [
        text(&long),
        b"q\x00".to_vec(),
        b"h\x00h\x00\x930".repeat(10_000),
    ]
    .concat();
    let pairs = b"K\x01K\x02\x86".repeat(10_000);
    let dicts = [
        b"ccollections\nOrderedDict\nq\x00](".to_vec(),
        pairs,
        b"e\x85q\x01".to_vec(),
        b"h\x00h\x01R0".repeat(20_000),
    ]
    .concat();
    // Every one of many tensors has the same shape of very many dimensions, or lies in the same storage.
    let many = |layout: &[u8], shape: Vec<u8>| {
        let mut pickle = [tensors(), shape, b"q\x02}(".to_vec()].concat();
        for number in 0..4000 {
            pickle.extend(text(&format!("main.{number}.weight")));
            pickle.extend_from_slice(layout);
        }
        [pickle, b"u.".to_vec()].concat()
    };
    let dimensions = many(
        b"h\x01(h\x00K\x00h\x02h\x02tR",
        [b"(".to_vec(), b"K\x01".repeat(50_000), b"t".to_vec()].concat(),
    );
    let shared = many(
        b"h\x01(h\x00K\x00h\x02K\x01\x85tR",
        b"J\xff\xff\x00\x00\x85".to_vec(),
    );
    for (pickle, word) in [
        (names, "short text"),
        (dicts, "more objects than any"),
        (dimensions, "its shape is none"),
        (shared, "larger than its file"),
    ] {
        let said = read(&legacy(&pickle, &[0; 1 << 18]), &choices(false));
        let said = said.unwrap_or_default();
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn a_dict_that_is_named_many_times_is_looked_at_for_a_moment() {
    let inner = [
        b"}q\x00(".to_vec(),
        b"K\x01K\x02".repeat(100_000),
        b"u0".to_vec(),
    ]
    .concat();
    let outer = [text("a"), b"h\x00".to_vec()].concat().repeat(100_000);
    let pickle = [inner, b"}(".to_vec(), outer, b"u.".to_vec()].concat();
    let start = Instant::now();
    let said = read(&legacy(&pickle, &[]), &choices(false)).unwrap_or_default();
    assert!(said.contains("it holds no tensors"), "{said}");
    // Were every name looked at, it would be hours.
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn refusals_are_short_and_safe_to_print() {
    let name = format!("\x1b[2J{}", "n".repeat(100_000));
    let pickle = [b"}".to_vec(), text(&name), b"K\x01s.".to_vec()].concat();
    let said = read(&legacy(&pickle, &[]), &choices(false)).unwrap_or_default();
    assert!(
        said.starts_with("it holds no tensors, but \u{fffd}[2J"),
        "{said}"
    );
    assert!(said.len() < 2000 && said.ends_with('…'));
}
