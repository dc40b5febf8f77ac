//! Recordings that were cut off, by a full disk or a crash, ended at their last whole fragment or cluster.
//!
//! Players refuse a fragmented MP4 whose last `moof` box is cut, from its first byte on. What is walked here are the boxes of
//! ISO/IEC 14496-12 and the elements of Matroska (RFC 9559), their sizes alone; pictures and sound are not looked at.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use super::RecordError;

/// Largest `moof` box that is read: one of half a second has a few kilobytes.
const MAX_MOOF: u64 = 16 << 20;
/// Largest part of a Matroska file, other than a cluster, that is read.
const MAX_PART: u64 = 1 << 20;

/// What mending came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It was whole, and is as it was.
    Whole,
    /// So many bytes behind the last whole fragment or cluster were cut off; 0 where an end was written alone.
    Cut(u64),
}

/// Ends a recording at its last whole fragment (MP4 and QuickTime) or cluster (Matroska and WebM), where it is cut off
/// behind it, and gives a Matroska file its duration where it has none. A file that is whole stays as it is, to the byte.
///
/// # Errors
/// When the file cannot be read or written, is no film in fragments or clusters, or is cut off before the first of them is
/// whole. It stays as it is then.
pub fn mend(path: &Path) -> Result<Mended, RecordError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| RecordError::write("open", path, error))?;
    let unmended = |error: Unmended| match error {
        Unmended::System(error) => RecordError::write("mend", path, error),
        Unmended::Content(reason) => RecordError::Mend {
            path: path.to_owned(),
            reason: reason.to_owned(),
        },
    };
    mend_file(&mut file).map_err(unmended)
}

/// Why a file was not mended.
#[derive(Debug)]
enum Unmended {
    System(io::Error),
    Content(&'static str),
}

impl From<io::Error> for Unmended {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

fn mend_file(file: &mut File) -> Result<Mended, Unmended> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(Unmended::Content("it is no plain file"));
    }
    let length = found.len();
    let mut head = [0; 8];
    let read = read_at(file, 0, &mut head)?;
    let (whole, wrote) = match &head[..read] {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => {
            let mut end = matroska(file, length, false)?;
            if end.whole < length && end.is_timed {
                // What it tells is no longer so.
                end = matroska(file, length, true)?;
            }
            let wrote =
                end.end_cluster(file)? | end.give_duration(file)? | end.give_size(file, length)?;
            (end.whole, wrote)
        }
        [_, _, _, _, b'f', b't', b'y', b'p'] => (fragmented(file, length)?, false),
        _ => {
            return Err(Unmended::Content(
                "it is neither an MP4 or QuickTime nor a Matroska or WebM file",
            ));
        }
    };
    if whole < length {
        file.set_len(whole)?;
    }
    if whole < length || wrote {
        file.sync_all()?;
        return Ok(Mended::Cut(length - whole));
    }
    Ok(Mended::Whole)
}

/// Reads as much as there is at a place.
fn read_at(file: &mut File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    let mut read = 0;
    while read < bytes.len() {
        match file.read(&mut bytes[read..])? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}

/// A part of a file that is read whole; none where it is not there, or larger than `most`.
fn part(file: &mut File, at: u64, size: u64, most: u64) -> io::Result<Option<Vec<u8>>> {
    if size > most {
        return Ok(None);
    }
    let mut bytes = vec![0; size as usize];
    let read = read_at(file, at, &mut bytes)?;
    Ok((read as u64 == size).then_some(bytes))
}

/// A box of an MP4 file.
struct Bmff {
    kind: [u8; 4],
    /// Bytes before its content.
    head: u64,
    /// Bytes in all.
    size: u64,
}

/// The box at a place, if there is a whole one before `end`.
fn bmff(file: &mut File, at: u64, end: u64) -> io::Result<Option<Bmff>> {
    let mut bytes = [0; 16];
    let read = read_at(file, at, &mut bytes)?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0u64, |number, &byte| number << 8 | u64::from(byte))
    };
    if read < 8
        || !bytes[4..8]
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
    {
        return Ok(None);
    }
    let (head, size) = match number(&bytes[..4]) {
        1 if read == 16 => (16, number(&bytes[8..])),
        size => (8, size),
    };
    let is_whole = size >= head && at.checked_add(size).is_some_and(|after| after <= end);
    Ok(is_whole.then_some(Bmff {
        kind: [bytes[4], bytes[5], bytes[6], bytes[7]],
        head,
        size,
    }))
}

