//! Statistics of a show: frame intervals, control latencies, drops.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::control::Stamp;

/// Controls whose effect has not been seen yet.
const UNSEEN: usize = 1024;

/// Times are kept to a twentieth of a millisecond.
const STEP: Duration = Duration::from_micros(50);
/// Longer times count as this one: two seconds.
const STEPS: usize = 40_000;

/// How often each duration occurred; its memory is taken once.
#[derive(Clone, Debug)]
struct Histogram {
    counts: Vec<u32>,
    total: u64,
    max: Duration,
}

impl Histogram {
    fn new() -> Self {
        Self {
            counts: vec![0; STEPS],
            total: 0,
            max: Duration::ZERO,
        }
    }

    fn add(&mut self, time: Duration) {
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

    fn percentiles(&self) -> Percentiles {
        Percentiles {
            p50: self.quantile_ms(0.5),
            p99: self.quantile_ms(0.99),
            max: ms(self.max),
        }
    }
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// Percentiles of some times in milliseconds: median, 99th and greatest.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(super) struct Percentiles {
    p50: f64,
    p99: f64,
    max: f64,
}

/// The statistics of a whole show; the fields of `--stats`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct StatsReport {
    /// Pictures shown.
    pub(super) frames_shown: u64,
    /// Pictures that were due and not shown.
    pub(super) frames_dropped: u64,
    /// Frames that the engine drew in a second.
    pub(super) engine_fps: f64,
    /// Frames whose batch norm had statistics interpolated between exact ones, for want of time.
    pub(super) frames_interpolated: u64,
    /// From one picture shown to the next.
    pub(super) frame_interval_ms: Percentiles,
    /// From a message's arrival to the first picture shown whose latents include it.
    pub(super) control_latency_ms: Percentiles,
    /// Actions that controllers sent.
    pub(super) events_received: u64,
    /// Messages and packets that were refused.
    pub(super) events_refused: u64,
    /// OSC packets that the system threw away because they came too fast.
    pub(super) osc_dropped: u64,
    /// OSC messages that acted before their time tag, for too many waited.
    pub(super) osc_early: u64,
    /// Packets and connections from networks that are not let in.
    pub(super) osc_turned_away: u64,
    /// Where OSCQuery was served.
    pub(super) oscquery: Option<std::net::SocketAddr>,
    /// Pictures that recordings lost.
    pub(super) recorder_dropped: u64,
    /// What coded the last of them, as FFmpeg names it; nothing where nothing was recorded.
    pub(super) recorder_encoder: Option<String>,
    /// Pictures that readers of raw video took.
    pub(super) out_sent: u64,
    /// Pictures that they lost, for they were too slow.
    pub(super) out_dropped: u64,
    /// The most memory that the program held, in MB; nothing where the system does not tell.
    pub(super) peak_rss_mb: Option<f64>,
    /// What drew.
    pub(super) engine: String,
    /// Batch norm's statistics at the end.
    pub(super) norm: crate::engine::Norm,
}

/// The longest times since somebody asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Longest {
    /// From one picture to the next.
    pub(super) interval: Duration,
    /// From a control to the picture that shows it, where there was one.
    pub(super) latency: Option<Duration>,
}

/// The statistics of a show while it runs. Their memory is taken once.
pub(super) struct FrameStats {
    interval: Duration,
    /// When the first picture was shown, and how many the engine had drawn by then.
    first: Option<(Instant, u64)>,
    last: Option<Instant>,
    shown: u64,
    dropped: u64,
    /// Seconds from one picture to the next, smoothed.
    smooth_interval: f64,
    /// The longest wait for a picture, and from a control to one, since somebody asked.
    longest: Longest,
    intervals: Histogram,
    latencies: Histogram,
    /// Requests that were the first to include a control, and when that control arrived.
    unseen: VecDeque<(u64, Stamp)>,
}

