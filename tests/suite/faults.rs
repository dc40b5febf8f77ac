//! What stands, ends or is no file around a show: the program says so, and goes on or ends.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    Desktop, JackServer, PROGRAM, Process, Show, model, root, run, skip, succeed, wait_for,
    wait_until,
};

/// Makes a pipe that nobody writes into.
fn pipe(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success(), "mkfifo {}", path.display());
}

#[test]
fn a_second_interrupt_ends_what_waits_for_a_jack_server_that_stands() {
    let jack = JackServer::start();
    let mut show = Show::builder()
        .headless()
        .env("JACK_DEFAULT_SERVER", &jack.name)
        .start();
    // It has a port for each source that there is.
    let mut source = jack.client("jack_midiseq");
    let _source = Process::start(source.args(["seq", "24000", "0", "60", "8000"]));
    wait_until("a port of ours at the server", || {
        let mut list = jack.client("jack_lsp");
        let listed = list.stdout(Stdio::piped()).output().unwrap().stdout;
        String::from_utf8_lossy(&listed).contains("latentloop:")
    });
    jack.signal("-STOP");
    show.process.signal("-INT");
    show.wait_for_log("once more ends it at once");
    // Whether the first one gets through depends on what the client was doing: give it the time that it would need.
    std::thread::sleep(Duration::from_secs(3));
    let held = show.process.ended().is_none();
    if held {
        let asked = Instant::now();
        show.process.signal("-INT");
        let status = wait_for("its end", || show.process.ended().ok_or("it runs"));
        assert_eq!(status.code(), Some(130), "{}", show.log());
        assert!(asked.elapsed() < Duration::from_secs(5));
    }
    jack.signal("-CONT");
    assert!(held, "nothing held it: {}", show.log());
}

#[test]
fn quitting_does_not_wait_for_a_display_server_that_stands() {
    let desktop = Desktop::start();
    let mut show = Show::builder().on(&desktop).start();
    show.press_record();
    show.wait_for_fragments(2);
    desktop.server.signal("-STOP");
    let asked = Instant::now();
    show.osc.send("/show/quit", vec![]);
    let ended = wait_for("its end", || show.process.ended().ok_or(show.log()));
    let took = asked.elapsed();
    desktop.server.signal("-CONT");
    let log = show.log();
    assert!(ended.success(), "{ended:?}: {log}");
    assert!(took < Duration::from_secs(30), "{took:?}: {log}");
    assert!(log.contains("does not answer"), "{log}");
    assert!(log.contains("recorded takes/"), "it is closed: {log}");
    let stats = show.ends_well();
    assert!(stats["frames_shown"].as_u64().unwrap() > 0, "{stats}");
    let film = &show.films()[0];
    assert!(film.with_extension("take").exists());
    let input = ffmpeg_next::format::input(film).unwrap();
    assert!(input.duration() > 500_000, "{} us", input.duration());
}

#[test]
fn pipes_among_a_performers_files_hold_nobody_up() {
    let builder = Show::builder();
    builder.small_model();
    let folder = builder.folder().to_owned();
    let files = [
        "config/keys.toml",
        "config/windows.toml",
        "config/controllers/x.toml",
        "config/looks/x.wgsl",
        "cache/latentloop/forms.json",
        "b.toml",
        "c.safetensors",
        "m.md",
        "m.png",
    ];
    for file in files {
        pipe(&folder.join(file));
    }
    let preset =
        "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n";
    let mut show = builder
        .preset("a.toml", preset)
        .headless()
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .start();
    show.wait_for_log("keys.toml: it is no plain file, but a named pipe");
    for (address, text) in [("/preset/load", "b.toml"), ("/model/load", "c.safetensors")] {
        show.osc.text(address, text);
        // One that was overtaken while it waited would not be looked at.
        show.wait_for_log(text);
    }
    let stats = show.quit();
    assert!(stats["frames_shown"].as_u64().unwrap() > 0, "{stats}");
}

