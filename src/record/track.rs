//! The sound of a video file: brought to the encoder's rate, cut into its frames, kept true to the clock.

use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Dictionary, Rational, frame};

use super::Sound;
use super::movie::stream_base;

/// Sound that is late by more than this was lost on its way: silence takes its place.
const LATE_SECS: f64 = 0.25;
/// Sound's stream stands after the pictures'.
const STREAM: usize = 1;
/// Packed floats, the form in which sound comes in.
const PACKED: Sample = Sample::F32(Type::Packed);

/// The sound of a file.
pub(super) struct Track {
    encoder: encoder::Audio,
    resampler: Option<resampling::Context>,
    sound: Sound,
    /// Channels that are recorded, one or two.
    channels: usize,
    rate: u32,
    /// Samples to encode in one go, of each channel.
    frame_size: usize,
    /// Interleaved, at the encoder's rate.
    pending: Vec<f32>,
    /// Samples of each channel that came in, silence included, at the encoder's rate.
    received: u64,
    /// Samples of each channel that were encoded.
    encoded: i64,
}

impl Track {
    pub(super) fn open(id: codec::Id, sound: Sound) -> Result<Self, ffmpeg::Error> {
        if sound.rate == 0 || sound.channels == 0 {
            return Err(ffmpeg::Error::InvalidData);
        }
        let is_opus = id == codec::Id::OPUS;
        let preferred = if is_opus { "libopus" } else { "aac" };
        let codec = encoder::find_by_name(preferred)
            .or_else(|| encoder::find(id))
            .ok_or(ffmpeg::Error::EncoderNotFound)?;
        let rates: &[u32] = if is_opus {
            &[48_000]
        } else {
            &[48_000, 44_100, 32_000, 96_000, 88_200]
        };
        let rate = if rates.contains(&sound.rate) {
            sound.rate
        } else {
            48_000
        };
        let channels = usize::from(sound.channels.min(2));
        let layout = if channels == 1 {
            ChannelLayout::MONO
        } else {
            ChannelLayout::STEREO
        };
        let mut audio = codec::Context::new_with_codec(codec).encoder().audio()?;
        audio.set_rate(rate as i32);
        audio.set_channel_layout(layout);
        audio.set_format(if is_opus {
            PACKED
        } else {
            Sample::F32(Type::Planar)
        });
        audio.set_time_base(Rational(1, rate as i32));
        audio.set_bit_rate(96_000 * channels);
        audio.set_flags(codec::Flags::GLOBAL_HEADER);
        let encoder = audio.open_with(Dictionary::new())?;
        let resampler = if rate == sound.rate {
            None
        } else {
            Some(resampling::Context::get(
                PACKED, layout, sound.rate, PACKED, layout, rate,
            )?)
        };
        Ok(Self {
            frame_size: match encoder.frame_size() as usize {
                0 => 1024,
                size => size,
            },
            encoder,
            resampler,
            sound,
            channels,
            rate,
            pending: Vec::new(),
            received: 0,
            encoded: 0,
        })
    }

    /// Adds the track to a file as its second stream.
    pub(super) fn join(
        &mut self,
        output: &mut ffmpeg::format::context::Output,
    ) -> Result<(), ffmpeg::Error> {
        let mut stream = output.add_stream_with(&self.encoder)?;
        stream.set_time_base(Rational(1, self.rate as i32));
        Ok(())
    }

