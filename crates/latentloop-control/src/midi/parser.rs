//! The MIDI parser: the bytes of one port become messages (MIDI 1.0 Detailed Specification: running status, system messages,
//! real-time bytes).

/// A MIDI message; channels run from 0 to 15, data bytes from 0 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Note on: a key or pad was hit.
    NoteOn {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        note: u8,
        /// 1..=127.
        velocity: u8,
    },
    /// Note off: a key or pad was let go; also a note on with velocity 0.
    NoteOff {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        note: u8,
    },
    /// Polyphonic aftertouch: the pressure on one key or pad.
    PolyPressure {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        note: u8,
        /// 0..=127.
        pressure: u8,
    },
    /// Control change: a fader, knob or switch moved.
    ControlChange {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        number: u8,
        /// 0..=127.
        value: u8,
    },
    /// Program change.
    ProgramChange {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        program: u8,
    },
    /// Channel aftertouch: the pressure on all keys together.
    ChannelPressure {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        pressure: u8,
    },
    /// Pitch bend.
    PitchBend {
        /// 0..=15.
        channel: u8,
        /// 0..=16383; at rest 8192.
        value: u16,
    },
    /// Timing clock: a twenty-fourth of a beat has gone.
    Clock,
    /// Start: the song begins.
    Start,
    /// Continue: the song goes on from where it stands.
    Continue,
    /// Stop: the song stands.
    Stop,
    /// Song position pointer, in sixteenths.
    SongPosition(u16),
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A data byte with no status before it.
    #[error("the data byte {0} has no status before it")]
    Stray(u8),
    /// A message that ended before its last data byte.
    #[error("a message with status {0:#04x} was cut short")]
    Truncated(u8),
}

/// A MIDI parser for one port; messages may be cut anywhere between deliveries.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// The status that data bytes belong to; 0 where there is none.
    status: u8,
    first: Option<u8>,
    /// Whether the status has had a whole message since it came, so that running status may stop anywhere.
    complete: bool,
    /// Whether data bytes are passed over: those of a sysex, a quarter frame or a song select.
    skipping: bool,
}

/// Status byte of a song position pointer.
const POSITION: u8 = 0xf2;

impl Parser {
    /// The messages that the next bytes complete. Bytes that are not iterated over are not parsed. Never allocates.
    pub fn messages<'a>(&'a mut self, bytes: &'a [u8]) -> Messages<'a> {
        Messages {
            parser: self,
            bytes: bytes.iter(),
            is_whole: false,
        }
    }

    /// The messages in a delivery of whole messages, as the platforms make them, but for parts of a sysex: what is unfinished at its
    /// end is an error.
    pub fn delivery<'a>(&'a mut self, bytes: &'a [u8]) -> Messages<'a> {
        Messages {
            is_whole: true,
            ..self.messages(bytes)
        }
    }

    /// Ends a delivery of whole messages: what is unfinished will not be finished.
    ///
    /// # Errors
    /// When something was unfinished.
    pub fn end(&mut self) -> Result<(), ParseError> {
        let cut = self.cut_short();
        // Told once: the next status byte must not find it again.
        (self.first, self.complete) = (None, true);
        if self.status == POSITION {
            self.status = 0;
        }
        cut.map_or(Ok(()), Err)
    }

    fn byte(&mut self, byte: u8) -> Option<Result<Message, ParseError>> {
        match byte {
            // Real-time bytes may stand inside any message, and leave it as it is.
            0xf8 => Some(Ok(Message::Clock)),
            0xfa => Some(Ok(Message::Start)),
            0xfb => Some(Ok(Message::Continue)),
            0xfc => Some(Ok(Message::Stop)),
            0xf9 | 0xfd..=0xff => None,
            0xf0..=0xf7 => {
                let cut = self.cut_short();
                self.skipping = matches!(byte, 0xf0 | 0xf1 | 0xf3);
                self.status = if byte == POSITION { byte } else { 0 };
                (self.first, self.complete) = (None, false);
                cut.map(Err)
            }
            0x80..=0xef => {
                let cut = self.cut_short();
                self.skipping = false;
                (self.status, self.first, self.complete) = (byte, None, false);
                cut.map(Err)
            }
            _ if self.skipping => None,
            _ if self.status == 0 => Some(Err(ParseError::Stray(byte))),
            _ => self.data(byte).map(Ok),
        }
    }

