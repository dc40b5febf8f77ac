//! OSC, in and out, with other implementations at the other end: liblo's `oscsend` and `oscdump`, and the crate rosc.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use super::play::{Osc, Running, free_port, latentloop, latentloop_at, stats};

fn text(text: &str) -> Vec<OscType> {
    vec![OscType::String(text.into())]
}

/// What a socket hears within a time: every address with its last value.
fn hear(socket: &UdpSocket, length: Duration) -> BTreeMap<String, OscType> {
    let (until, mut heard) = (Instant::now() + length, BTreeMap::new());
    let mut buffer = [0; 1024];
    while Instant::now() < until {
        if let Ok((length, _)) = socket.recv_from(&mut buffer)
            && let Ok((_, OscPacket::Message(message))) =
                rosc::decoder::decode_udp(&buffer[..length])
        {
            heard.insert(message.addr, message.args[0].clone());
        }
    }
    heard
}

/// Hears until an address has been heard.
fn hear_until(socket: &UdpSocket, addr: &str) -> BTreeMap<String, OscType> {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut heard = BTreeMap::new();
    while !heard.contains_key(addr) {
        assert!(
            Instant::now() < deadline,
            "{addr} is not heard, but {heard:?}"
        );
        heard.append(&mut hear(socket, Duration::from_millis(300)));
    }
    heard
}

#[test]
fn liblo_sends_steps_choices_and_patterns_and_is_told_of_what_changes() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let hears = free_port();
    let dump = place.path().join("dump");
    let mut dumping = Running::start(
        Command::new("oscdump")
            .args(["-L", &hears.to_string()])
            .stdout(std::fs::File::create(&dump).unwrap())
            .stderr(Stdio::null()),
    );
    let send = |arguments: &[&str]| {
        let mut command = Command::new("oscsend");
        command
            .args(["127.0.0.1", &port.to_string()])
            .args(arguments);
        assert!(Running::start(&mut command).ends_well());
    };
    let dumped = |line: &str| {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !std::fs::read_to_string(&dump).unwrap().contains(line) {
            assert!(Instant::now() < deadline, "{line} is not told");
            // What was sent before oscdump listened is lost: a renewal sends all of it again.
            send(&["/subscribe", "is", &hears.to_string(), "/loop"]);
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    dumped("/loop/speed f 0.3");
    send(&["/loop/speed", "f", "1"]);
    send(&["/loop/speed", "s", "+0.5"]);
    osc.wait_for("/loop/speed", |speed| speed == 1.5);
    send(&["/loop/speed", "sf", "-", "2.25"]);
    osc.wait_for("/loop/speed", |speed| speed == -0.75);
    assert_eq!(osc.ask("/loop/path"), 0.0);
    send(&["/loop/path", "s", "slerp"]);
    osc.wait_for("/loop/path", |path| path == 1.0);
    send(&["/loop/path", "i", "2"]);
    osc.wait_for("/loop/path", |path| path == 2.0);
    send(&["/loop/pause", "T"]);
    osc.wait_for("/loop/pause", |pause| pause == 1.0);
    send(&["/keyframe/[2-4]/lock", "i", "1"]);
    osc.wait_for("/keyframe/4/lock", |lock| lock == 1.0);
    assert_eq!(osc.ask("/keyframe/2/lock"), 1.0);
    assert_eq!(osc.ask("/keyframe/5/lock"), 0.0);
    let seeds = || [1, 2, 5].map(|number| osc.ask(&format!("/keyframe/{number}/seed")));
    let before = seeds();
    send(&["/keyframe/*/reroll"]);
    osc.wait_for("/keyframe/1/seed", |seed| seed != before[0]);
    osc.wait_for("/keyframe/5/seed", |seed| seed != before[2]);
    send(&["/unit/loop/speed", "f", "0.5"]);
    osc.wait_for("/loop/speed", |speed| speed == 0.0);
    send(&["/unit/loop/speed", "s", "?"]);
    dumped("/loop/speed f 0.000000");
    dumped("/loop/path i 2");
    let told = std::fs::read_to_string(&dump).unwrap();
    assert!(!told.contains("/keyframe/"), "only a part was asked for");
    send(&["/loop/zz*"]);
    send(&["/beat/phase", "f", "0.5"]);
    send(&["/show/quit"]);
    assert!(show.ends_well());
    _ = dumping.0.kill();
    assert!(stats(place.path())["events_refused"].as_u64().unwrap() >= 2);
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(
        log.contains("/loop/zz*: this pattern means no address"),
        "{log}"
    );
}

#[test]
fn a_bundle_acts_at_its_time_unless_that_is_too_far_ahead() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let send = |ahead: Duration, speed: f32| {
        let bundle = OscPacket::Bundle(OscBundle {
            timetag: OscTime::try_from(SystemTime::now() + ahead).unwrap(),
            content: vec![OscPacket::Message(OscMessage {
                addr: "/loop/speed".into(),
                args: vec![OscType::Float(speed)],
            })],
        });
        osc.raw(&rosc::encoder::encode(&bundle).unwrap());
    };
    let ahead = Duration::from_millis(900);
    let start = Instant::now();
    send(ahead, 2.0);
    let mut asked_before = 0;
    while osc.ask("/loop/speed") != 2.0 {
        asked_before += 1;
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the bundle never acts"
        );
    }
    assert!(
        start.elapsed() >= ahead,
        "too early, after {:?}",
        start.elapsed()
    );
    assert!(asked_before > 0);
    send(Duration::from_secs(3600), 3.0);
    osc.wait_for("/loop/speed", |speed| speed == 3.0);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

