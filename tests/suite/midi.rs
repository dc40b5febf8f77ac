//! Controllers at a real JACK server: played, told what they show, pulled out, and the server killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use rosc::OscType;

use super::play::{Jack, Osc, Running, free_port, latentloop, stats};

/// Says which controller this process is to be.
const CONTROLLER: &str = "LATENTLOOP_TEST_CONTROLLER";
/// How often a controller is pulled out.
const PULLS: usize = 30;

/// A controller: another process, for a client of JACK finds its server by the environment of its process.
struct Controller {
    _process: Running,
    orders: ChildStdin,
    heard: Receiver<String>,
}

impl Controller {
    fn start(name: &str, server: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "midi::controller", "--nocapture"])
            .env(CONTROLLER, name)
            .env("JACK_DEFAULT_SERVER", server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Running(command.spawn().unwrap());
        let orders = process.0.stdin.take().unwrap();
        let lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(bytes) = line.strip_prefix("> ") {
                    let _ = sender.send(bytes.to_owned());
                }
            }
        });
        let mut controller = Self {
            _process: process,
            orders,
            heard,
        };
        controller.wait_for("ready");
        controller
    }

    /// Sends a message until the show has it: a server without real-time rights loses a period now and then.
    fn send_until(&mut self, osc: &Osc, bytes: &str, address: &str, expected: f64) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            self.order(&format!("send {bytes}"));
            std::thread::sleep(Duration::from_millis(100));
            if osc.ask(address) == expected {
                return;
            }
        }
        panic!("{bytes} does not bring {address} to {expected}");
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.orders.flush().unwrap();
    }

    /// Waits until this is heard, and forgets what came before it.
    fn wait_for(&mut self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut others = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(line) if line == what => return,
                Ok(line) => others.push(line),
                Err(_) => panic!("{what} is not heard, but {others:?}"),
            }
        }
    }
}

/// The ports of a controller at the server.
struct Ports {
    output: jack::Port<jack::MidiOut>,
    input: jack::Port<jack::MidiIn>,
    sending: Arc<ArrayQueue<[u8; 3]>>,
    hearing: Arc<ArrayQueue<[u8; 3]>>,
}

impl jack::ProcessHandler for Ports {
    fn process(&mut self, _: &jack::Client, scope: &jack::ProcessScope) -> jack::Control {
        let mut writer = self.output.writer(scope);
        // As much as fits into a period.
        while writer.max_event_size() > 16
            && let Some(bytes) = self.sending.pop()
        {
            let message = jack::RawMidi {
                time: 0,
                bytes: &bytes,
            };
            if writer.write(&message).is_err() {
                break;
            }
        }
        for message in self.input.iter(scope) {
            if let Ok(bytes) = message.bytes.try_into() {
                self.hearing.force_push(bytes);
            }
        }
        jack::Control::Continue
    }
}

