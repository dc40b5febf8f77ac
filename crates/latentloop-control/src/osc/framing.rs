//! The framing of packets in a stream of bytes: lengths of four bytes (OSC 1.0), or SLIP (OSC 1.1; RFC 1055).

/// The longest packet that is taken: that of UDP.
pub(super) const MAX_PACKET: usize = 65_535;

const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;

/// The way in which a client frames its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Lengths,
    Slip,
}

/// An error in the framing; nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("it begins as neither packets with their lengths nor SLIP do")]
    Unknown,
    #[error("a packet of {0} bytes; {MAX_PACKET} are taken")]
    Length(usize),
    #[error("a SLIP escape that means nothing")]
    Escape,
}

/// A reader of a stream; how its packets are framed is told by its first byte.
#[derive(Debug, Default)]
pub(super) struct PacketStream {
    framing: Option<Framing>,
    bytes: Vec<u8>,
    /// Bytes that have been taken.
    taken: usize,
    /// Of SLIP: the packet that is coming, and the last one that was whole.
    packet: Vec<u8>,
    whole: Vec<u8>,
    is_escaped: bool,
}

impl PacketStream {
    /// Takes bytes that have come.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole packet; nothing where it has not come.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FramingError> {
        let Some(first) = self.bytes.get(self.taken) else {
            return Ok(None);
        };
        let framing = match self.framing {
            Some(framing) => framing,
            None => match first {
                // A length of less than 16 megabytes.
                0 => Framing::Lengths,
                &END | b'/' | b'#' => Framing::Slip,
                _ => return Err(FramingError::Unknown),
            },
        };
        self.framing = Some(framing);
        if framing == Framing::Slip {
            return self.slip();
        }
        let rest = &self.bytes[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_PACKET {
            return Err(FramingError::Length(length));
        }
        let Some(packet) = rest.get(..length) else {
            return Ok(None);
        };
        self.taken += 4 + length;
        Ok(Some(packet))
    }

    fn slip(&mut self) -> Result<Option<&[u8]>, FramingError> {
        while let Some(&byte) = self.bytes.get(self.taken) {
            self.taken += 1;
            let byte = match (byte, self.is_escaped) {
                (ESCAPED_END, true) => END,
                (ESCAPED_ESCAPE, true) => ESCAPE,
                (_, true) => return Err(FramingError::Escape),
                (ESCAPE, false) => {
                    self.is_escaped = true;
                    continue;
                }
                (END, false) if self.packet.is_empty() => continue,
                (END, false) => {
                    // Its room is used again: the next byte begins another.
                    std::mem::swap(&mut self.packet, &mut self.whole);
                    self.packet.clear();
                    return Ok(Some(&self.whole));
                }
                (byte, false) => byte,
            };
            self.is_escaped = false;
            if self.packet.len() == MAX_PACKET {
                return Err(FramingError::Length(MAX_PACKET + 1));
            }
            self.packet.push(byte);
        }
        Ok(None)
    }

    /// Appends a packet to what goes out, framed as the client frames its own.
    pub(super) fn frame(&self, packet: &[u8], out: &mut Vec<u8>) {
        if self.framing != Some(Framing::Slip) {
            out.extend_from_slice(&(packet.len() as u32).to_be_bytes());
            out.extend_from_slice(packet);
            return;
        }
        out.push(END);
        for &byte in packet {
            match byte {
                END => out.extend_from_slice(&[ESCAPE, ESCAPED_END]),
                ESCAPE => out.extend_from_slice(&[ESCAPE, ESCAPED_ESCAPE]),
                byte => out.push(byte),
            }
        }
        out.push(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(stream: &mut PacketStream) -> Result<Vec<Vec<u8>>, FramingError> {
        let mut found = Vec::new();
        while let Some(packet) = stream.next()? {
            found.push(packet.to_vec());
        }
        Ok(found)
    }

    #[test]
    fn both_framings_are_read_as_the_specifications_have_them() {
        let mut lengths = PacketStream::default();
        lengths.put(b"\0\0\0\x08/a\0\0,\0\0\0\0\0\0\x04/b");
        assert_eq!(all(&mut lengths).unwrap(), [b"/a\0\0,\0\0\0"]);
        lengths.put(b"\0\0");
        assert_eq!(all(&mut lengths).unwrap(), [b"/b\0\0"]);
        // RFC 1055; a packet may have an END at its beginning or not.
        for bytes in [
            &b"\xc0/a\xdb\xdc\xdb\xdd\xc0"[..],
            b"/a\xdb\xdc\xdb\xdd\xc0",
        ] {
            let mut slip = PacketStream::default();
            slip.put(bytes);
            assert_eq!(all(&mut slip).unwrap(), [b"/a\xc0\xdb"]);
        }
        let mut slip = PacketStream::default();
        slip.put(b"\xc0/a\xdbx");
        assert_eq!(all(&mut slip), Err(FramingError::Escape));
    }

    #[test]
    fn what_is_no_osc_or_too_long_is_refused() {
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], FramingError::Unknown),
            (b"\x16\x03\x01", FramingError::Unknown),
            (b"\0\x01\0\0", FramingError::Length(65_536)),
        ] {
            let mut stream = PacketStream::default();
            stream.put(bytes);
            assert_eq!(all(&mut stream), Err(expected));
        }
        let mut slip = PacketStream::default();
        slip.put(&[b'/'; MAX_PACKET]);
        assert_eq!(all(&mut slip), Ok(vec![]));
        slip.put(b"/");
        assert_eq!(all(&mut slip), Err(FramingError::Length(MAX_PACKET + 1)));
    }

    proptest! {
        #[test]
        fn packets_come_back_whole_however_the_stream_is_cut(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..6),
            is_slip: bool,
            cut in 1..20usize,
        ) {
            let framing = if is_slip { Framing::Slip } else { Framing::Lengths };
            let writer = PacketStream {
                framing: Some(framing),
                ..PacketStream::default()
            };
            let mut bytes = Vec::new();
            packets.iter().for_each(|packet| writer.frame(packet, &mut bytes));
            let mut reader = PacketStream::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(cut) {
                reader.put(piece);
                found.extend(all(&mut reader).unwrap());
            }
            prop_assert_eq!(found, packets);
        }

        #[test]
        fn no_bytes_make_it_grow_or_stop(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut stream = PacketStream::default();
            stream.put(&bytes);
            let _ = all(&mut stream);
        }
    }
}
