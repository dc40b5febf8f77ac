//! A packet's bytes, taken apart into messages. Hostile until parsed.

use rosc::{OscMessage, OscPacket};

/// Bundles within bundles that are followed.
const MAX_DEPTH: usize = 8;
/// Arrays within arrays that are followed.
const MAX_ARRAYS: usize = 8;

/// Why a packet, or a part of it, was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Bundles are nested too deeply: a parser that recurses would run out of stack.
    #[error("bundles nested more than {MAX_DEPTH} deep")]
    Depth,
    /// Arrays are nested too deeply.
    #[error("arrays nested more than {MAX_ARRAYS} deep")]
    Arrays,
    /// An element's length is not a multiple of four, or more than there is.
    #[error("a bundle's element of {0} bytes does not fit")]
    Element(usize),
    /// The bytes are no OSC message.
    #[error("no OSC message: {0}")]
    Message(String),
}

/// Hands over every message of a packet, those of bundles in their order, and every fault, after which it goes on where it
/// can. Walks the nesting itself, without recursion.
pub fn messages(packet: &[u8], mut each: impl FnMut(Result<OscMessage, PacketError>)) {
    // What is still to be read of each bundle that encloses the present place.
    let mut open: [&[u8]; MAX_DEPTH] = [&[]; MAX_DEPTH];
    let mut depth = 0;
    let mut next = Some(packet);
    loop {
        let element = match next.take() {
            Some(element) => element,
            None if depth == 0 => return,
            None => match open[depth - 1] {
                [] => {
                    depth -= 1;
                    continue;
                }
                [a, b, c, d, rest @ ..] => {
                    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                    if !length.is_multiple_of(4) || length > rest.len() {
                        each(Err(PacketError::Element(length)));
                        depth -= 1;
                        continue;
                    }
                    open[depth - 1] = &rest[length..];
                    &rest[..length]
                }
                rest => {
                    each(Err(PacketError::Element(rest.len())));
                    depth -= 1;
                    continue;
                }
            },
        };
        if let Some(contents) = element.strip_prefix(b"#bundle\0") {
            if depth == MAX_DEPTH {
                each(Err(PacketError::Depth));
            } else if contents.len() < 8 {
                each(Err(PacketError::Message(
                    "a bundle without a time tag".into(),
                )));
            } else {
                open[depth] = &contents[8..];
                depth += 1;
            }
        } else {
            each(message(element));
        }
    }
}

/// One message. Its tags are looked at first: the decoder recurses when it drops nested arrays.
fn message(bytes: &[u8]) -> Result<OscMessage, PacketError> {
    let mut depth = 0usize;
    for &tag in tags(bytes) {
        match tag {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_ARRAYS {
            return Err(PacketError::Arrays);
        }
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, OscPacket::Message(message))) => Ok(message),
        Ok((_, OscPacket::Bundle(_))) => Err(PacketError::Message("a bundle".into())),
        Err(error) => Err(PacketError::Message(error.to_string())),
    }
}

/// The type tags: the second of two strings, each ended by a zero and filled up to four bytes.
fn tags(bytes: &[u8]) -> &[u8] {
    let text = |from: usize| {
        let bytes = bytes.get(from..)?;
        Some(&bytes[..bytes.iter().position(|&byte| byte == 0)?])
    };
    let after = text(0).map_or(bytes.len(), |address| (address.len() / 4 + 1) * 4);
    text(after).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rosc::{OscBundle, OscTime, OscType, encoder::encode};

    fn speed(value: f32) -> OscPacket {
        OscPacket::Message(OscMessage {
            addr: "/loop/speed".into(),
            args: vec![OscType::Float(value)],
        })
    }

    fn bundle(content: Vec<OscPacket>) -> OscPacket {
        let timetag = OscTime {
            seconds: 0,
            fractional: 1,
        };
        OscPacket::Bundle(OscBundle { timetag, content })
    }

    fn read(bytes: &[u8]) -> (Vec<OscMessage>, Vec<PacketError>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        messages(bytes, |outcome| match outcome {
            Ok(message) => good.push(message),
            Err(error) => bad.push(error),
        });
        (good, bad)
    }

    #[test]
    fn bundles_give_their_messages_in_order() {
        let inner = bundle(vec![speed(2.0), speed(3.0)]);
        let packet = encode(&bundle(vec![speed(1.0), inner, speed(4.0)])).unwrap();
        let (good, bad) = read(&packet);
        let values: Vec<_> = good.iter().map(|m| m.args[0].clone()).collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0].map(OscType::Float));
        assert_eq!(bad, []);
    }

    #[test]
    fn three_thousand_nested_bundles_are_one_fault() {
        let mut packet = encode(&speed(1.0)).unwrap();
        for _ in 0..3000 {
            let mut outer = b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec();
            outer.extend((packet.len() as u32).to_be_bytes());
            outer.extend(packet);
            packet = outer;
        }
        assert_eq!(read(&packet), (vec![], vec![PacketError::Depth]));
    }

    #[test]
    fn thirty_thousand_nested_arrays_are_one_fault() {
        let mut packet = b"/loop/speed\0,".to_vec();
        packet.extend([b'['; 30_000]);
        packet.extend([b']'; 30_000]);
        packet.extend([0; 3]);
        assert_eq!(read(&packet), (vec![], vec![PacketError::Arrays]));
    }

    #[test]
    fn a_broken_element_leaves_those_before_it() {
        let mut packet = encode(&bundle(vec![speed(1.0)])).unwrap();
        packet.extend([0, 0, 0, 200, 1, 2, 3, 4]);
        let (good, bad) = read(&packet);
        assert_eq!((good.len(), bad), (1, vec![PacketError::Element(200)]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stop(bytes in proptest::collection::vec(any::<u8>(), 0..400), bundled: bool) {
            let mut packet = if bundled { b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec() } else { Vec::new() };
            packet.extend(bytes);
            read(&packet);
        }
    }
}
