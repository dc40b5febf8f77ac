//! MIDI clock made into a beat: uneven pulses go in, an even beat comes out.

use super::Pulse;

/// Pulses of a beat.
const PER_BEAT: f64 = 24.0;
/// Pulses that the line is laid through: four beats. Jitter of a millisecond moves its slope by a hundredth of a BPM.
const WINDOW: usize = 96;
/// Pulses that are enough to give a tempo.
const ENOUGH: usize = 6;
/// Pulses in a row that are off, by a part of their distance, before the tempo is held to have changed.
const OFF: u32 = 3;
const OFF_PART: f64 = 0.3;
/// Seconds without a pulse after which the clock has gone.
const GONE_SECS: f64 = 1.0;

/// Where a clock's beat is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Following {
    /// In beats, from the song's beginning on.
    pub beat: f64,
    /// Beats a minute.
    pub tempo: f64,
    /// Whether the song goes on.
    pub running: bool,
}

/// Follows the MIDI clock of one port: a line by least squares through the last pulses gives tempo and phase.
///
/// The first port that sends is followed until it has been silent for a second. Times are in seconds of any one clock.
#[derive(Clone, Debug)]
pub struct Follower {
    port: Option<u16>,
    /// Times of the last pulses, the newest at `newest`.
    times: [f64; WINDOW],
    count: usize,
    newest: usize,
    off: u32,
    /// Where in the song the newest pulse is, in pulses.
    song: f64,
    running: bool,
    /// Seconds of a pulse, and when the newest was due.
    pace: f64,
    due: f64,
}

impl Default for Follower {
    fn default() -> Self {
        Self {
            port: None,
            times: [0.0; WINDOW],
            count: 0,
            newest: 0,
            off: 0,
            song: -1.0,
            running: true,
            pace: 0.0,
            due: 0.0,
        }
    }
}

impl Follower {
    /// Takes a pulse that came from `port` at `at`.
    pub fn put(&mut self, port: u16, pulse: Pulse, at: f64) {
        if self.port.is_some_and(|followed| followed != port) && !self.is_gone(at) {
            return;
        }
        if self.port != Some(port) {
            *self = Self {
                port: Some(port),
                ..Self::default()
            };
        }
        match pulse {
            Pulse::Clock => self.clock(at),
            Pulse::Start => {
                self.song = -1.0;
                self.running = true;
            }
            Pulse::Continue => self.running = true,
            Pulse::Stop => self.running = false,
            // The next pulse is the one at that place.
            Pulse::Position(sixteenths) => self.song = f64::from(sixteenths) * PER_BEAT / 4.0 - 1.0,
        }
    }

    /// The port that is followed.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Where the beat is at `now`; nothing where no clock has come lately.
    pub fn at(&self, now: f64) -> Option<Following> {
        if self.count < ENOUGH || self.is_gone(now) || self.pace <= 0.0 {
            return None;
        }
        let ahead = if self.running {
            (now - self.due) / self.pace
        } else {
            0.0
        };
        Some(Following {
            beat: (self.song + ahead) / PER_BEAT,
            tempo: 60.0 / (self.pace * PER_BEAT),
            running: self.running,
        })
    }

    fn is_gone(&self, now: f64) -> bool {
        self.count == 0 || now - self.times[self.newest] > GONE_SECS
    }

    fn clock(&mut self, at: f64) {
        if self.is_gone(at) || at <= self.times[self.newest] {
            // A new beginning; two pulses of one moment tell nothing of the pace.
            if self.count > 0 && at <= self.times[self.newest] {
                self.times[self.newest] -= 1e-6;
            } else {
                self.count = 0;
            }
        }
        if self.count >= ENOUGH && self.pace > 0.0 {
            let expected = self.due + self.pace;
            if (at - expected).abs() > OFF_PART * self.pace {
                self.off += 1;
            } else {
                self.off = 0;
            }
            if self.off >= OFF {
                // The tempo has changed: what was before tells nothing any more.
                self.count = OFF as usize;
                self.off = 0;
            }
        }
        self.newest = (self.newest + 1) % WINDOW;
        self.times[self.newest] = at;
        self.count = (self.count + 1).min(WINDOW);
        if self.running {
            self.song += 1.0;
        }
        self.fit();
    }