/// Where the last whole fragment of an MP4 file ends.
fn fragmented(file: &mut File, length: u64) -> Result<u64, Unmended> {
    let (mut at, mut whole) = (0, 0);
    let (mut is_fragmented, mut is_open, mut fragments) = (false, false, 0u64);
    while at < length {
        let Some(found) = bmff(file, at, length)? else {
            break;
        };
        let after = at + found.size;
        match &found.kind {
            b"moov" => {
                let content = part(file, at, found.size, MAX_MOOF)?;
                let has = |kind: &[u8]| {
                    content
                        .as_ref()
                        .is_some_and(|bytes| bytes.windows(4).any(|word| word == kind))
                };
                is_fragmented |= has(b"mvex");
            }
            b"moof" if !is_whole_moof(file, at, &found)? => break,
            b"moof" => is_open = true,
            b"mdat" if is_fragmented => {
                is_open = false;
                fragments += 1;
            }
            _ => {}
        }
        at = after;
        // What stands between a moof and its mdat is part of the fragment.
        if is_fragmented && !is_open {
            whole = at;
        }
    }
    match (is_fragmented, at == length) {
        (true, true) => Ok(whole),
        // Players may show a part of the first one.
        (true, false) if fragments == 0 => Err(Unmended::Content(
            "it is cut off before its first fragment is whole",
        )),
        (true, false) => Ok(whole),
        // A plain film, its index at the one end or the other.
        (false, true) => Ok(length),
        (false, false) => Err(Unmended::Content(
            "it is no film in fragments, or is cut off before the first of them: its index is missing",
        )),
    }
}

/// Whether the boxes in a `moof` fill it, the first of them its header: disks give zeros where nothing was written.
fn is_whole_moof(file: &mut File, at: u64, found: &Bmff) -> io::Result<bool> {
    let end = at + found.size;
    let mut inner = at + found.head;
    let mut is_first = true;
    while inner < end {
        match bmff(file, inner, end)? {
            Some(child) if !is_first || &child.kind == b"mfhd" => inner += child.size,
            _ => return Ok(false),
        }
        is_first = false;
    }
    Ok(!is_first && inner == end)
}

/// An element of a Matroska file.
struct Ebml {
    id: u32,
    /// Bytes before its content.
    head: u64,
    /// Bytes of its content; none where it ends with the file or with the next of its kind.
    size: Option<u64>,
    /// Bytes in which its size is written.
    size_bytes: u64,
}

/// A number of variable length, and its bytes; with its marker where `keeps` says so.
fn variable(bytes: &[u8], keeps: bool) -> Option<(u64, u64)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let number = bytes.get(..length).filter(|_| length <= 8)?;
    let marker = if keeps { 0xff } else { 0xff >> length.min(8) };
    let number = number[1..]
        .iter()
        .fold(u64::from(first & marker as u8), |number, &byte| {
            number << 8 | u64::from(byte)
        });
    Some((number, length as u64))
}

/// The element that bytes begin with.
fn element(bytes: &[u8]) -> Option<Ebml> {
    let (id, id_bytes) = variable(bytes, true).filter(|&(_, length)| length <= 4)?;
    let (size, size_bytes) = variable(&bytes[id_bytes as usize..], false)?;
    let unknown = (1 << (7 * size_bytes)) - 1;
    Some(Ebml {
        id: id as u32,
        head: id_bytes + size_bytes,
        size: (size != unknown).then_some(size),
        size_bytes,
    })
}

fn element_at(file: &mut File, at: u64) -> io::Result<Option<Ebml>> {
    let mut bytes = [0; 12];
    let read = read_at(file, at, &mut bytes)?;
    Ok(element(&bytes[..read]))
}

/// The elements in a part that was read whole: what they are, where they stand and what is in them.
fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, Range<usize>, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = element(bytes.get(at..)?)?;
        let start = at + found.head as usize;
        let content = bytes.get(start..start.checked_add(found.size? as usize)?)?;
        let place = at..start + content.len();
        at = place.end;
        Some((found.id, place, content))
    })
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
/// The other parts of a segment: seek head, cues, chapters, tags, attachments, and room that is left.
const PARTS: [u32; 7] = [
    0x114d_9b74,
    0x1c53_bb6b,
    0x1043_a770,
    0x1254_c367,
    0x1941_a469,
    VOID,
    0xbf,
];
const VOID: u32 = 0xec;
const DURATION: u32 = 0x4489;

