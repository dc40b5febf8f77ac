//! The MIDI clock follower: uneven pulses go in, an even beat comes out.

use super::Pulse;

/// Pulses of a beat.
const PER_BEAT: f64 = 24.0;
/// Pulses that the line is laid through: eight beats.
const WINDOW: usize = 192;
/// Pulses that are enough to give a tempo: half a beat.
const ENOUGH: usize = 12;
/// Pulses in a row that are off to one side, by a part of their distance, before the tempo is held to have changed: a beat.
/// A busy machine delivers pulses late and in heaps, but then comes back to the line.
const OFF: i32 = 24;
const OFF_PART: f64 = 0.5;
/// Pulses that are further off than a part of their distance do not count for the line, where the rest is enough.
const STRAY_PART: f64 = 0.25;
/// Seconds without a pulse after which the clock has gone.
const GONE_SECS: f64 = 2.0;

/// The beat of a clock that is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Following {
    /// In beats, from the song's beginning on.
    pub beat: f64,
    /// Beats a minute.
    pub tempo: f64,
    /// Whether the song goes on.
    pub running: bool,
}

/// A follower of the MIDI clock of one port: a line by least squares through the last pulses gives tempo and phase.
///
/// The first port that sends is followed until it has been silent for a second. Times are in seconds of any one clock.
#[derive(Clone, Debug)]
pub struct Follower {
    port: Option<u16>,
    /// Times of the last pulses, the newest at `newest`.
    times: [f64; WINDOW],
    count: usize,
    newest: usize,
    /// Pulses in a row that came late, or early where it is negative.
    off: i32,
    /// The song position of the newest pulse, in pulses.
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

    /// Whether enough has come for the tempo to stand: two beats.
    pub fn is_settled(&self) -> bool {
        self.count >= 2 * PER_BEAT as usize
    }

    /// The port that is followed.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The beat at `now`; nothing where no clock has come lately.
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
        if self.is_gone(at) {
            self.count = 0;
            self.off = 0;
        }
        let at = if self.count > 0 {
            at.max(self.times[self.newest])
        } else {
            at
        };
        if self.count >= ENOUGH && self.pace > 0.0 {
            let off = (at - self.due - self.pace) / self.pace;
            let side = off.signum() as i32;
            self.off = match off.abs() > OFF_PART {
                true if self.off * side >= 0 => self.off + side,
                true => side,
                false => 0,
            };
            if self.off.abs() >= OFF {
                // What was before tells nothing any more.
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

    /// Least squares of time over number, numbers counted back from the newest; once through all pulses, and once through those
    /// that are near that line.
    fn fit(&mut self) {
        let newest = self.times[self.newest];
        if self.count < 2 {
            self.due = newest;
            return;
        }
        let Some((due, pace)) = self.line(|_, _| true) else {
            return;
        };
        let near = move |back: f64, time: f64| (time - due + back * pace).abs() < STRAY_PART * pace;
        let (due, pace) = self.line(near).unwrap_or((due, pace));
        self.due = newest + due;
        self.pace = pace;
    }

    /// The line through the pulses that count: when the newest was due, in seconds from when it came, and the seconds of a pulse.
    /// Nothing where fewer than half of them count.
    fn line(&self, counts: impl Fn(f64, f64) -> bool) -> Option<(f64, f64)> {
        let newest = self.times[self.newest];
        let (mut n, mut x_sum, mut t_sum, mut xx, mut xt) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for back in 0..self.count {
            let time = self.times[(self.newest + WINDOW - back) % WINDOW] - newest;
            if counts(back as f64, time) {
                let x = -(back as f64);
                n += 1.0;
                x_sum += x;
                t_sum += time;
                xx += x * x;
                xt += x * time;
            }
        }
        let spread = n * xx - x_sum * x_sum;
        if n * 2.0 < self.count as f64 || spread <= 0.0 {
            return None;
        }
        let pace = (n * xt - x_sum * t_sum) / spread;
        Some(((t_sum - pace * x_sum) / n, pace))
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
    fn a_change_of_tempo_is_taken_up_within_two_beats() {
        let mut follower = Follower::default();
        let end = send(&mut follower, 0.0, 120.0, 200, 0.0005);
        let end = send(&mut follower, end, 150.0, 48, 0.0005);
        let tempo = follower.at(end).unwrap().tempo;
        assert!((tempo - 150.0).abs() < 1.0, "{tempo}");
    }

    #[test]
    fn pulses_that_come_late_and_in_heaps_do_not_move_the_beat() {
        let mut follower = Follower::default();
        let pace = 60.0 / 126.0 / PER_BEAT;
        let mut state = 3;
        let mut held_until: f64 = 0.0;
        for pulse in 0..960 {
            let at = f64::from(pulse) * pace;
            // Now and then a busy machine delivers nothing for up to a tenth of a second, then all of it.
            if noise(&mut state) > 0.95 {
                held_until = held_until.max(at + 0.1 * noise(&mut state).abs());
            }
            follower.put(0, Pulse::Clock, at.max(held_until));
            if pulse > 192 {
                let following = follower.at(at.max(held_until)).unwrap();
                assert!((following.tempo - 126.0).abs() < 1.0, "{following:?}");
            }
        }
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
        assert_eq!(follower.at(end + 2.5), None, "a silent clock has gone");
    }

    #[test]
    fn one_port_is_followed_until_it_is_silent() {
        let mut follower = Follower::default();
        let end = send(&mut follower, 0.0, 120.0, 48, 0.0);
        follower.put(3, Pulse::Clock, end);
        assert_eq!(follower.port(), Some(0));
        follower.put(3, Pulse::Clock, end + 2.5);
        assert_eq!(follower.port(), Some(3));
    }
}
