//! Ableton Link (<https://ableton.github.io/link/>): a tempo and a beat that programs on one network share.

use rusty_link::{AblLink, SessionState};

use super::Following;

/// Tempi further apart than this are different.
const SAME: f64 = 1e-6;

/// A peer in the Link session.
pub struct Link {
    link: AblLink,
    state: SessionState,
    /// The tempo that the session had when it was last looked at.
    known: Option<f64>,
}

impl Link {
    /// A peer that takes no part yet; `tempo` is what it brings where it is alone.
    pub fn new(tempo: f64) -> Self {
        Self {
            link: AblLink::new(tempo),
            state: SessionState::new(),
            known: None,
        }
    }

    /// Joins or leaves the session.
    pub fn take_part(&mut self, on: bool) {
        if self.link.is_enabled() != on {
            self.link.enable(on);
            self.known = None;
        }
    }

    /// The session's beat; where a hand has changed our tempo since, the session is told. Neither waits nor allocates.
    pub fn follow(&mut self, our_tempo: f64, per_bar: f64) -> Following {
        let now = self.link.clock_micros();
        self.link.capture_audio_session_state(&mut self.state);
        if let Some(known) = self.known
            && (our_tempo - known).abs() > SAME
        {
            self.state.set_tempo(our_tempo, now);
            self.link.commit_audio_session_state(&self.state);
        }
        let tempo = self.state.tempo();
        self.known = Some(tempo);
        Following {
            beat: self.state.beat_at_time(now, per_bar),
            tempo,
            running: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Waits until it is so, some seconds at most.
    fn wait_for(mut is_so: impl FnMut() -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(20) {
            if is_so() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    #[test]
    fn two_peers_share_tempo_and_beat() {
        let (mut one, mut other) = (Link::new(120.0), Link::new(90.0));
        one.take_part(true);
        other.take_part(true);
        assert!(
            wait_for(|| one.peers() == 1 && other.peers() == 1),
            "they find each other"
        );
        let mut tempo = 0.0;
        assert!(wait_for(|| {
            tempo = one.follow(tempo, 4.0).tempo;
            (other.follow(tempo, 4.0).tempo - tempo).abs() < 0.001
        }));
        // A hand changes the tempo of one.
        one.follow(133.0, 4.0);
        assert!(wait_for(|| {
            let tempo = other.known.unwrap_or(0.0);
            (other.follow(tempo, 4.0).tempo - 133.0).abs() < 0.001
        }));
        let (a, b) = (one.follow(133.0, 4.0).beat, other.follow(133.0, 4.0).beat);
        let off = (a - b).rem_euclid(4.0);
        assert!(off.min(4.0 - off) < 0.05, "{a} and {b}");
    }
}
