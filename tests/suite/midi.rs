//! Controllers at a real JACK server: played, told what they show, pulled out, and the server killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::support::{JackServer, Osc, Process, Show, root, wait_every, wait_for, wait_until};

/// Says which controller this process is to be.
const CONTROLLER: &str = "LATENTLOOP_TEST_CONTROLLER";
/// How often a controller is pulled out.
const PULLS: usize = 10;

/// A controller: another process, for a client of JACK finds its server by the environment of its process.
struct Controller {
    _process: Process,
    orders: ChildStdin,
    heard: Receiver<String>,
}

impl Controller {
    fn start(name: &str, jack: &JackServer) -> Self {
        let mut command = jack.client(std::env::current_exe().unwrap().to_str().unwrap());
        command
            .args(["--ignored", "--exact", "midi::controller", "--nocapture"])
            .env(CONTROLLER, name)
            .stdout(Stdio::piped());
        let mut process = Process::with_input(&mut command, Stdio::piped());
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

    /// Sends a message until the show has it: a server without real-time rights loses a period now and then, and the port may
    /// not be connected yet.
    fn send_until(&mut self, osc: &Osc, bytes: &str, address: &str, expected: f64) {
        let what = format!("{bytes} to bring {address} to {expected}");
        wait_every(Duration::from_millis(100), &what, || {
            self.order(&format!("send {bytes}"));
            let found = osc.ask(address);
            ((found - expected).abs() < 0.01).then_some(()).ok_or(found)
        });
    }

    /// Presses a button that flips something, until it is as expected. What comes after a press on the same port is waited for,
    /// so that a press counts once, and is repeated only where it was lost.
    fn press_until(&mut self, osc: &Osc, bytes: &str, address: &str, expected: f64) {
        let what = format!("{bytes} to bring {address} to {expected}");
        wait_for(&what, || {
            self.order(&format!("send {bytes}"));
            self.flush(osc);
            let found = osc.ask(address);
            (found == expected).then_some(()).ok_or(found)
        });
    }

    /// Moves the fader and waits until that is seen: all that was sent before has been taken by then.
    fn flush(&mut self, osc: &Osc) {
        // Two steps away: one is within what is taken for the same.
        let mark = (osc.ask("/master/fade") * 127.0).round() as u8 ^ 2;
        let bytes = format!("b0 01 {mark:02x}");
        self.send_until(osc, &bytes, "/master/fade", f64::from(mark) / 127.0);
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.orders.flush().unwrap();
    }

    /// Waits until this is heard, and forgets what came before it.
    fn wait_for(&mut self, what: &str) {
        let mut others = Vec::new();
        wait_for(&format!("{what} to be heard"), || {
            while let Ok(line) = self.heard.try_recv() {
                if line == what {
                    return Ok(());
                }
                others.push(line);
            }
            Err(format!("but {others:?}"))
        });
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
        // The server may be on its way, and a client of that name not gone yet.
        let (client, _) = wait_for("the JACK server", || {
            let options =
                jack::ClientOptions::NO_START_SERVER | jack::ClientOptions::USE_EXACT_NAME;
            jack::Client::new(&name, options)
        });
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

/// A show at a JACK server, with two controllers' maps.
struct Stage {
    // Dropped in this order.
    show: Show,
    jack: JackServer,
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
        let jack = JackServer::start();
        let show = Show::builder()
            .headless()
            .args(["--midi-clock-out", "right"])
            .env("JACK_DEFAULT_SERVER", &jack.name);
        let config = show.folder().join("config");
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
        Self {
            show: show.start(),
            jack,
        }
    }
}

#[test]
fn two_controllers_keep_their_own_maps_and_a_flood_ends_where_it_ended() {
    let mut stage = Stage::new();
    let mut left = Controller::start("left", &stage.jack);
    let mut right = Controller::start("right", &stage.jack);
    // Lit as soon as it is found.
    left.wait_for("90 02 05");
    right.wait_for("90 01 07");
    right.send_until(&stage.show.osc, "b0 01 7f", "/loop/glide", 1.0);
    assert_eq!(stage.show.osc.ask("/master/fade"), 1.0);
    left.order("flood 20000");
    left.send_until(&stage.show.osc, "b0 01 00", "/master/fade", 0.0);
    assert_eq!(stage.show.osc.ask("/loop/glide"), 1.0);
    // Another hand's change is shown, and the pad's own.
    stage.show.osc.number("/master/blackout", 1.0);
    left.wait_for("90 02 06");
    left.press_until(&stage.show.osc, "90 02 7f", "/master/blackout", 0.0);
    left.wait_for("90 02 05");
    let stats = stage.show.quit();
    assert!(
        stats["events_received"].as_u64().unwrap() > 5_000,
        "{stats}"
    );
    assert_eq!(stats["events_refused"], 0, "{stats}");
}

#[test]
fn a_controller_that_is_pulled_out_again_and_again_plays_and_is_lit_each_time() {
    let mut stage = Stage::new();
    let mut left = Controller::start("left", &stage.jack);
    left.wait_for("90 02 05");
    stage.show.osc.number("/master/blackout", 1.0);
    left.wait_for("90 02 06");
    let pulls = std::env::var("LATENTLOOP_TEST_PULLS").ok();
    let pulls = pulls.and_then(|pulls| pulls.parse().ok()).unwrap_or(PULLS);
    for pull in 0..pulls {
        left.order("pull");
        left.wait_for("pulled");
        // Now and then it is back before anyone looks: the ports are looked at a few times a second.
        if pull % 3 > 0 {
            std::thread::sleep(Duration::from_millis(350));
        }
        left.order("plug");
        left.wait_for("90 02 06");
        let value = pull % 2 * 127;
        let expected = if value > 0 { 1.0 } else { 0.0 };
        left.send_until(
            &stage.show.osc,
            &format!("b0 01 {value:02x}"),
            "/master/fade",
            expected,
        );
    }
    stage.show.quit();
}

#[test]
fn a_map_of_version_0_is_played_and_lit() {
    let jack = JackServer::start();
    let show = Show::builder()
        .headless()
        .env("JACK_DEFAULT_SERVER", &jack.name);
    let config = root().join("tests/fixtures/v0/config");
    super::fixtures::copy(&config, &show.folder().join("config"));
    let mut show = show.start();
    let osc = &show.osc;
    let mut left = Controller::start("left", &jack);
    left.wait_for("90 02 05");
    left.send_until(osc, "b0 01 40", "/master/fade", 64.0 / 127.0);
    left.press_until(osc, "90 02 7f", "/master/blackout", 1.0);
    left.wait_for("90 02 06");
    let glide = osc.ask("/loop/glide");
    wait_for("an encoder's step", || {
        left.order("send b0 02 41");
        let found = osc.ask("/loop/glide");
        (found > glide).then_some(()).ok_or(found)
    });
    show.quit();
    assert!(!show.log().contains("cannot use"), "{}", show.log());
}

#[test]
fn a_server_that_is_killed_is_joined_again() {
    let mut stage = Stage::new();
    let mut left = Controller::start("left", &stage.jack);
    left.wait_for("90 02 05");
    stage.jack.kill();
    drop(left);
    assert_eq!(stage.show.osc.ask("/master/fade"), 1.0);
    stage.jack.start_again();
    let mut left = Controller::start("left", &stage.jack);
    left.wait_for("90 02 05");
    left.send_until(&stage.show.osc, "b0 01 00", "/master/fade", 0.0);
    stage.show.quit();
}

/// Whether turning the knob 4d from end to end and back moves the head: it has to come past where the parameter stands.
fn moves_the_head(left: &mut Controller, osc: &Osc) -> bool {
    let mut turn = |values: &mut dyn Iterator<Item = u8>| {
        for value in values {
            left.order(&format!("send b0 4d {value:02x}"));
        }
        left.flush(osc);
        osc.ask("/loop/position")
    };
    let there = turn(&mut (0..128).step_by(3));
    let back = turn(&mut (0..128).step_by(3).rev());
    there != back
}

#[test]
fn a_control_is_learnt_and_forgotten_while_the_show_goes_on() {
    let mut stage = Stage::new();
    let mut left = Controller::start("left", &stage.jack);
    let osc = &stage.show.osc;
    osc.number("/loop/speed", 0.0);
    osc.number("/loop/hold_secs", 0.0);
    // What its map says works.
    left.send_until(osc, "b0 01 40", "/master/fade", 64.0 / 127.0);
    assert!(!moves_the_head(&mut left, osc), "it is bound already");
    // The first row of the table is the position.
    osc.send("/midi/learn", vec![]);
    let own = stage.show.folder().join("config/controllers/left.toml");
    let read = || std::fs::read_to_string(&own).unwrap();
    let before = read();
    let mut value = 0;
    wait_every(Duration::from_millis(100), "something to be learnt", || {
        value = (value + 30) % 120;
        left.order(&format!("send b0 4d {value:02x}"));
        (read() != before).then_some(()).ok_or("nothing is")
    });
    osc.send("/midi/learn", vec![]);
    let learnt = read();
    assert!(learnt.contains("loop.position"), "{learnt}");
    left.send_until(osc, "b0 4d 40", "/loop/position", 8.0 * 64.0 / 127.0);
    wait_until("the head to be moved", || moves_the_head(&mut left, osc));
    // What was there before still works.
    left.send_until(osc, "b0 01 20", "/master/fade", 32.0 / 127.0);
    // Forgotten, it moves nothing.
    osc.send("/midi/learn", vec![]);
    osc.send("/midi/unlearn", vec![]);
    osc.send("/midi/learn", vec![]);
    wait_until("it to be forgotten", || !read().contains("loop.position"));
    wait_until("the head to stand still", || {
        !moves_the_head(&mut left, osc)
    });
    stage.show.quit();
}
