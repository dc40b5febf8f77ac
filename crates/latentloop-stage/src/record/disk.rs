//! How long the disk has room for a recording.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

/// What a recording leaves free: other programs need room too, and the file its end.
pub(super) const RESERVE: u64 = 64 << 20;
/// A recording that has less time than this left is closed.
const LEAST: Duration = Duration::from_secs(60);
/// One that has less than this is warned of.
const SCARCE: Duration = Duration::from_secs(300);
/// The disk is looked at this often.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Looks that the rate is taken over; fewer than `FEW` tell nothing.
const LOOKS: usize = 11;
const FEW: usize = 4;

/// How much room a recording has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// More than five minutes at the present rate, or the system does not tell.
    Ample,
    /// Less than five minutes; so much.
    Scarce(Duration),
    /// Less than a minute, or less than 64 MiB: the recording is to be closed.
    Spent,
}

/// Takes the rate of a recording from how much of it was written when.
#[derive(Debug, Default)]
pub(super) struct Gauge(VecDeque<(Duration, u64)>);

impl Gauge {
    /// The room that there is, `at` after the start, with so many bytes written and so many free.
    pub(super) fn look(&mut self, at: Duration, written: u64, free: u64) -> Room {
        if self.0.len() == LOOKS {
            self.0.pop_front();
        }
        self.0.push_back((at, written));
        if free < RESERVE {
            return Room::Spent;
        }
        let Some(&(since, before)) = self.0.front().filter(|_| self.0.len() >= FEW) else {
            return Room::Ample;
        };
        let secs = at.saturating_sub(since).as_secs_f64();
        let rate = written.saturating_sub(before) as f64 / secs.max(1e-3);
        let left = (free - RESERVE) as f64 / rate.max(1.0);
        if left < LEAST.as_secs_f64() {
            Room::Spent
        } else if left < SCARCE.as_secs_f64() {
            Room::Scarce(Duration::from_secs_f64(left))
        } else {
            Room::Ample
        }
    }
}

/// Bytes that are free for us where a file is, or is to be made; nothing where the system does not tell.
#[cfg(unix)]
pub fn free(path: &Path) -> Option<u64> {
    let whole = std::path::absolute(path).ok()?;
    let there = whole.ancestors().find(|path| path.exists())?;
    let told = rustix::fs::statvfs(there).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

/// Bytes that are free for us where a file is, or is to be made; nothing where the system does not tell.
#[cfg(not(unix))]
pub fn free(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    /// What the last of so many looks says, a second apart, of a recording of so many MB a second.
    fn last(looks: u64, rate: u64, free: u64) -> Room {
        let mut gauge = Gauge::default();
        let look = |at| gauge.look(Duration::from_secs(at), at * rate * MB, free * MB);
        (0..looks).map(look).last().unwrap()
    }

    #[test]
    fn a_recording_is_warned_of_at_five_minutes_and_closed_at_one() {
        let secs = |secs| Room::Scarce(Duration::from_secs(secs));
        for (looks, rate, free, expected) in [
            (1, 0, 63, Room::Spent),
            (1, 0, 64, Room::Ample),
            (20, 0, 65, Room::Ample),
            (3, 1, 65, Room::Ample),
            (4, 1, 65, Room::Spent),
            (20, 1, 64 + 59, Room::Spent),
            (20, 1, 64 + 60, secs(60)),
            (20, 1, 64 + 299, secs(299)),
            (20, 1, 64 + 300, Room::Ample),
            (20, 10, 64 + 3000, Room::Ample),
            (20, 10, 64 + 2000, secs(200)),
        ] {
            assert_eq!(last(looks, rate, free), expected, "{looks} {rate} {free}");
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut gauge = Gauge::default();
        let mut room = Room::Ample;
        for at in 0..40u64 {
            // Twenty fast seconds, twenty slow ones.
            let written = at.min(20) * 100 + at.saturating_sub(20);
            room = gauge.look(Duration::from_secs(at), written * MB, 1000 * MB);
            assert!(at != 10 || room == Room::Spent);
        }
        assert_eq!(room, Room::Ample);
    }

    #[test]
    #[cfg(unix)]
    fn a_place_that_is_not_there_yet_has_the_room_of_the_folder_before_it() {
        let place = tempfile::tempdir().unwrap();
        assert!(free(&place.path().join("a/b/c.mp4")).is_some());
        assert!(free(Path::new("takes/none.mp4")).is_some());
    }
}