    fn cut_short(&self) -> Option<ParseError> {
        let unfinished = self.status != 0 && (self.first.is_some() || !self.complete);
        unfinished.then_some(ParseError::Truncated(self.status))
    }

    fn data(&mut self, byte: u8) -> Option<Message> {
        let (kind, channel) = (self.status & 0xf0, self.status & 0x0f);
        if kind == 0xc0 || kind == 0xd0 {
            self.complete = true;
            return Some(if kind == 0xc0 {
                let program = byte;
                Message::ProgramChange { channel, program }
            } else {
                let pressure = byte;
                Message::ChannelPressure { channel, pressure }
            });
        }
        let Some(first) = self.first.take() else {
            self.first = Some(byte);
            return None;
        };
        self.complete = true;
        // Both have their low seven bits first.
        let wide = u16::from(byte) << 7 | u16::from(first);
        Some(match kind {
            0x90 if byte > 0 => Message::NoteOn {
                channel,
                note: first,
                velocity: byte,
            },
            0x80 | 0x90 => Message::NoteOff {
                channel,
                note: first,
            },
            0xa0 => Message::PolyPressure {
                channel,
                note: first,
                pressure: byte,
            },
            0xb0 => Message::ControlChange {
                channel,
                number: first,
                value: byte,
            },
            0xe0 => Message::PitchBend {
                channel,
                value: wide,
            },
            _ => {
                // A song position is no channel message: it leaves no running status.
                self.status = 0;
                Message::SongPosition(wide)
            }
        })
    }
}

