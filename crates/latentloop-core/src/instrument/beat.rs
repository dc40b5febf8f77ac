//! The beat: a tempo, its phase, and taps. Kept as an anchor and a slope, so that nothing adds up and drifts.

use serde::{Deserialize, Serialize};

use super::TICKS_PER_SEC;

/// Ticks of a minute.
const TICKS_PER_MIN: f64 = (TICKS_PER_SEC * 60) as f64;
/// Taps further apart than this begin anew: two seconds.
const TAPS_APART: u64 = 2 * TICKS_PER_SEC;
/// Taps that are remembered.
const TAPS: usize = 8;
/// Beats that a clock may correct without the loop being told that the beat has jumped.
const CORRECTION: f64 = 0.05;

/// The beat: its phase and its tempo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Beat {
    anchor_tick: u64,
    anchor_beat: f64,
    /// Beats that a hand has added to it.
    shift: f64,
    /// Beats a minute.
    tempo: f64,
    running: bool,
    /// Counts the leaps of the beat.
    leaps: u32,
    /// The last taps, oldest first; as many as `tapped` says.
    taps: [u64; TAPS],
    tapped: usize,
}

impl Beat {
    pub(super) fn new(tempo: f64) -> Self {
        Self {
            anchor_tick: 0,
            anchor_beat: 0.0,
            shift: 0.0,
            tempo,
            running: true,
            leaps: 0,
            taps: [0; TAPS],
            tapped: 0,
        }
    }

    /// Whether every number is one that a beat can have.
    pub(super) fn is_sound(&self) -> bool {
        let numbers = [self.anchor_beat, self.shift, self.tempo];
        numbers.iter().all(|number| number.is_finite()) && self.tempo > 0.0 && self.tapped <= TAPS
    }

    /// The beat at a tick, in beats; the first beat of a bar is a multiple of the bar's beats.
    pub(super) fn at(&self, tick: u64) -> f64 {
        let gone = if self.running {
            tick.saturating_sub(self.anchor_tick) as f64
        } else {
            0.0
        };
        self.anchor_beat + self.shift + gone * self.tempo / TICKS_PER_MIN
    }

    pub(super) fn runs(&self) -> bool {
        self.running
    }

    pub(super) fn leaps(&self) -> u32 {
        self.leaps
    }

    pub(super) fn set_tempo(&mut self, now: u64, tempo: f64) {
        self.anchor_beat = self.at(now) - self.shift;
        self.anchor_tick = now;
        self.tempo = tempo;
    }

    /// A tap; gives the tempo of the last ones where there are enough. The tap is a beat.
    pub(super) fn tap(&mut self, now: u64) -> Option<f64> {
        let last = self.tapped.checked_sub(1).map(|last| self.taps[last]);
        if last.is_none_or(|last| now.saturating_sub(last) > TAPS_APART || now <= last) {
            self.tapped = 0;
        }
        if self.tapped == TAPS {
            self.taps.rotate_left(1);
            self.tapped -= 1;
        }
        self.taps[self.tapped] = now;
        self.tapped += 1;
        if self.tapped < 2 {
            return None;
        }
        let mut gaps = [0; TAPS - 1];
        let gaps = &mut gaps[..self.tapped - 1];
        for (gap, pair) in gaps.iter_mut().zip(self.taps.windows(2)) {
            *gap = pair[1] - pair[0];
        }
        gaps.sort_unstable();
        let middle = gaps.len() / 2;
        let median = (gaps[middle] + gaps[(gaps.len() - 1) / 2]) as f64 / 2.0;
        let beat = self.at(now);
        self.leap(libm::round(beat) - beat);
        Some(TICKS_PER_MIN / median)
    }

    /// The first beat of a bar is now.
    pub(super) fn downbeat(&mut self, now: u64) {
        self.leap(-self.at(now));
    }

    /// Shifts the beat.
    pub(super) fn leap(&mut self, beats: f64) {
        self.shift += beats;
        self.leaps = self.leaps.wrapping_add(1);
    }

    /// A clock from outside says where its beat is now.
    pub(super) fn follow(&mut self, now: u64, beat: f64, tempo: f64, running: bool) {
        if (beat + self.shift - self.at(now)).abs() > CORRECTION {
            self.leaps = self.leaps.wrapping_add(1);
        }
        self.anchor_tick = now;
        self.anchor_beat = beat;
        self.tempo = tempo;
        self.running = running;
    }

    /// Goes by its own clock again.
    pub(super) fn run_free(&mut self, now: u64) {
        self.set_tempo(now, self.tempo);
        self.running = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_give_their_median_and_begin_anew_after_two_seconds() {
        let mut beat = Beat::new(120.0);
        assert_eq!(beat.tap(100), None);
        assert_eq!(beat.tap(340), Some(120.0));
        // One late tap among even ones does not move the median.
        assert_eq!(beat.tap(600), Some(28800.0 / 250.0));
        assert_eq!(beat.tap(840), Some(120.0));
        assert_eq!(beat.tap(1080), Some(120.0));
        assert_eq!(beat.at(1080), libm::round(beat.at(1080)), "a tap is a beat");
        assert_eq!(
            beat.tap(1080 + 961),
            None,
            "two seconds later it is a first tap"
        );
    }

    #[test]
    fn the_beat_goes_on_where_the_tempo_changes() {
        let mut beat = Beat::new(120.0);
        assert_eq!(beat.at(480), 2.0);
        beat.set_tempo(480, 60.0);
        assert_eq!((beat.at(480), beat.at(960)), (2.0, 3.0));
        beat.leap(0.25);
        assert_eq!(beat.at(960), 3.25);
        beat.downbeat(960);
        assert_eq!((beat.at(960), beat.at(1440)), (0.0, 1.0));
    }

    #[test]
    fn a_clock_moves_the_beat_and_only_a_large_move_is_a_leap() {
        let mut beat = Beat::new(120.0);
        beat.follow(480, 2.01, 120.5, true);
        assert_eq!((beat.at(480), beat.leaps()), (2.01, 0));
        beat.follow(481, 16.0, 120.5, false);
        assert_eq!((beat.at(9999), beat.leaps()), (16.0, 1));
        beat.run_free(960);
        assert!(beat.at(961) > 16.0);
    }
}