#[test]
fn subscribers_are_told_what_others_do_and_not_what_they_do_themselves() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let [one, other] = [(); 2].map(|()| Osc::new(port));
    one.ask("/loop/speed");
    one.send("/loop/pause", vec![OscType::Bool(true)]);
    one.wait_for("/loop/pause", |pause| pause == 1.0);
    one.send("/subscribe", vec![]);
    other.send("/subscribe", text("keep"));
    let state = hear_until(&one.socket, "/master/fade");
    assert_eq!(state["/master/fade"], OscType::Float(1.0));
    assert_eq!(state["/keyframe/64/seed"], OscType::Int(64));
    assert_eq!(state["/loop/pause"], OscType::Int(1));
    assert!(!state.contains_key("/loop/undo"), "triggers are not sent");
    hear_until(&other.socket, "/master/fade");
    hear(&other.socket, Duration::from_millis(500));
    one.send("/master/fade", vec![OscType::Float(0.25)]);
    let told = hear_until(&other.socket, "/master/fade");
    assert_eq!(told["/master/fade"], OscType::Float(0.25));
    let echoed = hear(&one.socket, Duration::from_secs(1));
    assert!(!echoed.contains_key("/master/fade"), "{echoed:?}");
    // What was clamped is corrected.
    one.send("/master/fade", vec![OscType::Float(9.0)]);
    let corrected = hear_until(&one.socket, "/master/fade");
    assert_eq!(corrected["/master/fade"], OscType::Float(1.0));
    other.send("/unsubscribe", vec![]);
    hear(&other.socket, Duration::from_millis(500));
    one.send("/master/fade", vec![OscType::Float(0.5)]);
    one.wait_for("/master/fade", |fade| fade == 0.5);
    let after = hear(&other.socket, Duration::from_millis(500));
    assert_eq!(after, BTreeMap::new());
    one.send("/show/quit", vec![]);
    assert!(show.ends_well());
}

/// An address of this machine that is not loopback, where it has one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: this only asks for the way.
    socket.connect("192.0.2.1:9").ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[test]
fn a_network_that_is_not_named_is_refused_and_counted() {
    let Some(own) = own_address() else {
        eprintln!("this machine has no network: only the unit test of the guard is left");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = latentloop_at(place.path(), &format!("0.0.0.0:{port}"));
    command.args([
        "--headless",
        "--osc-allow",
        "198.51.100.0/24",
        "--oscquery",
        "none",
    ]);
    let mut show = Running::start(&mut command);
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    let stranger = UdpSocket::bind((own, 0)).unwrap();
    let packet = OscPacket::Message(OscMessage {
        addr: "/loop/speed".into(),
        args: vec![OscType::Float(7.0)],
    });
    for _ in 0..5 {
        let bytes = rosc::encoder::encode(&packet).unwrap();
        stranger
            .send_to(&bytes, SocketAddr::new(own, port))
            .unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(osc.ask("/loop/speed"), f64::from(0.3f32));
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well());
    assert_eq!(stats(place.path())["osc_turned_away"], 5);
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(log.contains(&format!("{own} was refused")), "{log}");
}
