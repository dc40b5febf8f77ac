//! What a film on the disk holds: its pictures, and how long they last.

use std::path::Path;
use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::media::Type;

use super::RecordError;
use crate::video;

/// Pictures of a film and the time that they last, read off its packets; none is decoded.
///
/// # Errors
/// When the film cannot be opened, or has no pictures.
pub fn read_back(path: &Path) -> Result<(u64, Duration), RecordError> {
    let failed = |error: ffmpeg::Error| RecordError::write("read", path, error);
    let mut input = video::input(path).map_err(|error| RecordError::write("read", path, error))?;
    let stream = input
        .streams()
        .best(Type::Video)
        .ok_or(ffmpeg::Error::StreamNotFound)
        .map_err(failed)?;
    let (index, base) = (stream.index(), f64::from(stream.time_base()));
    let (mut pictures, mut first, mut last) = (0, i64::MAX, i64::MIN);
    loop {
        let mut packet = ffmpeg::Packet::empty();
        match packet.read(&mut input) {
            // Of a torn one FFmpeg gives what there is.
            Ok(()) if packet.stream() == index && !packet.is_corrupt() => {
                pictures += 1;
                let at = packet.pts().or(packet.dts()).unwrap_or(0);
                first = first.min(at);
                last = last.max(at);
            }
            Ok(()) => {}
            // Whatever ends it, a player comes no further.
            Err(_) => break,
        }
    }
    if pictures == 0 {
        return Err(RecordError::Nothing(path.to_owned()));
    }
    let secs = last.saturating_sub(first) as f64 * base;
    Ok((pictures, Duration::from_secs_f64(secs.max(0.0))))
}
