//! What a control did: messages put together to moves of controls.

use super::parser::Message;

/// The kinds of controls.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// A control change of seven bits.
    Cc,
    /// A pair of control changes: number 0 to 31 the coarse one, 32 more the fine one.
    Cc14,
    /// A non-registered parameter number, set by data entry or stepped by data increment and decrement.
    Nrpn,
    /// A note: a pad, a key or a button.
    Note,
    /// The pitch bender.
    Bend,
    /// The pressure on all keys.
    Pressure,
    /// The pressure on one key.
    Poly,
    /// A program change.
    Program,
}

/// One control of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Control {
    /// What kind it is.
    pub sort: Sort,
    /// Its number; 0 where the kind has none.
    pub number: u16,
    /// 0..=15.
    pub channel: u8,
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.number;
        match self.sort {
            Sort::Cc => write!(f, "CC {number}")?,
            Sort::Cc14 => write!(f, "CC {number} and {}", number + 32)?,
            Sort::Nrpn => write!(f, "NRPN {number}")?,
            Sort::Note => write!(f, "note {number}")?,
            Sort::Bend => write!(f, "pitch bend")?,
            Sort::Pressure => write!(f, "pressure")?,
            Sort::Poly => write!(f, "pressure on note {number}")?,
            Sort::Program => write!(f, "program {number}")?,
        }
        if self.channel > 0 {
            write!(f, ", channel {}", self.channel + 1)?;
        }
        Ok(())
    }
}

/// How a control moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// It stands here; of seven bits.
    To(u8),
    /// It stands here; of fourteen bits.
    ToWide(u16),
    /// It was hit: 1..=127.
    Press(u8),
    /// It was let go.
    Release,
    /// It was stepped up or down.
    Step(i8),
}

/// A move of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Which control.
    pub control: Control,
    /// How it moved.
    pub how: Move,
}

/// Which numbers are put together from several control changes; all others are plain ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assembly {
    /// A bit for each number from 0 to 31 that has a fine half, a channel.
    pub pairs: [u32; 16],
    /// The parameter numbers that are bound, in order; with a bit a channel.
    pub parameters: Vec<(u16, u16)>,
}

impl Assembly {
    fn pairs(&self, channel: u8, number: u8) -> bool {
        self.pairs[usize::from(channel & 15)] >> (number & 31) & 1 == 1
    }

    fn takes(&self, channel: u8, parameter: u16) -> bool {
        let found = self
            .parameters
            .binary_search_by_key(&parameter, |&(number, _)| number);
        found.is_ok_and(|place| self.parameters[place].1 >> channel & 1 == 1)
    }

    fn has_parameters(&self, channel: u8) -> bool {
        self.parameters
            .iter()
            .any(|(_, channels)| channels >> channel & 1 == 1)
    }
}

/// The halves of a value of fourteen bits.
#[derive(Clone, Copy, Debug, Default)]
struct Halves {
    coarse: Option<u8>,
    fine: Option<u8>,
    /// Whether this device sends the fine half first.
    fine_first: bool,
}

impl Halves {
    fn set_coarse(&mut self, value: u8) -> u16 {
        self.coarse = Some(value);
        // MIDI 1.0: the coarse half sets the fine one to 0. A device that sends no fine half at all still reaches the top.
        if !self.fine_first && self.fine.is_some() {
            self.fine = Some(0);
        }
        self.value(value)
    }

    fn set_fine(&mut self, value: u8) -> Option<u16> {
        self.fine_first |= self.coarse.is_none();
        self.fine = Some(value);
        self.coarse.map(|coarse| self.value(coarse))
    }

    fn value(&self, coarse: u8) -> u16 {
        u16::from(coarse) << 7 | u16::from(self.fine.unwrap_or(coarse))
    }
}

/// What a channel has chosen to set by data entry.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    coarse: Option<u8>,
    fine: Option<u8>,
    data: Halves,
}

impl Chosen {
    fn parameter(&self) -> Option<u16> {
        Some(u16::from(self.coarse?) << 7 | u16::from(self.fine?))
    }
}

/// Puts one port's messages together.
#[derive(Clone, Debug)]
pub(super) struct Assembler {
    pairs: Box<[[Halves; 32]; 16]>,
    chosen: [Chosen; 16],
}

impl Default for Assembler {
    fn default() -> Self {
        Self {
            pairs: Box::new([[Halves::default(); 32]; 16]),
            chosen: [Chosen::default(); 16],
        }
    }
}