/// How far a Matroska file goes.
#[derive(Debug, Default)]
struct Matroska {
    /// Where its last whole part ends.
    whole: u64,
    /// Where the duration stands, or eleven bytes that are left for it.
    room: Option<u64>,
    /// Whether it is told, and to be believed.
    is_timed: bool,
    /// Where the segment's size stands, and what it says where it says one; eight bytes.
    size: Option<(u64, u64, u64)>,
    /// Where the size of the first cluster stands, how many bytes it has, and what it is to say: where the film is cut off in it.
    first: Option<(u64, usize, u64)>,
    /// Nanoseconds of a tick.
    scale: u64,
    /// For each track, its number, nanoseconds of a picture and the ticks of its last block.
    tracks: Vec<(u64, u64, Option<i64>)>,
}

/// Walks a Matroska file; the times of its blocks are taken down where it tells no duration, or `is_untrue`.
fn matroska(file: &mut File, length: u64, is_untrue: bool) -> Result<Matroska, Unmended> {
    let cut = || {
        Unmended::Content("it is cut off before its first cluster: there is nothing to play in it")
    };
    let header = element_at(file, 0)?.ok_or_else(cut)?;
    let start = header.head + header.size.ok_or_else(cut)?;
    let segment = element_at(file, start)?.filter(|found| found.id == SEGMENT);
    let segment = segment.ok_or_else(cut)?;
    let mut at = start + segment.head;
    let mut found = Matroska {
        scale: 1_000_000,
        ..Matroska::default()
    };
    if let (Some(size), 8) = (segment.size, segment.size_bytes) {
        found.size = Some((at - 8, at, size));
    }
    let (mut has_info, mut clusters) = (false, 0u64);
    while at < length {
        let Some(next) = element_at(file, at)? else {
            break;
        };
        let content = at + next.head;
        let after = match next.size {
            Some(size) => content.checked_add(size).filter(|&after| after <= length),
            // A stream's, which ends where another begins.
            None if next.id == CLUSTER => open_end(file, content, length)?,
            None => None,
        };
        let Some(after) = after else {
            if let (CLUSTER, 0, Some(_)) = (next.id, clusters, next.size)
                && let Some(end) = open_end(file, content, length)?
            {
                // There is none before it: what is whole of it is kept.
                let bytes = next.size_bytes as usize;
                found.first = Some((content - next.size_bytes, bytes, end - content));
                found.cluster(file, content, end)?;
                (found.whole, clusters) = (end, 1);
            }
            break;
        };
        match next.id {
            INFO => {
                let Some(bytes) = part(file, content, after - content, MAX_PART)? else {
                    break;
                };
                found.info(&bytes, content);
                found.is_timed &= !is_untrue;
                has_info = true;
            }
            TRACKS => {
                let Some(bytes) = part(file, content, after - content, MAX_PART)? else {
                    break;
                };
                found.tracks(&bytes);
            }
            CLUSTER => {
                // Disks give zeros where nothing was written.
                if !found.cluster(file, content, after)? {
                    break;
                }
                clusters += 1;
            }
            id if PARTS.contains(&id) => {}
            _ => break,
        }
        at = after;
        found.whole = at;
    }
    if !has_info || clusters == 0 {
        return Err(cut());
    }
    Ok(found)
}

/// Where the last whole child of a cluster without a size ends.
fn open_end(file: &mut File, mut at: u64, length: u64) -> io::Result<Option<u64>> {
    let start = at;
    while at < length {
        let Some(child) = element_at(file, at)? else {
            break;
        };
        // Parts of the segment have four bytes of id, those of a cluster fewer.
        let after = child
            .size
            .and_then(|size| (at + child.head).checked_add(size));
        match after.filter(|&after| child.id <= 0xffff && after <= length) {
            Some(after) => at = after,
            None => break,
        }
    }
    Ok((at > start).then_some(at))
}

impl Matroska {
    fn info(&mut self, bytes: &[u8], at: u64) {
        for (id, place, content) in children(bytes) {
            match id {
                0x002a_d7b1 => self.scale = unsigned(content).max(1),
                DURATION => {
                    self.is_timed = content.iter().any(|&byte| byte != 0);
                    self.room = (place.len() == 11).then_some(at + place.start as u64);
                }
                // FFmpeg leaves as many for it.
                VOID if place.len() == 11 => self.room = Some(at + place.start as u64),
                _ => {}
            }
        }
    }

