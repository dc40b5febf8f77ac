//! Records in their frames: a length before, a checksum after.

use std::io::{self, Read};

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

/// Reads a log record by record, up to its end or to where it is cut off or damaged. No more of it is in memory than a record.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    at: usize,
    tick: u64,
    ended: Option<Ended>,
    closed: bool,
    /// The record that is being read, from its length to its checksum.
    frame: Vec<u8>,
    /// What the source failed with.
    fault: Option<io::Error>,
}

impl<R: Read> Reader<R> {
    /// A reader of a whole file.
    ///
    /// # Errors
    /// When the bytes are no log, or of a later version.
    pub fn new(mut source: R) -> Result<Self, LogError> {
        let mut frame = Vec::new();
        let head = |source: &mut R, frame: &mut Vec<u8>, length: usize| {
            frame.clear();
            let read = source.take(length as u64).read_to_end(frame);
            read.map_err(|error| LogError::Unreadable(error.to_string()))
        };
        head(&mut source, &mut frame, MAGIC.len())?;
        if frame != MAGIC {
            return Err(LogError::Magic);
        }
        head(&mut source, &mut frame, HEADER - MAGIC.len())?;
        let Some(version) = frame.first_chunk() else {
            return Err(LogError::NoState(MAGIC.len() + frame.len()));
        };
        match u32::from_le_bytes(*version) {
            VERSION => Ok(Self {
                source,
                at: HEADER,
                tick: 0,
                ended: None,
                closed: false,
                frame,
                fault: None,
            }),
            other => Err(LogError::Version(other)),
        }
    }

    /// How the log ended, once it was read to its end.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What the source failed with, where it did: the log seems to be cut off there.
    pub fn fault(&self) -> Option<&io::Error> {
        self.fault.as_ref()
    }

    /// Ends the reading before the record that begins at byte `at`, which makes no sense.
    pub(super) fn refuse(&mut self, at: usize) {
        self.ended = Some(Ended::Damaged(at));
    }

    /// The byte at which the next record begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Appends so many bytes to the frame; false where there are fewer.
    fn fetch(&mut self, length: usize) -> bool {
        let read = (&mut self.source)
            .take(length as u64)
            .read_to_end(&mut self.frame);
        match read {
            Ok(read) => read == length,
            Err(error) => {
                self.fault = Some(error);
                false
            }
        }
    }

    fn read(&mut self) -> Result<(u64, Record), Ended> {
        let (cut, damaged) = (Ended::Cut(self.at), Ended::Damaged(self.at));
        self.frame.clear();
        if self.closed {
            let more = self.fetch(1);
            return Err(if more { damaged } else { Ended::Whole });
        }
        if !self.fetch(4) {
            return Err(cut);
        }
        let Some(length) = self.frame.first_chunk() else {
            return Err(cut);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_RECORD {
            return Err(damaged);
        }
        if !self.fetch(BEFORE - 4 + length + AFTER) {
            return Err(cut);
        }
        let (content, sum) = self.frame.split_at(BEFORE + length);
        if crc32fast::hash(content).to_le_bytes() != sum {
            return Err(damaged);
        }
        let (kind, payload) = (content[BEFORE - 1], &content[BEFORE..]);
        let (tick, record) = Record::decode(kind, payload, self.tick).ok_or(damaged)?;
        if tick < self.tick {
            return Err(damaged);
        }
        self.tick = tick;
        self.at += BEFORE + length + AFTER;
        self.closed = record == Record::End;
        Ok((tick, record))
    }
}

impl<R: Read> Iterator for Reader<R> {
    /// A tick and what happened at it.
    type Item = (u64, Record);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended.is_some() {
            return None;
        }
        self.read().map_err(|ended| self.ended = Some(ended)).ok()
    }
}
