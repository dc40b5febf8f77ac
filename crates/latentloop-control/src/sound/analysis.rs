//! Sound analysis: overall level and the energy of three bands.

use std::{f32::consts::TAU, sync::Arc};

use rustfft::{Fft, FftPlanner, num_complex::Complex};

/// Greatest width of a bin of the spectrum: fine enough to part a bass from a voice. At 48 kHz a window is 43 ms.
const BIN_HZ: u32 = 25;
/// Windows that begin within the length of one: at 48 kHz one every 11 ms, less than a frame of the show.
const OVERLAP: usize = 4;
/// Under this window a sound card's constant offset, which no one hears, fills bins 0 and 1.
const FIRST_BIN: usize = 2;
/// The level that maps to 0; full scale maps to 1.
const FLOOR_DB: f32 = -60.0;
/// Edges of the low, mid and high band, in hertz.
const BAND_EDGES_HZ: [f32; 4] = [20.0, 250.0, 2_000.0, 12_000.0];

/// Features of the sound at one moment. Each value is in 0..=1, linear in decibels from -60 dBFS to full scale.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Features {
    /// Root mean square of the whole signal.
    pub level: f32,
    /// Energy from 20 to 250 Hz.
    pub low: f32,
    /// Energy from 250 to 2000 Hz.
    pub mid: f32,
    /// Energy from 2 to 12 kHz.
    pub high: f32,
}