impl FrameStats {
    /// Nothing yet, of pictures that are due `interval` apart.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            first: None,
            last: None,
            shown: 0,
            dropped: 0,
            smooth_interval: interval.as_secs_f64(),
            longest: Longest::default(),
            intervals: Histogram::new(),
            latencies: Histogram::new(),
            unseen: VecDeque::with_capacity(UNSEEN),
        }
    }

    /// A control that arrived at `at` is part of request `number` and those after it.
    pub(super) fn expect(&mut self, number: u64, at: Stamp) {
        if self.unseen.len() < UNSEEN {
            self.unseen.push_back((number, at));
        }
    }

    /// A picture was shown at `now`, stamp `at`, that request `number` is part of; the engine had drawn `drawn`.
    pub(super) fn shown(&mut self, now: Instant, at: Stamp, number: u64, drawn: u64) {
        self.first.get_or_insert((now, drawn));
        if let Some(last) = self.last.replace(now) {
            let gap = now.duration_since(last);
            self.intervals.add(gap);
            self.longest.interval = self.longest.interval.max(gap);
            self.smooth_interval += (gap.as_secs_f64() - self.smooth_interval) * 0.05;
            let due = (gap.as_secs_f64() / self.interval.as_secs_f64()).round() as u64;
            self.dropped += due.saturating_sub(1);
        }
        self.shown += 1;
        while let Some(&(_, arrived)) = self.unseen.front().filter(|(of, _)| *of <= number) {
            let latency = Duration::from_nanos(at.saturating_sub(arrived));
            self.latencies.add(latency);
            self.longest.latency = self.longest.latency.max(Some(latency));
            self.unseen.pop_front();
        }
    }

    /// From now on pictures are due `interval` apart.
    pub(super) fn follow(&mut self, interval: Duration) {
        self.interval = interval;
        self.last = None;
    }

    /// The window is hidden: no picture is due until one is shown again.
    pub(super) fn hidden(&mut self) {
        self.last = None;
    }

    /// How long ago the first picture was shown.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.first.map(|(at, _)| now.saturating_duration_since(at))
    }

    /// Pictures shown in a second, lately.
    pub(super) fn fps(&self) -> f64 {
        self.smooth_interval.recip()
    }

    /// The longest times since the last call.
    pub(super) fn take_longest(&mut self) -> Longest {
        std::mem::take(&mut self.longest)
    }

    /// The time from one picture to the next that is wanted.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Pictures shown so far.
    pub(super) fn pictures(&self) -> u64 {
        self.shown
    }

    /// Pictures that were due and not shown.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What all of it came to but for recordings; `drawn` are the engine's frames.
    pub(super) fn report(
        &self,
        now: Instant,
        drawn: u64,
        (events_received, events_refused): (u64, u64),
        engine: String,
        norm: crate::engine::Norm,
    ) -> StatsReport {
        let engine_fps = self.first.map_or(0.0, |(at, before)| {
            (drawn - before) as f64 / now.saturating_duration_since(at).as_secs_f64().max(1e-9)
        });
        StatsReport {
            frames_shown: self.shown,
            frames_dropped: self.dropped,
            engine_fps: (engine_fps * 10.0).round() / 10.0,
            frame_interval_ms: self.intervals.percentiles(),
            control_latency_ms: self.latencies.percentiles(),
            events_received,
            events_refused,
            frames_interpolated: 0,
            osc_dropped: 0,
            osc_early: 0,
            osc_turned_away: 0,
            oscquery: None,
            recorder_dropped: 0,
            recorder_encoder: None,
            out_sent: 0,
            out_dropped: 0,
            peak_rss_mb: peak_rss_mb(),
            engine,
            norm,
        }
    }
}

/// The most memory that this program has held, in megabytes.
fn peak_rss_mb() -> Option<f64> {
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
        let Percentiles { p50, p99, max } = histogram.percentiles();
        assert!((p50 - 50.0).abs() <= 0.06, "{p50}");
        assert!((p99 - 99.0).abs() <= 0.06, "{p99}");
        assert_eq!(max, 100.0);
        histogram.add(Duration::from_secs(9));
        assert_eq!(histogram.percentiles().max, 9000.0);
        assert_eq!(Histogram::new().percentiles().p99, 0.0);
    }

    #[test]
    fn pictures_that_were_due_are_counted_and_controls_are_timed_until_they_are_seen() {
        let ms = Duration::from_millis;
        let mut count = FrameStats::new(ms(10));
        let start = Instant::now();
        count.expect(3, 1_000_000);
        for (at, number) in [(0, 1), (10, 2), (20, 2), (50, 3)] {
            let stamp = 1_000_000 * (1 + at);
            count.shown(start + ms(at), stamp, number, 7);
        }
        assert_eq!((count.pictures(), count.dropped()), (4, 2));
        assert_eq!(count.latencies.percentiles().max, 50.0);
        assert_eq!(count.intervals.percentiles().max, 30.0);
        let longest = Longest {
            interval: ms(30),
            latency: Some(ms(50)),
        };
        assert_eq!(count.take_longest(), longest);
        assert_eq!(count.take_longest(), Longest::default());
        count.hidden();
        count.shown(start + ms(900), 0, 4, 9);
        assert_eq!(count.dropped(), 2, "a hidden window drops nothing");
    }
}
