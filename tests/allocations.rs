//! What controllers, the instrument and the scalers do for every picture allocates nothing. `show_allocations` has the whole show.

#![cfg(feature = "live")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use latentloop::control::midi::{BoundMap, ControllerMap, Reader};
use latentloop::control::{Inbox, Values};
use latentloop::engine::Norm;
use latentloop::instrument::{Action, Instrument, Preset, Recall, Table};
use latentloop::stage::{Canvas, FilmEmulation, Filter, OutputFrame, Projection};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only counts"
)]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations and deallocations of this thread while `work` runs.
fn count(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn making_a_frame_of_a_picture_allocates_nothing() {
    let flat = |level: u8| Canvas {
        size: (64, 64),
        rgba: vec![level; 64 * 64 * 4],
    };
    let pictures = [10, 240].map(flat);
    let outputs = [Filter::CatmullRom, Filter::Edge];
    let mut outputs = outputs.map(|auto| OutputFrame::new((320, 180), auto, 1));
    let plain = Projection {
        limits: true,
        ..Projection::default()
    };
    let on_film = Projection {
        film: FilmEmulation {
            halation: 0.5,
            grain: 0.5,
            ..plain.film
        },
        ..plain
    };
    let mut tick = 0;
    // Ten flashes a second.
    let mut draw = || {
        tick += 16;
        let picture = &pictures[tick / 32 % 2];
        for (output, projection) in outputs.iter_mut().zip([plain, on_film]) {
            let tick = tick as u64;
            output.draw(picture, &Projection { tick, ..projection });
        }
    };
    (0..30).for_each(|_| draw());
    assert!(count(|| drop(vec![1])) > 0, "the counter counts");
    assert_eq!(count(|| (0..100).for_each(|_| draw())), 0);
    let [plain, on_film] = outputs.map(|output| output.darkened());
    assert!(plain > 50 && on_film > 50, "{plain} {on_film}");
}

/// Every kind of binding, with and without pick-up, and the messages that reach it.
#[test]
fn every_kind_of_control_becomes_an_action_without_allocating() {
    let table = Table::standard();
    let inbox = Inbox::new(&table);
    let values = Values::new(&table);
    let text = r#"
        version = 1
        name = "all"
        bindings = [
            { type = "cc", number = 1, to = "loop.speed" },
            { type = "cc", number = 2, to = "loop.glide", takeover = "scaled" },
            { type = "cc", number = 3, to = "loop.speed", relative = "twos" },
            { type = "cc", number = 4, to = "loop.pause" },
            { type = "cc14", number = 5, to = "master.fade", takeover = "jump" },
            { type = "nrpn", number = 300, to = "beat.tempo", takeover = "jump" },
            { type = "note", number = 6, to = "sound.depth", velocity = true, page = 1 },
            { type = "note", number = 6, to = "loop.reroll" },
            { type = "bend", to = "loop.speed" },
            { type = "poly", number = 6, to = "loop.glide" },
            { type = "pressure", to = "loop.glide" },
            { type = "program", to = "beat.per_bar" },
        ]
    "#;
    let map = BoundMap::new(ControllerMap::parse(text, &table).expect("it fits the table"));
    let mut reader = Reader::default();
    let bytes = [
        0xb0, 1, 0, 1, 127, 2, 3, 2, 90, 3, 1, 4, 127, 4, 0, 5, 100, 37, 3, 99, 2, 98, 44, 6, 90,
        38, 1, 96, 0, 0x90, 6, 90, 6, 0, 0xe0, 1, 80, 0xa0, 6, 3, 0xd0, 70, 0xc0, 9,
    ];
    let mut given = 0;
    let mut hand = || {
        let at = inbox.now();
        for action in reader.actions(&bytes, at, &map, &values) {
            given += 1;
            inbox.put(action, at);
        }
        inbox.take(|_, _| {});
    };
    hand();
    assert_eq!(count(|| (0..100).for_each(|_| hand())), 0);
    assert!(given > 1000, "{given} actions");
}

#[test]
fn a_preset_that_is_taken_up_and_gestures_on_the_beat_allocate_nothing() {
    let table = Arc::new(Table::standard());
    let mut instrument = Instrument::new(&Preset::of_seeds(1..=8), Arc::clone(&table), 200)
        .expect("the seeds fit any model");
    let id = |name: &str| table.find(name).expect("a row of the table");
    let (sync, quantise, speed) = (id("beat.sync"), id("beat.quantise"), id("loop.speed"));
    let gestures = [
        "beat.tap",
        "keyframe.3.jump",
        "loop.reroll",
        "keyframe.2.capture",
    ]
    .map(id);
    let mut z = vec![0.0; Norm::Batch.rows() * 200];
    let mut ready: Vec<Recall> = (0..3)
        .map(|first| Preset::of_seeds(first..first + 5))
        .map(|preset| Recall::new(&preset, &table, 200).expect("the seeds fit any model"))
        .collect();
    let mut thrown_away = Vec::with_capacity(ready.len());
    let allocated = count(|| {
        for value in [1.0, 0.0] {
            instrument.apply(&Action::Set { param: sync, value });
            instrument.apply(&Action::Set {
                param: quantise,
                value,
            });
            instrument.apply(&Action::Nudge {
                param: speed,
                delta: 0.1,
            });
            while let Some(recall) = ready.pop() {
                thrown_away.push(instrument.recall(recall, 300));
                for param in gestures {
                    instrument.apply(&Action::Trigger { param });
                    (0..100).for_each(|_| instrument.tick());
                    instrument.latents(&mut z);
                }
            }
        }
    });
    assert_eq!(allocated, 0);
}
