//! The rate at which askers are answered: a short question may ask for every parameter, and come from anybody.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Answers that an asker is sent a second.
const RATE: f64 = 8192.0;
/// Answers that may come at once.
const BURST: f64 = 8192.0;
/// Askers that are told apart; beyond, the one that has asked longest ago is forgotten.
const MAX_ASKERS: usize = 64;

/// A share of answers for every asker: a machine, or on our own machine a socket.
#[derive(Debug)]
pub(super) struct Askers(Vec<Asker>);

impl Default for Askers {
    fn default() -> Self {
        Self(Vec::with_capacity(MAX_ASKERS))
    }
}

#[derive(Debug)]
struct Asker {
    from: (IpAddr, u16),
    left: f64,
    at: Instant,
}

impl Askers {
    /// Takes so many answers from the share of an asker; false where it has no more.
    pub(super) fn take(&mut self, from: SocketAddr, answers: usize, now: Instant) -> bool {
        let ip = from.ip().to_canonical();
        let key = (ip, if ip.is_loopback() { from.port() } else { 0 });
        let place = self.0.iter().position(|asker| asker.from == key);
        let place = place.unwrap_or_else(|| {
            if self.0.len() >= MAX_ASKERS {
                let longest = self.0.iter().enumerate().min_by_key(|(_, asker)| asker.at);
                if let Some((place, _)) = longest {
                    self.0.swap_remove(place);
                }
            }
            self.0.push(Asker {
                from: key,
                left: BURST,
                at: now,
            });
            self.0.len() - 1
        });
        let asker = &mut self.0[place];
        let since = now.saturating_duration_since(asker.at).as_secs_f64();
        asker.left = (asker.left + since * RATE).min(BURST);
        asker.at = now;
        let cost = answers as f64;
        let has_enough = asker.left >= cost;
        if has_enough {
            asker.left -= cost;
        }
        has_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_machine_is_answered_at_a_rate_and_programs_of_our_own_each_at_theirs() {
        let mut askers = Askers::default();
        let start = Instant::now();
        let answered = |askers: &mut Askers, ip: [u8; 4], port: u16, secs: u64| {
            let from = SocketAddr::from((ip, port));
            let mut answered = 0;
            // A thousand questions a second for everything.
            for ms in 0..1000 {
                let now = start + Duration::from_secs(secs) + Duration::from_millis(ms);
                answered += 512 * usize::from(askers.take(from, 512, now));
            }
            answered
        };
        let far = [192, 0, 2, 7];
        assert_eq!(answered(&mut askers, far, 1, 0), 2 * 8192 - 512);
        // Another port is no other asker, and another machine is one.
        assert!(answered(&mut askers, far, 2, 1) <= 8192 + 512);
        assert_eq!(answered(&mut askers, [192, 0, 2, 8], 1, 1), 2 * 8192 - 512);
        let ours = [127, 0, 0, 1];
        for port in [1, 2] {
            assert_eq!(answered(&mut askers, ours, port, 1), 2 * 8192 - 512);
        }
        for number in 0..1000u16 {
            let [high, low] = number.to_be_bytes();
            askers.take(SocketAddr::from(([10, 0, high, low], 1)), 1, start);
        }
        assert_eq!(askers.0.len(), MAX_ASKERS);
    }
}
