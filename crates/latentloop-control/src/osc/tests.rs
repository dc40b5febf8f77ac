//! Messages and the requests that they decode to.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};

use super::{Decoder, Message, Request, Scale};
use crate::instrument::{Action, ParamId, Table};

static TABLE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(Table::standard);
static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

/// What a message asks for, or the first fault in words.
fn ask(
    decoder: &mut Decoder,
    addr: &str,
    args: Vec<OscType>,
    ms: u64,
) -> Result<Vec<String>, String> {
    let addr = addr.to_owned();
    let bytes = rosc::encoder::encode(&OscPacket::Message(OscMessage { addr, args })).unwrap();
    let message = Message::parse(&bytes).unwrap();
    let now = *START + Duration::from_millis(ms);
    let mut said = Ok(Vec::new());
    decoder.requests(&message, &TABLE, now, |request| {
        match (&mut said, request) {
            (Ok(requests), Ok(request)) => requests.push(words(&request)),
            (said, Err(fault)) => *said = Err(fault.to_string()),
            (Err(_), Ok(_)) => {}
        }
    });
    said
}

fn words(request: &Request<'_>) -> String {
    let name = |param: &ParamId| TABLE.row(*param).name.clone();
    match request {
        Request::Act(Action::Set { param, value }) => format!("{} = {value}", name(param)),
        Request::Act(Action::SetUnit { param, unit }) => {
            format!("{} = {unit} of its range", name(param))
        }
        Request::Act(Action::Nudge { param, delta }) => format!("{} + {delta}", name(param)),
        Request::Act(Action::Trigger { param }) => format!("{}!", name(param)),
        Request::Act(Action::Text { param, text }) => format!("{} {text:?}", name(param)),
        Request::Act(action) => format!("{action:?}"),
        Request::Query(param, Scale::Own) => format!("{}?", name(param)),
        Request::Query(param, Scale::Unit) => format!("unit {}?", name(param)),
        Request::QueryAll => "all?".to_owned(),
        Request::Subscribe(ask) => {
            format!("subscribe {:?} {:?} {}", ask.port, ask.prefix, ask.keep)
        }
        Request::Unsubscribe(port) => format!("unsubscribe {port:?}"),
    }
}

fn text(text: &str) -> OscType {
    OscType::String(text.into())
}

