//! A show that plays allocates nothing: the real one, with its engine, its controllers over the network and all their threads.

#![cfg(all(feature = "live", target_os = "linux"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use latentloop::app::{self, ConsoleChoice, Settings};
use latentloop::stage::{Finished, PostChain, PostFrame, Presentation, Presented, Presenter};

/// Threads beside the show that may allocate: what they do takes its time in any case, and nobody waits for it.
const BESIDE: [&str; 5] = [
    // Keeps ten minutes of a show in memory, and states of it.
    "take-log",
    // Look at folders and ports.
    "look-files",
    "midi-watch",
    // Answers whoever asks for the tree of parameters.
    "oscquery",
    // Formats lines.
    "notices",
];

/// Counts allocations and deallocations of every other thread, while it is on.
struct Counting;

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
/// The first names of threads that allocated, as bytes.
static WHO: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
static NAMED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is counted; unknown at first.
    static COUNTED: Cell<Option<bool>> = const { Cell::new(None) };
}

impl Counting {
    fn note() {
        if !IS_ON.load(Ordering::Relaxed) {
            return;
        }
        let is_counted = COUNTED.get().unwrap_or_else(|| {
            let name = thread_name();
            let length = name.iter().position(|&byte| byte == 0).unwrap_or(16);
            let is_counted = !BESIDE
                .iter()
                .any(|beside| name[..length].starts_with(beside.as_bytes()));
            COUNTED.set(Some(is_counted));
            if is_counted {
                let at = NAMED.fetch_add(2, Ordering::Relaxed);
                if let [first, second] = [0, 8].map(|from| &name[from..from + 8])
                    && at + 1 < WHO.len()
                {
                    let word =
                        |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap_or([0; 8]));
                    WHO[at].store(word(first), Ordering::Relaxed);
                    WHO[at + 1].store(word(second), Ordering::Relaxed);
                }
            }
            is_counted
        });
        if is_counted {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The name of this thread, padded with zeros; without allocating.
#[allow(unsafe_code, reason = "std gives no name without allocating")]
fn thread_name() -> [u8; 16] {
    let mut name = [0; 16];
    // SAFETY: PR_GET_NAME writes at most sixteen bytes, which is what there is room for.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one only counts"
)]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::note();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Shows nothing, counts pictures, and turns the counter on while the show has settled.
struct Watching {
    first: Option<Instant>,
    pictures: Arc<AtomicU64>,
    presented: Option<Presented>,
}

/// The show has settled by then, and is counted until then.
const SETTLED: Duration = Duration::from_secs(2);
const OVER: Duration = Duration::from_secs(5);

impl Presenter for Watching {
    fn supply(&mut self, _: &mut PostChain, _: &PostFrame, _: (u32, u32)) -> bool {
        true
    }

    fn present(&mut self, _: &Finished, presentation: &Presentation) {
        let Presentation { number, at, .. } = *presentation;
        self.presented = Some(Presented { number, at });
        let age = at.duration_since(*self.first.get_or_insert(at));
        let is_on = (SETTLED..OVER).contains(&age);
        IS_ON.store(is_on, Ordering::Relaxed);
        self.pictures.fetch_add(u64::from(is_on), Ordering::Relaxed);
    }

    fn presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    fn name(&self) -> &str {
        "watching"
    }
}

/// OSC messages of one float each, or none, as they go over the wire.
fn messages() -> Vec<Vec<u8>> {
    let padded = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize((bytes.len() / 4 + 1) * 4, 0);
        bytes
    };
    let with = |address: &str, value: f32| {
        [padded(address), padded(",f"), value.to_be_bytes().to_vec()].concat()
    };
    let mut messages: Vec<_> = (0..32)
        .map(|step| with("/loop/speed", step as f32 / 16.0))
        .collect();
    messages.extend((0..8).map(|step| with("/unit/master/fade", 1.0 - step as f32 / 16.0)));
    for address in [
        "/loop/reroll",
        "/keyframe/3/jump",
        "/beat/tap",
        "/loop/undo",
    ] {
        messages.push([padded(address), padded(",")].concat());
    }
    messages.push(with("/keyframe/2/lock", 1.0));
    messages.push(with("/keyframe/2/lock", 0.0));
    messages
}

#[test]
fn a_show_that_plays_allocates_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
    // Bound by nobody else meanwhile, for it stays ours until the show has it.
    let address = socket.local_addr().expect("it is bound");
    drop(socket);
    let pictures = Arc::new(AtomicU64::new(0));
    let watching = Watching {
        first: None,
        pictures: Arc::clone(&pictures),
        presented: None,
    };
    let settings = Settings {
        patch: Some(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/generator.safetensors"),
        ),
        osc: Some(address.to_string()),
        oscquery: Some("none".to_owned()),
        console: ConsoleChoice::Never,
        length: Some(OVER + Duration::from_secs(1)),
        takes: folder.path().join("takes"),
        ..Settings::default()
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let hand = {
        let (messages, is_over) = (messages(), Arc::clone(&is_over));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
        socket.connect(address).expect("it is this machine");
        std::thread::spawn(move || {
            for message in messages.iter().cycle() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Before the show listens nobody hears it.
                let _ = socket.send(message);
                std::thread::sleep(Duration::from_millis(3));
            }
        })
    };
    app::run_on(&settings, Box::new(watching)).expect("it plays");
    is_over.store(true, Ordering::Relaxed);
    hand.join().expect("it sends");
    let who: Vec<String> = WHO
        .chunks(2)
        .map(|name| {
            let bytes = name
                .iter()
                .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
            String::from_utf8_lossy(&bytes.collect::<Vec<_>>())
                .trim_matches('\0')
                .to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect();
    assert!(pictures.load(Ordering::Relaxed) > 10, "it was counted");
    assert_eq!(COUNT.load(Ordering::Relaxed), 0, "by {who:?}");
    // The counter counts.
    IS_ON.store(true, Ordering::Relaxed);
    drop(std::hint::black_box(vec![1]));
    IS_ON.store(false, Ordering::Relaxed);
    assert!(COUNT.load(Ordering::Relaxed) > 0);
}
