//! The bytes of one port, taken apart (MIDI 1.0 Detailed Specification, running status and system messages included).

/// A channel message; channels run from 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A key or pad was hit; velocity 1 to 127.
    NoteOn {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        note: u8,
        /// 1..=127.
        velocity: u8,
    },
    /// A key or pad was let go; also a note-on with velocity 0.
    NoteOff {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        note: u8,
    },
    /// A fader, knob or switch moved.
    Control {
        /// 0..=15.
        channel: u8,
        /// 0..=127.
        number: u8,
        /// 0..=127.
        value: u8,
    },
    /// Any other channel message, which no default binding takes.
    Other,
}

/// What one byte gave.
type Outcome = Option<Result<Message, Fault>>;

/// A byte that belongs to no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A data byte with no status before it.
    #[error("the data byte {0} has no status before it")]
    Stray(u8),
    /// A message that ended before its last data byte.
    #[error("a message with status {0:#04x} was cut short")]
    Truncated(u8),
}

/// The state of one port: bytes may come in any portions.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    /// The status that data bytes belong to; 0 where there is none.
    status: u8,
    first: Option<u8>,
    /// Whether the status has had a whole message since it came, so that running status may stop anywhere.
    complete: bool,
    in_sysex: bool,
}

impl Parser {
    /// Takes the next bytes and hands over each message and fault. Never allocates.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Result<Message, Fault>)) {
        for &byte in bytes {
            if let Some(outcome) = self.byte(byte) {
                each(outcome);
            }
        }
    }

    /// The end of a delivery of whole messages: what is unfinished will not be finished.
    pub fn end(&mut self) -> Result<(), Fault> {
        let cut = self.cut_short();
        self.first = None;
        cut.map_or(Ok(()), Err)
    }

    fn byte(&mut self, byte: u8) -> Outcome {
        match byte {
            // Real-time bytes may stand inside any message.
            0xf8..=0xff => None,
            0xf0..=0xf7 => {
                let cut = self.cut_short();
                self.in_sysex = byte == 0xf0;
                // 0xf1 to 0xf3 have data bytes that are skipped like those of a sysex.
                self.in_sysex |= matches!(byte, 0xf1..=0xf3);
                (self.status, self.first) = (0, None);
                cut.map(Err)
            }
            0x80..=0xef => {
                let cut = self.cut_short();
                self.in_sysex = false;
                (self.status, self.first, self.complete) = (byte, None, false);
                cut.map(Err)
            }
            _ if self.in_sysex => None,
            _ if self.status == 0 => Some(Err(Fault::Stray(byte))),
            _ => self.data(byte),
        }
    }

    fn cut_short(&self) -> Option<Fault> {
        let unfinished = self.status != 0 && (self.first.is_some() || !self.complete);
        unfinished.then_some(Fault::Truncated(self.status))
    }

    fn data(&mut self, byte: u8) -> Outcome {
        let (kind, channel) = (self.status & 0xf0, self.status & 0x0f);
        if matches!(kind, 0xc0 | 0xd0) {
            self.complete = true;
            return Some(Ok(Message::Other));
        }
        let Some(first) = self.first.take() else {
            self.first = Some(byte);
            return None;
        };
        self.complete = true;
        Some(Ok(match kind {
            0x90 if byte > 0 => Message::NoteOn {
                channel,
                note: first,
                velocity: byte,
            },
            0x80 | 0x90 => Message::NoteOff {
                channel,
                note: first,
            },
            0xb0 => Message::Control {
                channel,
                number: first,
                value: byte,
            },
            _ => Message::Other,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(deliveries: &[&[u8]]) -> Vec<Result<Message, Fault>> {
        let (mut parser, mut seen) = (Parser::default(), Vec::new());
        for bytes in deliveries {
            parser.feed(bytes, |outcome| seen.push(outcome));
        }
        seen
    }

    fn control(channel: u8, number: u8, value: u8) -> Result<Message, Fault> {
        Ok(Message::Control {
            channel,
            number,
            value,
        })
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
                vec![control(0, 1, 10), control(0, 1, 11), control(0, 2, 12)],
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
                vec![control(0, 1, 5), Err(Fault::Stray(3))],
            ),
            (
                &[&[0xc0, 3, 4]],
                vec![Ok(Message::Other), Ok(Message::Other)],
            ),
            (&[&[0xf2, 1, 2, 0xfe]], vec![]),
            (
                &[&[0x90, 60, 0xb0, 1, 5]],
                vec![Err(Fault::Truncated(0x90)), control(0, 1, 5)],
            ),
        ] {
            assert_eq!(read(deliveries), expected, "{deliveries:x?}");
        }
    }

    #[test]
    fn a_delivery_that_ends_in_mid_message_is_a_fault() {
        let mut parser = Parser::default();
        parser.feed(&[0x90], |outcome| panic!("{outcome:?}"));
        assert_eq!(parser.end(), Err(Fault::Truncated(0x90)));
        parser.feed(&[0xb0, 1, 2], |_| {});
        assert_eq!(parser.end(), Ok(()));
    }

    proptest! {
        #[test]
        fn data_stays_within_seven_bits_whatever_comes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for message in read(&[&bytes]).into_iter().flatten() {
                if let Message::Control { channel, number, value } = message {
                    prop_assert!(channel < 16 && number < 128 && value < 128);
                }
            }
        }
    }
}
