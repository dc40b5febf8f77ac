//! Disk space: how long there is room for a recording.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::RecordError;

/// What a recording leaves free: other programs need room too, and the file its end.
pub(super) const RESERVE: u64 = 64 << 20;
/// A recording that has less time than this left is closed.
const FULL: Duration = Duration::from_secs(60);
/// One that has less than this is warned of.
const LOW: Duration = Duration::from_secs(300);
/// The disk is looked at this often.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Looks that the rate is taken over; fewer than `MIN_SAMPLES` tell nothing.
const SAMPLES: usize = 11;
const MIN_SAMPLES: usize = 4;

/// The disk space that a recording has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskSpace {
    /// More than five minutes at the present rate, or the system does not tell.
    Ok,
    /// Less than five minutes; so much.
    Low(Duration),
    /// Less than a minute, or less than 64 MiB: the recording is to be closed.
    Full,
}

/// The monitor of a recording's disk space, by the rate at which it is written.
#[derive(Debug, Default)]
pub(super) struct DiskMonitor(VecDeque<(Duration, u64)>);

impl DiskMonitor {
    /// The room that there is, `at` after the start, with so many bytes written and so many free.
    pub(super) fn update(&mut self, at: Duration, written: u64, free: u64) -> DiskSpace {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((at, written));
        if free < RESERVE {
            return DiskSpace::Full;
        }
        let Some(&(since, before)) = self.0.front().filter(|_| self.0.len() >= MIN_SAMPLES) else {
            return DiskSpace::Ok;
        };
        let secs = at.saturating_sub(since).as_secs_f64();
        let rate = written.saturating_sub(before) as f64 / secs.max(1e-3);
        let left = (free - RESERVE) as f64 / rate.max(1.0);
        if left < FULL.as_secs_f64() {
            DiskSpace::Full
        } else if left < LOW.as_secs_f64() {
            DiskSpace::Low(Duration::from_secs_f64(left))
        } else {
            DiskSpace::Ok
        }
    }
}

/// Whether a recording may begin at `path`.
///
/// # Errors
/// When the disk is all but full.
pub(super) fn check(path: &Path) -> Result<(), RecordError> {
    match free(path).filter(|&free| free < RESERVE) {
        Some(free) => Err(RecordError::Disk {
            path: path.to_owned(),
            free,
        }),
        None => Ok(()),
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
    fn last(looks: u64, rate: u64, free: u64) -> DiskSpace {
        let mut monitor = DiskMonitor::default();
        let look = |at| monitor.update(Duration::from_secs(at), at * rate * MB, free * MB);
        (0..looks).map(look).last().unwrap()
    }

    #[test]
    fn a_recording_is_warned_of_at_five_minutes_and_closed_at_one() {
        let secs = |secs| DiskSpace::Low(Duration::from_secs(secs));
        for (looks, rate, free, expected) in [
            (1, 0, 63, DiskSpace::Full),
            (1, 0, 64, DiskSpace::Ok),
            (20, 0, 65, DiskSpace::Ok),
            (3, 1, 65, DiskSpace::Ok),
            (4, 1, 65, DiskSpace::Full),
            (20, 1, 64 + 59, DiskSpace::Full),
            (20, 1, 64 + 60, secs(60)),
            (20, 1, 64 + 299, secs(299)),
            (20, 1, 64 + 300, DiskSpace::Ok),
            (20, 10, 64 + 3000, DiskSpace::Ok),
            (20, 10, 64 + 2000, secs(200)),
        ] {
            assert_eq!(last(looks, rate, free), expected, "{looks} {rate} {free}");
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut monitor = DiskMonitor::default();
        let mut room = DiskSpace::Ok;
        for at in 0..40u64 {
            // Twenty fast seconds, twenty slow ones.
            let written = at.min(20) * 100 + at.saturating_sub(20);
            room = monitor.update(Duration::from_secs(at), written * MB, 1000 * MB);
            assert!(at != 10 || room == DiskSpace::Full);
        }
        assert_eq!(room, DiskSpace::Ok);
    }

    #[test]
    #[cfg(unix)]
    fn a_place_that_is_not_there_yet_has_the_room_of_the_folder_before_it() {
        let place = tempfile::tempdir().unwrap();
        assert!(free(&place.path().join("a/b/c.mp4")).is_some());
        assert!(free(Path::new("takes/none.mp4")).is_some());
    }
}
