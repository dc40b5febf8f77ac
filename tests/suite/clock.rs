//! Clocks of other programs, and ours at another program: a JACK server, and `jack_midi_clock` (a sender of its own making).

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use latentloop::control::clock::{Follower, Pulse};

use crate::support::{JackServer, Process, Show, skip, wait_for};

/// Says at which tempo the ear is to hear our clock.
const TEMPO: &str = "LATENTLOOP_TEST_TEMPO";

/// This process's test of that name, as a process of its own: a client of JACK finds its server by its process's environment.
fn helper(name: &str, jack: &JackServer, tempo: &str) -> Command {
    let mut command = jack.client(std::env::current_exe().unwrap().to_str().unwrap());
    command
        .args(["--ignored", "--exact", name, "--nocapture"])
        .env(TEMPO, tempo);
    command
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
    // One clock is measured by the other.
    std::thread::sleep(Duration::from_secs(5));
    let secs =
        f64::from(frames().wrapping_sub(first)) / f64::from(client.as_client().sample_rate());
    let ratio = secs / begin.elapsed().as_secs_f64();
    assert!((ratio - 1.0).abs() < 0.001, "{ratio}");
}

/// Starts JACK's transport, and whoever plays along with it.
fn roll(jack: &JackServer) {
    let mut transport = jack.client("jack_transport");
    let mut transport = Process::with_input(&mut transport, Stdio::piped());
    let mut orders = transport.0.stdin.take().unwrap();
    orders.write_all(b"play\nquit\n").unwrap();
    drop(orders);
    assert!(transport.ends_well());
}

#[test]
fn the_clock_of_another_program_is_followed_to_a_tenth_of_a_beat_a_minute() {
    let jack = JackServer::start();
    let sender = || Process::start(jack.client("jack_midi_clock").args(["-b", "126.5"]));
    let mut sending = sender();
    let mut show = Show::builder()
        .headless()
        .env("JACK_DEFAULT_SERVER", &jack.name)
        .start();
    let osc = &show.osc;
    osc.text("/beat/source", "midi");
    osc.number("/beat/sync", 1.0);
    roll(&jack);
    // Two bars take four seconds; then it has to stay there for ten looks. Beside the other tests the server may stumble: then
    // it is asked again when they are done.
    let deadline = Instant::now() + Duration::from_secs(240);
    let mut in_a_row = 0;
    while in_a_row < 10 {
        let tempo = osc.ask("/beat/tempo");
        if Instant::now() > deadline {
            // A server that falls behind sends a slower clock.
            let keeps_time = helper("clock::pace", &jack, "0").status().unwrap();
            assert!(!keeps_time.success(), "{tempo}");
            return skip(
                "clock",
                "this machine is too busy for a JACK server to keep time",
            );
        }
        // A server that stumbles throws its slowest client out.
        if sending.ended().is_some() {
            sending = sender();
            roll(&jack);
        }
        let is_near = (tempo - 126.5).abs() < 0.1;
        in_a_row = if is_near { in_a_row + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(100));
    }
    show.quit();
}