    /// Least squares of time over number, numbers counted back from the newest.
    fn fit(&mut self) {
        let newest = self.times[self.newest];
        let count = self.count as f64;
        if self.count < 2 {
            self.due = newest;
            return;
        }
        let (mut sum, mut sum_x) = (0.0, 0.0);
        let middle = -(count - 1.0) / 2.0;
        for back in 0..self.count {
            let x = -(back as f64) - middle;
            let t = self.times[(self.newest + WINDOW - back) % WINDOW] - newest;
            sum += t;
            sum_x += x * t;
        }
        let squares = count * (count * count - 1.0) / 12.0;
        self.pace = sum_x / squares;
        self.due = newest + sum / count - middle * self.pace;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of -1..1.
    fn noise(state: &mut u64) -> f64 {
        *state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (*state >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    /// Pulses at a tempo with jitter; returns the time after the last one.
    fn send(follower: &mut Follower, from: f64, tempo: f64, pulses: usize, jitter: f64) -> f64 {
        let mut state = 7;
        let pace = 60.0 / tempo / PER_BEAT;
        for pulse in 0..pulses {
            let at = from + pulse as f64 * pace + noise(&mut state) * jitter;
            follower.put(0, Pulse::Clock, at);
        }
        from + pulses as f64 * pace
    }

    #[test]
    fn two_bars_of_an_uneven_clock_give_the_tempo_to_a_tenth() {
        for tempo in [40.0, 90.0, 120.0, 127.3, 174.0, 240.0] {
            let mut follower = Follower::default();
            follower.put(0, Pulse::Start, 10.0);
            let end = send(&mut follower, 10.0, tempo, 192, 0.002);
            let following = follower.at(end).unwrap();
            assert!(
                (following.tempo - tempo).abs() < 0.1,
                "{tempo}: {following:?}"
            );
            // Eight beats after the first pulse, to two milliseconds.
            let off_secs = (following.beat - 8.0).abs() * 60.0 / tempo;
            assert!(off_secs < 0.002, "{tempo}: {following:?}");
        }
    }

    #[test]
    fn a_change_of_tempo_is_taken_up_within_a_beat() {
        let mut follower = Follower::default();
        let end = send(&mut follower, 0.0, 120.0, 200, 0.0005);
        let end = send(&mut follower, end, 150.0, 36, 0.0005);
        let tempo = follower.at(end).unwrap().tempo;
        assert!((tempo - 150.0).abs() < 2.0, "{tempo}");
    }

    #[test]
    fn songs_start_stop_and_are_placed() {
        let mut follower = Follower::default();
        assert_eq!(follower.at(0.0), None);
        let end = send(&mut follower, 0.0, 120.0, 48, 0.0);
        follower.put(0, Pulse::Stop, end);
        let stood = follower.at(end).unwrap();
        let end = send(&mut follower, end, 120.0, 48, 0.0);
        let stands = follower.at(end).unwrap();
        assert!(!stands.running);
        assert_eq!(stands.beat, stood.beat);
        follower.put(0, Pulse::Position(16), end);
        follower.put(0, Pulse::Continue, end);
        let end = send(&mut follower, end, 120.0, 24, 0.0);
        let following = follower.at(end).unwrap();
        assert!((following.beat - 5.0).abs() < 1e-9, "{following:?}");
        follower.put(0, Pulse::Start, end);
        let end = send(&mut follower, end, 120.0, 1, 0.0);
        let beat = follower.at(end).unwrap().beat;
        assert!((beat - 1.0 / 24.0).abs() < 1e-9, "{beat}");
        assert_eq!(follower.at(end + 1.5), None, "a silent clock has gone");
    }

    #[test]
    fn one_port_is_followed_until_it_is_silent() {
        let mut follower = Follower::default();
        let end = send(&mut follower, 0.0, 120.0, 48, 0.0);
        follower.put(3, Pulse::Clock, end);
        assert_eq!(follower.port(), Some(0));
        follower.put(3, Pulse::Clock, end + 2.0);
        assert_eq!(follower.port(), Some(3));
    }
}
