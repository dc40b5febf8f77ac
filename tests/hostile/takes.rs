//! Takes and presets from anywhere.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use latentloop::instrument::{Action, Instrument, Preset, Table};
use latentloop::take::{Ended, Event, Model, Player, Script, Snapshot, Take, log, trim};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::bounded;

const LATENT: usize = 4;

/// A take in which there is something of everything.
fn take(table: &Arc<Table>) -> Vec<u8> {
    let it = Instrument::new(&Preset::of_seeds(1..=3), Arc::clone(table), LATENT).unwrap();
    let model = Model {
        name: "m.safetensors".into(),
        sha256: "0".repeat(64),
        latent: LATENT as u32,
    };
    let id = |name| table.find(name).unwrap();
    let mut take = Take {
        opening: Box::new(Snapshot {
            model: model.clone(),
            state: it.state(),
            seed: u32::MAX,
        }),
        events: Vec::new(),
        end: 99,
        unknown: Default::default(),
        ended: Ended::Whole,
    };
    let fires = ["loop.reroll", "keyframe.2.capture", "keyframe.3.jump"];
    for (tick, name) in fires.into_iter().enumerate() {
        let action = Action::Trigger { param: id(name) };
        take.events.push((tick as u64, Event::Action(action)));
    }
    take.events.push((
        20,
        Event::Preset {
            preset: Box::new(Preset::of_seeds(4..=5)),
            fade_secs: 0.2,
            keeps_head: false,
        },
    ));
    // In the middle of all glides, with much that can be taken back.
    let table_of = Arc::clone(table);
    let mut player = Player::take(&take, &table_of).unwrap();
    player.advance(30).unwrap();
    let middle = player.snapshot();
    let hash = 1;
    take.events.extend([
        (30, Event::State(Box::new(middle))),
        (31, Event::Model(model)),
        (32, Event::Mark("here".into())),
        (99, Event::Latents { rows: 8, hash }),
    ]);
    take.write(table).unwrap()
}

/// Reads bytes as a take of either kind and as a preset; what can be played is played for a moment.
fn play(bytes: &[u8], table: &Arc<Table>) -> Option<Take> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = bounded(bytes.len(), || Script::parse(text, table));
        let _ = bounded(bytes.len(), || Preset::parse(text, table));
    }
    let take = bounded(bytes.len(), || Take::read(bytes, table)).ok()?;
    if let Ok(mut player) = Player::take(&take, table) {
        let _ = player.advance(take.end.min(take.start() + 480));
        let _ = player.preset().to_toml();
        let _ = trim(&take, 10, 480, table);
    }
    Some(take)
}

/// Where the payloads of a log's records lie, from its second record on, and their checksums after them.
fn payloads(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut reader = log::Reader::new(bytes).unwrap();
    let mut start = reader.at();
    let mut found = Vec::new();
    while reader.next().is_some() {
        found.push(start..reader.at() - 4);
        start = reader.at();
    }
    found.split_off(1)
}

#[test]
fn the_kept_corpus_ends_in_a_value_or_an_error() {
    let table = Arc::new(Table::standard());
    let mut files = 0;
    for target in ["take", "preset"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for entry in fs::read_dir(folder.join(target)).unwrap() {
            play(&fs::read(entry.unwrap().path()).unwrap(), &table);
            files += 1;
        }
    }
    assert!(files >= 4, "{files} files");
}

/// Seven of them grew a show's memory by gigabytes: the parser's message has the whole line, twice.
#[test]
fn a_preset_with_one_endless_line_is_refused_in_a_line_and_leaves_nothing_behind() {
    let table = Table::standard();
    let digits = "1, ".repeat(1_300_000);
    for text in [
        format!("version = 1\nkeyframes = [{digits}"),
        format!("version = 1\nmodel = {}\n", "z".repeat(3_900_000)),
        format!("version = 1\n{} = 1\n", "z".repeat(3_900_000)),
        format!("version = 1\nmodel = [{digits}]\n"),
    ] {
        assert!(text.len() > 3_000_000);
        let error = bounded(text.len(), || Preset::parse(&text, &table).unwrap_err());
        let said = error.to_string();
        assert!(said.contains("line 2"), "{}", &said[..200.min(said.len())]);
        assert!(said.len() < 1000, "{} bytes", said.len());
    }
}

/// A file is read a record at a time: what is held besides the take is one of them.
#[test]
fn a_large_take_is_read_without_its_bytes_in_memory() {
    let table = Arc::new(Table::standard());
    let mut bytes = log::Writer::head(&table);
    let mut writer = log::Writer::default();
    let small = take(&table);
    let opening = Take::read(&small, &table).unwrap().opening;
    writer.state(&opening, &mut bytes).unwrap();
    let text = "x".repeat(1 << 20);
    let start = opening.state.tick();
    // Presets that are none are counted, and not kept.
    for number in 0..48 {
        writer
            .preset(start + number, &text, 0.0, false, &mut bytes)
            .unwrap();
    }
    assert!(bytes.len() > 48 << 20);
    let mut read = None;
    let most = super::taken(|| read = Some(Take::read(&bytes, &table)));
    let take = read.unwrap().unwrap();
    assert_eq!(take.events.len(), 0);
    assert_eq!(take.unknown.values().sum::<u64>(), 48);
    assert!(most < 12 << 20, "{most} bytes were held");
}

#[test]
fn a_take_that_is_cut_at_any_byte_is_played_up_to_there() {
    let table = Arc::new(Table::standard());
    let bytes = take(&table);
    let whole = play(&bytes, &table).unwrap();
    assert_eq!(whole.ended, Ended::Whole);
    let first = payloads(&bytes)[0].end + 4;
    for length in first..bytes.len() {
        let cut = Take::read(&bytes[..length], &table).unwrap();
        assert!(whole.events.starts_with(&cut.events));
        assert!(matches!(cut.ended, Ended::Cut(at) if at <= length));
    }
    play(&bytes[..bytes.len() - 40], &table).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn damaged_takes_end_in_a_value_or_an_error(
        edits in vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..4),
        cut in proptest::option::weighted(0.2, any::<Index>()),
        signed in any::<bool>(),
    ) {
        let table = Arc::new(Table::standard());
        let mut bytes = take(&table);
        let payloads = payloads(&bytes);
        for (record, place, byte) in edits {
            let record = &payloads[record.index(payloads.len())];
            let at = record.start + place.index(record.len());
            bytes[at] = byte;
            if signed {
                // With a checksum that is right, what is behind it is reached.
                let sum = crc32fast::hash(&bytes[record.clone()]);
                bytes[record.end..][..4].copy_from_slice(&sum.to_le_bytes());
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        play(&bytes, &table);
    }

    #[test]
    fn random_texts_are_no_takes_and_no_presets(text in "(latentloop take 1\n|version = 1\n)?[ -~\n]{0,200}") {
        play(text.as_bytes(), &Arc::new(Table::standard()));
    }
}
