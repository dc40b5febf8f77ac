//! OSC packets: bytes become messages. Hostile until parsed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::message::{Message, MessageError};

/// Bundles within bundles that are followed.
const MAX_DEPTH: usize = 8;
/// From the year 1900, which time tags count from, to 1970.
const UNIX_EPOCH_SECS: u64 = 2_208_988_800;

/// An error in a packet, or in a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Bundles are nested too deeply.
    #[error("bundles nested more than {MAX_DEPTH} deep")]
    Depth,
    /// An element's length is not a multiple of four, or more than there is.
    #[error("a bundle's element of {0} bytes does not fit")]
    Element(usize),
    /// A bundle ends before its time tag.
    #[error("a bundle without a time tag")]
    Bundle,
    /// The bytes are no OSC message.
    #[error("no OSC message: {0}")]
    Message(#[from] MessageError),
}

/// An OSC time tag, the time when a message is to act: seconds since 1900 in 32.32 fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeTag(pub u64);

impl TimeTag {
    /// The tag that means at once.
    pub const IMMEDIATELY: Self = Self(1);

    /// The tag of a moment.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Beyond the year 2036 the seconds begin anew, as they do in NTP (RFC 5905, section 6).
        let secs = (since.as_secs() + UNIX_EPOCH_SECS) as u32;
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        Self((u64::from(secs) << 32) | fraction)
    }

    /// The time by which it is ahead of another moment; nothing where it is not, or means at once.
    pub fn ahead_of(self, now: Self) -> Option<Duration> {
        let ahead = self.0.wrapping_sub(now.0) as i64;
        if self == Self::IMMEDIATELY || ahead <= 0 {
            return None;
        }
        let nanos = ((ahead as u64 & 0xffff_ffff) * 1_000_000_000) >> 32;
        Some(Duration::new(ahead as u64 >> 32, nanos as u32))
    }
}

/// Hands over every message of a packet with the time tag of its bundle, in their order, and every fault, after which it goes
/// on where it can. Walks the nesting itself, without recursion, and allocates nothing.
pub fn messages<'a>(
    packet: &'a [u8],
    mut each: impl FnMut(Result<(Message<'a>, TimeTag), PacketError>),
) {
    // What is still to be read of each bundle that encloses the present place, and when it acts.
    let mut open: [(&[u8], TimeTag); MAX_DEPTH] = [(&[], TimeTag::IMMEDIATELY); MAX_DEPTH];
    let mut depth = 0;
    let mut next = Some(packet);
    loop {
        let element = match next.take() {
            Some(element) => element,
            None if depth == 0 => return,
            None => match open[depth - 1].0 {
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
                    open[depth - 1].0 = &rest[length..];
                    &rest[..length]
                }
                rest => {
                    each(Err(PacketError::Element(rest.len())));
                    depth -= 1;
                    continue;
                }
            },
        };
        let enclosing = match depth {
            0 => TimeTag::IMMEDIATELY,
            depth => open[depth - 1].1,
        };
        if let Some(contents) = element.strip_prefix(b"#bundle\0") {
            if depth == MAX_DEPTH {
                each(Err(PacketError::Depth));
            } else if let Some((tag, elements)) = contents.split_first_chunk() {
                let tag = TimeTag(u64::from_be_bytes(*tag));
                // A bundle acts no earlier than the one around it.
                let later = tag.ahead_of(enclosing).is_some() || enclosing == TimeTag::IMMEDIATELY;
                open[depth] = (elements, if later { tag } else { enclosing });
                depth += 1;
            } else {
                each(Err(PacketError::Bundle));
            }
        } else {
            each(match Message::parse(element) {
                Ok(message) => Ok((message, enclosing)),
                Err(error) => Err(error.into()),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Argument;
    use super::*;
    use proptest::prelude::*;
    use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder::encode};

    fn speed(value: f32) -> OscPacket {
        OscPacket::Message(OscMessage {
            addr: "/loop/speed".into(),
            args: vec![OscType::Float(value)],
        })
    }

    fn bundle(seconds: u32, content: Vec<OscPacket>) -> OscPacket {
        let timetag = OscTime {
            seconds,
            fractional: 1,
        };
        OscPacket::Bundle(OscBundle { timetag, content })
    }

    /// First arguments and seconds of time tags, and faults.
    fn read(bytes: &[u8]) -> (Vec<(f32, u64)>, Vec<PacketError>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        messages(bytes, |outcome| match outcome {
            Ok((message, tag)) => {
                let Some(Argument::Float(value)) = message.arguments().next() else {
                    panic!("{message:?}");
                };
                good.push((value, tag.0 >> 32));
            }
            Err(error) => bad.push(error),
        });
        (good, bad)
    }

    #[test]
    fn bundles_give_their_messages_in_order_and_no_earlier_than_the_bundle_around_them() {
        let early = bundle(3, vec![speed(2.0)]);
        let late = bundle(7, vec![speed(3.0)]);
        let at_once = bundle(0, vec![speed(4.0)]);
        let packet = encode(&bundle(
            5,
            vec![speed(1.0), early, late, at_once, speed(5.0)],
        ))
        .unwrap();
        let (good, bad) = read(&packet);
        assert_eq!(good, [(1.0, 5), (2.0, 5), (3.0, 7), (4.0, 5), (5.0, 5)]);
        assert_eq!(bad, []);
        assert_eq!(read(&encode(&speed(1.0)).unwrap()).0, [(1.0, 0)]);
    }

    #[test]
    fn time_tags_are_told_apart_to_a_fraction_of_a_second_and_over_the_end_of_the_era() {
        let half = Duration::from_millis(500);
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let tag = TimeTag::of(now + half);
        let ahead = tag.ahead_of(TimeTag::of(now)).unwrap();
        assert!(half.abs_diff(ahead) < Duration::from_micros(1), "{ahead:?}");
        assert_eq!(TimeTag::of(now).ahead_of(tag), None);
        assert_eq!(TimeTag::IMMEDIATELY.ahead_of(tag), None);
        // Seconds since 1900 leave 32 bits on 7 February 2036 at 06:28:16.
        let end = UNIX_EPOCH + Duration::from_secs((1 << 32) - UNIX_EPOCH_SECS);
        let ahead = TimeTag::of(end + half).ahead_of(TimeTag::of(end - half));
        assert_eq!(ahead, Some(2 * half));
        let theirs = OscTime::try_from(now + half).unwrap();
        assert_eq!(u64::from(theirs.seconds), tag.0 >> 32);
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
    fn thirty_thousand_nested_arrays_are_no_more_than_what_they_hold() {
        let mut packet = b"/loop/speed\0,".to_vec();
        packet.extend([b'['; 30_000]);
        packet.push(b'f');
        packet.extend([b']'; 30_000]);
        packet.extend([0; 2]);
        packet.extend(1.5f32.to_be_bytes());
        assert_eq!(read(&packet), (vec![(1.5, 0)], vec![]));
    }

    #[test]
    fn a_broken_element_leaves_those_before_it() {
        let mut packet = encode(&bundle(0, vec![speed(1.0)])).unwrap();
        packet.extend([0, 0, 0, 200, 1, 2, 3, 4]);
        let (good, bad) = read(&packet);
        assert_eq!((good.len(), bad), (1, vec![PacketError::Element(200)]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stop(bytes in proptest::collection::vec(any::<u8>(), 0..400), bundled: bool) {
            let mut packet = if bundled { b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec() } else { Vec::new() };
            packet.extend(bytes);
            messages(&packet, |_| {});
        }
    }
}
