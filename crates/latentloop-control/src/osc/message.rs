//! OSC messages, read in place: nothing is copied, so nothing is allocated.

/// An OSC message: its address, and its arguments still in their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Printable ASCII that begins with a slash.
    pub address: &'a str,
    tags: &'a [u8],
    data: &'a [u8],
}

/// An argument of a message. Arrays are flat: their elements follow one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument<'a> {
    /// `i`
    Int(i32),
    /// `f`
    Float(f32),
    /// `h`
    Long(i64),
    /// `d`
    Double(f64),
    /// `s` and `S`
    Text(&'a str),
    /// `T` and `F`
    Bool(bool),
    /// `N`
    Nil,
    /// `I`
    Impulse,
    /// Types that no parameter takes, by their tag: blobs, times, characters, colours, MIDI.
    Other(char),
}

/// An error in a message's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The address does not begin with a slash.
    #[error("its address does not begin with a slash")]
    Slash,
    /// The address has characters that none has.
    #[error("its address is not printable ASCII")]
    Address,
    /// The arguments are fewer bytes than their types say.
    #[error("its arguments are cut short")]
    Short,
    /// A string argument is no UTF-8.
    #[error("a string among its arguments is not UTF-8")]
    Text,
    /// A type that OSC does not have.
    #[error("an argument of the unknown type {:?}", char::from(*.0))]
    Type(u8),
}

impl<'a> Message<'a> {
    /// Reads a message. All of its arguments are looked at once, so that they can be walked without errors afterwards.
    ///
    /// # Errors
    /// When the bytes are no OSC 1.0 message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        if bytes.first() != Some(&b'/') {
            return Err(MessageError::Slash);
        }
        let (address, rest) = string(bytes)?;
        let printable = address.iter().all(|byte| matches!(byte, 0x21..=0x7e));
        let (true, Ok(address)) = (printable, std::str::from_utf8(address)) else {
            return Err(MessageError::Address);
        };
        // Old senders leave the type tags out where there are no arguments.
        let (tags, data): (&[u8], &[u8]) = match rest {
            [b',', ..] => string(rest).map(|(tags, data)| (&tags[1..], data))?,
            [] => (&[], &[]),
            _ => return Err(MessageError::Short),
        };
        let message = Self {
            address,
            tags,
            data,
        };
        let mut walk = message.walk();
        while let Some(argument) = walk.step() {
            argument?;
        }
        Ok(message)
    }

    /// Its arguments in order.
    pub fn arguments(&self) -> impl Iterator<Item = Argument<'a>> + use<'a> {
        let mut walk = self.walk();
        std::iter::from_fn(move || walk.step()?.ok())
    }

    fn walk(&self) -> Walk<'a> {
        Walk {
            tags: self.tags,
            data: self.data,
        }
    }
}

struct Walk<'a> {
    tags: &'a [u8],
    data: &'a [u8],
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Option<Result<Argument<'a>, MessageError>> {
        loop {
            let (&tag, tags) = self.tags.split_first()?;
            self.tags = tags;
            if !matches!(tag, b'[' | b']') {
                return Some(self.argument(tag));
            }
        }
    }

    fn argument(&mut self, tag: u8) -> Result<Argument<'a>, MessageError> {
        Ok(match tag {
            b'i' => Argument::Int(i32::from_be_bytes(self.take()?)),
            b'f' => Argument::Float(f32::from_be_bytes(self.take()?)),
            b'h' => Argument::Long(i64::from_be_bytes(self.take()?)),
            b'd' => Argument::Double(f64::from_be_bytes(self.take()?)),
            b's' | b'S' => {
                let (text, rest) = string(self.data)?;
                self.data = rest;
                match std::str::from_utf8(text) {
                    Ok(text) => Argument::Text(text),
                    Err(_) => return Err(MessageError::Text),
                }
            }
            b'T' => Argument::Bool(true),
            b'F' => Argument::Bool(false),
            b'N' => Argument::Nil,
            b'I' => Argument::Impulse,
            b'c' | b'r' | b'm' => {
                self.take::<4>()?;
                Argument::Other(char::from(tag))
            }
            b't' => {
                self.take::<8>()?;
                Argument::Other('t')
            }
            b'b' => {
                let length = u32::from_be_bytes(self.take()?) as usize;
                let whole = length.div_ceil(4) * 4;
                self.data = self.data.get(whole..).ok_or(MessageError::Short)?;
                Argument::Other('b')
            }
            other => return Err(MessageError::Type(other)),
        })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (head, rest) = self.data.split_first_chunk().ok_or(MessageError::Short)?;
        self.data = rest;
        Ok(*head)
    }
}