/// Not a test: the process of a [`Controller`], which does what it reads.
#[test]
#[ignore = "the other tests run it as a controller"]
fn controller() {
    let Ok(name) = std::env::var(CONTROLLER) else {
        return;
    };
    let sending = Arc::new(ArrayQueue::new(1 << 16));
    let hearing: Arc<ArrayQueue<[u8; 3]>> = Arc::new(ArrayQueue::new(1 << 12));
    let plug = || {
        let deadline = Instant::now() + Duration::from_secs(120);
        let client = loop {
            // The server may be on its way, and a client of that name not gone yet.
            let options =
                jack::ClientOptions::NO_START_SERVER | jack::ClientOptions::USE_EXACT_NAME;
            match jack::Client::new(&name, options) {
                Ok((client, _)) => break client,
                Err(error) if Instant::now() > deadline => panic!("{error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let ports = Ports {
            output: client
                .register_port("out", jack::MidiOut::default())
                .unwrap(),
            input: client.register_port("in", jack::MidiIn::default()).unwrap(),
            sending: Arc::clone(&sending),
            hearing: Arc::clone(&hearing),
        };
        client.activate_async((), ports).unwrap()
    };
    let mut client = Some(plug());
    let told = Arc::clone(&hearing);
    std::thread::spawn(move || {
        loop {
            while let Some([a, b, c]) = told.pop() {
                println!("> {a:02x} {b:02x} {c:02x}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    println!("> ready");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["pull"] => {
                drop(client.take());
                // What was heard before is told before.
                std::thread::sleep(Duration::from_millis(20));
                println!("> pulled");
            }
            ["plug"] => client = Some(plug()),
            ["send", ref bytes @ ..] => {
                let bytes = bytes
                    .iter()
                    .map(|byte| u8::from_str_radix(byte, 16).unwrap());
                let bytes: Vec<u8> = bytes.collect();
                sending.push(bytes.try_into().unwrap()).unwrap();
            }
            ["flood", count] => {
                for number in 0..count.parse::<u32>().unwrap() {
                    let message = [0xb0, 1, (number % 127) as u8];
                    while sending.push(message).is_err() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
            _ => panic!("{line}"),
        }
    }
}

pub(crate) fn jackd(server: &str) -> Jack {
    let mut command = Command::new("jackd");
    command
        .args([
            "--no-realtime",
            "-n",
            server,
            "-d",
            "dummy",
            "-r",
            "48000",
            "-p",
            "256",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let jack = Jack(Running::start(&mut command));
    // A program that comes before the server is up ends.
    let up = Command::new("jack_wait")
        .args(["--server", server, "--wait", "--timeout", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(up.unwrap().success(), "no JACK server within a minute");
    jack
}

/// A show at a JACK server, with two controllers' maps.
struct Stage {
    place: tempfile::TempDir,
    server: String,
    jack: Jack,
    show: Running,
    osc: Osc,
}

fn map(folder: &Path, name: &str, bindings: &str) {
    let folder = folder.join("controllers");
    std::fs::create_dir_all(&folder).unwrap();
    let text =
        format!("version = 1\nname = \"{name}\"\nports = [\"{name}:\"]\nbindings = [{bindings}]\n");
    std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
}

impl Stage {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let port = free_port();
        let server = format!("latentloop-test-{port}");
        let jack = jackd(&server);
        let config = place.path().join("config");
        map(
            &config,
            "left",
            r#"{ type = "cc", number = 1, to = "master.fade", takeover = "jump" },
               { type = "note", number = 2, to = "master.blackout", colors = [5, 6], channel = 1 }"#,
        );
        map(
            &config,
            "right",
            r#"{ type = "cc", number = 1, to = "loop.glide", takeover = "jump", range = [0, 1] },
               { type = "note", number = 1, to = "loop.pause", colors = [7, 8], channel = 1 }"#,
        );
        let show = Running::start(
            latentloop(place.path(), port)
                .args(["--headless", "--midi-clock-out", "right"])
                .env("JACK_DEFAULT_SERVER", &server)
                .env("LATENTLOOP_CONFIG", &config),
        );
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        Self {
            place,
            server,
            jack,
            show,
            osc,
        }
    }

    fn end(mut self) -> serde_json::Value {
        self.osc.send("/show/quit", vec![]);
        assert!(self.show.ends_well());
        stats(self.place.path())
    }
}

#[test]
fn two_controllers_keep_their_own_maps_and_a_flood_ends_where_it_ended() {
    let stage = Stage::new();
    let mut left = Controller::start("left", &stage.server);
    let mut right = Controller::start("right", &stage.server);
    // Lit as soon as it is found.
    left.wait_for("90 02 05");
    right.wait_for("90 01 07");
    right.send_until(&stage.osc, "b0 01 7f", "/loop/glide", 1.0);
    assert_eq!(stage.osc.ask("/master/fade"), 1.0);
    left.order("flood 20000");
    left.send_until(&stage.osc, "b0 01 00", "/master/fade", 0.0);
    assert_eq!(stage.osc.ask("/loop/glide"), 1.0);
    // Another hand's change is shown, and the pad's own.
    stage.osc.send("/master/blackout", vec![OscType::Int(1)]);
    left.wait_for("90 02 06");
    left.send_until(&stage.osc, "90 02 7f", "/master/blackout", 0.0);
    left.wait_for("90 02 05");
    let stats = stage.end();
    assert!(
        stats["events_received"].as_u64().unwrap() > 5_000,
        "{stats}"
    );
    assert_eq!(stats["events_refused"], 0, "{stats}");
}

#[test]
fn a_controller_that_is_pulled_out_again_and_again_plays_and_is_lit_each_time() {
    let stage = Stage::new();
    let mut left = Controller::start("left", &stage.server);
    left.wait_for("90 02 05");
    stage.osc.send("/master/blackout", vec![OscType::Int(1)]);
    left.wait_for("90 02 06");
    let pulls = std::env::var("LATENTLOOP_TEST_PULLS").ok();
    let pulls = pulls.and_then(|pulls| pulls.parse().ok()).unwrap_or(PULLS);
    for pull in 0..pulls {
        left.order("pull");
        left.wait_for("pulled");
        // Now and then it is back before anyone looks.
        if pull % 3 > 0 {
            std::thread::sleep(Duration::from_millis(350));
        }
        left.order("plug");
        left.wait_for("90 02 06");
        let value = pull % 2 * 127;
        let expected = if value > 0 { 1.0 } else { 0.0 };
        left.send_until(
            &stage.osc,
            &format!("b0 01 {value:02x}"),
            "/master/fade",
            expected,
        );
    }
    stage.end();
}

#[test]
fn a_server_that_is_killed_is_joined_again() {
    let mut stage = Stage::new();
    let mut left = Controller::start("left", &stage.server);
    left.wait_for("90 02 05");
    stage.jack.0.0.kill().unwrap();
    stage.jack.0.0.wait().unwrap();
    drop(left);
    assert_eq!(stage.osc.ask("/master/fade"), 1.0);
    std::thread::sleep(Duration::from_millis(700));
    stage.jack = jackd(&stage.server);
    std::thread::sleep(Duration::from_millis(500));
    let mut left = Controller::start("left", &stage.server);
    left.wait_for("90 02 05");
    left.send_until(&stage.osc, "b0 01 00", "/master/fade", 0.0);
    stage.end();
}

#[test]
fn a_control_is_learnt_and_forgotten_while_the_show_goes_on() {
    let stage = Stage::new();
    let mut left = Controller::start("left", &stage.server);
    let osc = &stage.osc;
    osc.send("/loop/speed", vec![OscType::Float(0.0)]);
    osc.send("/loop/hold_secs", vec![OscType::Float(0.0)]);
    // What its map says works.
    let turned = |left: &mut Controller, number: u8, value: u8, addr: &str, expected: f64| {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            // The port may not be connected yet.
            left.order(&format!("send b0 {number:02x} {value:02x}"));
            std::thread::sleep(Duration::from_millis(200));
            let found = osc.ask(addr);
            if (found - expected).abs() < 0.01 {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{addr} is {found}, not {expected}"
            );
        }
    };
    turned(&mut left, 1, 64, "/master/fade", 64.0 / 127.0);
    // The first row of the table is the position.
    osc.send("/midi/learn", vec![]);
    let own = stage.place.path().join("config/controllers/left.toml");
    let before = std::fs::read_to_string(&own).unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut value = 0;
    while std::fs::read_to_string(&own).unwrap() == before {
        assert!(Instant::now() < deadline, "nothing is learnt");
        value = (value + 30) % 120;
        left.order(&format!("send b0 4d {value:02x}"));
        std::thread::sleep(Duration::from_millis(100));
    }
    osc.send("/midi/learn", vec![]);
    let learnt = std::fs::read_to_string(&own).unwrap();
    assert!(learnt.contains("loop.position"), "{learnt}");
    turned(&mut left, 0x4d, 64, "/loop/position", 8.0 * 64.0 / 127.0);
    // What was there before still works.
    turned(&mut left, 1, 32, "/master/fade", 32.0 / 127.0);
    // Forgotten, it moves nothing.
    osc.send("/midi/learn", vec![]);
    osc.send("/midi/unlearn", vec![]);
    osc.send("/midi/learn", vec![]);
    let deadline = Instant::now() + Duration::from_secs(120);
    while std::fs::read_to_string(&own)
        .unwrap()
        .contains("loop.position")
    {
        assert!(Instant::now() < deadline, "nothing is forgotten");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    let stood = osc.ask("/loop/position");
    left.order("send b0 4d 10");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(osc.ask("/loop/position"), stood);
    stage.end();
}
