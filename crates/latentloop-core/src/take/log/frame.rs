//! Records in their frames: a length before, a checksum after.

use super::record::Record;
use super::{Ended, HEADER, LogError, MAGIC, MAX_RECORD, VERSION};

/// Length and kind before a payload.
const BEFORE: usize = 5;
/// The checksum after it.
const AFTER: usize = 4;

/// Frames what `encode` appends to `out`. Where it fails, `out` is as it was.
pub(super) fn frame(
    kind: u8,
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind]);
    let encoded = encode(out).and_then(|()| match out.len() - start - BEFORE {
        length if length > MAX_RECORD => Err(LogError::Encoding(format!(
            "it has {length} bytes, more than {MAX_RECORD}"
        ))),
        length => Ok(length as u32),
    });
    match encoded {
        Ok(length) => {
            out[start..start + 4].copy_from_slice(&length.to_le_bytes());
            let sum = crc32fast::hash(&out[start..]);
            out.extend_from_slice(&sum.to_le_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Reads a log record by record, up to its end or to where it is cut off or damaged.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    tick: u64,
    ended: Option<Ended>,
    closed: bool,
}

impl<'a> Reader<'a> {
    /// A reader of a whole file.
    ///
    /// # Errors
    /// When the bytes are no log, or of a later version.
    pub fn new(bytes: &'a [u8]) -> Result<Self, LogError> {
        let Some((magic, rest)) = bytes.split_first_chunk() else {
            return Err(LogError::Magic);
        };
        if *magic != MAGIC {
            return Err(LogError::Magic);
        }
        let Some(version) = rest.first_chunk() else {
            return Err(LogError::NoState(bytes.len()));
        };
        match u32::from_le_bytes(*version) {
            VERSION => Ok(Self {
                bytes,
                at: HEADER,
                tick: 0,
                ended: None,
                closed: false,
            }),
            other => Err(LogError::Version(other)),
        }
    }

    /// How the log ended, once it was read to its end.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Ends the reading before the record that begins at byte `at`, which makes no sense.
    pub(super) fn refuse(&mut self, at: usize) {
        self.ended = Some(Ended::Damaged(at));
    }

    /// The byte at which the next record begins.
    pub fn at(&self) -> usize {
        self.at
    }

    fn read(&mut self) -> Result<(u64, Record), Ended> {
        let rest = &self.bytes[self.at..];
        let (cut, damaged) = (Ended::Cut(self.at), Ended::Damaged(self.at));
        if self.closed {
            return Err(if rest.is_empty() {
                Ended::Whole
            } else {
                damaged
            });
        }
        let Some((length, after)) = rest.split_first_chunk() else {
            return Err(cut);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_RECORD {
            return Err(damaged);
        }
        let Some(content) = after.get(..1 + length) else {
            return Err(cut);
        };
        let Some(sum) = after[content.len()..].first_chunk() else {
            return Err(cut);
        };
        if crc32fast::hash(&rest[..BEFORE + length]) != u32::from_le_bytes(*sum) {
            return Err(damaged);
        }
        let (tick, record) = Record::decode(content[0], &content[1..], self.tick).ok_or(damaged)?;
        if tick < self.tick {
            return Err(damaged);
        }
        self.tick = tick;
        self.at += BEFORE + length + AFTER;
        self.closed = record == Record::End;
        Ok((tick, record))
    }
}

impl Iterator for Reader<'_> {
    /// A tick and what happened at it.
    type Item = (u64, Record);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended.is_some() {
            return None;
        }
        self.read().map_err(|ended| self.ended = Some(ended)).ok()
    }
}
