//! Clocks of other programs, and ours at another program: a JACK server, and `jack_midi_clock` (a sender of its own making).

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use latentloop::control::clock::{Follower, Pulse};
use rosc::OscType;

use super::midi::jackd;
use super::play::{Osc, Running, free_port, latentloop};

/// Says at which tempo the ear is to hear our clock.
const TEMPO: &str = "LATENTLOOP_TEST_TEMPO";

/// A show at a server of its own.
fn show(folder: &Path, server: &str, port: u16, more: &[&str]) -> (Running, Osc) {
    let show = Running::start(
        latentloop(folder, port)
            .arg("--headless")
            .args(more)
            .env("JACK_DEFAULT_SERVER", server)
            .env("LATENTLOOP_CONFIG", folder.join("config")),
    );
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    (show, osc)
}

fn text(words: &str) -> Vec<OscType> {
    vec![OscType::String(words.into())]
}

/// Whether the server's time is slower than time.
fn falls_behind(server: &str) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--ignored", "--exact", "clock::pace", "--nocapture"]);
    let child = child.env(TEMPO, "0").env("JACK_DEFAULT_SERVER", server);
    !child.stdout(Stdio::null()).status().unwrap().success()
}

/// Not a test: fails where a JACK server is more than a thousandth behind time within five seconds.
#[test]
#[ignore = "the test below runs it"]
fn pace() {
    if std::env::var_os(TEMPO).is_none() {
        return;
    }
    // Without a server nothing is slow: then something else is wrong.
    let Ok((client, _)) = jack::Client::new("pace", jack::ClientOptions::NO_START_SERVER) else {
        return;
    };
    let client = client.activate_async(
        (),
        jack::contrib::ClosureProcessHandler::new(|_: &jack::Client, _: &jack::ProcessScope| {
            jack::Control::Continue
        }),
    );
    let client = client.unwrap();
    let frames = || client.as_client().frame_time();
    let (begin, first) = (Instant::now(), frames());
    std::thread::sleep(Duration::from_secs(5));
    let secs =
        f64::from(frames().wrapping_sub(first)) / f64::from(client.as_client().sample_rate());
    let ratio = secs / begin.elapsed().as_secs_f64();
    assert!((ratio - 1.0).abs() < 0.001, "{ratio}");
}

#[test]
fn the_clock_of_another_program_is_followed_to_a_tenth_of_a_beat_a_minute() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = format!("latentloop-clock-{port}");
    let _jack = jackd(&server);
    let sender = || {
        let mut sender = Command::new("jack_midi_clock");
        let sender = sender.args(["-b", "126.5"]).stdout(Stdio::null());
        Running::start(sender.env("JACK_DEFAULT_SERVER", &server))
    };
    let mut sending = sender();
    let (mut show, osc) = show(place.path(), &server, port, &[]);
    osc.send("/beat/source", text("midi"));
    osc.send("/beat/sync", vec![OscType::Int(1)]);
    let roll = || {
        let mut transport = Command::new("jack_transport")
            .env("JACK_DEFAULT_SERVER", &server)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(transport.stdin.as_mut().unwrap(), b"play\nquit\n").unwrap();
        transport.wait().unwrap();
    };
    roll();
    // Two bars take four seconds; then it has to stay there for a second.
    let near = |tempo: f64| (tempo - 126.5).abs() < 0.1;
    // Beside the other tests the server may stumble: then it is asked again when they are done.
    let deadline = Instant::now() + Duration::from_secs(240);
    let mut in_a_row = 0;
    while in_a_row < 10 {
        if Instant::now() > deadline {
            let tempo = osc.ask("/beat/tempo");
            // A server that falls behind sends a slower clock.
            assert!(falls_behind(&server), "{tempo}");
            println!("left out: this machine is too busy for a JACK server to keep time");
            return;
        }
        // A server that stumbles throws its slowest client out.
        if sending.0.try_wait().unwrap().is_some() {
            sending = sender();
            roll();
        }
        in_a_row = if near(osc.ask("/beat/tempo")) {
            in_a_row + 1
        } else {
            0
        };
        std::thread::sleep(Duration::from_millis(100));
    }
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

/// What a JACK client hears: single bytes and the frames at which they came.
struct Ear {
    port: jack::Port<jack::MidiIn>,
    heard: Arc<ArrayQueue<(u32, u8)>>,
}

impl jack::ProcessHandler for Ear {
    fn process(&mut self, _: &jack::Client, scope: &jack::ProcessScope) -> jack::Control {
        for message in self.port.iter(scope) {
            if let [byte] = message.bytes {
                let at = scope.last_frame_time().wrapping_add(message.time);
                self.heard.force_push((at, *byte));
            }
        }
        jack::Control::Continue
    }
}

/// Not a test: a process of its own, for a client of JACK finds its server by the environment of its process. Ends where it has
/// heard a start and the tempo that it is to hear.
#[test]
#[ignore = "the test below runs it"]
fn ear() {
    let Some(expected) = std::env::var_os(TEMPO) else {
        return;
    };
    let expected: f64 = expected.to_str().unwrap().parse().unwrap();
    let begin = Instant::now();
    let client = loop {
        // The server may be too busy to answer at once.
        match jack::Client::new("ear", jack::ClientOptions::NO_START_SERVER) {
            Ok((client, _)) => break client,
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(20), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let rate = f64::from(client.sample_rate());
    let heard = Arc::new(ArrayQueue::new(4096));
    let ear = Ear {
        port: client.register_port("in", jack::MidiIn::default()).unwrap(),
        heard: Arc::clone(&heard),
    };
    let _client = client.activate_async((), ear).unwrap();
    let mut follower = Follower::default();
    let (mut starts, mut last) = (0, 0.0);
    let deadline = Instant::now() + Duration::from_secs(50);
    loop {
        let following = follower.at(last);
        assert!(Instant::now() < deadline, "{following:?}, {starts} starts");
        while let Some((frame, byte)) = heard.pop() {
            last = f64::from(frame) / rate;
            match byte {
                0xf8 => follower.put(0, Pulse::Clock, last),
                0xfa => starts += 1,
                _ => {}
            }
        }
        let near = following.is_some_and(|following| (following.tempo - expected).abs() < 0.2);
        if starts >= 1 && follower.is_settled() && near {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn our_clock_is_heard_at_our_tempo() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = format!("latentloop-clock-{port}");
    let _jack = jackd(&server);
    let (mut show, osc) = show(place.path(), &server, port, &["--midi-clock-out", "ear"]);
    osc.send("/beat/tempo", vec![OscType::Float(133.0)]);
    osc.send("/beat/clock_out", vec![OscType::Int(1)]);
    let mut ear = Command::new(std::env::current_exe().unwrap());
    let ear = ear.args(["--ignored", "--exact", "clock::ear", "--nocapture"]);
    let ear = ear.env(TEMPO, "133").env("JACK_DEFAULT_SERVER", &server);
    // It may come while a bar is under way: then it hears no start until the beat leaps.
    let mut ear = Running::start(ear);
    std::thread::sleep(Duration::from_secs(3));
    osc.send("/beat/downbeat", vec![]);
    assert!(ear.ends_well());
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}