/// An analyser: turns a stream of mono samples into [`Features`], about a hundred times a second. Allocates when it is made,
/// never after.
pub struct Analyser {
    fft: Arc<dyn Fft<f32>>,
    hann: Vec<f32>,
    hann_energy: f32,
    band_bins: [usize; 4],
    /// The last window, as a ring that starts at `next`.
    history: Vec<f32>,
    next: usize,
    until_hop: usize,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Analyser {
    /// An analyser for a signal of this sample rate, beginning in silence.
    pub fn new(sample_rate_hz: u32) -> Self {
        let window_samples = (sample_rate_hz / BIN_HZ)
            .clamp(256, 16_384)
            .next_power_of_two() as usize;
        let fft = FftPlanner::new().plan_fft_forward(window_samples);
        let scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
        let hann: Vec<f32> = (0..window_samples)
            .map(|i| 0.5 - 0.5 * (TAU * i as f32 / window_samples as f32).cos())
            .collect();
        let bin_hz = sample_rate_hz as f32 / window_samples as f32;
        Self {
            hann_energy: hann.iter().map(|weight| weight * weight).sum(),
            hann,
            band_bins: BAND_EDGES_HZ.map(|edge_hz| {
                ((edge_hz / bin_hz).round() as usize).clamp(FIRST_BIN, window_samples / 2)
            }),
            history: vec![0.0; window_samples],
            next: 0,
            until_hop: window_samples / OVERLAP,
            spectrum: vec![Complex::default(); window_samples],
            scratch,
            fft,
        }
    }

    /// Takes one sample in -1..=1; returns features whenever a hop is complete. A sample that is no number counts as 0.
    pub fn push(&mut self, sample: f32) -> Option<Features> {
        self.history[self.next] = if sample.is_finite() { sample } else { 0.0 };
        self.next = (self.next + 1) % self.history.len();
        self.until_hop -= 1;
        if self.until_hop > 0 {
            return None;
        }
        self.until_hop = self.history.len() / OVERLAP;
        Some(self.features())
    }

    fn features(&mut self) -> Features {
        let window_samples = self.history.len();
        let (newer, older) = self.history.split_at(self.next);
        for ((bin, sample), weight) in self
            .spectrum
            .iter_mut()
            .zip(older.iter().chain(newer))
            .zip(&self.hann)
        {
            *bin = Complex::new(sample * weight, 0.0);
        }
        self.fft
            .process_with_scratch(&mut self.spectrum, &mut self.scratch);

        // Parseval: the mean square of the windowed signal, by bins; each stands for its mirror image as well.
        let mean_square = |from: usize, to: usize| {
            let energy: f32 = self.spectrum[from..to].iter().map(Complex::norm_sqr).sum();
            2.0 * energy / (window_samples as f32 * self.hann_energy)
        };
        let [low, mid, high, end] = self.band_bins;
        Features {
            level: unit_from_mean_square(mean_square(FIRST_BIN, window_samples / 2)),
            low: unit_from_mean_square(mean_square(low, mid)),
            mid: unit_from_mean_square(mean_square(mid, high)),
            high: unit_from_mean_square(mean_square(high, end)),
        }
    }
}

/// Maps a mean square to 0..=1, linear in decibels.
fn unit_from_mean_square(mean_square: f32) -> f32 {
    let level_db = 10.0 * mean_square.max(1e-12).log10();
    (1.0 - level_db / FLOOR_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The features of a second of a sine.
    fn hear(sample_rate_hz: u32, tone_hz: f32, amplitude: f32) -> Features {
        let mut analyser = Analyser::new(sample_rate_hz);
        let mut last = None;
        for i in 0..sample_rate_hz {
            let phase = f64::from(i) * f64::from(tone_hz) / f64::from(sample_rate_hz);
            last = analyser
                .push(amplitude * (phase.fract() as f32 * TAU).sin())
                .or(last);
        }
        last.unwrap()
    }

    #[test]
    fn each_band_answers_to_its_own_tones_and_to_no_others() {
        for sample_rate_hz in [32_000, 44_100, 48_000, 96_000, 192_000] {
            for (tone_hz, band) in [
                (60.0, 0),
                (120.0, 0),
                (440.0, 1),
                (1_000.0, 1),
                (3_500.0, 2),
                (9_000.0, 2),
            ] {
                let heard = hear(sample_rate_hz, tone_hz, 0.5);
                let bands = [heard.low, heard.mid, heard.high];
                assert!(
                    bands[band] > 0.8,
                    "{tone_hz} Hz at {sample_rate_hz}: {heard:?}"
                );
                for other in (0..3).filter(|&other| other != band) {
                    assert!(
                        bands[other] < 0.25,
                        "{tone_hz} Hz at {sample_rate_hz}: {heard:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_full_scale_sine_stands_three_decibels_below_the_top_and_half_of_it_six_below_that() {
        let full = hear(48_000, 1_000.0, 1.0);
        assert!((full.level - (1.0 - 3.01 / 60.0)).abs() < 0.002, "{full:?}");
        let half = hear(48_000, 1_000.0, 0.5);
        assert!(
            (full.level - half.level - 6.02 / 60.0).abs() < 0.002,
            "{half:?}"
        );
    }

    #[test]
    fn silence_a_constant_and_an_ultrasonic_tone_drive_no_band() {
        assert_eq!(hear(48_000, 1_000.0, 0.0), Features::default());

        let mut analyser = Analyser::new(48_000);
        let last = (0..48_000).filter_map(|_| analyser.push(0.7)).last();
        assert_eq!(last.unwrap(), Features::default());

        let heard = hear(48_000, 18_000.0, 0.9);
        assert!(heard.low.max(heard.mid).max(heard.high) < 0.01, "{heard:?}");
        assert!(heard.level > 0.8, "{heard:?}");
    }

    #[test]
    fn samples_that_are_no_numbers_leave_the_features_finite() {
        let mut analyser = Analyser::new(48_000);
        for i in 0..10_000 {
            let sample = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX][i % 4];
            if let Some(heard) = analyser.push(sample) {
                for value in [heard.level, heard.low, heard.mid, heard.high] {
                    assert!((0.0..=1.0).contains(&value), "{heard:?}");
                }
            }
        }
    }

    #[test]
    fn features_come_four_times_a_window() {
        let mut analyser = Analyser::new(48_000);
        let count = (0..5_120).filter_map(|_| analyser.push(0.1)).count();
        assert_eq!(count, 10);
    }
}
