//! OSC, in and out, with other implementations at the other end: liblo's `oscsend` and `oscdump`, and the crate rosc.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use crate::support::{Osc, Process, Show, number, skip, wait_every, wait_for};

/// Takes what comes until this holds of a message, and hands all of it over.
fn hear_until(osc: &Osc, what: &str, holds: impl Fn(&OscMessage) -> bool) -> Vec<OscMessage> {
    let mut heard = Vec::new();
    wait_for(what, || {
        while let Some(message) = osc.receive() {
            let is_it = holds(&message);
            heard.push(message);
            if is_it {
                return Ok(());
            }
        }
        Err(format!("but {heard:?}"))
    });
    heard
}

/// Subscribes, and hands over the state that is sent: the last value of every address. It is a burst that a small buffer may
/// lose a part of, and every renewal sends it again.
fn subscribe(osc: &Osc, arguments: &[OscType]) -> BTreeMap<String, OscType> {
    let mut state = BTreeMap::new();
    wait_for("the whole state", || {
        osc.send("/subscribe", arguments.to_vec());
        let sent = Instant::now();
        while sent.elapsed() < Duration::from_millis(300) {
            if let Some(mut message) = osc.receive() {
                state.insert(message.addr, message.args.remove(0));
            }
        }
        let parts = ["/loop/speed", "/keyframe/64/seed", "/master/fade"];
        let is_whole = parts.iter().all(|addr| state.contains_key(*addr));
        is_whole.then_some(()).ok_or(format!("but {state:?}"))
    });
    state
}

fn is_told(heard: &[OscMessage], addr: &str) -> bool {
    heard.iter().any(|message| message.addr == addr)
}

/// liblo's receiver at a port of the system's choice, writing what it hears into a file.
fn oscdump(file: &Path) -> (Process, u16) {
    wait_for("a port for oscdump", || {
        // It takes no port 0. Should another take this one before it does, it ends, and is given another.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut dumping = Process::start(
            Command::new("oscdump")
                .args(["-L", &port.to_string()])
                .stdout(std::fs::File::create(file).unwrap())
                .stderr(Stdio::null()),
        );
        // It is there when it hears something.
        wait_for("oscdump", || {
            if dumping.ended().is_some() {
                return Ok(());
            }
            oscsend(port, &["/is-it-there"]);
            let dumped = std::fs::read_to_string(file).unwrap();
            let hears = dumped.contains("/is-it-there");
            hears.then_some(()).ok_or(dumped)
        });
        let is_there = dumping.ended().is_none();
        is_there.then_some((dumping, port)).ok_or("it ends")
    })
}

/// Sends with liblo's sender.
fn oscsend(port: u16, arguments: &[&str]) {
    let mut command = Command::new("oscsend");
    command
        .args(["127.0.0.1", &port.to_string()])
        .args(arguments);
    assert!(Process::start(&mut command).ends_well());
}

#[test]
fn liblo_sends_steps_choices_and_patterns_and_is_told_of_what_changes() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
    let dump = show.folder().join("dump");
    let (mut dumping, hears) = oscdump(&dump);
    let send = |arguments: &[&str]| oscsend(osc.port(), arguments);
    // A renewal tells everything.
    let dumped = |line: &str| {
        wait_every(Duration::from_millis(300), line, || {
            send(&["/subscribe", "is", &hears.to_string(), "/loop"]);
            let told = std::fs::read_to_string(&dump).unwrap();
            told.contains(line).then_some(()).ok_or(told)
        });
    };
    dumped("/loop/speed f 0.3");
    send(&["/loop/speed", "f", "1"]);
    send(&["/loop/speed", "s", "+0.5"]);
    osc.wait_for_value("/loop/speed", 1.5);
    send(&["/loop/speed", "sf", "-", "2.25"]);
    osc.wait_for_value("/loop/speed", -0.75);
    assert_eq!(osc.ask("/loop/path"), 0.0);
    send(&["/loop/path", "s", "slerp"]);
    osc.wait_for_value("/loop/path", 1.0);
    send(&["/loop/path", "i", "2"]);
    osc.wait_for_value("/loop/path", 2.0);
    send(&["/loop/pause", "T"]);
    osc.wait_for_value("/loop/pause", 1.0);
    send(&["/keyframe/[2-4]/lock", "i", "1"]);
    osc.wait_for_value("/keyframe/4/lock", 1.0);
    assert_eq!(osc.ask("/keyframe/2/lock"), 1.0);
    assert_eq!(osc.ask("/keyframe/5/lock"), 0.0);
    let seeds = || [1, 2, 5].map(|number| osc.ask(&format!("/keyframe/{number}/seed")));
    let before = seeds();
    send(&["/keyframe/*/reroll"]);
    osc.wait_for("/keyframe/1/seed", |seed| seed != before[0]);
    osc.wait_for("/keyframe/5/seed", |seed| seed != before[2]);
    send(&["/unit/loop/speed", "f", "0.5"]);
    osc.wait_for_value("/loop/speed", 0.0);
    send(&["/unit/loop/speed", "s", "?"]);
    dumped("/loop/speed f 0.000000");
    dumped("/loop/path i 2");
    let told = std::fs::read_to_string(&dump).unwrap();
    assert!(!told.contains("/keyframe/"), "only a part was asked for");
    send(&["/loop/zz*"]);
    send(&["/beat/phase", "f", "0.5"]);
    send(&["/show/quit"]);
    let stats = show.ends_well();
    _ = dumping.0.kill();
    assert!(stats["events_refused"].as_u64().unwrap() >= 2, "{stats}");
    let log = show.log();
    assert!(
        log.contains("/loop/zz*: this pattern means no address"),
        "{log}"
    );
}

