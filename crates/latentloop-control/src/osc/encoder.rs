//! The encoder of outgoing messages, into a buffer that is used again and again.

/// The argument of an outgoing message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OscValue<'a> {
    /// `f`
    Float(f32),
    /// `i`
    Int(i32),
    /// `T` or `F`
    Bool(bool),
    /// `s`
    Text(&'a str),
}

/// Encodes a message with one argument, in place of what the buffer held.
pub(crate) fn encode(buffer: &mut Vec<u8>, address: &[&str], argument: OscValue<'_>) {
    buffer.clear();
    for part in address {
        buffer.extend_from_slice(part.as_bytes());
    }
    end_string(buffer);
    buffer.push(b',');
    buffer.push(match argument {
        OscValue::Float(_) => b'f',
        OscValue::Int(_) => b'i',
        OscValue::Bool(true) => b'T',
        OscValue::Bool(false) => b'F',
        OscValue::Text(_) => b's',
    });
    end_string(buffer);
    match argument {
        OscValue::Float(value) => buffer.extend_from_slice(&value.to_be_bytes()),
        OscValue::Int(value) => buffer.extend_from_slice(&value.to_be_bytes()),
        OscValue::Bool(_) => {}
        OscValue::Text(text) => {
            buffer.extend_from_slice(text.as_bytes());
            end_string(buffer);
        }
    }
}

/// A zero, and more of them up to four bytes.
fn end_string(buffer: &mut Vec<u8>) {
    buffer.resize((buffer.len() / 4 + 1) * 4, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rosc::{OscPacket, OscType};

    #[test]
    fn another_implementation_reads_what_is_written() {
        let mut buffer = Vec::new();
        for (argument, expected) in [
            (OscValue::Float(0.25), OscType::Float(0.25)),
            (OscValue::Int(-7), OscType::Int(-7)),
            (OscValue::Bool(true), OscType::Bool(true)),
            (OscValue::Bool(false), OscType::Bool(false)),
            (OscValue::Text(""), OscType::String(String::new())),
            (OscValue::Text("four"), OscType::String("four".into())),
        ] {
            for address in ["/a", "/loop/speed", "/unit/loop"] {
                encode(&mut buffer, &["", address], argument);
                let (rest, packet) = rosc::decoder::decode_udp(&buffer).unwrap();
                let OscPacket::Message(message) = packet else {
                    panic!("{packet:?}");
                };
                assert_eq!((message.addr.as_str(), rest), (address, &[][..]));
                assert_eq!(message.args, std::slice::from_ref(&expected));
            }
        }
    }
}
