//! Control events: what a message says of a control, 14-bit pairs and NRPNs put together.

use super::parser::Message;

/// The type of a control.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ControlType {
    /// A 7-bit control change.
    Cc,
    /// A 14-bit pair of control changes: number 0 to 31 the MSB, 32 more the LSB.
    Cc14,
    /// A non-registered parameter number (NRPN), set by data entry or stepped by data increment and decrement.
    Nrpn,
    /// A note: a pad, a key or a button.
    Note,
    /// Pitch bend.
    Bend,
    /// Channel aftertouch.
    Pressure,
    /// Polyphonic aftertouch: the pressure on one key.
    Poly,
    /// A program change.
    Program,
}

/// A control of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlId {
    /// Its type.
    pub control_type: ControlType,
    /// Its number; 0 where the type has none.
    pub number: u16,
    /// 0..=15.
    pub channel: u8,
}

impl std::fmt::Display for ControlId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.number;
        match self.control_type {
            ControlType::Cc => write!(f, "CC {number}")?,
            ControlType::Cc14 => write!(f, "CC {number} and {}", number + 32)?,
            ControlType::Nrpn => write!(f, "NRPN {number}")?,
            ControlType::Note => write!(f, "note {number}")?,
            ControlType::Bend => write!(f, "pitch bend")?,
            ControlType::Pressure => write!(f, "pressure")?,
            ControlType::Poly => write!(f, "pressure on note {number}")?,
            ControlType::Program => write!(f, "program {number}")?,
        }
        if self.channel > 0 {
            write!(f, ", channel {}", self.channel + 1)?;
        }
        Ok(())
    }
}

/// The kind of a control event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It went to this 7-bit value.
    Value7(u8),
    /// It went to this 14-bit value.
    Value14(u16),
    /// It was pressed, with this velocity: 1..=127.
    Press(u8),
    /// It was released.
    Release,
    /// It was stepped up or down.
    Increment(i8),
}

/// An event of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlEvent {
    /// Which control.
    pub control: ControlId,
    /// The kind of the event.
    pub kind: EventKind,
}

/// The controls of a map that consist of several control changes; all other numbers are plain ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CompositeControls {
    /// A bit for each number from 0 to 31 that has an LSB, a channel.
    pub pairs: [u32; 16],
    /// The NRPNs that are bound, in order; with a bit a channel.
    pub nrpns: Vec<(u16, u16)>,
}

impl CompositeControls {
    fn is_pair(&self, channel: u8, number: u8) -> bool {
        self.pairs[usize::from(channel & 15)] >> (number & 31) & 1 == 1
    }

    fn has_nrpn(&self, channel: u8, parameter: u16) -> bool {
        let found = self
            .nrpns
            .binary_search_by_key(&parameter, |&(number, _)| number);
        found.is_ok_and(|place| self.nrpns[place].1 >> channel & 1 == 1)
    }

    fn has_nrpns(&self, channel: u8) -> bool {
        self.nrpns
            .iter()
            .any(|(_, channels)| channels >> channel & 1 == 1)
    }
}

/// The two bytes of a 14-bit value.
#[derive(Clone, Copy, Debug, Default)]
struct MsbLsb {
    msb: Option<u8>,
    lsb: Option<u8>,
    /// Whether this device sends the LSB first.
    lsb_first: bool,
}

impl MsbLsb {
    fn set_msb(&mut self, value: u8) -> u16 {
        self.msb = Some(value);
        // MIDI 1.0: the MSB sets the LSB to 0. A device that sends no LSB at all still reaches the top.
        if !self.lsb_first && self.lsb.is_some() {
            self.lsb = Some(0);
        }
        self.value(value)
    }

    fn set_lsb(&mut self, value: u8) -> Option<u16> {
        self.lsb_first |= self.msb.is_none();
        self.lsb = Some(value);
        self.msb.map(|msb| self.value(msb))
    }

