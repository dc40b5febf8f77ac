//! Decode errors, put into words only where somebody reads them.

use std::fmt;

use super::message::Argument;
use super::pattern::PatternError;
use crate::instrument::{Kind, Row};

/// The longest text that a parameter is given: names are those of files.
pub(super) const MAX_TEXT: usize = 255;

/// A decode error: why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeError<'a> {
    pub(super) address: &'a str,
    pub(super) reason: Reason<'a>,
}

/// The reason of a decode error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reason<'a> {
    Unknown,
    Pattern(PatternError),
    NoMatch,
    /// The patterns of its packet have taken their share of work.
    Work,
    /// Nothing undoes what it does: no pattern reaches it.
    OwnAddress(&'a Row),
    ReadOnly(&'a Row),
    Name(&'a Row, Came<'a>),
    Switch(&'a Row, Came<'a>),
    Number(&'a Row, Came<'a>),
    Text(&'a Row, Came<'a>),
    Long(&'a Row),
    Step(&'a Row),
    Trigger(Came<'a>),
    Subscription(Came<'a>),
}

/// The argument that came, to be put into words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Came<'a>(pub(super) Option<Argument<'a>>);

/// Characters of a text that are shown.
const SHOWN: usize = 60;

impl fmt::Display for Came<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(argument) = self.0 else {
            return to.write_str("nothing");
        };
        match argument {
            Argument::Int(value) => write!(to, "the whole number {value}"),
            Argument::Long(value) => write!(to, "the whole number {value}"),
            Argument::Float(value) => write!(to, "the number {value}"),
            Argument::Double(value) => write!(to, "the number {value}"),
            Argument::Bool(value) => write!(to, "{value}"),
            Argument::Nil => to.write_str("nil"),
            Argument::Impulse => to.write_str("an impulse"),
            Argument::Text(text) => {
                to.write_str("the text \"")?;
                let mut shown = text.escape_debug();
                shown
                    .by_ref()
                    .take(SHOWN)
                    .try_for_each(|sign| write!(to, "{sign}"))?;
                to.write_str(if shown.next().is_some() {
                    "…\""
                } else {
                    "\""
                })
            }
            Argument::Other('b') => to.write_str("a blob"),
            Argument::Other('t') => to.write_str("a time tag"),
            Argument::Other('c') => to.write_str("a character"),
            Argument::Other('r') => to.write_str("a colour"),
            Argument::Other('m') => to.write_str("a MIDI message"),
            Argument::Other(tag) => write!(to, "an argument of type {tag}"),
        }
    }
}

impl fmt::Display for DecodeError<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.address[..self.address.len().min(100)];
        write!(to, "OSC {shown}: ")?;
        match self.reason {
            Reason::Unknown => {
                to.write_str("there is no such address (latentloop params lists them)")
            }
            Reason::Pattern(error) => write!(to, "{error}"),
            Reason::NoMatch => {
                to.write_str("this pattern means no address (latentloop params lists them)")
            }
            Reason::Work => to.write_str(
                "the patterns of one packet ask for more than is done for one; send fewer at once",
            ),
            Reason::OwnAddress(row) => write!(
                to,
                "no pattern reaches {}, which nothing undoes; send to {}",
                row.name,
                super::addresses::address(&row.name)
            ),
            Reason::ReadOnly(row) => write!(
                to,
                "{} only tells and cannot be set; send ? to ask for it",
                row.name
            ),
            Reason::Name(row, came) => {
                let names = match row.kind {
                    Kind::Choice(names) => names,
                    _ => &[],
                };
                write!(
                    to,
                    "{} takes one of {}, or its number, not {came}",
                    row.name,
                    names.join(", ")
                )
            }
            Reason::Switch(row, came) => write!(
                to,
                "{} takes on or off, true or false, 1 or 0, not {came}",
                row.name
            ),
            Reason::Number(row, came) => {
                write!(to, "{} takes a finite number, not {came}", row.name)
            }
            Reason::Text(row, came) => write!(to, "{} takes a string, not {came}", row.name),
            Reason::Long(row) => write!(
                to,
                "{} takes no string of more than {MAX_TEXT} bytes",
                row.name
            ),
            Reason::Step(row) => write!(
                to,
                "a step is in the parameter's own unit; send it to {}",
                super::addresses::address(&row.name)
            ),
            Reason::Trigger(came) => write!(to, "takes a number, or nothing, not {came}"),
            Reason::Subscription(came) => write!(
                to,
                "takes a port, a part of the tree such as /loop, and keep, not {came}"
            ),
        }
    }
}
