//! A controller's map as its file has it: TOML, read and written.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::event::Sort;

/// Longest text of a map that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Most bindings of a map.
const MAX_BINDINGS: usize = 4096;
/// Longest message that a device is greeted with, in bytes.
const MAX_MESSAGE: usize = 64;

/// A map's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// Version of the format: 1.
    pub version: u32,
    /// What the device is called.
    pub name: String,
    /// The ports that it is for: parts of their names, in any case; the longest part that fits decides between maps.
    #[serde(default)]
    pub ports: Vec<String>,
    /// The map that ships, by file name without its ending, which this one adds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Messages that the device is greeted with, as hexadecimal bytes: `"F0 7E … F7"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_connect: Vec<String>,
    /// Messages that it is left with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_leave: Vec<String>,
    /// What its controls do.
    #[serde(default)]
    pub bindings: Vec<Spanned<Entry>>,
}

/// What one control does to one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The kind of the control.
    #[serde(rename = "type")]
    pub sort: Sort,
    /// Its number, where its kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// Its channel, 1 to 16; any where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The parameter.
    pub to: String,
    /// The page on which it does so, 1 to 8; every page where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u8>,
    /// What a press sets, in the parameter's unit, a choice by its name too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<toml::Value>,
    /// The part of the parameter's range that the control covers, in the parameter's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Whether the control runs the other way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
    /// How the control spreads over the range; as the parameter has it where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Bend>,
    /// What happens where the control stands elsewhere than the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover: Option<Takeover>,
    /// How an endless knob says how far it was turned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Relative>,
    /// How far a press or a step of an endless knob moves the parameter, in its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// Whether it holds only while it is pressed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub momentary: bool,
    /// Whether a note's velocity is the value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub velocity: bool,
    /// What the device is told of the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
    /// What is sent for off and for on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colors: Option<[u8; 2]>,
    /// Whether it blinks while it is on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blink: bool,
    /// What is sent at the low and at the high end, where that is not 0 to 127.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<[u8; 2]>,
    /// Type of what is sent, where it is another than the control's own: `cc`, `note` or `bend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_type: Option<Sort>,
    /// Channel on which it is sent, where it is another than the control's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_channel: Option<u8>,
    /// Number under which it is sent, where it is another than the control's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_number: Option<u8>,
    /// Whether it was learnt, and is forgotten with `unlearn`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub learnt: bool,
}

/// A channel, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Channel {
    /// 1 to 16.
    One(u8),
    /// `any`.
    Any(AnyChannel),
}

/// The word for every channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnyChannel {
    /// Every channel.
    Any,
}

/// How a control's way spreads over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bend {
    /// Evenly.
    Linear,
    /// Finer near the low end.
    Square,
}

/// What happens where a control stands elsewhere than its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Takeover {
    /// The parameter jumps to the control.
    Jump,
    /// The control does nothing until it meets the parameter.
    Pickup,
    /// The parameter moves in proportion to the way that is left to either side, until both meet.
    Scaled,
}

/// How an endless knob says how far it was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relative {
    /// Two's complement: 1 is one up, 127 one down.
    Twos,
    /// Binary offset: 65 is one up, 63 one down.
    Offset64,
    /// Signed bit: 1 is one up, 65 one down.
    Sign,
}

/// What a device is told of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Echo {
    /// Where it stands.
    Value,
    /// Whether it is on.
    Light,
    /// Nothing.
    None,
}

/// Why a map was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", line.map_or(String::new(), |line| format!("line {line}: ")))]
pub struct SheetError {
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl Sheet {
    /// Reads a map. What its parameters are called is not looked at yet.
    ///
    /// # Errors
    /// When it is no TOML, of another version, or has a field that there is not.
    pub fn parse(text: &str) -> Result<Self, SheetError> {
        let whole = |reason: String| SheetError { line: None, reason };
        if text.len() > MAX_BYTES {
            return Err(whole(format!(
                "it has {} bytes, more than any map",
                text.len()
            )));
        }
        let sheet: Self = toml::from_str(text).map_err(|error| SheetError {
            line: error.span().map(|span| line_of(text, span.start)),
            reason: with_nearest(error.message()),
        })?;
        if sheet.version != 1 {
            return Err(whole(format!(
                "its version is {}, this program reads version 1",
                sheet.version
            )));
        }
        if sheet.name.trim().is_empty() {
            return Err(whole("its name is empty".to_owned()));
        }
        if let Some(part) = sheet.ports.iter().find(|part| part.trim().is_empty()) {
            let reason = format!("its ports have {part:?}, which would fit every port");
            return Err(whole(reason));
        }
        if sheet.bindings.len() > MAX_BINDINGS {
            let count = sheet.bindings.len();
            return Err(whole(format!(
                "it has {count} bindings, more than {MAX_BINDINGS}"
            )));
        }
        for message in sheet.on_connect.iter().chain(&sheet.on_leave) {
            message_bytes(message).map_err(whole)?;
        }
        Ok(sheet)
    }

    /// Its text.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, SheetError> {
        toml::to_string(self).map_err(|error| SheetError {
            line: None,
            reason: error.to_string(),
        })
    }

    /// The length of the longest part of a port's names that it is for.
    pub fn fits(&self, names: &[String]) -> Option<usize> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let parts = self.ports.iter().map(|part| part.to_lowercase());
        parts
            .filter(|part| names.iter().any(|name| name.contains(part.as_str())))
            .map(|part| part.len())
            .max()
    }
}

impl Entry {
    /// An entry that says nothing but what moves what.
    pub fn plain(sort: Sort, number: Option<u16>, to: &str) -> Self {
        Self {
            sort,
            number,
            channel: None,
            to: to.to_owned(),
            page: None,
            value: None,
            range: None,
            invert: false,
            curve: None,
            takeover: None,
            relative: None,
            step: None,
            momentary: false,
            velocity: false,
            echo: None,
            colors: None,
            blink: false,
            ring: None,
            echo_type: None,
            echo_channel: None,
            echo_number: None,
            learnt: false,
        }
    }
}

/// The bytes of a message that a device is greeted with.
pub(super) fn message_bytes(text: &str) -> Result<Box<[u8]>, String> {
    let bytes: Result<Vec<u8>, _> = text
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect();
    let bytes = bytes.unwrap_or_default();
    let data = |bytes: &[u8]| bytes.iter().all(|byte| *byte < 0x80);
    let right = match bytes.as_slice() {
        [0xf0, inner @ .., 0xf7] => data(inner) && bytes.len() <= MAX_MESSAGE,
        [0xc0..=0xdf, rest @ ..] => rest.len() == 1 && data(rest),
        [0x80..=0xef, rest @ ..] => rest.len() == 2 && data(rest),
        _ => false,
    };
    if right {
        Ok(bytes.into())
    } else {
        Err(format!(
            "{text:?} is no MIDI message: write hexadecimal bytes, such as \"F0 7E 7F 06 01 F7\", {MAX_MESSAGE} at most"
        ))
    }
}

/// The line of a place in a text, counted from 1.
pub(super) fn line_of(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// An error of the TOML reader; with the name that a name that there is not is most like.
fn with_nearest(message: &str) -> String {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = ["unknown field", "unknown variant"];
    let nearest = match quoted.next() {
        Some(name) if unknown.iter().any(|start| message.starts_with(start)) => {
            quoted.min_by_key(|known| distance(name, known))
        }
        _ => None,
    };
    match nearest {
        Some(nearest) => format!("{message}; nearest: {nearest}"),
        None => message.to_owned(),
    }
}

/// Letters that must be changed, added or left out to make one word of the other; of their first fifty letters.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(50).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(50).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
