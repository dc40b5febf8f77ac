//! What a message asks for.

use std::time::{Duration, Instant};

use rosc::{OscMessage, OscType};

use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// How long a trigger's high value counts as held after its last message.
const HELD: Duration = Duration::from_millis(250);

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Something is done.
    Do(Action),
    /// A parameter's value is asked for.
    Ask(ParamId),
    /// Every parameter's value is asked for.
    AskAll,
    /// A message that is rightly passed over.
    Nothing,
}

/// Turns messages into requests; remembers which triggers are held.
#[derive(Debug)]
pub struct Decoder {
    /// When each parameter's last high value came, where its last one was high.
    high: Vec<Option<Instant>>,
}

impl Decoder {
    /// A decoder for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        Self {
            high: vec![None; table.len()],
        }
    }

    /// What a message that came at `now` asks for.
    ///
    /// # Errors
    /// A line that names the address and what is wrong with it.
    pub fn request(
        &mut self,
        message: &OscMessage,
        table: &Table,
        now: Instant,
    ) -> Result<Request, String> {
        let address = message.addr.as_str();
        if address.starts_with("/_") {
            return Ok(Request::Nothing);
        }
        if address == "/state" {
            return Ok(Request::AskAll);
        }
        let (address, unit) = match address.strip_prefix("/unit/") {
            Some(rest) => (rest, true),
            None => (address.trim_start_matches('/'), false),
        };
        let Some(param) = table.id(&address.replace('/', ".")) else {
            return Err(format!(
                "OSC {}: there is no such address (latentloop params lists them)",
                message.addr
            ));
        };
        let row = table.row(param);
        let argument = message.args.first();
        if matches!(argument, Some(OscType::String(text)) if text == "?") {
            return Ok(Request::Ask(param));
        }
        match (row.kind, argument) {
            (Kind::Trigger, argument) => self.trigger(param, argument, now),
            (_, None) => Ok(Request::Ask(param)),
            (Kind::Text, Some(OscType::String(text))) => Ok(Request::Do(Action::Text {
                param,
                text: text.as_str().into(),
            })),
            (Kind::Choice(names), Some(OscType::String(text))) => {
                match names.iter().position(|name| name == text) {
                    Some(index) => Ok(Request::Do(Action::Set {
                        param,
                        value: index as f64,
                    })),
                    None => Err(refusal(row, &format!("one of {}", names.join(", ")))),
                }
            }
            (Kind::Text, _) => Err(refusal(row, "a string")),
            (_, Some(argument)) => match number(argument) {
                Some(unit_value) if unit => Ok(Request::Do(Action::SetUnit {
                    param,
                    unit: unit_value,
                })),
                Some(value) => Ok(Request::Do(Action::Set { param, value })),
                None => Err(refusal(row, "a finite number")),
            },
        }
        .map_err(|reason| format!("OSC {}: {reason}", message.addr))
    }

    /// A trigger fires on no argument, T, I, a string, or a number that rises to 0.5 or more.
    fn trigger(
        &mut self,
        param: ParamId,
        argument: Option<&OscType>,
        now: Instant,
    ) -> Result<Request, String> {
        let high = match argument {
            None | Some(OscType::Inf | OscType::String(_)) => {
                return Ok(Request::Do(Action::Trigger { param }));
            }
            Some(argument) => match number(argument) {
                Some(value) => value >= 0.5,
                None => return Err("takes a number, or nothing".to_owned()),
            },
        };
        let last = &mut self.high[usize::from(param.0)];
        let held = last.is_some_and(|at| now.duration_since(at) < HELD);
        *last = high.then_some(now);
        Ok(if high && !held {
            Request::Do(Action::Trigger { param })
        } else {
            Request::Nothing
        })
    }
}

fn refusal(row: &Row, expected: &str) -> String {
    format!("{} takes {expected}", row.name)
}

/// A finite number, whatever its type.
fn number(argument: &OscType) -> Option<f64> {
    let number = match *argument {
        OscType::Float(value) => f64::from(value),
        OscType::Double(value) => value,
        OscType::Int(value) => f64::from(value),
        OscType::Long(value) => value as f64,
        OscType::Bool(value) => f64::from(u8::from(value)),
        _ => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(
        decoder: &mut Decoder,
        address: &str,
        args: Vec<OscType>,
        ms: u64,
    ) -> Result<Request, String> {
        let addr = address.to_owned();
        let now = *START + Duration::from_millis(ms);
        decoder.request(&OscMessage { addr, args }, &TABLE, now)
    }

    static TABLE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(Table::standard);
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

    fn id(name: &str) -> ParamId {
        TABLE.find(name).unwrap()
    }

    #[test]
    fn addresses_are_parameter_names_and_units_are_apart() {
        let mut decoder = Decoder::new(&TABLE);
        let param = id("loop.speed");
        let nan = OscType::Float(f32::NAN);
        let text = |words: &str| OscType::String(words.into());
        for (address, args, expected) in [
            (
                "/loop/speed",
                vec![OscType::Float(1.5)],
                Some(Request::Do(Action::Set { param, value: 1.5 })),
            ),
            (
                "/loop/speed",
                vec![OscType::Int(2)],
                Some(Request::Do(Action::Set { param, value: 2.0 })),
            ),
            (
                "/unit/loop/speed",
                vec![OscType::Double(0.25)],
                Some(Request::Do(Action::SetUnit { param, unit: 0.25 })),
            ),
            ("/loop/speed", vec![], Some(Request::Ask(param))),
            ("/loop/speed", vec![text("?")], Some(Request::Ask(param))),
            ("/loop/speed", vec![nan], None),
            ("/loop/speed", vec![text("fast")], None),
            (
                "/loop/path",
                vec![text("slerp")],
                Some(Request::Do(Action::Set {
                    param: id("loop.path"),
                    value: 1.0,
                })),
            ),
            ("/loop/path", vec![text("arc")], None),
            (
                "/loop/pause",
                vec![OscType::Bool(true)],
                Some(Request::Do(Action::Set {
                    param: id("loop.pause"),
                    value: 1.0,
                })),
            ),
            (
                "/keyframe/3/seed",
                vec![OscType::Int(77)],
                Some(Request::Do(Action::Set {
                    param: id("keyframe.3.seed"),
                    value: 77.0,
                })),
            ),
            (
                "/preset/load",
                vec![text("slow")],
                Some(Request::Do(Action::Text {
                    param: id("preset.load"),
                    text: "slow".into(),
                })),
            ),
            ("/state", vec![], Some(Request::AskAll)),
            (
                "/_samplerate",
                vec![OscType::Float(60.0)],
                Some(Request::Nothing),
            ),
            ("/loop/sped", vec![], None),
            ("/keyframe/65/jump", vec![], None),
        ] {
            let said = ask(&mut decoder, address, args.clone(), 0);
            assert_eq!(said.clone().ok(), expected, "{address} {args:?}: {said:?}");
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
            (vec![OscType::Float(0.4)], 902, false),
        ] {
            let param = id("record.toggle");
            let expected = if fires {
                Request::Do(Action::Trigger { param })
            } else {
                Request::Nothing
            };
            assert_eq!(
                ask(&mut decoder, "/record/toggle", args.clone(), ms),
                Ok(expected),
                "{args:?} at {ms} ms"
            );
        }
    }
}