    fn tracks(&mut self, bytes: &[u8]) {
        for (_, _, entry) in children(bytes).filter(|(id, ..)| *id == 0xae) {
            let of = |wanted: u32| {
                let mut found = children(entry).filter(|(id, ..)| *id == wanted);
                found.next().map(|(.., content)| unsigned(content))
            };
            if let Some(number) = of(0xd7) {
                let picture = of(0x0023_e383).unwrap_or(0);
                self.tracks.push((number, picture, None));
            }
        }
    }

    /// Takes down the times of a cluster's blocks, where a duration is missing; whether its children fill it.
    fn cluster(&mut self, file: &mut File, mut at: u64, end: u64) -> io::Result<bool> {
        let mut time = 0;
        while at < end {
            let Some(child) = element_at(file, at)? else {
                break;
            };
            let (content, Some(size)) = (at + child.head, child.size) else {
                break;
            };
            at = content.saturating_add(size);
            if self.is_timed || self.room.is_none() {
                continue;
            }
            let mut bytes = [0; 32];
            let read = read_at(file, content, &mut bytes[..size.min(32) as usize])?;
            let bytes = &bytes[..read];
            match child.id {
                0xe7 => time = unsigned(bytes) as i64,
                0xa3 => self.block(bytes, time),
                // A group, its block behind small things if any.
                0xa0 => {
                    let mut from = 0;
                    while let Some(inner) = bytes.get(from..).and_then(element) {
                        let start = from + inner.head as usize;
                        if inner.id == 0xa1 {
                            self.block(bytes.get(start..).unwrap_or_default(), time);
                            break;
                        }
                        from = start.saturating_add(inner.size.unwrap_or(u64::MAX) as usize);
                    }
                }
                _ => {}
            }
        }
        Ok(at == end)
    }

    fn block(&mut self, bytes: &[u8], cluster: i64) {
        let Some((number, length)) = variable(bytes, false) else {
            return;
        };
        let Some(&[high, low]) = bytes.get(length as usize..length as usize + 2) else {
            return;
        };
        let time = cluster + i64::from(i16::from_be_bytes([high, low]));
        let of = |track: &&mut (u64, u64, Option<i64>)| track.0 == number;
        if let Some((.., last)) = self.tracks.iter_mut().find(of) {
            *last = Some(last.map_or(time, |last| last.max(time)));
        }
    }

    /// Writes the size of a first cluster that is cut off; whether it did.
    fn end_cluster(&self, file: &mut File) -> io::Result<bool> {
        let Some((place, bytes, size)) = self.first else {
            return Ok(false);
        };
        let marked = size | 1 << (7 * bytes);
        file.seek(SeekFrom::Start(place))?;
        file.write_all(&marked.to_be_bytes()[8 - bytes..])?;
        Ok(true)
    }

    /// Writes the duration where there is room for one and none is told; whether it did.
    fn give_duration(&self, file: &mut File) -> io::Result<bool> {
        let ends = self.tracks.iter().filter_map(|&(_, picture, last)| {
            Some(last? as f64 + picture as f64 / self.scale as f64)
        });
        let duration = ends.fold(0.0, f64::max);
        let Some(room) = self.room.filter(|_| duration > 0.0 && !self.is_timed) else {
            return Ok(false);
        };
        let mut bytes = [0x44, 0x89, 0x88, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[3..].copy_from_slice(&duration.to_be_bytes());
        file.seek(SeekFrom::Start(room))?;
        file.write_all(&bytes)?;
        Ok(true)
    }

    /// Has the segment go on to the file's end, where it says that it goes further than the file does; whether it did.
    fn give_size(&self, file: &mut File, length: u64) -> io::Result<bool> {
        let Some((place, start, size)) = self.size else {
            return Ok(false);
        };
        if start.checked_add(size).is_some_and(|end| end <= length) {
            return Ok(false);
        }
        let mut bytes = (self.whole - start).to_be_bytes();
        bytes[0] |= 1;
        file.seek(SeekFrom::Start(place))?;
        file.write_all(&bytes)?;
        Ok(true)
    }
}
