//! A show holds no more after a hundred changes than after ten: models, presets, looks and recordings go as they came.

#![cfg(all(feature = "live", feature = "video", target_os = "linux"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use latentloop::app::{self, ConsoleChoice, Settings};
use latentloop::stage::{Finished, PostChain, PostFrame, Presentation, Presented, Presenter};

/// Counts the bytes that are held.
struct Weighing;

static HELD: AtomicI64 = AtomicI64::new(0);

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only weighs"
)]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WEIGHING: Weighing = Weighing;

/// Shows nothing.
#[derive(Default)]
struct Dark {
    presented: Option<Presented>,
    pictures: Arc<AtomicU64>,
}

impl Presenter for Dark {
    fn supply(&mut self, _: &mut PostChain, _: &PostFrame, _: (u32, u32)) -> bool {
        true
    }

    fn present(&mut self, _: &Finished, presentation: &Presentation) {
        let Presentation { number, at, .. } = *presentation;
        self.presented = Some(Presented { number, at });
        self.pictures.fetch_add(1, Ordering::Relaxed);
    }

    fn presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    fn name(&self) -> &str {
        "dark"
    }
}

/// An OSC message of a text, or of nothing.
fn message(address: &str, text: Option<&str>) -> Vec<u8> {
    let padded = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize((bytes.len() / 4 + 1) * 4, 0);
        bytes
    };
    let tags = if text.is_some() { ",s" } else { "," };
    [
        padded(address),
        padded(tags),
        text.map(padded).unwrap_or_default(),
    ]
    .concat()
}

/// Changes of each kind between two looks.
const CHANGES: usize = 16;
/// A moment for a change to take effect.
const MOMENT: Duration = Duration::from_millis(120);

#[test]
fn a_show_holds_no_more_after_many_changes_than_after_few() {
    let place = tempfile::tempdir().expect("there is room for a folder");
    let folder = place.path();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    // Two different ones: one of the same content is not opened again.
    for (model, name) in [("crystal", "a"), ("flower", "b")] {
        let [from, to] = [models.join(model), folder.join(name)];
        let [from, to] = [from, to].map(|path| path.with_extension("safetensors"));
        std::fs::copy(from, to).expect("it can be copied");
    }
    for (number, name) in ["one.toml", "two.toml", "three.toml"]
        .into_iter()
        .enumerate()
    {
        let keyframes: Vec<String> = (0..8 + number)
            .map(|seed| format!("{{ seed = {} }}", seed + 1))
            .collect();
        let text = format!(
            "version = 1\nmodel = \"{}.safetensors\"\nkeyframes = [{}]\n",
            ["a", "b"][number % 2],
            keyframes.join(", ")
        );
        std::fs::write(folder.join(name), text).expect("it can be written");
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
    let address = socket.local_addr().expect("it is bound");
    drop(socket);
    let dark = Dark::default();
    let pictures = Arc::clone(&dark.pictures);
    let settings = Settings {
        patch: Some(folder.join("one.toml")),
        fps: 30.0,
        osc: Some(address.to_string()),
        oscquery: Some("none".to_owned()),
        console: ConsoleChoice::Never,
        length: Some(Duration::from_secs(120)),
        takes: folder.join("takes"),
        ..Settings::default()
    };
    let hand = std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
        socket.connect(address).expect("it is this machine");
        let send = |address: &str, text: Option<&str>| {
            let _ = socket.send(&message(address, text));
            std::thread::sleep(MOMENT);
        };
        let begun = Instant::now();
        while pictures.load(Ordering::Relaxed) < 10 && begun.elapsed().as_secs() < 60 {
            std::thread::sleep(MOMENT);
        }
        let mut held = Vec::new();
        for _ in 0..3 {
            for change in 0..CHANGES {
                send("/model/load", Some(["a", "b"][change % 2]));
                send("/preset/next", None);
                send("/preset/load", Some("no such preset"));
                send("/record/toggle", None);
                send("/loop/reroll", None);
                send("/record/toggle", None);
            }
            // What was changed last has taken effect, and what was recorded is closed.
            std::thread::sleep(Duration::from_secs(3));
            held.push(HELD.load(Ordering::Relaxed));
        }
        send("/show/quit", None);
        held
    });
    app::run_on(&settings, Box::new(dark)).expect("it plays");
    let held = hand.join().expect("it sends");
    let films = std::fs::read_dir(folder.join("takes")).expect("it recorded");
    assert!(films.count() > 2 * CHANGES, "it recorded");
    // The log of what is played goes back ten minutes, and grows until then: it may have some hundred kilobytes.
    let grown = held[2] - held[1];
    assert!(
        grown < 1 << 20,
        "{grown} bytes more are held after {CHANGES} changes of each kind: {held:?}"
    );
}
