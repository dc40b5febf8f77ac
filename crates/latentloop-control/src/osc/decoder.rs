//! What a message asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addresses::{Addresses, Patterns};
use super::fault::{Fault, MAX_TEXT, Reason};
use super::message::{Argument, Message};
use super::pattern::Pattern;
use crate::instrument::{Action, Kind, ParamId, Table};

/// How long a trigger's high value counts as held after its last message.
const HELD: Duration = Duration::from_millis(250);
/// The parameter that takes no text as well: it makes a name up.
const NAMELESS: &str = "preset.save";

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// Something is done.
    Do(Action),
    /// A parameter's value is asked for, in its unit or as a part of its range.
    Ask(ParamId, Scale),
    /// Every parameter's value is asked for.
    AskAll,
    /// Every change is asked for from now on.
    Subscribe(Subscription<'a>),
    /// No more changes are asked for, by the sender's own port or another of its.
    Unsubscribe(Option<u16>),
}

/// How a value is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In the parameter's own unit.
    Own,
    /// As 0 to 1 of its range.
    Unit,
}

/// Which changes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The port that they go to; the sender's own where none is given.
    pub port: Option<u16>,
    /// The part of the tree, `/loop`; all of it where it is empty.
    pub prefix: &'a str,
    /// Whether it holds until it is ended.
    pub keep: bool,
}

/// Turns messages into requests; remembers which triggers are held.
#[derive(Debug)]
pub struct Decoder {
    addresses: Arc<Addresses>,
    patterns: Patterns,
    /// When each parameter's last high value came, where its last one was high.
    high: Box<[Option<Instant>]>,
}