#[test]
fn a_bundle_acts_at_its_time_unless_that_is_too_far_ahead() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
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
    osc.wait_for_value("/loop/speed", 2.0);
    assert!(
        start.elapsed() >= ahead,
        "too early, after {:?}",
        start.elapsed()
    );
    send(Duration::from_secs(3600), 3.0);
    osc.wait_for_value("/loop/speed", 3.0);
    show.quit();
}

/// Sets a row that all subscribers are told of, twice: when the second value has come, so has all that was told before.
fn mark(setter: &Osc, hearers: &[&Osc]) -> Vec<Vec<OscMessage>> {
    let mut heard = vec![Vec::new(); hearers.len()];
    for _ in 0..2 {
        let value = (setter.ask("/loop/hold_secs") as f32 + 0.25) % 4.0;
        setter.number("/loop/hold_secs", value);
        for (heard, hearer) in heard.iter_mut().zip(hearers) {
            heard.extend(hear_until(hearer, "the mark", |message| {
                message.addr == "/loop/hold_secs" && number(message) == f64::from(value)
            }));
        }
    }
    heard
}

#[test]
fn subscribers_are_told_what_others_do_and_not_what_they_do_themselves() {
    let mut show = Show::builder().headless().start();
    let [one, other, third] = [(); 3].map(|()| show.osc.another());
    one.send("/loop/pause", vec![OscType::Bool(true)]);
    one.wait_for_value("/loop/pause", 1.0);
    let state = subscribe(&one, &[]);
    assert_eq!(state["/master/fade"], OscType::Float(1.0));
    assert_eq!(state["/keyframe/64/seed"], OscType::Int(64));
    assert_eq!(state["/loop/pause"], OscType::Int(1));
    assert!(!state.contains_key("/loop/undo"), "triggers are not sent");
    subscribe(&other, &[OscType::String("keep".into())]);
    let is_fade = |value: f64| {
        move |message: &OscMessage| message.addr == "/master/fade" && number(message) == value
    };
    // Who sets a row is not told of it, unless the show takes longer than a quarter of a second to take the value.
    let mut fade = 0.25;
    let echoed = wait_for("a show that is quick for once", || {
        let sent = Instant::now();
        one.number("/master/fade", fade);
        hear_until(&other, "the other's fade", is_fade(fade.into()));
        let took = sent.elapsed();
        let [echoed] = mark(&show.osc, &[&one]).try_into().unwrap();
        fade = 1.0 - fade;
        let is_quick = took < Duration::from_millis(200);
        is_quick.then_some(echoed).ok_or(format!("{took:?}"))
    });
    assert!(!is_told(&echoed, "/master/fade"), "{echoed:?}");
    // What was clamped is corrected.
    one.number("/master/fade", 9.0);
    hear_until(&one, "a correction", is_fade(1.0));
    // Who asks no more is told no more.
    mark(&show.osc, &[&other]);
    other.send("/unsubscribe", vec![]);
    other.ask("/loop/speed");
    subscribe(&third, &[]);
    one.number("/master/fade", 0.5);
    hear_until(&third, "the third's fade", is_fade(0.5));
    mark(&show.osc, &[&third]);
    other.text("/loop/speed", "?");
    let after = hear_until(&other, "an answer", |message| message.addr == "/loop/speed");
    assert_eq!(after.len(), 1, "{after:?}");
    show.quit();
}