#[test]
fn what_is_no_plain_file_is_refused_by_every_command_that_reads_one() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    for name in ["p.toml", "p.take", "p.safetensors", "p.pth"] {
        pipe(&folder.join(name));
    }
    let _bound = UnixListener::bind(folder.join("s.take")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("z.toml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("z.take")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("z.safetensors")).unwrap();
    std::fs::create_dir(folder.join("d.take")).unwrap();
    std::fs::copy(model(), folder.join("m.safetensors")).unwrap();
    let cases: [(&[&str], &str); 12] = [
        (&["play", "p.toml", "--headless"], "named pipe"),
        (&["play", "z.toml", "--headless"], "a device"),
        (&["play", "p.safetensors", "--headless"], "named pipe"),
        (&["render", "p.toml", "-o", "x.mp4"], "named pipe"),
        (&["take", "render", "p.take", "-o", "x.mp4"], "named pipe"),
        (&["take", "render", "s.take", "-o", "x.mp4"], "a socket"),
        (&["take", "render", "z.take", "-o", "x.mp4"], "a device"),
        (&["take", "render", "d.take", "-o", "x.mp4"], "a folder"),
        (&["info", "p.safetensors"], "named pipe"),
        (&["info", "z.safetensors"], "a device"),
        (&["import", "p.pth", "-o", "x.safetensors"], "named pipe"),
        (
            &["draw", "m.safetensors", "p.safetensors", "-o", "x"],
            "named pipe",
        ),
    ];
    for (arguments, words) in cases {
        let began = Instant::now();
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(folder)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("said")).unwrap());
        let mut process = Process::start(&mut command);
        let status = wait_for(&format!("the end of {arguments:?}"), || {
            process.ended().ok_or("it runs")
        });
        let said = std::fs::read_to_string(folder.join("said")).unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(began.elapsed() < Duration::from_secs(20), "{arguments:?}");
    }
}