/// A string, ended by a zero and filled up to four bytes with more of them; and what comes after it.
fn string(bytes: &[u8]) -> Result<(&[u8], &[u8]), MessageError> {
    let end = bytes.iter().position(|&byte| byte == 0);
    let end = end.ok_or(MessageError::Short)?;
    let rest = bytes.get((end / 4 + 1) * 4..).ok_or(MessageError::Short)?;
    Ok((&bytes[..end], rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rosc::{OscMessage, OscPacket, OscType};

    fn encoded(addr: &str, args: Vec<OscType>) -> Vec<u8> {
        let addr = addr.to_owned();
        rosc::encoder::encode(&OscPacket::Message(OscMessage { addr, args })).unwrap()
    }

    #[test]
    fn every_type_is_read_as_another_implementation_writes_it() {
        let nested = OscType::Array(rosc::OscArray {
            content: vec![OscType::Int(7), OscType::Bool(true)],
        });
        for (argument, expected) in [
            (OscType::Int(-3), vec![Argument::Int(-3)]),
            (OscType::Float(0.5), vec![Argument::Float(0.5)]),
            (OscType::Long(1 << 40), vec![Argument::Long(1 << 40)]),
            (OscType::Double(0.1), vec![Argument::Double(0.1)]),
            (
                OscType::String("Größe".into()),
                vec![Argument::Text("Größe")],
            ),
            (OscType::String(String::new()), vec![Argument::Text("")]),
            (OscType::Bool(false), vec![Argument::Bool(false)]),
            (OscType::Nil, vec![Argument::Nil]),
            (OscType::Inf, vec![Argument::Impulse]),
            (OscType::Char('x'), vec![Argument::Other('c')]),
            (
                OscType::Blob(vec![1, 2, 3, 4, 5]),
                vec![Argument::Other('b')],
            ),
            (OscType::Time((1, 2).into()), vec![Argument::Other('t')]),
            (nested, vec![Argument::Int(7), Argument::Bool(true)]),
        ] {
            let bytes = encoded("/a", vec![argument, OscType::Int(9)]);
            let message = Message::parse(&bytes).unwrap();
            let read: Vec<_> = message.arguments().collect();
            assert_eq!(read, [expected, vec![Argument::Int(9)]].concat());
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_fault() {
        for (bytes, expected) in [
            (&b""[..], MessageError::Slash),
            (b"loop\0\0\0\0,\0\0\0", MessageError::Slash),
            (b"/loop", MessageError::Short),
            (b"/lo\xffp\0\0\0", MessageError::Address),
            (b"/l\x1bp\0\0\0\0", MessageError::Address),
            (b"/loop\0\0\0,f\0\0\0\0", MessageError::Short),
            (b"/loop\0\0\0,s\0\0\xff\0\0\0", MessageError::Text),
            (b"/loop\0\0\0,x\0\0", MessageError::Type(b'x')),
            (b"/loop\0\0\0,b\0\0\xff\xff\xff\xff", MessageError::Short),
            (b"/loop\0\0\0nonsense", MessageError::Short),
        ] {
            assert_eq!(Message::parse(bytes), Err(expected), "{bytes:?}");
        }
        let bare = Message::parse(b"/loop\0\0\0").unwrap();
        assert_eq!(bare.arguments().count(), 0);
    }

    proptest! {
        #[test]
        fn what_it_reads_another_implementation_reads_alike(
            tags in "[ifhdsTFNI]{0,5}",
            data in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut bytes = format!("/a\0\0,{tags}\0").into_bytes();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(data);
            if let Ok(message) = Message::parse(&bytes)
                && let Ok((_, OscPacket::Message(theirs))) = rosc::decoder::decode_udp(&bytes)
            {
                prop_assert_eq!(message.arguments().count(), theirs.args.len());
                for (ours, theirs) in message.arguments().zip(theirs.args) {
                    match (ours, theirs) {
                        (Argument::Int(a), OscType::Int(b)) => prop_assert_eq!(a, b),
                        (Argument::Float(a), OscType::Float(b)) => prop_assert_eq!(a.to_bits(), b.to_bits()),
                        (Argument::Long(a), OscType::Long(b)) => prop_assert_eq!(a, b),
                        (Argument::Double(a), OscType::Double(b)) => prop_assert_eq!(a.to_bits(), b.to_bits()),
                        (Argument::Text(a), OscType::String(b)) => prop_assert_eq!(a, b),
                        (Argument::Bool(a), OscType::Bool(b)) => prop_assert_eq!(a, b),
                        (Argument::Nil, OscType::Nil) | (Argument::Impulse, OscType::Inf) => {}
                        (a, b) => prop_assert!(false, "{:?} and {:?}", a, b),
                    }
                }
            }
        }
    }
}
