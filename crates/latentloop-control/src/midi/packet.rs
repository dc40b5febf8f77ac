//! Outgoing messages.

/// The most bytes of a message that goes out.
pub(super) const MAX_BYTES: usize = 64;

/// An outgoing message of a fixed size, so that callbacks can hand it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    length: u8,
    bytes: [u8; MAX_BYTES],
}

impl Packet {
    /// A message of these bytes; nothing where they are too many.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut packet = Self {
            length: 0,
            bytes: [0; MAX_BYTES],
        };
        if let Some(room) = packet.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            packet.length = bytes.len() as u8;
        }
        packet
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}