#[test]
fn of_two_clocks_the_one_is_followed_that_was_named() {
    let jack = JackServer::start();
    let ports = || {
        let mut list = jack.client("jack_lsp");
        let listed = list.stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(listed.stdout).unwrap()
    };
    let sender = |tempo, port: &str| {
        let sending = Process::start(jack.client("jack_midi_clock").args(["-b", tempo]));
        wait_for(port, || {
            let ports = ports();
            ports.contains(port).then_some(()).ok_or(ports)
        });
        sending
    };
    let _slow = sender("90", "jack_midi_clock:");
    let _fast = sender("150", "jack_midi_clock-01:");
    let mut show = Show::builder()
        .headless()
        .args(["--midi-clock-in", "JACK_MIDI_clock-01"])
        .env("JACK_DEFAULT_SERVER", &jack.name)
        .start();
    show.osc.text("/beat/source", "midi");
    show.osc.number("/beat/sync", 1.0);
    roll(&jack);
    // A machine that is busy moves the pulses, not from one tempo to the other.
    let osc = &show.osc;
    osc.wait_for("/beat/tempo", |tempo| (tempo - 150.0).abs() < 5.0);
    show.wait_for_log("following MIDI clock of jack_midi_clock-01");
    osc.text("/beat/clock_in", "clock:");
    osc.wait_for("/beat/tempo", |tempo| (tempo - 90.0).abs() < 5.0);
    show.quit();
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

/// How far pulses lie from an even beat, in frames: the standard deviation from the line through them.
fn unevenness(frames: &[f64]) -> f64 {
    let count = frames.len() as f64;
    let mean = |numbers: &mut dyn Iterator<Item = f64>| numbers.sum::<f64>() / count;
    let (x, y) = ((count - 1.0) / 2.0, mean(&mut frames.iter().copied()));
    let pairs = || {
        frames
            .iter()
            .enumerate()
            .map(|(at, frame)| (at as f64 - x, frame - y))
    };
    let slope = pairs().map(|(x, y)| x * y).sum::<f64>() / pairs().map(|(x, _)| x * x).sum::<f64>();
    mean(&mut pairs().map(|(x, y)| (y - slope * x).powi(2))).sqrt()
}

/// Not a test: says when it hears the first pulse, and ends where it has heard a start, the tempo that it is to hear, and two
/// beats of pulses each at its own frame.
#[test]
#[ignore = "the test below runs it"]
fn ear() {
    let Some(expected) = std::env::var_os(TEMPO) else {
        return;
    };
    let expected: f64 = expected.to_str().unwrap().parse().unwrap();
    // The server may be too busy to answer at once.
    let (client, _) = wait_for("the JACK server", || {
        jack::Client::new("ear", jack::ClientOptions::NO_START_SERVER)
    });
    let rate = f64::from(client.sample_rate());
    let heard = Arc::new(ArrayQueue::new(4096));
    let ear = Ear {
        port: client.register_port("in", jack::MidiIn::default()).unwrap(),
        heard: Arc::clone(&heard),
    };
    let _client = client.activate_async((), ear).unwrap();
    let mut follower = Follower::default();
    let (mut pulses, mut starts, mut last) = (0u32, 0u32, 0.0);
    let mut frames = Vec::new();
    wait_for("our clock", || {
        while let Some((frame, byte)) = heard.pop() {
            last = f64::from(frame) / rate;
            match byte {
                0xf8 => {
                    if pulses == 0 {
                        println!("> hears");
                    }
                    pulses += 1;
                    frames.push(f64::from(frame));
                    follower.put(0, Pulse::Clock, last);
                }
                0xfa => starts += 1,
                _ => {}
            }
        }
        let following = follower.at(last);
        let near = following.is_some_and(|following| (following.tempo - expected).abs() < 0.2);
        // A server that stumbles is given time to find its pace again.
        let lately = &frames[frames.len().saturating_sub(48)..];
        let uneven = if lately.len() < 48 {
            f64::NAN
        } else {
            unevenness(lately)
        };
        let is_heard = starts >= 1 && follower.is_settled() && near && uneven < 2.0;
        let state =
            format!("{following:?}, {pulses} pulses, {starts} starts, {uneven} frames uneven");
        is_heard.then_some(()).ok_or(state)
    });
}

#[test]
fn our_clock_is_heard_at_our_tempo_each_pulse_at_its_frame() {
    let jack = JackServer::start();
    let mut show = Show::builder()
        .headless()
        .args(["--midi-clock-out", "ear"])
        .env("JACK_DEFAULT_SERVER", &jack.name)
        .start();
    show.osc.number("/beat/tempo", 133.0);
    show.osc.number("/beat/clock_out", 1.0);
    let mut ear = Process::start(helper("clock::ear", &jack, "133").stdout(Stdio::piped()));
    let mut lines = BufReader::new(ear.0.stdout.take().unwrap()).lines();
    let hears = lines.any(|line| line.unwrap().contains("> hears"));
    assert!(hears, "the ear hears nothing: {}", show.log());
    // It has come while a bar was under way: it hears no start until the beat leaps.
    show.osc.send("/beat/downbeat", vec![]);
    // What else it prints is read, so that it can end.
    let reading = std::thread::spawn(move || lines.map_while(Result::ok).count());
    assert!(ear.ends_well());
    reading.join().unwrap();
    show.quit();
}
