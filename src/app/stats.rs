//! The figures of a show.

use std::time::Duration;

/// Times are kept to a twentieth of a millisecond.
const STEP: Duration = Duration::from_micros(50);
/// Longer times count as this one: two seconds.
const STEPS: usize = 40_000;

/// How often each duration occurred; its memory is taken once.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u32>,
    total: u64,
    max: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; STEPS],
            total: 0,
            max: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, time: Duration) {
        let step = (time.as_nanos() / STEP.as_nanos()) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(time);
    }

    /// The time that a part of all of them, 0..=1, does not exceed, in milliseconds.
    fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (part * self.total as f64).ceil() as u64;
        let mut seen = 0;
        for (step, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank.max(1) {
                return ms(STEP * (step as u32 + 1)).min(ms(self.max));
            }
        }
        0.0
    }

    pub(super) fn figures(&self) -> Spread {
        Spread {
            p50: self.quantile_ms(0.5),
            p99: self.quantile_ms(0.99),
            max: ms(self.max),
        }
    }
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// Median, 99th percentile and greatest of some times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(super) struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

/// What a show came to; the fields of `--stats`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct Figures {
    /// Pictures shown.
    pub(super) frames_shown: u64,
    /// Pictures that were due and not shown.
    pub(super) frames_dropped: u64,
    /// Frames that the engine drew in a second.
    pub(super) engine_fps: f64,
    /// From one picture shown to the next.
    pub(super) frame_interval_ms: Spread,
    /// From a message's arrival to the first picture shown whose latents include it.
    pub(super) control_latency_ms: Spread,
    /// Actions that controllers sent.
    pub(super) events_received: u64,
    /// Messages and packets that were refused.
    pub(super) events_refused: u64,
    /// Pictures that recordings lost.
    pub(super) recorder_dropped: u64,
    /// The most memory that the program held, in MB; nothing where the system does not tell.
    pub(super) peak_rss_mb: Option<f64>,
    /// What drew.
    pub(super) engine: String,
    /// Batch norm's statistics at the end.
    pub(super) norm: crate::engine::Norm,
}

/// The most memory that this program has held, in megabytes.
pub(super) fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib * 1024.0 / 1e6 * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times_that_were_added() {
        let mut histogram = Histogram::new();
        for millis in 1..=100 {
            histogram.add(Duration::from_millis(millis));
        }
        let Spread { p50, p99, max } = histogram.figures();
        assert!((p50 - 50.0).abs() <= 0.06, "{p50}");
        assert!((p99 - 99.0).abs() <= 0.06, "{p99}");
        assert_eq!(max, 100.0);
        histogram.add(Duration::from_secs(9));
        assert_eq!(histogram.figures().max, 9000.0);
        assert_eq!(Histogram::new().figures().p99, 0.0);
    }
}
