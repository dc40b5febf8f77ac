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
/// Pulses' time without one before a song goes on after which the clock was silent.
const REST: f64 = 3.0;
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
/// The first port that sends is followed until it has been silent for two seconds, or until another one starts a song while the
/// first never did. Where the song stands, the clock may be silent: it is not missed, and goes on at its last pace. Times are in
/// seconds of any one clock.
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
    /// Whether it has started or placed a song: it is more than a clock that happens to tick.
    has_transport: bool,
    /// The song has been told to go on, and its first pulse has not come.
    awaits: bool,
    /// The pace before a silence in which the song stood: it holds until there are pulses enough.
    known_pace: Option<f64>,
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
            has_transport: false,
            awaits: false,
            known_pace: None,
            pace: 0.0,
            due: 0.0,
        }
    }
}

impl Follower {
    /// Takes a pulse that came from `port` at `at`.
    pub fn put(&mut self, port: u16, pulse: Pulse, at: f64) {
        let takes_over = pulse == Pulse::Start && !self.has_transport;
        if self.port.is_some_and(|followed| followed != port) && !self.is_silent(at) && !takes_over
        {
            return;
        }
        if self.port != Some(port) {
            *self = Self {
                port: Some(port),
                ..Self::default()
            };
        }
        self.has_transport |= pulse != Pulse::Clock;
        match pulse {
            Pulse::Clock => self.clock(at),
            Pulse::Start => {
                self.song = -1.0;
                self.goes_on(at);
            }
            Pulse::Continue => self.goes_on(at),
            Pulse::Stop => {
                self.running = false;
                self.awaits = false;
            }
            // The next pulse is the one at that place.
            Pulse::Position(sixteenths) => self.song = f64::from(sixteenths) * PER_BEAT / 4.0 - 1.0,
        }
    }

    /// Whether enough has come for the tempo to stand: two beats.
    pub fn is_settled(&self) -> bool {
        self.known_pace.is_some() || self.count >= 2 * PER_BEAT as usize
    }

    /// The port that is followed.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The beat at `now`; nothing where no clock has come lately.
    pub fn at(&self, now: f64) -> Option<Following> {
        let is_known = self.count >= ENOUGH || self.known_pace.is_some();
        if !is_known || self.is_gone(now) || self.pace <= 0.0 {
            return None;
        }
        let ahead = match (self.running, self.awaits) {
            (false, _) => 0.0,
            // The first pulse is the beginning, however long it is in coming.
            (true, true) => ((now - self.due) / self.pace).min(1.0),
            (true, false) => (now - self.due) / self.pace,
        };
        Some(Following {
            beat: (self.song + ahead) / PER_BEAT,
            tempo: 60.0 / (self.pace * PER_BEAT),
            running: self.running,
        })
    }

    fn goes_on(&mut self, at: f64) {
        if !self.running || self.is_silent(at) {
            self.awaits = true;
        }
        self.running = true;
    }

    fn is_silent(&self, now: f64) -> bool {
        self.count == 0 || now - self.times[self.newest] > GONE_SECS
    }

    /// Whether the clock is missed. Some senders are silent while the song stands.
    fn is_gone(&self, now: f64) -> bool {
        self.count == 0 || (self.running && !self.awaits && self.is_silent(now))
    }

    fn clock(&mut self, at: f64) {
        let rest =
            self.count > 0 && self.pace > 0.0 && at - self.times[self.newest] > REST * self.pace;
        if self.awaits && rest && (self.count >= ENOUGH || self.known_pace.is_some()) {
            // What was before the silence tells the pace alone.
            self.known_pace = Some(self.pace);
            self.count = 0;
            self.off = 0;
        } else if self.is_silent(at) {
            self.known_pace = None;
            self.count = 0;
            self.off = 0;
        }
        self.awaits = false;
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
        if let Some(known) = self.known_pace {
            if self.count < ENOUGH {
                // From the known pace over to that of the pulses that have come.
                let part = self.count as f64 / ENOUGH as f64;
                let found = self.line(|_, _| true).map_or(known, |(_, pace)| pace);
                self.pace = known + (found - known) * part;
                let off = (0..self.count).map(|back| {
                    self.times[(self.newest + WINDOW - back) % WINDOW] + back as f64 * self.pace
                });
                self.due = off.sum::<f64>() / self.count as f64;
                return;
            }
            self.known_pace = None;
        }
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
    fn after_a_stop_without_clock_the_song_goes_on_from_the_first_pulse_at_the_last_pace() {
        let pace = 60.0 / 120.0 / PER_BEAT;
        for (begin, from, silence) in [
            (Pulse::Start, 0.0, 0.4),
            (Pulse::Start, 0.0, 30.0),
            (Pulse::Continue, 4.0, 30.0),
        ] {
            let mut follower = Follower::default();
            follower.put(0, Pulse::Start, 0.0);
            let end = send(&mut follower, 0.0, 120.0, 96, 0.001);
            follower.put(0, Pulse::Stop, end);
            let stood = follower.at(end).unwrap();
            assert!((stood.beat - 4.0).abs() < 0.05, "{stood:?}");
            // Silent as it is, it is not missed.
            let again = end + silence;
            assert_eq!(follower.at(again - 0.01), Some(stood));
            follower.put(0, begin, again);
            let waits = follower.at(again + 0.2).unwrap();
            assert!(
                waits.running && (waits.beat - from).abs() < 0.05,
                "{waits:?}"
            );
            // The tempo may have changed meanwhile, a little.
            let new_pace = pace * 1.05;
            let begun = again + 0.25;
            let mut state = 5;
            let mut last = waits.beat;
            for pulse in 0..96 {
                let at = begun + f64::from(pulse) * new_pace + noise(&mut state) * 0.0005;
                follower.put(0, Pulse::Clock, at);
                for part in [0.0, 0.5, 0.99] {
                    let following = follower.at(at + part * new_pace).unwrap();
                    let expected = from + (f64::from(pulse) + part) / PER_BEAT;
                    let off = following.beat - expected;
                    assert!(
                        off.abs() < 0.03,
                        "pulse {pulse}: {following:?}, not {expected}"
                    );
                    assert!(following.beat > last - 0.01, "it leaps back: {following:?}");
                    last = following.beat;
                }
            }
            assert!(
                (follower.at(begun + 95.0 * new_pace).unwrap().tempo - 120.0 / 1.05).abs() < 0.3
            );
            let end = begun + 96.0 * new_pace;
            assert_eq!(
                follower.at(end + 2.5),
                None,
                "running and silent it has gone"
            );
        }
    }

    #[test]
    fn a_start_takes_over_from_a_clock_that_never_started_a_song() {
        let mut follower = Follower::default();
        let end = send(&mut follower, 0.0, 120.0, 48, 0.0);
        follower.put(3, Pulse::Start, end);
        follower.put(3, Pulse::Clock, end);
        assert_eq!(follower.port(), Some(3));
        follower.put(0, Pulse::Clock, end + 0.01);
        follower.put(0, Pulse::Start, end + 0.01);
        assert_eq!(follower.port(), Some(3), "this one has");
        // One that has sent Start is left to nobody while it ticks.
        let mut follower = Follower::default();
        follower.put(0, Pulse::Start, 0.0);
        let end = send(&mut follower, 0.0, 120.0, 48, 0.0);
        follower.put(3, Pulse::Start, end);
        assert_eq!(follower.port(), Some(0));
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