    fn value(&self, msb: u8) -> u16 {
        u16::from(msb) << 7 | u16::from(self.lsb.unwrap_or(msb))
    }
}

/// The NRPN that data entry on a channel sets.
#[derive(Clone, Copy, Debug, Default)]
struct SelectedNrpn {
    msb: Option<u8>,
    lsb: Option<u8>,
    data: MsbLsb,
}

impl SelectedNrpn {
    fn number(&self) -> Option<u16> {
        Some(u16::from(self.msb?) << 7 | u16::from(self.lsb?))
    }
}

/// An assembler of one port's control events.
#[derive(Clone, Debug)]
pub(super) struct EventAssembler {
    pairs: Box<[[MsbLsb; 32]; 16]>,
    selected: [SelectedNrpn; 16],
}

impl Default for EventAssembler {
    fn default() -> Self {
        Self {
            pairs: Box::new([[MsbLsb::default(); 32]; 16]),
            selected: [SelectedNrpn::default(); 16],
        }
    }
}

impl EventAssembler {
    /// The event that a message completes, if it does. Never allocates.
    pub(super) fn assemble(
        &mut self,
        message: Message,
        composites: &CompositeControls,
    ) -> Option<ControlEvent> {
        let event = |control_type, channel, number: u8, kind| {
            let number = u16::from(number);
            Some(ControlEvent {
                control: ControlId {
                    control_type,
                    number,
                    channel,
                },
                kind,
            })
        };
        match message {
            Message::NoteOn {
                channel,
                note,
                velocity,
            } => event(ControlType::Note, channel, note, EventKind::Press(velocity)),
            Message::NoteOff { channel, note } => {
                event(ControlType::Note, channel, note, EventKind::Release)
            }
            Message::PolyPressure {
                channel,
                note,
                pressure,
            } => event(
                ControlType::Poly,
                channel,
                note,
                EventKind::Value7(pressure),
            ),
            Message::ControlChange {
                channel,
                number,
                value,
            } => self.control(channel, number, value, composites),
            Message::ProgramChange { channel, program } => event(
                ControlType::Program,
                channel,
                program,
                EventKind::Press(127),
            ),
            Message::ChannelPressure { channel, pressure } => event(
                ControlType::Pressure,
                channel,
                0,
                EventKind::Value7(pressure),
            ),
            Message::PitchBend { channel, value } => {
                event(ControlType::Bend, channel, 0, EventKind::Value14(value))
            }
            Message::Clock
            | Message::Start
            | Message::Continue
            | Message::Stop
            | Message::SongPosition(_) => None,
        }
    }

