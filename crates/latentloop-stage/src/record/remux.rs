//! A film that was recorded in fragments, made into a plain one: the same packets, with one index at the front.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Dictionary, Packet, Rational};

use super::disk::{self, RESERVE};
use super::{RecordError, Summary};
use crate::video;

/// Makes a film that was recorded, fragmented MP4, into a plain MP4 of the same name, with its counts for a comment. Nothing
/// is coded anew. It is written beside the film, and takes its place only when it is whole. Takes the time that copying takes.
///
/// # Errors
/// When it cannot be read or written, or there is no room for both. The film stays as it is then, and nothing else is left.
pub fn remux(recorded: &Summary) -> Result<(), RecordError> {
    let path = &recorded.path;
    let partial = beside(path);
    let outcome = try_remux(path, &partial, &recorded.counts());
    if outcome.is_err() {
        // Where it was never made there is nothing to remove.
        let _ = fs::remove_file(&partial);
    }
    outcome.map_err(|reason| RecordError::Remux {
        path: path.to_owned(),
        reason,
    })
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".partial-{name}"))
}

fn try_remux(path: &Path, partial: &Path, comment: &str) -> Result<(), String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if let Some(free) = disk::free(path).filter(|&free| free < size + RESERVE) {
        return Err(format!(
            "the disk has {} MB left, and {} are needed beside it",
            free / 1_000_000,
            (size + RESERVE) / 1_000_000
        ));
    }
    copy(path, partial, comment).map_err(|error| error.to_string())?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(partial, path))
        .map_err(|error| error.to_string())
}

/// Copies all packets of all streams.
fn copy(from: &Path, to: &Path, comment: &str) -> Result<(), ffmpeg::Error> {
    video::start()?;
    let mut input = video::input(from).map_err(|error| match error {
        video::NotOpened::Broken(error) => error,
        _ => ffmpeg::Error::InvalidData,
    })?;
    let to = video::url(to).ok_or(ffmpeg::Error::InvalidData)?;
    let mut output = ffmpeg::format::output_as(&to, "mp4")?;
    let mut tags = input.metadata().to_owned();
    tags.set("comment", comment);
    output.set_metadata(tags);
    for stream in input.streams() {
        let mut copied = output.add_stream(ffmpeg::encoder::find(ffmpeg::codec::Id::None))?;
        copied.set_parameters(stream.parameters());
        copied.set_time_base(stream.time_base());
        copied.set_avg_frame_rate(stream.avg_frame_rate());
        copied.set_metadata(stream.metadata().to_owned());
    }
    let mut options = Dictionary::new();
    options.set("movflags", "+faststart+write_colr");
    output.write_header_with(options)?;
    let bases: Vec<Rational> = output.streams().map(|stream| stream.time_base()).collect();
    let outcome = copy_packets(&mut input, &mut output, &bases);
    // The trailer is written whatever came before: it frees the muxer.
    outcome.and(output.write_trailer())
}

fn copy_packets(
    input: &mut ffmpeg::format::context::Input,
    output: &mut ffmpeg::format::context::Output,
    bases: &[Rational],
) -> Result<(), ffmpeg::Error> {
    loop {
        let mut packet = Packet::empty();
        match packet.read(input) {
            Ok(()) => {}
            Err(ffmpeg::Error::Eof) => return Ok(()),
            Err(error) => return Err(error),
        }
        let stream = packet.stream();
        let (Some(from), Some(&to)) = (input.stream(stream), bases.get(stream)) else {
            continue;
        };
        packet.rescale_ts(from.time_base(), to);
        packet.set_position(-1);
        packet.write_interleaved(output)?;
    }
}
