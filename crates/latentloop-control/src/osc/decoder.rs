//! The decoder: messages become requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addresses::{AddressMap, PatternCache};
use super::decode_error::{DecodeError, MAX_TEXT, Reason};
use super::message::{Argument, Message};
use super::pattern::Pattern;
use crate::instrument::params::{LOOP_POSITION, PRESET_SAVE};
use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// How long a trigger's high value counts as held after its last message.
const HELD: Duration = Duration::from_millis(250);

/// A request of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// An action.
    Act(Action),
    /// A query of a parameter's value, in its unit or as a part of its range.
    Query(ParamId, Scale),
    /// A query of every parameter's value.
    QueryAll,
    /// A subscription to every change from now on.
    Subscribe(Subscription<'a>),
    /// The end of a subscription of the sender's own port or another of its.
    Unsubscribe(Option<u16>),
}

/// The scale of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In the parameter's own unit.
    Own,
    /// As 0 to 1 of its range.
    Unit,
}

impl Scale {
    /// By which scale a parameter is told where this one was asked for. What a part of the position's range is depends on the
    /// loop's length, and a text has none: they are told as they are.
    pub(crate) fn told(self, param: ParamId, row: &Row) -> Self {
        if param == LOOP_POSITION || row.kind == Kind::Text {
            Self::Own
        } else {
            self
        }
    }
}

/// A subscription to changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The port that they go to; the sender's own where none is given.
    pub port: Option<u16>,
    /// The part of the tree, `/loop`; all of it where it is empty.
    pub prefix: &'a str,
    /// Whether it holds until it is ended.
    pub keep: bool,
}

/// A decoder of messages; it remembers which triggers are held.
#[derive(Debug)]
pub struct Decoder {
    addresses: Arc<AddressMap>,
    patterns: PatternCache,
    /// When each parameter's last high value came, where its last one was high.
    high: Box<[Option<Instant>]>,
}

impl Decoder {
    /// A decoder for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        Self::with_addresses(Arc::new(AddressMap::new(table)), table)
    }

    pub(crate) fn with_addresses(addresses: Arc<AddressMap>, table: &Table) -> Self {
        Self {
            addresses,
            patterns: PatternCache::default(),
            high: vec![None; table.len()].into(),
        }
    }

    /// Hands over the requests of a message that acts at `now`: none, one, or one for each parameter that its pattern matches.
    pub fn requests<'a>(
        &mut self,
        message: &Message<'a>,
        table: &'a Table,
        now: Instant,
        mut each: impl FnMut(Result<Request<'a>, DecodeError<'a>>),
    ) {
        let error = |reason| DecodeError {
            address: message.address,
            reason,
        };
        let (address, scale) = match message.address.strip_prefix("/unit") {
            Some(rest) if rest.starts_with('/') => (rest, Scale::Unit),
            _ => (message.address, Scale::Own),
        };
        if let Some(param) = self.addresses.find(address) {
            let request = self.request(param, scale, message, table, now);
            if let Some(request) = request.map_err(error).transpose() {
                each(request);
            }
            return;
        }
        match message.address {
            ignored if ignored.starts_with("/_") => {}
            "/state" => each(Ok(Request::QueryAll)),
            "/subscribe" => each(subscription(message).map(Request::Subscribe).map_err(error)),
            "/unsubscribe" => each(
                subscription(message)
                    .map(|ask| Request::Unsubscribe(ask.port))
                    .map_err(error),
            ),
            _ if Pattern::is(address) => {
                match self.patterns.find(address, table, &self.addresses) {
                    Ok(found) if found.is_empty() => each(Err(error(Reason::NoMatch))),
                    Ok(found) => {
                        for &param in found.iter() {
                            let request = self.request(param, scale, message, table, now);
                            if let Some(request) = request.map_err(error).transpose() {
                                each(request);
                            }
                        }
                    }
                    Err(reason) => each(Err(error(Reason::Pattern(reason)))),
                }
            }
            _ => each(Err(error(Reason::Unknown))),
        }
    }

    /// The request of a message to one parameter; nothing where it is rightly passed over.
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
        let is_query = match argument {
            Some(Argument::Text("?")) => true,
            // Without a text it makes a name up.
            None => row.kind != Kind::Trigger && param != PRESET_SAVE,
            Some(_) => false,
        };
        if is_query {
            return Ok(Some(Request::Query(param, scale)));
        }
        if row.read_only {
            return Err(Reason::ReadOnly(row));
        }
        let set = |value| {
            Some(Request::Act(match scale {
                Scale::Own => Action::Set { param, value },
                Scale::Unit => Action::SetUnit { param, unit: value },
            }))
        };
        let whole = |value| Some(Request::Act(Action::Set { param, value }));
        match (row.kind, argument) {
            (Kind::Trigger, argument) => self.trigger(param, argument, now),
            (Kind::Text, Some(Argument::Text(text))) if text.len() > MAX_TEXT => {
                Err(Reason::Long(row))
            }
            (Kind::Text, None) => Ok(Some(Request::Act(Action::Text {
                param,
                text: "".into(),
            }))),
            (Kind::Text, Some(Argument::Text(text))) => Ok(Some(Request::Act(Action::Text {
                param,
                text: text.into(),
            }))),
            (Kind::Text, _) => Err(Reason::Text(row)),
            (Kind::Toggle, Some(Argument::Impulse)) => {
                Ok(Some(Request::Act(Action::Trigger { param })))
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
                    (None, Some(delta)) => Ok(Some(Request::Act(Action::Nudge { param, delta }))),
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
        let fire = Some(Request::Act(Action::Trigger { param }));
        let high = match argument {
            None | Some(Argument::Impulse | Argument::Nil | Argument::Text(_)) => return Ok(fire),
            Some(argument) => number(argument).ok_or(Reason::Trigger)? >= 0.5,
        };
        let last = &mut self.high[param.index()];
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