#[test]
fn every_message_is_understood_as_it_is_documented() {
    let mut decoder = Decoder::new(&TABLE);
    let long = "x".repeat(256);
    for (address, args, expected) in [
        (
            "/loop/speed",
            vec![OscType::Float(1.5)],
            Ok("loop.speed = 1.5"),
        ),
        ("/loop/speed", vec![OscType::Int(2)], Ok("loop.speed = 2")),
        ("/loop/speed", vec![OscType::Long(3)], Ok("loop.speed = 3")),
        (
            "/loop/speed",
            vec![OscType::Double(0.1)],
            Ok("loop.speed = 0.1"),
        ),
        (
            "/unit/loop/speed",
            vec![OscType::Double(0.25)],
            Ok("loop.speed = 0.25 of its range"),
        ),
        ("/loop/speed", vec![], Ok("loop.speed?")),
        ("/loop/speed", vec![text("?")], Ok("loop.speed?")),
        ("/unit/loop/speed", vec![], Ok("unit loop.speed?")),
        ("/loop/speed", vec![text("+0.1")], Ok("loop.speed + 0.1")),
        ("/loop/speed", vec![text("-2")], Ok("loop.speed + -2")),
        (
            "/loop/speed",
            vec![text("+"), OscType::Float(0.5)],
            Ok("loop.speed + 0.5"),
        ),
        (
            "/loop/speed",
            vec![text("-"), OscType::Int(2)],
            Ok("loop.speed + -2"),
        ),
        ("/loop/speed", vec![text("+")], Err("finite number")),
        ("/loop/speed", vec![text("+inf")], Err("finite number")),
        (
            "/unit/loop/speed",
            vec![text("+0.1")],
            Err("send it to /loop/speed"),
        ),
        (
            "/loop/speed",
            vec![OscType::Float(f32::NAN)],
            Err("finite number"),
        ),
        (
            "/loop/speed",
            vec![OscType::Float(f32::NAN)],
            Err("not the number NaN"),
        ),
        (
            "/loop/speed",
            vec![text("fast")],
            Err("a finite number, not the text \"fast\""),
        ),
        ("/loop/speed", vec![text("infinity")], Err("finite number")),
        ("/loop/speed", vec![OscType::Nil], Err("not nil")),
        (
            "/loop/speed",
            vec![OscType::Blob(vec![1])],
            Err("not a blob"),
        ),
        (
            "/loop/speed",
            vec![text(&format!("a\n{long}"))],
            Err("not the text \"a\\nxxx"),
        ),
        // A text that is a number without a sign sets.
        ("/loop/speed", vec![text("1.5")], Ok("loop.speed = 1.5")),
        ("/loop/speed", vec![text(".5")], Ok("loop.speed = 0.5")),
        ("/loop/speed", vec![text("2e0")], Ok("loop.speed = 2")),
        (
            "/unit/loop/speed",
            vec![text("0.25")],
            Ok("loop.speed = 0.25 of its range"),
        ),
        (
            "/keyframe/3/seed",
            vec![text("2147483647")],
            Ok("keyframe.3.seed = 2147483647"),
        ),
        ("/loop/path", vec![text("2")], Ok("loop.path = 2")),
        ("/loop/pause", vec![text("1")], Ok("loop.pause = 1")),
        ("/loop/pause", vec![text("0")], Ok("loop.pause = 0")),
        ("/loop/pause", vec![text("true")], Ok("loop.pause = 1")),
        ("/loop/pause", vec![text("False")], Ok("loop.pause = 0")),
        ("/unit/loop/pause", vec![text("true")], Ok("loop.pause = 1")),
        (
            "/loop/pause",
            vec![text("yes")],
            Err("takes on or off, true or false, 1 or 0, not the text \"yes\""),
        ),
        ("/loop/path", vec![text("slerp")], Ok("loop.path = 1")),
        ("/loop/path", vec![OscType::Int(2)], Ok("loop.path = 2")),
        ("/loop/path", vec![text("+1")], Ok("loop.path + 1")),
        ("/loop/path", vec![text("norm-lerp")], Ok("loop.path = 2")),
        (
            "/loop/path",
            vec![text("arc")],
            Err("one of lerp, slerp, norm-lerp, smooth, or its number, not the text \"arc\""),
        ),
        (
            "/loop/pause",
            vec![OscType::Bool(true)],
            Ok("loop.pause = 1"),
        ),
        (
            "/loop/pause",
            vec![OscType::Bool(false)],
            Ok("loop.pause = 0"),
        ),
        ("/loop/pause", vec![text("on")], Ok("loop.pause = 1")),
        (
            "/loop/pause",
            vec![OscType::Float(1.0)],
            Ok("loop.pause = 1"),
        ),
        ("/loop/pause", vec![OscType::Inf], Ok("loop.pause!")),
        ("/loop/pause", vec![], Ok("loop.pause?")),
        (
            "/keyframe/3/seed",
            vec![OscType::Int(77)],
            Ok("keyframe.3.seed = 77"),
        ),
        (
            "/keyframe/{3,5}/jump",
            vec![],
            Ok("keyframe.3.jump! keyframe.5.jump!"),
        ),
        (
            "/unit/keyframe/[1-2]/lock",
            vec![OscType::Int(1)],
            Ok("keyframe.1.lock = 1 of its range keyframe.2.lock = 1 of its range"),
        ),
        (
            "/keyframe/[8-9]/seed",
            vec![text("?")],
            Ok("keyframe.8.seed? keyframe.9.seed?"),
        ),
        ("/nothing/*", vec![], Err("means no address")),
        ("/keyframe/[/jump", vec![], Err("do not close")),
        (
            "/preset/load",
            vec![text("slow")],
            Ok("preset.load \"slow\""),
        ),
        ("/preset/load", vec![], Ok("preset.load?")),
        (
            "/preset/load",
            vec![OscType::Int(1)],
            Err("a string, not the whole number 1"),
        ),
        ("/loop/undo", vec![OscType::Blob(vec![])], Err("not a blob")),
        (
            "/preset/load",
            vec![text(&long)],
            Err("more than 255 bytes"),
        ),
        ("/preset/save", vec![], Ok("preset.save \"\"")),
        (
            "/preset/save",
            vec![text("mine")],
            Ok("preset.save \"mine\""),
        ),
        ("/beat/phase", vec![], Ok("beat.phase?")),
        ("/beat/phase", vec![OscType::Float(0.5)], Err("only tells")),
        ("/loop/undo", vec![text("?")], Ok("loop.undo?")),
        ("/state", vec![], Ok("all?")),
        ("/subscribe", vec![], Ok("subscribe None \"\" false")),
        (
            "/subscribe",
            vec![text("keep"), text("/loop/"), OscType::Int(7001)],
            Ok("subscribe Some(7001) \"/loop\" true"),
        ),
        ("/subscribe", vec![OscType::Int(70_000)], Err("a port")),
        (
            "/subscribe",
            vec![text("loop")],
            Err("and keep, not the text \"loop\""),
        ),
        (
            "/unsubscribe",
            vec![OscType::Int(7001)],
            Ok("unsubscribe Some(7001)"),
        ),
        ("/_samplerate", vec![OscType::Float(60.0)], Ok("")),
        ("/loop/sped", vec![], Err("no such address")),
        ("/loop.speed", vec![], Err("no such address")),
        ("/keyframe/65/jump", vec![], Err("no such address")),
    ] {
        let said = ask(&mut decoder, address, args.clone(), 0).map(|all| all.join(" "));
        match (&said, expected) {
            (Ok(said), Ok(expected)) => assert_eq!(said, expected, "{address} {args:?}"),
            (Err(said), Err(expected)) => {
                assert!(said.contains(expected), "{address} {args:?}: {said}");
            }
            _ => panic!("{address} {args:?}: {said:?} and not {expected:?}"),
        }
    }
}