#[test]
fn programs_of_one_machine_hear_each_other_and_the_show_does_not_hear_itself() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
    let (hearer, asker) = (osc.another(), osc.another());
    let ours = OscType::Int(osc.port().into());
    asker.send("/subscribe", vec![ours, OscType::String("keep".into())]);
    show.wait_for_log(&format!(
        "latentloop itself listens on 127.0.0.1:{}",
        osc.port()
    ));
    // One socket asks for another's port, as liblo's tools do.
    let hears = hearer.local_port();
    asker.send(
        "/subscribe",
        vec![
            OscType::Int(hears.into()),
            OscType::String("/master".into()),
        ],
    );
    hear_until(&hearer, "the state", |message| {
        message.addr == "/master/fade"
    });
    osc.number("/master/fade", 0.25);
    hear_until(&hearer, "what another program does", |message| {
        message.addr == "/master/fade" && number(message) == 0.25
    });
    show.quit();
}

#[test]
fn an_osc_out_to_itself_is_refused_by_name_and_the_show_is_played() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut show = Show::builder()
        .headless()
        .osc(&address)
        .args(["--osc-out", &address])
        .start();
    show.wait_for_log(&format!(
        "OSC is not sent to {address}: latentloop itself listens there"
    ));
    show.osc.number("/loop/speed", 2.0);
    show.osc.wait_for_value("/loop/speed", 2.0);
    show.quit();
}

#[test]
fn no_wildcard_ends_the_show_and_a_flood_of_patterns_leaves_it_answering() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
    for pattern in ["/*/*", "/show/*", "/*/quit", "/{show,loop}/*"] {
        osc.send(pattern, vec![]);
        osc.number(pattern, 1.0);
    }
    // Of many refusals in a second one is told.
    show.wait_for_log("which nothing undoes; send to /");
    assert_eq!(osc.ask("/preset/fade_secs"), 0.0);
    // As many different patterns as a packet holds.
    let message = |number: usize| {
        let addr = format!("/{}{number}", "*[!-~]".repeat(20));
        OscPacket::Message(OscMessage { addr, args: vec![] })
    };
    let bundle = OscPacket::Bundle(OscBundle {
        timetag: OscTime {
            seconds: 0,
            fractional: 1,
        },
        content: (0..450).map(message).collect(),
    });
    let bytes = rosc::encoder::encode(&bundle).unwrap();
    for _ in 0..4 {
        osc.raw(&bytes);
    }
    let start = Instant::now();
    osc.ask("/loop/speed");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(4), "it was deaf for {took:?}");
    show.quit();
}

#[test]
fn liblo_plays_over_tcp() {
    let mut show = Show::builder().headless().start();
    let url = format!("osc.tcp://127.0.0.1:{}/", show.osc.port());
    let mut send = Command::new("oscsend");
    send.args([&url, "/loop/speed", "f", "1.25"]);
    assert!(Process::start(&mut send).ends_well());
    show.osc.wait_for_value("/loop/speed", 1.25);
    show.quit();
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
        return skip("network", "this machine has no address but loopback");
    };
    let mut show = Show::builder()
        .headless()
        .osc("0.0.0.0:0")
        .args(["--osc-allow", "198.51.100.0/24", "--oscquery", "none"])
        .start();
    let stranger = UdpSocket::bind((own, 0)).unwrap();
    let packet = OscPacket::Message(OscMessage {
        addr: "/loop/speed".into(),
        args: vec![OscType::Float(7.0)],
    });
    for _ in 0..5 {
        let bytes = rosc::encoder::encode(&packet).unwrap();
        let to = SocketAddr::new(own, show.osc.port());
        stranger.send_to(&bytes, to).unwrap();
    }
    show.wait_for_log(&format!("{own} was refused"));
    // Packets are taken in their order: when the show answers, it has had all of these.
    assert_eq!(show.osc.ask("/loop/speed"), f64::from(0.3f32));
    assert_eq!(show.quit()["osc_turned_away"], 5);
}