    fn control(
        &mut self,
        channel: u8,
        number: u8,
        value: u8,
        composites: &CompositeControls,
    ) -> Option<ControlEvent> {
        let event = |control_type, number: u16, kind| {
            Some(ControlEvent {
                control: ControlId {
                    control_type,
                    number,
                    channel,
                },
                kind,
            })
        };
        if number < 64 && composites.is_pair(channel, number) {
            let pair = &mut self.pairs[usize::from(channel & 15)][usize::from(number & 31)];
            let value = if number < 32 {
                pair.set_msb(value)
            } else {
                pair.set_lsb(value)?
            };
            return event(
                ControlType::Cc14,
                u16::from(number & 31),
                EventKind::Value14(value),
            );
        }
        if !composites.has_nrpns(channel) {
            return event(ControlType::Cc, u16::from(number), EventKind::Value7(value));
        }
        let selected = &mut self.selected[usize::from(channel & 15)];
        match number {
            98 | 99 => {
                if number == 99 {
                    selected.msb = Some(value);
                } else {
                    selected.lsb = Some(value);
                }
                selected.data.msb = None;
                return None;
            }
            // A registered parameter: data entry means that one from now on.
            100 | 101 => *selected = SelectedNrpn::default(),
            _ => {}
        }
        let parameter = selected
            .number()
            .filter(|&number| composites.has_nrpn(channel, number));
        let (Some(parameter), 6 | 38 | 96 | 97) = (parameter, number) else {
            return event(ControlType::Cc, u16::from(number), EventKind::Value7(value));
        };
        let kind = match number {
            6 => EventKind::Value14(selected.data.set_msb(value)),
            38 => EventKind::Value14(selected.data.set_lsb(value)?),
            96 => EventKind::Increment(1),
            _ => EventKind::Increment(-1),
        };
        event(ControlType::Nrpn, parameter, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type, number and kind of an event.
    type Summary = (ControlType, u16, EventKind);
    /// Control changes, and what comes of them.
    type Case<'a> = (&'a [(u8, u8)], &'a [Summary]);

    fn composites() -> CompositeControls {
        let mut composites = CompositeControls::default();
        composites.pairs[2] = 1 << 1;
        composites.nrpns = vec![(300, 1 << 2)];
        composites
    }

    /// Control changes on channel 3, as number and value.
    fn events(changes: &[(u8, u8)]) -> Vec<Summary> {
        let (mut assembler, composites) = (EventAssembler::default(), composites());
        let take = |&(number, value): &(u8, u8)| {
            let message = Message::ControlChange {
                channel: 2,
                number,
                value,
            };
            assembler.assemble(message, &composites)
        };
        let tell =
            |event: ControlEvent| (event.control.control_type, event.control.number, event.kind);
        changes.iter().filter_map(take).map(tell).collect()
    }

    #[test]
    fn pairs_come_together_in_either_order_and_numbers_that_are_not_bound_stay_plain() {
        use ControlType::{Cc, Cc14, Nrpn};
        use EventKind::{Value7, Value14};
        let pair = |value| (Cc14, 1, Value14(value));
        let data = |value| (Nrpn, 300, Value14(value));
        let cases: &[Case] = &[
            // MSB first: it acts at once, and the LSB refines.
            (
                &[(1, 5), (33, 100), (1, 6), (33, 3)],
                &[
                    pair(5 << 7 | 5),
                    pair(5 << 7 | 100),
                    pair(6 << 7),
                    pair(6 << 7 | 3),
                ],
            ),
            // LSB first.
            (
                &[(33, 100), (1, 5), (33, 3), (1, 6)],
                &[pair(5 << 7 | 100), pair(5 << 7 | 3), pair(6 << 7 | 3)],
            ),
            // A device of seven bits reaches both ends.
            (&[(1, 0), (1, 127)], &[pair(0), pair(16383)]),
            (
                &[(2, 9), (34, 9)],
                &[(Cc, 2, Value7(9)), (Cc, 34, Value7(9))],
            ),
            (
                &[(99, 2), (98, 44), (6, 1), (38, 2)],
                &[data(1 << 7 | 1), data(1 << 7 | 2)],
            ),
            (
                &[(98, 44), (99, 2), (96, 0), (97, 0)],
                &[
                    (Nrpn, 300, EventKind::Increment(1)),
                    (Nrpn, 300, EventKind::Increment(-1)),
                ],
            ),
            // Another parameter, or a registered one: data entry is a plain control change.
            (&[(99, 2), (98, 45), (6, 1)], &[(Cc, 6, Value7(1))]),
            (
                &[(99, 2), (98, 44), (101, 0), (6, 1)],
                &[(Cc, 101, Value7(0)), (Cc, 6, Value7(1))],
            ),
        ];
        for (changes, expected) in cases {
            assert_eq!(&events(changes), expected, "{changes:?}");
        }
    }

    #[test]
    fn without_bound_parameters_their_numbers_are_plain() {
        let mut assembler = EventAssembler::default();
        let message = Message::ControlChange {
            channel: 0,
            number: 99,
            value: 1,
        };
        let event = assembler.assemble(message, &composites()).unwrap();
        assert_eq!(
            (event.control.control_type, event.kind),
            (ControlType::Cc, EventKind::Value7(1))
        );
    }
}