/// An iterator over the messages in a delivery of bytes.
#[derive(Debug)]
pub struct Messages<'a> {
    parser: &'a mut Parser,
    bytes: std::slice::Iter<'a, u8>,
    /// Whether the parser's messages end with the bytes.
    is_whole: bool,
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        for &byte in self.bytes.by_ref() {
            if let Some(outcome) = self.parser.byte(byte) {
                return Some(outcome);
            }
        }
        if std::mem::take(&mut self.is_whole) {
            return self.parser.end().err().map(Err);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(deliveries: &[&[u8]]) -> Vec<Result<Message, ParseError>> {
        let (mut parser, mut seen) = (Parser::default(), Vec::new());
        for bytes in deliveries {
            seen.extend(parser.messages(bytes));
        }
        seen
    }

    fn control(channel: u8, number: u8, value: u8) -> Result<Message, ParseError> {
        Ok(Message::ControlChange {
            channel,
            number,
            value,
        })
    }

    fn program(program: u8) -> Result<Message, ParseError> {
        let channel = 1;
        Ok(Message::ProgramChange { channel, program })
    }

    #[test]
    fn messages_come_whole_however_their_bytes_are_parted() {
        let on = Ok(Message::NoteOn {
            channel: 9,
            note: 36,
            velocity: 100,
        });
        let off = Ok(Message::NoteOff {
            channel: 9,
            note: 36,
        });
        for (deliveries, expected) in [
            (&[&[0xb0, 1, 64][..]][..], vec![control(0, 1, 64)]),
            (&[&[0xb2], &[7], &[127]], vec![control(2, 7, 127)]),
            // Running status, with a clock byte inside.
            (
                &[&[0xb0, 1, 10, 1, 0xf8, 11, 2, 12]],
                vec![
                    control(0, 1, 10),
                    Ok(Message::Clock),
                    control(0, 1, 11),
                    control(0, 2, 12),
                ],
            ),
            // Real-time bytes inside a sysex, which goes on after them.
            (
                &[&[0xf0, 1, 0xfa, 2, 0xfc, 3, 0xf7], &[0xfb, 0xfe, 0xff]],
                vec![Ok(Message::Start), Ok(Message::Stop), Ok(Message::Continue)],
            ),
            (&[&[0x99, 36, 100, 36, 0]], vec![on, off]),
            (&[&[0x89, 36, 64]], vec![off]),
            // A sysex is skipped, and ends running status.
            (
                &[&[0xf0, 0x7e, 1, 0xf7, 0xb0, 1, 5]],
                vec![control(0, 1, 5)],
            ),
            (
                &[&[0xb0, 1, 5, 0xf0, 1, 0xf7, 3]],
                vec![control(0, 1, 5), Err(ParseError::Stray(3))],
            ),
            (
                &[&[0xc1, 3, 4, 0xd2, 9]],
                vec![
                    program(3),
                    program(4),
                    Ok(Message::ChannelPressure {
                        channel: 2,
                        pressure: 9,
                    }),
                ],
            ),
            (
                &[&[0xe4, 0x01, 0x40, 0xa5, 60, 7]],
                vec![
                    Ok(Message::PitchBend {
                        channel: 4,
                        value: 0x2001,
                    }),
                    Ok(Message::PolyPressure {
                        channel: 5,
                        note: 60,
                        pressure: 7,
                    }),
                ],
            ),
            // A song position leaves no running status behind.
            (
                &[&[0xf2, 1, 0xf8, 2, 0xfe, 5]],
                vec![
                    Ok(Message::Clock),
                    Ok(Message::SongPosition(257)),
                    Err(ParseError::Stray(5)),
                ],
            ),
            (&[&[0xf1, 5, 0xf3, 2, 0xf6]], vec![]),
            (
                &[&[0x90, 60, 0xb0, 1, 5]],
                vec![Err(ParseError::Truncated(0x90)), control(0, 1, 5)],
            ),
        ] {
            assert_eq!(read(deliveries), expected, "{deliveries:x?}");
        }
    }

    #[test]
    fn a_delivery_that_ends_in_mid_message_is_a_fault() {
        let mut parser = Parser::default();
        assert_eq!(parser.messages(&[0x90]).next(), None);
        assert_eq!(parser.end(), Err(ParseError::Truncated(0x90)));
        assert_eq!(parser.messages(&[0xb0, 1, 2]).count(), 1);
        assert_eq!(parser.end(), Ok(()));
        assert_eq!(parser.messages(&[0xf2, 1]).next(), None);
        assert_eq!(parser.end(), Err(ParseError::Truncated(0xf2)));
        assert_eq!(parser.messages(&[0xf0, 1]).next(), None);
        assert_eq!(parser.end(), Ok(()));
    }

    proptest! {
        #[test]
        fn data_stays_within_seven_bits_whatever_comes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for message in read(&[&bytes]).into_iter().flatten() {
                let (channel, data) = match message {
                    Message::NoteOn { channel, note, velocity } => (channel, note.max(velocity)),
                    Message::NoteOff { channel, note } => (channel, note),
                    Message::PolyPressure { channel, note, pressure } => (channel, note.max(pressure)),
                    Message::ControlChange { channel, number, value } => (channel, number.max(value)),
                    Message::ProgramChange { channel, program } => (channel, program),
                    Message::ChannelPressure { channel, pressure } => (channel, pressure),
                    Message::PitchBend { channel, value } => (channel, (value >> 7) as u8),
                    Message::SongPosition(at) => (0, (at >> 7) as u8),
                    Message::Clock | Message::Start | Message::Continue | Message::Stop => (0, 0),
                };
                prop_assert!(channel < 16 && data < 128);
            }
        }

        #[test]
        fn bytes_mean_the_same_however_they_are_parted(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            cut in any::<proptest::sample::Index>(),
        ) {
            let (before, after) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(read(&[&bytes]), read(&[before, after]));
        }
    }
}
