//! Messages and the requests that they decode to.

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
        ("/loop/speed", vec![text("fast")], Err("finite number")),
        ("/loop/speed", vec![OscType::Nil], Err("finite number")),
        ("/loop/path", vec![text("slerp")], Ok("loop.path = 1")),
        ("/loop/path", vec![OscType::Int(2)], Ok("loop.path = 2")),
        ("/loop/path", vec![text("+1")], Ok("loop.path + 1")),
        ("/loop/path", vec![text("norm-lerp")], Ok("loop.path = 2")),
        (
            "/loop/path",
            vec![text("arc")],
            Err("one of lerp, slerp, norm-lerp, smooth"),
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
        ("/preset/load", vec![OscType::Int(1)], Err("a string")),
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
        ("/subscribe", vec![text("loop")], Err("a port")),
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

#[test]
fn a_trigger_fires_on_a_rise_and_not_on_a_held_value() {
    let mut decoder = Decoder::new(&TABLE);
    let high = || vec![OscType::Float(1.0)];
    let low = || vec![OscType::Float(0.0)];
    for (args, ms, fires) in [
        (high(), 0, true),
        (high(), 16, false),
        (high(), 200, false),
        (low(), 216, false),
        (high(), 217, true),
        (high(), 500, true),
        (vec![], 501, true),
        (vec![OscType::Bool(true)], 900, true),
        (vec![OscType::Inf], 901, true),
        (vec![OscType::Nil], 902, true),
        (vec![OscType::Float(0.4)], 903, false),
    ] {
        let said = ask(&mut decoder, "/record/toggle", args.clone(), ms).unwrap();
        assert_eq!(
            said.len(),
            usize::from(fires),
            "{args:?} at {ms} ms: {said:?}"
        );
    }
}
