//! Controller feedback: what LEDs, LED rings and motor faders of a device show, and by which messages.

use super::event::ControlType;
use super::map_file::{BindingEntry, FeedbackKind};
use super::packet::Packet;
use crate::instrument::params::LOOP_POSITION;
use crate::instrument::{ParamId, Row};

/// A feedback address: the message type, channel and number by which a device takes an indicator's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FeedbackAddress {
    control_type: ControlType,
    channel: u8,
    number: u8,
}

/// Feedback of one binding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Feedback {
    /// The parameter's value, scaled to these.
    Value { low: u16, high: u16 },
    /// Whether it is on, as an LED's colours.
    Led { off: u8, on: u8, blink: bool },
}

impl Feedback {
    /// Whether a control of that parameter can be shown so.
    pub(super) fn suits(self, param: ParamId) -> bool {
        matches!(self, Self::Led { .. }) || param != LOOP_POSITION
    }
}

/// An indicator of a device (LED, LED ring or motor fader), and the indices of the bindings that it shows; which of them depends on
/// the page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Indicator {
    pub(super) address: FeedbackAddress,
    pub(super) bindings: Vec<usize>,
}

/// The feedback that an entry asks for, if any.
pub(super) fn feedback(
    entry: &BindingEntry,
    channel: Option<u8>,
    row: &Row,
    normalized: bool,
) -> Result<Option<(FeedbackAddress, Feedback)>, String> {
    let kind = match (entry.echo, entry.colors, entry.ring) {
        (Some(kind), ..) => kind,
        (None, Some(_), _) => FeedbackKind::Led,
        (None, None, Some(_)) => FeedbackKind::Value,
        (None, None, None) => FeedbackKind::None,
    };
    if kind == FeedbackKind::None {
        return Ok(None);
    }
    let control_type = entry.echo_type.unwrap_or(entry.control_type);
    let most = match control_type {
        ControlType::Cc | ControlType::Note => 127,
        ControlType::Cc14 => 31,
        ControlType::Bend => 0,
        _ => return Err("its echo_type is none of cc, cc14, note and bend".to_owned()),
    };
    let number = match (
        control_type,
        entry.echo_number.map(u16::from).or(entry.number),
    ) {
        (ControlType::Bend, _) => 0,
        (_, Some(number)) if number <= most => number as u8,
        _ => return Err(format!("its echo_number: give 0 to {most}")),
    };
    let channel = match entry.echo_channel {
        Some(channel @ 1..=16) => channel - 1,
        Some(channel) => return Err(format!("its echo_channel is {channel}: give 1 to 16")),
        // A device whose channel is not known listens on the first.
        None => channel.unwrap_or(0),
    };
    let bytes = [entry.colors, entry.ring];
    if bytes.iter().flatten().flatten().any(|byte| *byte > 127) {
        return Err("its colors and its ring: give 0 to 127".to_owned());
    }
    let feedback = if kind == FeedbackKind::Led {
        let [off, on] = entry.colors.unwrap_or([0, 127]);
        let blink = entry.blink;
        Feedback::Led { off, on, blink }
    } else if normalized {
        return Err(format!(
            "where {} stands between 0 and 127 depends on the loop: give it a range",
            row.name
        ));
    } else {
        let wide = matches!(control_type, ControlType::Cc14 | ControlType::Bend);
        let [low, high] = match entry.ring {
            // The highest byte means the very top.
            Some(ring) if wide => ring.map(|byte| u16::from(byte) << 7 | u16::from(byte)),
            Some(ring) => ring.map(u16::from),
            None => [0, if wide { 16383 } else { 127 }],
        };
        Feedback::Value { low, high }
    };
    let address = FeedbackAddress {
        control_type,
        channel,
        number,
    };
    Ok(Some((address, feedback)))
}

/// The indicators of bindings, each once; `addresses` are those of the bindings in their order.
pub(super) fn indicators(
    addresses: impl Iterator<Item = Option<FeedbackAddress>>,
) -> Vec<Indicator> {
    let mut shown: Vec<(FeedbackAddress, usize)> = addresses
        .enumerate()
        .filter_map(|(index, address)| Some((address?, index)))
        .collect();
    shown.sort_unstable();
    shown
        .chunk_by(|(one, _), (other, _)| one == other)
        .map(|chunk| Indicator {
            address: chunk[0].0,
            bindings: chunk.iter().map(|&(_, index)| index).collect(),
        })
        .collect()
}

impl FeedbackAddress {
    /// Writes into an entry what it needs to show itself in the same way.
    pub(super) fn describe(self, feedback: Feedback, entry: &mut BindingEntry) {
        entry.echo_type = Some(self.control_type);
        entry.echo_channel = Some(self.channel + 1);
        entry.echo_number = (self.control_type != ControlType::Bend).then_some(self.number);
        match feedback {
            Feedback::Led { off, on, blink } => {
                entry.echo = Some(FeedbackKind::Led);
                entry.colors = Some([off, on]);
                entry.blink = blink;
            }
            Feedback::Value { low, high } => {
                let shift = if matches!(self.control_type, ControlType::Cc14 | ControlType::Bend) {
                    7
                } else {
                    0
                };
                entry.echo = Some(FeedbackKind::Value);
                entry.ring = Some([low, high].map(|value| (value >> shift) as u8));
            }
        }
    }

    /// The messages that bring the indicator there to a state.
    pub(super) fn packets(self, state: u16) -> impl Iterator<Item = Packet> {
        let low = (state & 0x7f) as u8;
        let high = (state >> 7 & 0x7f) as u8;
        let (status, number) = (self.channel & 15, self.number);
        let (first, second) = match self.control_type {
            ControlType::Note => (Packet::new(&[0x90 | status, number, low]), None),
            ControlType::Bend => (Packet::new(&[0xe0 | status, low, high]), None),
            ControlType::Cc14 => (
                Packet::new(&[0xb0 | status, number, high]),
                Some(Packet::new(&[0xb0 | status, number + 32, low])),
            ),
            _ => (Packet::new(&[0xb0 | status, number, low]), None),
        };
        std::iter::once(first).chain(second)
    }
}
