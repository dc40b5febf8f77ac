//! The audio track of a movie: brought to the encoder's rate, cut into its frames, kept true to the clock.

use std::time::Duration;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Dictionary, Rational, frame};

use super::Sound;
use super::format::stream_base;

/// Sound that is late by more than this was lost on its way, and silence takes its place; what is early by more is left out.
const LOST_SECS: f64 = 0.25;
/// How far it is from the clock is taken over about that long: devices deliver in bursts.
const SMOOTHING_SECS: f64 = 1.0;
/// A sound card's clock is never quite the computer's. What it is off by is made up for in about that long, by playing
/// faster or slower.
const RETURN_SECS: f64 = 10.0;
/// But never by more than this, three hundredths of a semitone, which nobody hears.
const MOST_STRETCH: f64 = 0.002;
/// Sound's stream stands after the pictures'.
const STREAM: usize = 1;
/// Packed floats, the form in which sound comes in.
const PACKED: Sample = Sample::F32(Type::Packed);

/// The audio track of a movie.
pub(super) struct AudioTrack {
    encoder: encoder::Audio,
    resampler: resampling::Context,
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
    /// Seconds by which sound is behind the clock, smoothed; nothing before the first.
    behind_secs: Option<f64>,
}

impl AudioTrack {
    /// Opens an encoder. What AAC puts before the sound takes the place of its first fiftieth of a second, so that no stream begins
    /// before the pictures: fragments have no edit list to leave it out by. What Opus puts there every player leaves out; up to
    /// FFmpeg 5 Matroska's muxer counts it twice, which would put pictures later than their sound.
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
        #[allow(unsafe_code, reason = "ffmpeg-next does not wrap initial_padding")]
        // SAFETY: the encoder is open and owned here; a number is read.
        let padding = unsafe { (*encoder.as_ptr()).initial_padding }.max(0);
        let (received, encoded) = match is_opus {
            false => (padding, padding),
            true if ffmpeg::format::version() >> 16 < 60 => (0, padding),
            true => (0, 0),
        };
        let mut options = Dictionary::new();
        // Ready to be stretched, also where both rates are the same.
        options.set("flags", "res");
        options.set("exact_rational", "0");
        options.set("linear_interp", "1");
        let resampler = resampling::Context::get_with(
            PACKED, layout, sound.rate, PACKED, layout, rate, options,
        )?;
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
            received: received as u64,
            encoded: i64::from(encoded),
            behind_secs: None,
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

    /// Adds interleaved samples, the last of which was heard at `until`.
    pub(super) fn add(
        &mut self,
        samples: &[f32],
        until: Duration,
        output: &mut ffmpeg::format::context::Output,
    ) -> Result<(), ffmpeg::Error> {
        let kept = self.channels;
        let mut interleaved: Vec<f32> = samples
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
        if interleaved.is_empty() {
            return Ok(());
        }
        let came_secs = (interleaved.len() / kept) as f64 / f64::from(self.sound.rate);
        let behind_secs = until.as_secs_f64() - came_secs - self.end_secs();
        match self.behind_secs {
            Some(smooth) if behind_secs.abs() <= LOST_SECS => {
                let part = (came_secs / SMOOTHING_SECS).min(1.0);
                self.stretch(smooth + (behind_secs - smooth) * part)?;
            }
            _ => {
                self.jump(behind_secs, &mut interleaved);
                self.stretch(0.0)?;
            }
        }
        let resampled = self.resample(&interleaved)?;
        self.push(&resampled);
        let whole = self.frame_size * self.channels;
        while self.pending.len() >= whole {
            self.encode(whole, output)?;
        }
        Ok(())
    }

    /// Where the sound that came ends, counted from the file's start.
    fn end_secs(&self) -> f64 {
        let held = self.resampler.delay().map_or(0, |delay| delay.output);
        (self.received as f64 + held as f64) / f64::from(self.rate)
    }

    /// Comes to the clock at once: silence takes the place of what is missing, what is too early is left out.
    fn jump(&mut self, behind_secs: f64, interleaved: &mut Vec<f32>) {
        if behind_secs > 0.0 {
            let silence = (behind_secs * f64::from(self.rate)).round() as usize;
            self.push(&vec![0.0; silence * self.channels]);
        } else {
            let early = (-behind_secs * f64::from(self.sound.rate)).round() as usize;
            interleaved.drain(..(early * self.channels).min(interleaved.len()));
        }
    }

    /// Comes to the clock bit by bit.
    fn stretch(&mut self, behind_secs: f64) -> Result<(), ffmpeg::Error> {
        self.behind_secs = Some(behind_secs);
        let part = (behind_secs / RETURN_SECS).clamp(-MOST_STRETCH, MOST_STRETCH);
        let distance = self.rate as i32 * 10;
        let delta = (part * f64::from(distance)).round() as i32;
        #[allow(unsafe_code, reason = "ffmpeg-next does not wrap swr_set_compensation")]
        // SAFETY: the context is live and owned here; the call takes two numbers.
        let outcome = unsafe {
            ffmpeg::ffi::swr_set_compensation(self.resampler.as_mut_ptr(), delta, distance)
        };
        if outcome < 0 {
            return Err(ffmpeg::Error::from(outcome));
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

    fn resample(&mut self, interleaved: &[f32]) -> Result<Vec<f32>, ffmpeg::Error> {
        let count = interleaved.len() / self.channels;
        if count == 0 {
            return Ok(Vec::new());
        }
        let layout = self.resampler.input().channel_layout;
        let mut input = frame::Audio::new(PACKED, count, layout);
        input.set_rate(self.sound.rate);
        write_levels(&mut input, interleaved);
        // Room for all of it at the new rate, and for what the filter still held.
        let room = count * self.rate as usize / self.sound.rate as usize + 256;
        let mut resampled = frame::Audio::new(PACKED, room, layout);
        self.resampler.run(&input, &mut resampled)?;
        let bytes = resampled.samples() * self.channels * 4;
        let levels = resampled.data(0)[..bytes].chunks_exact(4);
        Ok(levels
            .map(|level| f32::from_ne_bytes([level[0], level[1], level[2], level[3]]))
            .collect())
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
