//! Decode errors, put into words only where somebody reads them.

use std::fmt;

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
    ReadOnly(&'a Row),
    Name(&'a Row),
    Number(&'a Row),
    Text(&'a Row),
    Long(&'a Row),
    Step(&'a Row),
    Trigger,
    Subscription,
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
            Reason::ReadOnly(row) => write!(
                to,
                "{} only tells and cannot be set; send ? to ask for it",
                row.name
            ),
            Reason::Name(row) => {
                let names = match row.kind {
                    Kind::Choice(names) => names,
                    _ => &[],
                };
                write!(
                    to,
                    "{} takes one of {}, or its number",
                    row.name,
                    names.join(", ")
                )
            }
            Reason::Number(row) => write!(to, "{} takes a finite number", row.name),
            Reason::Text(row) => write!(to, "{} takes a string", row.name),
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
            Reason::Trigger => to.write_str("takes a number, or nothing"),
            Reason::Subscription => {
                to.write_str("takes a port, a part of the tree such as /loop, and keep")
            }
        }
    }
}
