//! Controller map files: TOML, read and written.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::event::ControlType;
use crate::instrument::Curve;
use crate::instrument::params::nearest;
use crate::quote::shortened;

/// Longest text of a map that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Most bindings of a map.
const MAX_BINDINGS: usize = 4096;
/// Longest message that a device is greeted with, in bytes.
const MAX_MESSAGE: usize = 64;

/// A controller map file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapFile {
    /// Version of the format: 1.
    pub version: u32,
    /// The name of the device.
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
    /// The bindings of its controls.
    #[serde(default)]
    pub bindings: Vec<Spanned<BindingEntry>>,
}

/// A binding in a map file: what one control does to one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingEntry {
    /// The type of the control.
    #[serde(rename = "type")]
    pub control_type: ControlType,
    /// Its number, where its type has one.
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
    /// The value that a press sets, in the parameter's unit, a choice by its name too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<toml::Value>,
    /// The part of the parameter's range that the control covers, in the parameter's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Whether the control runs the other way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
    /// The response curve of the control; the parameter's own where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// The takeover mode: what happens where the control stands elsewhere than the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover: Option<Takeover>,
    /// The encoding of an endless encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<RelativeEncoding>,
    /// The step by which a press or an endless encoder moves the parameter, in its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// Whether it holds only while it is pressed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub momentary: bool,
    /// Whether a note's velocity is the value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub velocity: bool,
    /// The feedback that the device is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<FeedbackKind>,
    /// The colours of the LED: what is sent for off and for on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colors: Option<[u8; 2]>,
    /// Whether it blinks while it is on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blink: bool,
    /// The ends of an LED ring: what is sent at the low and at the high end, where that is not 0 to 127.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<[u8; 2]>,
    /// Type of what is sent, where it is another than the control's own: `cc`, `note` or `bend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_type: Option<ControlType>,
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

/// The takeover mode of a control that stands elsewhere than its parameter.
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

/// The encoding by which an endless encoder says how far it was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelativeEncoding {
    /// Two's complement: 1 is one up, 127 one down.
    Twos,
    /// Binary offset: 65 is one up, 63 one down.
    Offset64,
    /// Signed bit: 1 is one up, 65 one down.
    Sign,
}

/// The kind of feedback that a device is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackKind {
    /// The parameter's value.
    Value,
    /// Whether it is on, in the file `light`.
    #[serde(rename = "light")]
    Led,
    /// Nothing.
    None,
}

/// An error in a controller map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", line.map_or(String::new(), |line| format!("line {line}: ")))]
pub struct MapError {
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The reason: what is wrong and what would be right.
    pub reason: String,
}

impl MapFile {
    /// Parses a map file. Its parameters are not looked up yet.
    ///
    /// # Errors
    /// When it is no TOML, of another version, or has a field that there is not.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let whole = |reason: String| MapError { line: None, reason };
        if text.len() > MAX_BYTES {
            return Err(whole(format!(
                "it has {} bytes, more than any map",
                text.len()
            )));
        }
        let file: Self = toml::from_str(text).map_err(|error| MapError {
            line: error.span().map(|span| line_of(text, span.start)),
            reason: with_nearest(&shortened(error.message(), 300)),
        })?;
        if file.version != 1 {
            return Err(whole(format!(
                "its version is {}, this program reads version 1",
                file.version
            )));
        }
        if file.name.trim().is_empty() {
            return Err(whole("its name is empty".to_owned()));
        }
        if let Some(part) = file.ports.iter().find(|part| part.trim().is_empty()) {
            let reason = format!("its ports have {part:?}, which would fit every port");
            return Err(whole(reason));
        }
        if file.bindings.len() > MAX_BINDINGS {
            let count = file.bindings.len();
            return Err(whole(format!(
                "it has {count} bindings, more than {MAX_BINDINGS}"
            )));
        }
        for message in file.on_connect.iter().chain(&file.on_leave) {
            message_bytes(message).map_err(whole)?;
        }
        Ok(file)
    }

    /// Its text.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, MapError> {
        toml::to_string(self).map_err(|error| MapError {
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

impl BindingEntry {
    /// An entry with nothing but a control and its parameter.
    pub fn plain(control_type: ControlType, number: Option<u16>, to: &str) -> Self {
        Self {
            control_type,
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
            nearest(name, quoted)
        }
        _ => None,
    };
    match nearest {
        Some(nearest) => format!("{message}; nearest: {nearest}"),
        None => message.to_owned(),
    }
}
