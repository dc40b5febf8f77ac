//! The MIDI clock sender: our beat, for others to follow.

use std::time::Duration;

use triple_buffer::{Input, Output, triple_buffer};

use super::Pulse;
use crate::worker::{StopSignal, Worker};

/// Pulses of a beat.
const PER_BEAT: f64 = 24.0;
/// The beat is looked at at least this often, so that a change of tempo is heard.
const LOOK: Duration = Duration::from_millis(10);
/// Pulses are handed over so long before their moment: what puts them out wakes late now and then.
const AHEAD_SECS: f64 = 0.005;
/// Pulses that the beat may leap without the song being started anew.
const LEAP: f64 = 2.0;

/// Our beat over time: a line that holds until the next one is published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BeatLine {
    /// Whether the clock is sent.
    pub sends: bool,
    /// The beat at `at_secs`.
    pub beat: f64,
    /// A moment of the clock that the sender was given.
    pub at_secs: f64,
    /// Beats a minute; 0 where the beat stands.
    pub tempo: f64,
    /// Beats of a bar.
    pub per_bar: f64,
}

/// A sender of MIDI clock, with a thread of its own, until dropped: pulses, a start at the first bar, a stop at the end.
pub struct Sender {
    line: Input<BeatLine>,
    _worker: Worker,
}

impl Sender {
    /// Starts the thread `midi-clock`. `now` tells its moment in seconds, `send` takes a pulse and the moment at which it is due.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        now: impl Fn() -> f64 + Send + 'static,
        send: impl Fn(Pulse, f64) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (input, output) = triple_buffer(&BeatLine::default());
        let worker = Worker::start("midi-clock", move |stop| run(output, &stop, now, send))?;
        Ok(Self {
            line: input,
            _worker: worker,
        })
    }

    /// Publishes where the beat is. Neither waits nor allocates.
    pub fn publish(&mut self, line: BeatLine) {
        self.line.write(line);
    }
}

fn run(
    mut line: Output<BeatLine>,
    stop: &StopSignal,
    now: impl Fn() -> f64,
    send: impl Fn(Pulse, f64),
) {
    let mut song = Song::default();
    while !stop.is_set() {
        let wait = song.go(*line.read(), now(), &send);
        stop.doze(wait.min(LOOK));
    }
    song.stop(now(), &send);
}

/// The state of the song that is sent.
#[derive(Debug, Default)]
struct Song {
    /// Number of the last pulse.
    last: Option<f64>,
    started: bool,
}

impl Song {
    /// Sends what is soon due; tells how long there is time until the next pulse.
    fn go(&mut self, line: BeatLine, now: f64, send: &impl Fn(Pulse, f64)) -> Duration {
        if !line.sends || line.tempo <= 0.0 {
            self.stop(now, send);
            return LOOK;
        }
        let pulses_a_sec = line.tempo / 60.0 * PER_BEAT;
        let moment = |pulse: f64| line.at_secs + (pulse - line.beat * PER_BEAT) / pulses_a_sec;
        let place = line.beat * PER_BEAT + (now + AHEAD_SECS - line.at_secs) * pulses_a_sec;
        let last = match self.last {
            Some(last) if (place - last).abs() < LEAP + 1.0 => last,
            _ => {
                // The beat has leapt: the song begins anew with the next bar.
                self.started = false;
                place.floor()
            }
        };
        let mut next = last + 1.0;
        while place >= next {
            if !self.started && next.rem_euclid(line.per_bar.max(1.0) * PER_BEAT) == 0.0 {
                send(Pulse::Start, moment(next));
                self.started = true;
            }
            send(Pulse::Clock, moment(next));
            next += 1.0;
        }
        self.last = Some(next - 1.0);
        Duration::from_secs_f64(((next - place) / pulses_a_sec).clamp(0.0, 1.0))
    }

    fn stop(&mut self, now: f64, send: &impl Fn(Pulse, f64)) {
        if self.started {
            send(Pulse::Stop, now);
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::Follower;
    use super::*;

    /// Pulses that are sent while the beat goes as `line` says, looked at every half millisecond.
    fn sent(song: &mut Song, line: BeatLine, from: f64, to: f64) -> Vec<(f64, Pulse)> {
        let sent = RefCell::new(Vec::new());
        let mut now = from;
        while now < to {
            song.go(line, now, &|pulse, at| {
                assert!(
                    (now - 0.001..=now + AHEAD_SECS).contains(&at),
                    "{at} at {now}"
                );
                sent.borrow_mut().push((at, pulse));
            });
            now += 0.0005;
        }
        sent.into_inner()
    }

    fn line(beat: f64, tempo: f64) -> BeatLine {
        BeatLine {
            sends: true,
            beat,
            at_secs: 0.0,
            tempo,
            per_bar: 4.0,
        }
    }

    #[test]
    fn the_song_starts_with_a_bar_and_a_follower_finds_the_same_beat() {
        let mut song = Song::default();
        let pulses = sent(&mut song, line(2.5, 120.0), 0.0, 6.0);
        let start = pulses.iter().position(|(_, pulse)| *pulse == Pulse::Start);
        // A beat and a half to the bar, half a second a beat.
        let (at, _) = pulses[start.unwrap()];
        assert!((at - 0.75).abs() < 1e-9, "{at}");
        // The pulses between lie to the nanosecond, however the thread wakes.
        let clocks: Vec<f64> = pulses
            .iter()
            .filter(|(_, pulse)| *pulse == Pulse::Clock)
            .map(|(at, _)| *at)
            .collect();
        assert!((287..=289).contains(&clocks.len()), "{}", clocks.len());
        for two in clocks.windows(2) {
            assert!((two[1] - two[0] - 1.0 / 48.0).abs() < 1e-9, "{two:?}");
        }
        let mut follower = Follower::default();
        for (at, pulse) in pulses {
            follower.put(0, pulse, at);
        }
        let following = follower.at(6.0).unwrap();
        assert!((following.tempo - 120.0).abs() < 0.1);
        // Ours is 14.5; the song began at 4.
        assert!((following.beat - 10.5).abs() < 0.005, "{following:?}");
    }

    #[test]
    fn a_leap_of_the_beat_starts_anew_and_the_end_stops() {
        let mut song = Song::default();
        sent(&mut song, line(0.0, 120.0), 0.0, 3.0);
        let after = sent(&mut song, line(100.3, 120.0), 3.0, 5.1);
        let starts = after.iter().filter(|(_, pulse)| *pulse == Pulse::Start);
        assert_eq!(starts.count(), 1);
        let off = BeatLine {
            sends: false,
            ..line(0.0, 120.0)
        };
        let last = sent(&mut song, off, 5.1, 5.2);
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].1, Pulse::Stop);
    }
}
