//! The instrument, played: the real program under OSC, JACK MIDI and keys.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn model() -> PathBuf {
    root().join("tests/parity/generator.safetensors")
}

/// A child process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let program = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| {
            panic!("{}: {error}; `make setup` installs it", program.display())
        }))
    }

    /// Waits for its end; true where it went well.
    pub(crate) fn ends_well(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }
}

/// A JACK server. It is asked to end, for one that is killed keeps its place in a table of eight.
#[cfg(target_os = "linux")]
pub(crate) struct Jack(pub(crate) Running);

#[cfg(target_os = "linux")]
impl Drop for Jack {
    fn drop(&mut self) {
        if !matches!(self.0.0.try_wait(), Ok(None)) {
            return;
        }
        _ = Command::new("kill").arg(self.0.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.0.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

pub(crate) fn latentloop(folder: &Path, port: u16) -> Command {
    playing(&model(), folder, port)
}

pub(crate) fn playing(model: &Path, folder: &Path, port: u16) -> Command {
    listening(model, folder, &format!("127.0.0.1:{port}"))
}

/// A show of the small model that listens to OSC at this address.
pub(crate) fn latentloop_at(folder: &Path, osc: &str) -> Command {
    listening(&model(), folder, osc)
}

fn listening(model: &Path, folder: &Path, osc: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latentloop"));
    command
        .current_dir(folder)
        .arg("play")
        .arg(model)
        .args(["--osc", osc, "--stats", "stats.json"])
        // No sound server, no JACK server but the test's own.
        .env(
            "JACK_DEFAULT_SERVER",
            format!("none-{}", osc.replace([':', '.'], "-")),
        )
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("LATENTLOOP_CONFIG", folder.join("config"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap());
    command
}

/// A performer at an OSC controller.
pub(crate) struct Osc {
    pub(crate) socket: UdpSocket,
    to: SocketAddr,
}

impl Osc {
    pub(crate) fn new(port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        Self { socket, to }
    }

    pub(crate) fn send(&self, addr: &str, args: Vec<OscType>) {
        let addr = addr.to_owned();
        let packet = OscPacket::Message(OscMessage { addr, args });
        self.raw(&rosc::encoder::encode(&packet).unwrap());
    }

    pub(crate) fn raw(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).unwrap();
    }

    /// Asks for a parameter's value until there is an answer.
    pub(crate) fn ask(&self, addr: &str) -> f64 {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut buffer = [0; 1024];
        while Instant::now() < deadline {
            self.send(addr, vec![]);
            while let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                let (_, packet) = rosc::decoder::decode_udp(&buffer[..length]).unwrap();
                if let OscPacket::Message(message) = packet
                    && message.addr == addr
                {
                    return match message.args[0] {
                        OscType::Float(value) => value.into(),
                        OscType::Int(value) => value.into(),
                        ref other => panic!("{addr} is {other:?}"),
                    };
                }
            }
        }
        panic!("{addr} is not answered");
    }

    pub(crate) fn wait_for(&self, addr: &str, holds: impl Fn(f64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut value = self.ask(addr);
        while !holds(value) {
            assert!(Instant::now() < deadline, "{addr} stays at {value}");
            value = self.ask(addr);
        }
    }
}

pub(crate) fn stats(folder: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join("stats.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn osc_plays_records_and_cannot_stop_the_show() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    assert_eq!(osc.ask("/loop/speed"), f64::from(0.3f32));
    osc.send("/loop/speed", vec![OscType::Float(0.0)]);
    osc.wait_for("/loop/speed", |speed| speed == 0.0);
    osc.send("/unit/loop/glide", vec![OscType::Float(0.0)]);
    osc.send("/keyframe/3/jump", vec![]);
    osc.wait_for("/loop/position", |position| position == 2.0);
    osc.send("/loop/speed", vec![OscType::Float(99.0)]);
    osc.wait_for("/loop/speed", |speed| speed == 8.0);
    osc.send("/loop/speed", vec![OscType::Float(f32::NAN)]);

    osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    // What is no OSC, what is nested beyond reason, what names nothing.
    osc.raw(&[0xff; 600]);
    let mut nested = b"/loop/speed\0,".to_vec();
    nested.extend([b'['; 30_000]);
    osc.raw(&nested);
    osc.send("/no/such/thing", vec![]);
    std::thread::sleep(Duration::from_millis(1500));
    osc.send("/record/toggle", vec![OscType::Float(0.0)]);
    osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    assert_eq!(osc.ask("/loop/speed"), 8.0);
    std::thread::sleep(Duration::from_millis(300));
    osc.send("/show/quit", vec![]);
    let log = || std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(show.ends_well(), "{}", log());

    let stats = stats(place.path());
    assert!(stats["frames_shown"].as_u64().unwrap() > 60, "{stats}");
    assert!(stats["events_received"].as_u64().unwrap() >= 7, "{stats}");
    assert!(stats["events_refused"].as_u64().unwrap() >= 4, "{stats}");
    assert!(
        stats["control_latency_ms"]["p50"].as_f64().unwrap() > 0.0,
        "{stats}"
    );
    assert!(stats["engine"].as_str().unwrap().contains("cpu"), "{stats}");
    assert_eq!(stats["norm"], "running");

    #[cfg(feature = "video")]
    {
        let takes: Vec<_> = std::fs::read_dir(place.path().join("takes"))
            .unwrap_or_else(|error| panic!("no takes: {error}\n{}", log()))
            .map(|entry| entry.unwrap().path())
            .collect();
        let ending = |name: &str| {
            takes
                .iter()
                .find(|path| path.extension().is_some_and(|e| e == name))
        };
        assert_eq!(takes.len(), 2, "a film and its take: {takes:?}");
        assert!(ending("take").is_some(), "{takes:?}");
        let input = ffmpeg_next::format::input(ending("mp4").unwrap()).unwrap();
        let secs = input.duration() as f64 / 1e6;
        assert!((1.2..3.0).contains(&secs), "{secs} s");
    }
}

#[test]
fn changes_are_sent_on_but_not_back_to_who_made_them() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let out = UdpSocket::bind("127.0.0.1:0").unwrap();
    out.set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let to = out.local_addr().unwrap().to_string();
    let mut show =
        Running::start(latentloop(place.path(), port).args(["--headless", "--osc-out", &to]));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let hear = |length: Duration| {
        let (until, mut heard) = (Instant::now() + length, Vec::new());
        let mut buffer = [0; 1024];
        while Instant::now() < until {
            let Ok((length, _)) = out.recv_from(&mut buffer) else {
                continue;
            };
            let (_, packet) = rosc::decoder::decode_udp(&buffer[..length]).unwrap();
            if let OscPacket::Message(message) = packet {
                heard.push(message.addr);
            }
        }
        heard
    };
    // At first everything is new.
    let first = hear(Duration::from_secs(1));
    assert!(first.iter().any(|addr| addr == "/loop/speed"), "{first:?}");
    osc.send("/loop/speed", vec![OscType::Float(0.5)]);
    osc.wait_for("/loop/speed", |speed| speed == 0.5);
    osc.send("/keyframe/2/reroll", vec![]);
    let heard = hear(Duration::from_secs(2));
    let count = |name: &str| heard.iter().filter(|addr| *addr == name).count();
    assert_eq!(count("/loop/speed"), 0);
    assert_eq!(count("/keyframe/2/seed"), 1);
    assert!(
        (20..=61).contains(&count("/loop/position")),
        "{}",
        count("/loop/position")
    );
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

#[test]
fn where_eight_rows_take_too_long_their_statistics_are_interpolated() {
    let crystal = root().join("models/crystal.safetensors");
    let play = |fps: &str| {
        let place = tempfile::tempdir().unwrap();
        let mut show = Running::start(playing(&crystal, place.path(), free_port()).args([
            "--headless",
            "--norm",
            "batch",
            "--threads",
            "1",
            "--fps",
            fps,
            "--seconds",
            "8",
        ]));
        assert!(show.ends_well());
        let figures = stats(place.path());
        assert_eq!(figures["norm"], "batch");
        (figures["frames_interpolated"].as_u64().unwrap(), figures)
    };
    // Eight rows take tens of milliseconds: far too long for the one, far less than the other has.
    let (interpolated, figures) = play("240");
    assert!(interpolated > 20, "{figures}");
    let (interpolated, figures) = play("1");
    assert_eq!(interpolated, 0, "{figures}");
}

#[test]
fn a_taken_port_and_a_missing_sound_input_are_named_and_the_show_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut show = Running::start(latentloop(place.path(), port).args([
        "--headless",
        "--seconds",
        "1",
        "--sound-in",
        "theremin",
    ]));
    assert!(show.ends_well());
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(log.contains(&format!("127.0.0.1:{port}")), "{log}");
    assert!(log.contains("theremin"), "{log}");
    assert!(stats(place.path())["frames_shown"].as_u64().unwrap() > 10);
}

#[test]
fn the_next_preset_is_played_and_a_broken_one_is_named() {
    let place = tempfile::tempdir().unwrap();
    let presets = place.path();
    std::fs::copy(model(), presets.join("m.safetensors")).unwrap();
    let preset = |speed: &str| {
        format!(
            "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n\"loop.speed\" = {speed}\n"
        )
    };
    std::fs::write(presets.join("a.toml"), preset("0.5")).unwrap();
    std::fs::write(presets.join("b.toml"), preset("1.5")).unwrap();
    std::fs::write(presets.join("c.toml"), preset("99")).unwrap();
    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_latentloop"));
    command
        .current_dir(place.path())
        .args([
            "play",
            "a.toml",
            "--headless",
            "--osc",
            &format!("127.0.0.1:{port}"),
        ])
        .stderr(std::fs::File::create(place.path().join("log")).unwrap());
    let mut show = Running::start(&mut command);
    let osc = Osc::new(port);
    assert_eq!(osc.ask("/loop/speed"), 0.5);
    osc.send("/preset/next", vec![]);
    osc.wait_for("/loop/speed", |speed| speed == 1.5);
    osc.send("/preset/load", vec![OscType::String("c".into())]);
    osc.send("/preset/load", vec![OscType::String("../a".into())]);
    osc.send("/preset/load", vec![OscType::String("a".into())]);
    osc.wait_for("/loop/speed", |speed| speed == 0.5);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(log.contains("-8 to 8"), "{log}");
    assert!(log.contains("../a"), "{log}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_jack_midi_sender_jumps_to_a_keyframe() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = format!("latentloop-test-{port}");
    let quiet = |program: &str| {
        let mut command = Command::new(program);
        command
            .env("JACK_DEFAULT_SERVER", &server)
            .stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    };
    let _jack = Jack(Running::start(quiet("jackd").args([
        "--no-realtime",
        "-n",
        &server,
        "-d",
        "dummy",
        "-r",
        "48000",
        "-p",
        "256",
    ])));
    let mut show = Running::start(
        latentloop(place.path(), port)
            .arg("--headless")
            .env("JACK_DEFAULT_SERVER", &server),
    );
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/speed", vec![OscType::Float(0.0)]);
    osc.wait_for("/loop/speed", |speed| speed == 0.0);
    // Note 40 is the fifth pad of the default map; it is hit twice a second. The server may not be there yet.
    let senders: Vec<Running> = (0..3)
        .map(|_| {
            std::thread::sleep(Duration::from_secs(1));
            Running::start(quiet("jack_midiseq").args(["seq", "24000", "0", "40", "8000"]))
        })
        .collect();
    osc.wait_for("/loop/position", |position| position == 4.0);
    drop(senders);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

/// A display with a window manager, and a graphics driver that needs no card.
#[cfg(target_os = "linux")]
pub(crate) struct Desktop {
    pub(crate) display: String,
    pub(crate) server: Running,
    _manager: Running,
}

#[cfg(target_os = "linux")]
impl Desktop {
    pub(crate) fn start() -> Self {
        Self::of("1024x640x24")
    }

    /// One of that size and depth.
    pub(crate) fn of(size: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp"])
            // Where the last one leaves, the server begins anew, and who comes in that moment is thrown out.
            .arg("-noreset")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self::on(&mut command)
    }

    /// One on a server that tells the number of its display on its output.
    pub(crate) fn on(command: &mut Command) -> Self {
        use std::io::{BufRead, BufReader};
        let mut server = Running::start(command);
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let display = format!(":{}", line.trim());
        let mut manager = Command::new("openbox");
        manager
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let desktop = Self {
            _manager: Running::start(&mut manager),
            server,
            display,
        };
        // A window that is opened while the manager starts may be lost between the two.
        let deadline = Instant::now() + Duration::from_secs(120);
        while ["", "0"].contains(&desktop.ask("get_num_desktops").trim()) {
            assert!(Instant::now() < deadline, "openbox does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        desktop
    }

    /// A command whose windows open here.
    pub(crate) fn shows<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
    }

    /// A show of the small model in a window, once it answers.
    pub(crate) fn show(&self, folder: &Path) -> (Running, Osc) {
        let port = free_port();
        let show = Running::start(self.shows(&mut latentloop(folder, port)));
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        (show, osc)
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).args(arguments);
        command.output().unwrap().stdout
    }

    fn ask(&self, question: &str) -> String {
        String::from_utf8_lossy(&self.run("xdotool", &[question])).into_owned()
    }

    fn screenshot(&self) -> image::RgbImage {
        let png = self.run("import", &["-window", "root", "png:-"]);
        image::load_from_memory(&png).unwrap().to_rgb8()
    }

    pub(crate) fn wait_until(
        &self,
        what: &str,
        holds: impl Fn(&image::RgbImage) -> bool,
    ) -> image::RgbImage {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let shot = self.screenshot();
            if holds(&shot) {
                return shot;
            }
            assert!(Instant::now() < deadline, "{what}: never seen");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The most rows of any column that are not black.
#[cfg(target_os = "linux")]
fn lit_rows(shot: &image::RgbImage) -> u32 {
    let lit = |x: u32, y: u32| shot.get_pixel(x, y).0.iter().any(|&level| level > 12);
    let rows = |x: u32| (0..shot.height()).filter(|&y| lit(x, y)).count() as u32;
    (0..shot.width()).step_by(16).map(rows).max().unwrap_or(0)
}

#[cfg(target_os = "linux")]
#[test]
fn in_a_window_the_loop_moves_fills_the_screen_and_goes_black_by_keys() {
    let desktop = Desktop::start();
    let place = tempfile::tempdir().unwrap();
    let (mut show, osc) = desktop.show(place.path());
    osc.send("/loop/speed", vec![OscType::Float(1.0)]);
    let first = desktop.wait_until("a window with a picture", |shot| lit_rows(shot) > 200);
    desktop.wait_until("another picture", |shot| *shot != first);
    let deadline = Instant::now() + Duration::from_secs(120);
    while !String::from_utf8_lossy(&desktop.run("xdotool", &["getwindowfocus", "getwindowname"]))
        .contains("latentloop")
    {
        assert!(Instant::now() < deadline, "the window has no focus");
        desktop.run(
            "xdotool",
            &["search", "--name", "latentloop", "windowactivate"],
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let key = |keys: &str| desktop.run("xdotool", &["key", keys]);
    // All of a wide screen's height; beside the picture it is black.
    key("f");
    let full = desktop.wait_until("the whole screen", |shot| lit_rows(shot) >= 636);
    assert_eq!(full.get_pixel(4, 320).0, [0; 3]);
    key("b");
    desktop.wait_until("black", |shot| lit_rows(shot) == 0);
    key("b");
    key("Tab");
    desktop.wait_until("the readout", |shot| shot.get_pixel(4, 600).0 != [0; 3]);
    key("Tab");
    key("Escape");
    desktop.wait_until("a window again", |shot| lit_rows(shot) < 636);
    key("space");
    osc.wait_for("/loop/pause", |pause| pause == 1.0);
    let seed = osc.ask("/keyframe/2/seed");
    key("shift+2");
    osc.wait_for("/keyframe/2/seed", |now| now != seed);
    key("BackSpace");
    osc.wait_for("/keyframe/2/seed", |now| now == seed);
    key("7");
    osc.wait_for("/loop/position", |position| position == 6.0);
    key("ctrl+q");
    assert!(
        show.ends_well(),
        "{}",
        std::fs::read_to_string(place.path().join("log")).unwrap()
    );
}

#[cfg(all(target_os = "linux", feature = "video"))]
#[test]
fn without_a_display_the_take_that_ships_becomes_a_film() {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_latentloop"))
        .current_dir(place.path())
        .arg("play")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no display"), "{said}");
    let film = place.path().join("takes/first-take.mp4");
    let input = ffmpeg_next::format::input(&film).unwrap();
    let secs = input.duration() as f64 / 1e6;
    assert!((secs - 20.0).abs() < 0.1, "{secs} s");
}