#[test]
fn names_with_escape_sequences_reach_no_terminal() {
    let place = tempfile::tempdir().unwrap();
    let name = "\u{1b}]0;owned\u{7}\u{9b}31m.safetensors";
    std::fs::write(place.path().join(name), "nothing").unwrap();
    for arguments in [&["info", name][..], &["play", name, "--headless"]] {
        let output = run(place.path(), arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains(r"\u{1b}]0;owned\u{7}\u{9b}31m"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{said:?}");
    }
    let mut show = Show::builder().headless().start();
    show.osc.text("/preset/load", "\u{1b}[2Jnone");
    show.wait_for_log("[2Jnone");
    show.quit();
    let log = show.log();
    assert!(!log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn a_program_that_may_open_no_more_files_goes_on_and_takes_them_up_again() {
    let jack = JackServer::start();
    let show = Show::builder().headless();
    // What it opens by itself has room; connections take the rest before it looks for servers again.
    let mut limited = show.open_files(24).start();
    let port = limited.wait_for_address("OSCQuery: http://").port();
    let open = || std::net::TcpStream::connect(("127.0.0.1", port));
    let connections: Vec<_> = std::iter::from_fn(|| open().ok()).take(40).collect();
    let fds = || {
        let list = std::fs::read_dir(format!("/proc/{}/fd", limited.process.0.id()));
        list.unwrap().count()
    };
    wait_until("all descriptors are taken", || fds() >= 24);
    // Long enough for several looks at the platform's ports and at JACK.
    std::thread::sleep(Duration::from_secs(3));
    limited.osc.number("/loop/speed", 2.0);
    limited.osc.wait_for_value("/loop/speed", 2.0);
    drop(connections);
    limited.quit();
    let log = limited.log();
    assert!(!log.contains("panicked"), "{log}");
    drop(jack);
}

/// K within a moment of V, before and after: both takes are there, and each is whole.
#[test]
fn a_film_keeps_its_take_when_the_last_minute_is_kept_in_the_same_moment() {
    let mut show = Show::builder().headless().start();
    // The ring has something to keep.
    show.osc
        .wait_for("/loop/position", |position| position > 0.0);
    for (round, millis) in [0, 20, 50, 100].into_iter().enumerate() {
        let between = Duration::from_millis(millis);
        show.press_record();
        std::thread::sleep(between);
        show.osc.send("/record/keep", vec![]);
        show.wait_for_fragments(1);
        show.osc.send("/record/keep", vec![]);
        std::thread::sleep(between);
        show.press_record();
        show.wait_for_logs("recorded takes/", round + 1);
        show.wait_for_logs("kept the last", 2 * (round + 1));
        show.wait_for_logs("the take is in", round + 1);
    }
    show.quit();
    let films = show.films();
    assert_eq!(films.len(), 4, "{films:?}");
    let takes = std::fs::read_dir(show.folder().join("takes")).unwrap();
    let ending = |path: &Path| path.extension().is_some_and(|ending| ending == "take");
    let takes = takes.filter(|entry| ending(&entry.as_ref().unwrap().path()));
    assert_eq!(takes.count(), 12);
    for film in films {
        let take = film.with_extension("take");
        let input = ffmpeg_next::format::input(&film).unwrap();
        let film_secs = input.duration() as f64 / 1e6;
        let table = std::sync::Arc::new(latentloop::instrument::Table::standard());
        let bytes = std::fs::read(&take).unwrap();
        let take = latentloop::take::Take::read(&bytes, &table).unwrap();
        let secs = take.length() as f64 / latentloop::instrument::TICKS_PER_SEC as f64;
        assert_eq!(take.ended, latentloop::take::Ended::Whole);
        assert!(
            (secs - film_secs).abs() < 0.6,
            "{secs} s, the film {film_secs} s"
        );
    }
}

/// Within every bound, and still seconds of work a picture for a card that is a processor: no more than a few of them are drawn.
const DEAR: &str = "//! slot: 1
struct Settings { size: vec2<f32>, tick: u32, seed: u32 }
@group(0) @binding(0) var picture: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;
@fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    var sum = textureLoad(picture, vec2<i32>(at.xy), 0);
    for (var y = 0; y < 250; y++) {
        for (var x = 0; x < 250; x++) { sum = fract(sum * 1.01 + sin(sum.yzwx) * 0.1 + cos(sum.zwxy) * 0.1); }
    }
    return sum;
}
";

#[test]
fn a_pass_that_holds_the_card_up_is_taken_off_and_the_recording_is_closed() {
    let place = tempfile::tempdir().unwrap();
    let cards = succeed(place.path(), &["devices"]);
    if !cards.contains(", Cpu)") || cards.contains("Gpu)") {
        return skip("a slow card", "this one draws the dearest pass in time");
    }
    let builder = Show::builder();
    let looks = builder.folder().join("config/looks");
    std::fs::create_dir_all(&looks).unwrap();
    std::fs::write(looks.join("dear.wgsl"), DEAR).unwrap();
    let mut show = builder.headless().start();
    show.wait_for_log("own pass 1 is dear");
    show.press_record();
    show.wait_for_fragments(1);
    show.osc.number("/look/own/1/amount", 1.0);
    show.wait_for_log("was taken off");
    // Hands are heard as before, and the show ends as any other.
    show.osc.number("/loop/speed", 2.0);
    show.osc.wait_for_value("/loop/speed", 2.0);
    show.wait_for_fragments(2);
    show.press_record();
    show.wait_for_log("recorded takes/");
    show.quit();
    let log = show.log();
    assert!(!log.contains("does not answer"), "{log}");
    let film = &show.films()[0];
    assert!(film.with_extension("take").exists());
    let input = ffmpeg_next::format::input(film).unwrap();
    assert!(input.duration() > 1_000_000, "{} us", input.duration());
    assert!(log.contains("own pass 1, dear ("), "{log}");
}

/// Models that are changed again and again: the C library would keep what they held, a heap for each thread.
#[test]
fn memory_that_models_held_goes_back_to_the_system() {
    let builder = Show::builder();
    let folder = builder.folder().to_owned();
    // Two different ones: one of the same content is not opened again.
    for (model, name) in [("crystal", "a"), ("flower", "b")] {
        let from = root().join("models").join(model);
        let [from, to] = [from, folder.join(name)].map(|path| path.with_extension("safetensors"));
        std::fs::copy(from, to).unwrap();
    }
    let mut show = builder
        .plays(folder.join("a.safetensors"))
        .headless()
        .start();
    let held = |show: &Show| -> u64 {
        let path = format!("/proc/{}/status", show.process.0.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap() / 1024
    };
    let change = |times: usize| {
        for number in 0..times {
            show.osc.text("/model/load", ["b", "a"][number % 2]);
            // Time to load one: of those that wait, the newest wins.
            std::thread::sleep(Duration::from_millis(150));
        }
    };
    let before = held(&show);
    change(60);
    std::thread::sleep(Duration::from_secs(1));
    let after = held(&show);
    show.quit();
    assert!(after < before + 64, "{before} MB, then {after} MB");
}