/// Whether a message of a packet of its own fires.
fn fires(decoder: &mut Decoder, port: u16, address: &str, args: Vec<OscType>, ms: u64) -> bool {
    decoder.begin(SocketAddr::from(([127, 0, 0, 1], port)));
    let said = ask(decoder, address, args, ms).unwrap();
    assert!(said.len() <= 1);
    !said.is_empty()
}

#[test]
fn a_float_fires_on_a_rise_and_is_held_a_quarter_of_a_second_or_while_it_streams() {
    let mut decoder = Decoder::new(&TABLE);
    let [high, low] = [1.0, 0.0].map(OscType::Float);
    for (arg, ms, expected) in [
        (&high, 0, true),
        (&high, 16, false),
        (&high, 200, false),
        (&low, 216, false),
        (&high, 237, true),
        // The hold is not renewed.
        (&high, 350, false),
        (&high, 486, false),
        (&high, 550, true),
        (&OscType::Float(0.4), 600, false),
        (&OscType::Double(0.5), 601, true),
    ] {
        let found = fires(&mut decoder, 1, "/record/toggle", vec![arg.clone()], ms);
        assert_eq!(found, expected, "{arg:?} at {ms} ms");
    }
    // A button that is held, as a CHOP sends it in every frame.
    let fired = (0..180).filter(|frame| {
        let ms = 2000 + frame * 33;
        fires(&mut decoder, 1, "/record/toggle", vec![high.clone()], ms)
    });
    assert_eq!(fired.count(), 1);
}

#[test]
fn impulses_fire_each_time_and_a_packet_that_comes_twice_once() {
    let mut decoder = Decoder::new(&TABLE);
    let high = [
        vec![OscType::Int(1)],
        vec![OscType::Long(1)],
        vec![OscType::Bool(true)],
        vec![],
        vec![OscType::Inf],
        vec![OscType::Nil],
        vec![text("go")],
        vec![text("1")],
    ];
    let mut ms = 0;
    for args in high {
        let mut count = 0;
        for _ in 0..10 {
            ms += 107;
            // Two networks, or a retry, bring it twice.
            for late in [0, 3, 19] {
                let at = ms + late;
                count += usize::from(fires(&mut decoder, 1, "/loop/reroll", args.clone(), at));
            }
        }
        assert_eq!(count, 10, "{args:?}");
    }
    // Toggles are flipped by an impulse: twice would be not at all.
    let flips = [0, 5, 25].map(|late| {
        let at = ms + 500 + late;
        fires(&mut decoder, 1, "/loop/pause", vec![OscType::Inf], at)
    });
    assert_eq!(flips, [true, false, true]);
    for args in [
        vec![OscType::Int(0)],
        vec![OscType::Bool(false)],
        vec![text("off")],
        vec![text("0")],
    ] {
        ms += 2000;
        assert!(!fires(&mut decoder, 1, "/loop/reroll", args, ms));
    }
}

#[test]
fn every_sender_has_triggers_of_its_own() {
    let mut decoder = Decoder::new(&TABLE);
    for args in [vec![OscType::Float(1.0)], vec![OscType::Int(1)]] {
        let ms = 10_000 * args.len() as u64;
        for port in [1, 2, 3] {
            assert!(fires(&mut decoder, port, "/loop/reroll", args.clone(), ms));
            assert!(!fires(
                &mut decoder,
                port,
                "/loop/reroll",
                args.clone(),
                ms + 1
            ));
        }
        decoder = Decoder::new(&TABLE);
    }
    // More senders than are remembered fire, too.
    for port in 1..5000 {
        assert!(fires(&mut decoder, port, "/loop/reroll", vec![], 0));
    }
    // Two of one packet are two.
    decoder.begin(SocketAddr::from(([127, 0, 0, 1], 9)));
    for _ in 0..2 {
        let said = ask(&mut decoder, "/loop/undo", vec![], 30_000);
        assert_eq!(said.unwrap(), ["loop.undo!"]);
    }
}