impl Decoder {
    /// A decoder for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        Self::of(Arc::new(Addresses::new(table)), table)
    }

    pub(crate) fn of(addresses: Arc<Addresses>, table: &Table) -> Self {
        Self {
            addresses,
            patterns: Patterns::default(),
            high: vec![None; table.len()].into(),
        }
    }

    /// Hands over what a message asks for that acts at `now`: nothing, one thing, or one of each parameter that its pattern means.
    pub fn requests<'a>(
        &mut self,
        message: &Message<'a>,
        table: &'a Table,
        now: Instant,
        mut each: impl FnMut(Result<Request<'a>, Fault<'a>>),
    ) {
        let fault = |reason| Fault {
            address: message.address,
            reason,
        };
        let (address, scale) = match message.address.strip_prefix("/unit") {
            Some(rest) if rest.starts_with('/') => (rest, Scale::Unit),
            _ => (message.address, Scale::Own),
        };
        if let Some(param) = self.addresses.find(address) {
            let request = self.request(param, scale, message, table, now);
            if let Some(request) = request.map_err(fault).transpose() {
                each(request);
            }
            return;
        }
        match message.address {
            ignored if ignored.starts_with("/_") => {}
            "/state" => each(Ok(Request::AskAll)),
            "/subscribe" => each(subscription(message).map(Request::Subscribe).map_err(fault)),
            "/unsubscribe" => each(
                subscription(message)
                    .map(|ask| Request::Unsubscribe(ask.port))
                    .map_err(fault),
            ),
            _ if Pattern::is(address) => {
                match self.patterns.find(address, table, &self.addresses) {
                    Ok(found) if found.is_empty() => each(Err(fault(Reason::Matchless))),
                    Ok(found) => {
                        for &param in found.iter() {
                            let request = self.request(param, scale, message, table, now);
                            if let Some(request) = request.map_err(fault).transpose() {
                                each(request);
                            }
                        }
                    }
                    Err(error) => each(Err(fault(Reason::Pattern(error)))),
                }
            }
            _ => each(Err(fault(Reason::Unknown))),
        }
    }

    /// What a message asks of one parameter; nothing where it is rightly passed over.
    fn request<'a>(
        &mut self,
        param: ParamId,
        scale: Scale,
        message: &Message<'a>,
        table: &'a Table,
        now: Instant,
    ) -> Result<Option<Request<'a>>, Reason<'a>> {
        let row = table.row(param);
        let mut arguments = message.arguments();
        let argument = arguments.next();
        let asks = match argument {
            Some(Argument::Text("?")) => true,
            None => row.kind != Kind::Trigger && row.name != NAMELESS,
            Some(_) => false,
        };
        if asks {
            return Ok(Some(Request::Ask(param, scale)));
        }
        if row.read_only {
            return Err(Reason::Told(row));
        }
        let set = |value| {
            Some(Request::Do(match scale {
                Scale::Own => Action::Set { param, value },
                Scale::Unit => Action::SetUnit { param, unit: value },
            }))
        };
        let whole = |value| Some(Request::Do(Action::Set { param, value }));
        match (row.kind, argument) {
            (Kind::Trigger, argument) => self.trigger(param, argument, now),
            (Kind::Text, Some(Argument::Text(text))) if text.len() > MAX_TEXT => {
                Err(Reason::Long(row))
            }
            (Kind::Text, None) => Ok(Some(Request::Do(Action::Text {
                param,
                text: "".into(),
            }))),
            (Kind::Text, Some(Argument::Text(text))) => Ok(Some(Request::Do(Action::Text {
                param,
                text: text.into(),
            }))),
            (Kind::Text, _) => Err(Reason::Text(row)),
            (Kind::Toggle, Some(Argument::Impulse)) => {
                Ok(Some(Request::Do(Action::Trigger { param })))
            }
            (Kind::Toggle, Some(Argument::Text("off"))) => Ok(whole(0.0)),
            (Kind::Toggle, Some(Argument::Text("on"))) => Ok(whole(1.0)),
            (kind, Some(Argument::Text(text))) => {
                let named = match kind {
                    Kind::Choice(names) => names.iter().position(|&name| name == text),
                    _ => None,
                };
                match (named, step(text, arguments.next())) {
                    (Some(index), _) => Ok(whole(index as f64)),
                    (None, Some(_)) if scale == Scale::Unit => Err(Reason::Step(row)),
                    (None, Some(delta)) => Ok(Some(Request::Do(Action::Nudge { param, delta }))),
                    (None, None) if matches!(kind, Kind::Choice(_)) => Err(Reason::Name(row)),
                    (None, None) => Err(Reason::Number(row)),
                }
            }
            (_, argument) => match argument.and_then(number) {
                Some(value) => Ok(set(value)),
                None => Err(Reason::Number(row)),
            },
        }
    }

    /// A trigger fires on no argument, N, I, T, a string, or a number that rises to 0.5 or more.
    fn trigger<'a>(
        &mut self,
        param: ParamId,
        argument: Option<Argument<'_>>,
        now: Instant,
    ) -> Result<Option<Request<'a>>, Reason<'a>> {
        let fire = Some(Request::Do(Action::Trigger { param }));
        let high = match argument {
            None | Some(Argument::Impulse | Argument::Nil | Argument::Text(_)) => return Ok(fire),
            Some(argument) => number(argument).ok_or(Reason::Trigger)? >= 0.5,
        };
        let last = &mut self.high[usize::from(param.0)];
        let held = last.is_some_and(|at| now.duration_since(at) < HELD);
        *last = high.then_some(now);
        Ok(fire.filter(|_| high && !held))
    }
}

/// A difference: a sign and a number in one string, or a sign and then a number.
fn step(text: &str, next: Option<Argument<'_>>) -> Option<f64> {
    let delta = match text {
        "+" => number(next?)?,
        "-" => -number(next?)?,
        _ if text.starts_with(['+', '-']) => text.parse().ok()?,
        _ => return None,
    };
    delta.is_finite().then_some(delta)
}

/// A finite number, whatever its type.
fn number(argument: Argument<'_>) -> Option<f64> {
    let number = match argument {
        Argument::Float(value) => f64::from(value),
        Argument::Double(value) => value,
        Argument::Int(value) => f64::from(value),
        Argument::Long(value) => value as f64,
        Argument::Bool(value) => f64::from(u8::from(value)),
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A port, a prefix and the word `keep`, in any order and each or none.
fn subscription<'a>(message: &Message<'a>) -> Result<Subscription<'a>, Reason<'a>> {
    let mut ask = Subscription {
        port: None,
        prefix: "",
        keep: false,
    };
    for argument in message.arguments() {
        match argument {
            Argument::Text("keep") => ask.keep = true,
            Argument::Text(prefix) if prefix.starts_with('/') && prefix.len() <= MAX_TEXT => {
                ask.prefix = prefix.trim_end_matches('/');
            }
            other => match number(other) {
                Some(port) if (1.0..=65535.0).contains(&port) => ask.port = Some(port as u16),
                _ => return Err(Reason::Subscription),
            },
        }
    }
    Ok(ask)
}
