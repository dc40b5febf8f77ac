//! The decoder: messages become requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addresses::{AddressMap, NotFound, PatternCache, PatternWork};
use super::decode_error::{Came, DecodeError, MAX_TEXT, Reason};
use super::message::{Argument, Message};
use super::pattern::Pattern;
use crate::instrument::params::{
    LOOP_POSITION, MIDI_UNLEARN, MODEL_LOAD, PRESET_BANK, PRESET_LOAD, PRESET_NEXT,
    PRESET_PREVIOUS, PRESET_SAVE, RECORD_KEEP, RECORD_TOGGLE, SHOW_QUIT,
};
use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// What fires a trigger twice within this is one message that came twice.
const DEAD: Duration = Duration::from_millis(20);
/// A float that stays high counts as held for so long after it has fired: its sender may never send the 0.
const HELD: Duration = Duration::from_millis(250);
/// High floats that come closer together are a stream: a button that is still held.
const STREAM: Duration = Duration::from_millis(50);
/// Presses that are remembered: a trigger of a sender each.
const MAX_PRESSES: usize = 1024;
/// The sender of what is decoded before any packet was begun.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

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

impl Subscription<'_> {
    /// Where changes go to that a socket asks for.
    pub(crate) fn target(&self, from: SocketAddr) -> SocketAddr {
        SocketAddr::new(from.ip(), self.port.unwrap_or(from.port()))
    }
}

/// A decoder of messages; it remembers who has pressed which trigger.
#[derive(Debug)]
pub struct Decoder {
    addresses: Arc<AddressMap>,
    patterns: PatternCache,
    work: PatternWork,
    sender: SocketAddr,
    /// Which packet it is, counted over all senders.
    packet: u64,
    presses: HashMap<(SocketAddr, ParamId), Press>,
}

/// What a sender last did to a trigger.
#[derive(Clone, Copy, Debug)]
struct Press {
    fired: Option<(Instant, u64)>,
    /// When its last float came, where that was high.
    high: Option<Instant>,
}

/// Whether nothing undoes what a parameter does: the end of the show, files that are written or replaced, the loop that another
/// takes the place of.
fn takes_its_own_address_only(param: ParamId) -> bool {
    const ONCE: [ParamId; 9] = [
        SHOW_QUIT.id(),
        PRESET_SAVE.id(),
        PRESET_LOAD.id(),
        PRESET_NEXT.id(),
        PRESET_PREVIOUS.id(),
        MODEL_LOAD.id(),
        RECORD_TOGGLE.id(),
        RECORD_KEEP.id(),
        MIDI_UNLEARN.id(),
    ];
    ONCE.contains(&param) || PRESET_BANK.index_of(param).is_some()
}

impl Decoder {
    /// A decoder for the parameters of a table.
    pub fn new(table: &Table) -> Self {
        Self::with_addresses(Arc::new(AddressMap::new(table)))
    }

    pub(crate) fn with_addresses(addresses: Arc<AddressMap>) -> Self {
        Self {
            addresses,
            patterns: PatternCache::default(),
            work: PatternWork::default(),
            sender: NOBODY,
            packet: 0,
            presses: HashMap::with_capacity(MAX_PRESSES),
        }
    }