    /// Adds interleaved samples that end at `until`.
    pub(super) fn add(
        &mut self,
        samples: &[f32],
        until: Duration,
        output: &mut ffmpeg::format::context::Output,
    ) -> Result<(), ffmpeg::Error> {
        let kept = self.channels;
        let interleaved: Vec<f32> = samples
            .chunks_exact(usize::from(self.sound.channels))
            .flat_map(|sample| sample.iter().take(kept))
            .map(|level| {
                if level.is_finite() {
                    level.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            })
            .collect();
        let came_secs = (interleaved.len() / kept) as f64 / f64::from(self.sound.rate);
        let due_secs = until.as_secs_f64() - came_secs;
        let late_secs = due_secs - self.received as f64 / f64::from(self.rate);
        if late_secs > LATE_SECS {
            let silence = (late_secs * f64::from(self.rate)) as usize;
            self.push(&vec![0.0; silence * kept]);
        }
        match self.resample(&interleaved)? {
            None => self.push(&interleaved),
            Some(resampled) => self.push(&resampled),
        }
        let whole = self.frame_size * self.channels;
        while self.pending.len() >= whole {
            self.encode(whole, output)?;
        }
        Ok(())
    }

    /// Encodes what is left and ends the stream.
    pub(super) fn finish(
        &mut self,
        output: &mut ffmpeg::format::context::Output,
    ) -> Result<(), ffmpeg::Error> {
        if !self.pending.is_empty() {
            self.encode(self.pending.len(), output)?;
        }
        self.encoder.send_eof()?;
        self.write(output)
    }

    fn push(&mut self, interleaved: &[f32]) {
        self.received += (interleaved.len() / self.channels) as u64;
        self.pending.extend_from_slice(interleaved);
    }

    fn resample(&mut self, interleaved: &[f32]) -> Result<Option<Vec<f32>>, ffmpeg::Error> {
        let Some(resampler) = &mut self.resampler else {
            return Ok(None);
        };
        let count = interleaved.len() / self.channels;
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        let layout = resampler.input().channel_layout;
        let mut input = frame::Audio::new(PACKED, count, layout);
        input.set_rate(self.sound.rate);
        write_levels(&mut input, interleaved);
        // Room for all of it at the new rate, and for what the filter still held.
        let room = count * self.rate as usize / self.sound.rate as usize + 256;
        let mut resampled = frame::Audio::new(PACKED, room, layout);
        resampler.run(&input, &mut resampled)?;
        let bytes = resampled.samples() * self.channels * 4;
        let levels = resampled.data(0)[..bytes].chunks_exact(4);
        Ok(Some(
            levels
                .map(|level| f32::from_ne_bytes([level[0], level[1], level[2], level[3]]))
                .collect(),
        ))
    }

    fn encode(
        &mut self,
        length: usize,
        output: &mut ffmpeg::format::context::Output,
    ) -> Result<(), ffmpeg::Error> {
        let count = length / self.channels;
        let layout = self.encoder.channel_layout();
        let mut frame = frame::Audio::new(self.encoder.format(), count, layout);
        frame.set_rate(self.rate);
        frame.set_pts(Some(self.encoded));
        if frame.is_planar() {
            for channel in 0..self.channels {
                let levels = self.pending[..length].iter().skip(channel);
                let plane = frame.plane_mut::<f32>(channel);
                for (slot, level) in plane.iter_mut().zip(levels.step_by(self.channels)) {
                    *slot = *level;
                }
            }
        } else {
            write_levels(&mut frame, &self.pending[..length]);
        }
        self.pending.drain(..length);
        self.encoded += count as i64;
        self.encoder.send_frame(&frame)?;
        self.write(output)
    }

    fn write(&mut self, output: &mut ffmpeg::format::context::Output) -> Result<(), ffmpeg::Error> {
        let base = stream_base(output, STREAM);
        loop {
            let mut packet = ffmpeg::Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {
                    packet.set_stream(STREAM);
                    packet.rescale_ts(Rational(1, self.rate as i32), base);
                    packet.write_interleaved(output)?;
                }
                Err(ffmpeg::Error::Eof) => return Ok(()),
                Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes interleaved levels into a packed frame, as bytes: its typed access gives one number a sample.
fn write_levels(frame: &mut frame::Audio, levels: &[f32]) {
    for (bytes, level) in frame.data_mut(0).chunks_exact_mut(4).zip(levels) {
        bytes.copy_from_slice(&level.to_ne_bytes());
    }
}
