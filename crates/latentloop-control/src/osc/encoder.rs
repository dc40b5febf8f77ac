//! Messages that are sent, written into a buffer that is used again and again.

/// The argument of a message that is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sent<'a> {
    /// `f`
    Float(f32),
    /// `i`
    Int(i32),
    /// `T` or `F`
    Bool(bool),
    /// `s`
    Text(&'a str),
}

/// Makes the buffer one message.
pub(crate) fn write(buffer: &mut Vec<u8>, address: &[&str], argument: Sent<'_>) {
    buffer.clear();
    for part in address {
        buffer.extend_from_slice(part.as_bytes());
    }
    end_string(buffer);
    buffer.push(b',');
    buffer.push(match argument {
        Sent::Float(_) => b'f',
        Sent::Int(_) => b'i',
        Sent::Bool(true) => b'T',
        Sent::Bool(false) => b'F',
        Sent::Text(_) => b's',
    });
    end_string(buffer);
    match argument {
        Sent::Float(value) => buffer.extend_from_slice(&value.to_be_bytes()),
        Sent::Int(value) => buffer.extend_from_slice(&value.to_be_bytes()),
        Sent::Bool(_) => {}
        Sent::Text(text) => {
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
            (Sent::Float(0.25), OscType::Float(0.25)),
            (Sent::Int(-7), OscType::Int(-7)),
            (Sent::Bool(true), OscType::Bool(true)),
            (Sent::Bool(false), OscType::Bool(false)),
            (Sent::Text(""), OscType::String(String::new())),
            (Sent::Text("four"), OscType::String("four".into())),
        ] {
            for address in ["/a", "/loop/speed", "/unit/loop"] {
                write(&mut buffer, &["", address], argument);
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