    /// Begins with another packet: its patterns have their own share of work, its triggers are its sender's.
    pub fn begin(&mut self, sender: SocketAddr) {
        self.work = PatternWork::default();
        self.sender = sender;
        self.packet += 1;
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
                let found = self
                    .patterns
                    .find(address, table, &self.addresses, &mut self.work);
                match found {
                    Ok(found) if found.is_empty() => each(Err(error(Reason::NoMatch))),
                    Ok(found) => {
                        for &param in found.iter() {
                            let row = table.row(param);
                            let request = if takes_its_own_address_only(param)
                                && !is_query(param, row, message.arguments().next())
                            {
                                Err(Reason::OwnAddress(row))
                            } else {
                                self.request(param, scale, message, table, now)
                            };
                            if let Some(request) = request.map_err(error).transpose() {
                                each(request);
                            }
                        }
                    }
                    Err(NotFound::Pattern(reason)) => each(Err(error(Reason::Pattern(reason)))),
                    Err(NotFound::Work) => each(Err(error(Reason::Work))),
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
        if is_query(param, row, argument) {
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
        let came = Came(argument);
        match (row.kind, argument) {
            (Kind::Trigger, argument) => {
                let fires = self.fires(param, argument, now)?;
                Ok(fires.then_some(Request::Act(Action::Trigger { param })))
            }
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
            (Kind::Text, _) => Err(Reason::Text(row, came)),
            (Kind::Toggle, Some(Argument::Impulse)) => {
                let flips = self.is_pressed(param, now);
                Ok(flips.then_some(Request::Act(Action::Trigger { param })))
            }
            (kind, Some(Argument::Text(text))) => {
                let named = match kind {
                    Kind::Choice(names) => names.iter().position(|&name| name == text),
                    Kind::Toggle => switch(text).map(usize::from),
                    _ => None,
                };
                if let Some(index) = named {
                    return Ok(whole(index as f64));
                }
                if let Some(value) = plain_number(text) {
                    return Ok(set(value));
                }
                match (step(text, arguments.next()), kind) {
                    (Some(_), _) if scale == Scale::Unit => Err(Reason::Step(row)),
                    (Some(delta), _) => Ok(Some(Request::Act(Action::Nudge { param, delta }))),
                    (None, Kind::Choice(_)) => Err(Reason::Name(row, came)),
                    (None, Kind::Toggle) => Err(Reason::Switch(row, came)),
                    (None, _) => Err(Reason::Number(row, came)),
                }
            }
            (_, argument) => match argument.and_then(number) {
                Some(value) => Ok(set(value)),
                None => Err(Reason::Number(row, came)),
            },
        }
    }

    /// Whether a trigger fires: on every impulse, which is no argument, N, I, T, a string, or a whole number that is not 0; and on a
    /// float that rises to 0.5 or more.
    fn fires<'a>(
        &mut self,
        param: ParamId,
        argument: Option<Argument<'a>>,
        now: Instant,
    ) -> Result<bool, Reason<'a>> {
        let is_high = match argument {
            None | Some(Argument::Impulse | Argument::Nil) => true,
            Some(Argument::Text(text)) => {
                let number = plain_number(text).map(|value| value >= 0.5);
                number.or_else(|| switch(text)).unwrap_or(true)
            }
            Some(Argument::Float(_) | Argument::Double(_)) => {
                let value = argument.and_then(number);
                let value = value.ok_or(Reason::Trigger(Came(argument)))?;
                return Ok(self.rises(param, value >= 0.5, now));
            }
            Some(other) => number(other).ok_or(Reason::Trigger(Came(argument)))? >= 0.5,
        };
        Ok(is_high && self.is_pressed(param, now))
    }

    /// What the sender did last to a parameter.
    fn press(&mut self, param: ParamId, now: Instant) -> &mut Press {
        let key = (self.sender, param);
        if self.presses.len() >= MAX_PRESSES && !self.presses.contains_key(&key) {
            let lately = |at: Instant| now.saturating_duration_since(at) < HELD;
            self.presses.retain(|_, press| {
                press.high.is_some_and(lately) || press.fired.is_some_and(|(at, _)| lately(at))
            });
            if self.presses.len() >= MAX_PRESSES {
                self.presses.clear();
            }
        }
        self.presses.entry(key).or_insert(Press {
            fired: None,
            high: None,
        })
    }

    /// Takes an impulse; false where it is the last one once more, in another packet.
    fn is_pressed(&mut self, param: ParamId, now: Instant) -> bool {
        let packet = self.packet;
        let press = self.press(param, now);
        let is_double = press
            .fired
            .is_some_and(|(at, by)| by != packet && now.saturating_duration_since(at) < DEAD);
        if !is_double {
            press.fired = Some((now, packet));
        }
        !is_double
    }

    /// Takes a float; whether it rises.
    fn rises(&mut self, param: ParamId, is_high: bool, now: Instant) -> bool {
        let press = self.press(param, now);
        let before = press.high;
        press.high = is_high.then_some(now);
        let fired = press.fired;
        let within = |at: Instant, time| now.saturating_duration_since(at) < time;
        let is_held = before
            .is_some_and(|at| within(at, STREAM) || fired.is_some_and(|(at, _)| within(at, HELD)));
        is_high && !is_held && self.is_pressed(param, now)
    }
}

/// Whether a message asks for a parameter's value.
fn is_query(param: ParamId, row: &Row, argument: Option<Argument<'_>>) -> bool {
    match argument {
        Some(Argument::Text("?")) => true,
        // Without a text it makes a name up.
        None => row.kind != Kind::Trigger && param != PRESET_SAVE,
        Some(_) => false,
    }
}

/// On or off as a text.
fn switch(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("on") || is("true") {
        Some(true)
    } else if is("off") || is("false") {
        Some(false)
    } else {
        None
    }
}

/// A number as a text; with a sign it would be a step.
fn plain_number(text: &str) -> Option<f64> {
    let begins = text.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.');
    let value: f64 = begins.then(|| text.parse().ok()).flatten()?;
    value.is_finite().then_some(value)
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
                _ => return Err(Reason::Subscription(Came(Some(other)))),
            },
        }
    }
    Ok(ask)
}