impl Assembler {
    /// The move that a message was, if it was one. Never allocates.
    pub(super) fn take(&mut self, message: Message, assembly: &Assembly) -> Option<Event> {
        let event = |sort, channel, number: u8, how| {
            let number = u16::from(number);
            Some(Event {
                control: Control {
                    sort,
                    number,
                    channel,
                },
                how,
            })
        };
        match message {
            Message::NoteOn {
                channel,
                note,
                velocity,
            } => event(Sort::Note, channel, note, Move::Press(velocity)),
            Message::NoteOff { channel, note } => event(Sort::Note, channel, note, Move::Release),
            Message::Poly {
                channel,
                note,
                pressure,
            } => event(Sort::Poly, channel, note, Move::To(pressure)),
            Message::Control {
                channel,
                number,
                value,
            } => self.control(channel, number, value, assembly),
            Message::Program { channel, program } => {
                event(Sort::Program, channel, program, Move::Press(127))
            }
            Message::Pressure { channel, pressure } => {
                event(Sort::Pressure, channel, 0, Move::To(pressure))
            }
            Message::Bend { channel, value } => event(Sort::Bend, channel, 0, Move::ToWide(value)),
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
        assembly: &Assembly,
    ) -> Option<Event> {
        let event = |sort, number: u16, how| {
            Some(Event {
                control: Control {
                    sort,
                    number,
                    channel,
                },
                how,
            })
        };
        if number < 64 && assembly.pairs(channel, number) {
            let halves = &mut self.pairs[usize::from(channel & 15)][usize::from(number & 31)];
            let value = if number < 32 {
                halves.set_coarse(value)
            } else {
                halves.set_fine(value)?
            };
            return event(Sort::Cc14, u16::from(number & 31), Move::ToWide(value));
        }
        if !assembly.has_parameters(channel) {
            return event(Sort::Cc, u16::from(number), Move::To(value));
        }
        let chosen = &mut self.chosen[usize::from(channel & 15)];
        match number {
            98 | 99 => {
                if number == 99 {
                    chosen.coarse = Some(value);
                } else {
                    chosen.fine = Some(value);
                }
                chosen.data.coarse = None;
                return None;
            }
            // A registered parameter: data entry means that one from now on.
            100 | 101 => *chosen = Chosen::default(),
            _ => {}
        }
        let parameter = chosen
            .parameter()
            .filter(|&number| assembly.takes(channel, number));
        let (Some(parameter), 6 | 38 | 96 | 97) = (parameter, number) else {
            return event(Sort::Cc, u16::from(number), Move::To(value));
        };
        let how = match number {
            6 => Move::ToWide(chosen.data.set_coarse(value)),
            38 => Move::ToWide(chosen.data.set_fine(value)?),
            96 => Move::Step(1),
            _ => Move::Step(-1),
        };
        event(Sort::Nrpn, parameter, how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, number and move of an event.
    type Told = (Sort, u16, Move);
    /// Control changes, and what comes of them.
    type Case<'a> = (&'a [(u8, u8)], &'a [Told]);

    fn assembly() -> Assembly {
        let mut assembly = Assembly::default();
        assembly.pairs[2] = 1 << 1;
        assembly.parameters = vec![(300, 1 << 2)];
        assembly
    }

    /// Control changes on channel 3, as number and value.
    fn moves(changes: &[(u8, u8)]) -> Vec<Told> {
        let (mut assembler, assembly) = (Assembler::default(), assembly());
        let take = |&(number, value): &(u8, u8)| {
            let message = Message::Control {
                channel: 2,
                number,
                value,
            };
            assembler.take(message, &assembly)
        };
        let tell = |event: Event| (event.control.sort, event.control.number, event.how);
        changes.iter().filter_map(take).map(tell).collect()
    }

    #[test]
    fn pairs_come_together_in_either_order_and_numbers_that_are_not_bound_stay_plain() {
        use Move::{To, ToWide};
        use Sort::{Cc, Cc14, Nrpn};
        let pair = |value| (Cc14, 1, ToWide(value));
        let data = |value| (Nrpn, 300, ToWide(value));
        let cases: &[Case] = &[
            // Coarse first: it acts at once, and the fine half refines.
            (
                &[(1, 5), (33, 100), (1, 6), (33, 3)],
                &[
                    pair(5 << 7 | 5),
                    pair(5 << 7 | 100),
                    pair(6 << 7),
                    pair(6 << 7 | 3),
                ],
            ),
            // Fine first.
            (
                &[(33, 100), (1, 5), (33, 3), (1, 6)],
                &[pair(5 << 7 | 100), pair(5 << 7 | 3), pair(6 << 7 | 3)],
            ),
            // A device of seven bits reaches both ends.
            (&[(1, 0), (1, 127)], &[pair(0), pair(16383)]),
            (&[(2, 9), (34, 9)], &[(Cc, 2, To(9)), (Cc, 34, To(9))]),
            (
                &[(99, 2), (98, 44), (6, 1), (38, 2)],
                &[data(1 << 7 | 1), data(1 << 7 | 2)],
            ),
            (
                &[(98, 44), (99, 2), (96, 0), (97, 0)],
                &[(Nrpn, 300, Move::Step(1)), (Nrpn, 300, Move::Step(-1))],
            ),
            // Another parameter, or a registered one: data entry is a plain control change.
            (&[(99, 2), (98, 45), (6, 1)], &[(Cc, 6, To(1))]),
            (
                &[(99, 2), (98, 44), (101, 0), (6, 1)],
                &[(Cc, 101, To(0)), (Cc, 6, To(1))],
            ),
        ];
        for (changes, expected) in cases {
            assert_eq!(&moves(changes), expected, "{changes:?}");
        }
    }

    #[test]
    fn without_bound_parameters_their_numbers_are_plain() {
        let mut assembler = Assembler::default();
        let message = Message::Control {
            channel: 0,
            number: 99,
            value: 1,
        };
        let event = assembler.take(message, &assembly()).unwrap();
        assert_eq!((event.control.sort, event.how), (Sort::Cc, Move::To(1)));
    }
}
