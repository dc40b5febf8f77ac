//! What happens between a controller and the screen allocates nothing.

#![cfg(feature = "live")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use latentloop::control::midi::{Map, Parser};
use latentloop::control::{Inbox, Values};
use latentloop::engine::Norm;
use latentloop::instrument::{Action, Instrument, Preset, Table};
use latentloop::record::TakeLog;
use latentloop::stage::{Canvas, Fit, Scaler};
use latentloop::take::Model;

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
fn a_hand_a_tick_and_a_picture_allocate_nothing() {
    let table = Arc::new(Table::standard());
    let inbox = Inbox::new(&table);
    let values = Values::new(&table);
    let map = Map::standard(&table).expect("the table has the default map's parameters");
    let mut parser = Parser::default();
    let mut instrument = Instrument::new(&Preset::of_seeds(1..=8), Arc::clone(&table), 200)
        .expect("the seeds fit any model");
    let folder = std::env::temp_dir();
    let model = Arc::new(Model {
        latent: 200,
        ..Model::default()
    });
    let log = TakeLog::start(&folder, &instrument, model, Box::new(|_| {}))
        .expect("there is room for a thread");
    let mut z = vec![0.0; Norm::Batch.rows() * 200];
    let (from, to) = (vec![10u8; 64 * 64 * 4], vec![90u8; 64 * 64 * 4]);
    let mut canvas = Canvas::black((64, 64));
    let mut scaler = Scaler::new((64, 64), (320, 180), Fit::Fit);
    let mut frame = vec![0u8; 320 * 180 * 4];
    let reroll = table.find("loop.reroll").expect("a row of the table");
    let mut frame_path = || {
        // A fader, a pad that jumps and one that re-rolls, as a port delivers them.
        for bytes in [[0xb0, 1, 90], [0x90, 38, 100], [0x90, 46, 100]] {
            parser.feed(&bytes, |message| {
                if let Some(action) = message.ok().and_then(|message| map.action(message)) {
                    inbox.put(action, inbox.now());
                }
            });
        }
        inbox.put(Action::Trigger { param: reroll }, inbox.now());
        inbox.take(|action, _| instrument.apply(&action));
        (0..8).for_each(|_| instrument.tick());
        for (param, _) in table.iter() {
            values.set(param, instrument.base_value(param));
        }
        instrument.latents(&mut z);
        canvas.compose(&from, &to, 0.4, 0.9);
        scaler.scale(&canvas.rgba, &mut frame);
    };
    let mut frame_path = || {
        frame_path();
        log.action(0, Action::Trigger { param: reroll });
        log.latents(0, 1, 0);
    };
    frame_path();
    assert!(count(|| drop(vec![1])) > 0, "the counter counts");
    assert_eq!(count(|| (0..100).for_each(|_| frame_path())), 0);
}