#[test]
fn no_pattern_ends_the_show_or_does_what_nothing_undoes() {
    let mut decoder = Decoder::new(&TABLE);
    for (pattern, args) in [
        ("/*/*", vec![]),
        ("/show/*", vec![]),
        ("/show/qui[t]", vec![OscType::Int(1)]),
        ("/{show,loop}/{quit,undo}", vec![OscType::Bool(true)]),
        ("/unit/*/*", vec![OscType::Float(1.0)]),
        ("/record/*", vec![OscType::Inf]),
        ("/preset/bank/*", vec![]),
        ("/preset/{load,save}", vec![text("x")]),
        ("/model/*", vec![text("x")]),
        ("/midi/*", vec![]),
        ("/*/*", vec![text("x")]),
    ] {
        let mut done = Vec::new();
        let mut refused = 0;
        let addr = pattern.to_owned();
        let packet = OscPacket::Message(OscMessage { addr, args });
        let bytes = rosc::encoder::encode(&packet).unwrap();
        let message = Message::parse(&bytes).unwrap();
        decoder.begin(SocketAddr::from(([127, 0, 0, 1], 1)));
        decoder.requests(&message, &TABLE, *START, |request| match request {
            Ok(Request::Act(action)) => done.push(words(&Request::Act(action))),
            Ok(_) => {}
            Err(fault) => {
                let said = fault.to_string();
                refused += usize::from(said.contains("which nothing undoes; send to /"));
            }
        });
        for guarded in [
            "show.quit",
            "preset.",
            "model.",
            "record.toggle",
            "record.keep!",
            "midi.unlearn",
        ] {
            let is_done = done
                .iter()
                .any(|does| does.starts_with(guarded) && !does.contains('='));
            assert!(!is_done, "{pattern}: {done:?}");
        }
        assert!(refused > 0, "{pattern}");
    }
    // What they tell, patterns may ask for; and its own address does it.
    let told = ask(&mut decoder, "/model/*", vec![text("?")], 0).unwrap();
    assert_eq!(told, ["model.load?"]);
    let said = ask(&mut decoder, "/show/quit", vec![], 5000).unwrap();
    assert_eq!(said, ["show.quit!"]);
}

/// What a bundle of messages with no arguments to these addresses comes to: requests, and those that were too much.
fn work(decoder: &mut Decoder, addresses: impl Iterator<Item = String>) -> (usize, usize) {
    let (mut requests, mut left_out) = (0, 0);
    decoder.begin(SocketAddr::from(([127, 0, 0, 1], 1)));
    for mut bytes in addresses.map(String::into_bytes) {
        bytes.resize((bytes.len() / 4 + 1) * 4, 0);
        let message = Message::parse(&bytes).unwrap();
        decoder.requests(&message, &TABLE, *START, |request| match request {
            Ok(_) => requests += 1,
            Err(fault) => {
                left_out +=
                    usize::from(fault.to_string().contains("for more than is done for one"));
            }
        });
    }
    (requests, left_out)
}

#[test]
fn the_patterns_of_a_packet_are_followed_to_a_bound_and_the_rest_is_counted() {
    let mut decoder = Decoder::new(&TABLE);
    // As a packet of 65 kilobytes has them: all of them different.
    let stars = (0..480).map(|number| format!("/{}{number}", "*[!-~]".repeat(20)));
    let start = Instant::now();
    let (_, left_out) = work(&mut decoder, stars);
    let took = start.elapsed();
    assert!(
        left_out > 100 && took < Duration::from_secs(2),
        "{left_out}, {took:?}"
    );
    let lists = (0..480).map(|number| {
        format!(
            "/{{,,,,}}{{,,,}}{{,,,}}keyframe/*/{number}*{}",
            "?*".repeat(30)
        )
    });
    let start = Instant::now();
    work(&mut decoder, lists);
    assert!(start.elapsed() < Duration::from_secs(2));
    // Or one that means everything, again and again.
    let (requests, left_out) = work(&mut decoder, (0..5000).map(|_| "/*/*/*".to_owned()));
    assert!(
        requests < 20_000 && left_out > 4900,
        "{requests}, {left_out}"
    );
    // The next packet is as good as the first.
    let (requests, left_out) = work(&mut decoder, std::iter::once("/keyframe/*/seed".to_owned()));
    assert_eq!((requests, left_out), (64, 0));
    // Far more than a show sends at once is well within it.
    let many = (1..=200).map(|number| format!("/keyframe/{{{number},{}}}/*", number % 64 + 1));
    assert_eq!(work(&mut decoder, many).1, 0);
}
