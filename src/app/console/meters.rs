//! Level meters of the sound input: level and three bands, each with a peak hold.

use std::time::{Duration, Instant};

use egui::{Align2, Painter, Pos2, Rect, Stroke, Vec2};

use super::style::{BLUE, CELL, DIM, GREEN, INK, LIT, RED, font};

pub(super) const NAMES: [&str; 4] = ["level", "low", "mid", "high"];
/// How long a peak is held, and how fast it falls then, in whole meters a second.
const HOLD: Duration = Duration::from_millis(900);
const FALL: f32 = 0.8;
/// A level above this is as good as too loud.
const LOUD: f32 = 0.95;

/// A peak that is held, and then falls.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    level: f32,
    since: Option<Instant>,
    seen: Option<Instant>,
}

impl Peak {
    fn follow(&mut self, level: f32, now: Instant) {
        let passed = |since: Option<Instant>| {
            since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
        };
        if passed(self.since) > HOLD {
            // Only what has passed since it was let go.
            let falling = passed(self.seen).min(passed(self.since) - HOLD);
            self.level -= FALL * falling.as_secs_f32();
        }
        if level >= self.level {
            (self.level, self.since) = (level, Some(now));
        }
        self.seen = Some(now);
    }
}

/// The level meters.
#[derive(Default)]
pub(super) struct Meters {
    peaks: [Peak; 4],
}

impl Meters {
    /// Takes the present levels.
    pub(super) fn follow(&mut self, sound: Option<(bool, [f32; 4])>, now: Instant) {
        let levels = sound.map_or([0.0; 4], |(_, levels)| levels);
        for (peak, level) in self.peaks.iter_mut().zip(levels) {
            let level = if level.is_finite() { level } else { 0.0 };
            peak.follow(level.clamp(0.0, 1.0), now);
        }
    }

    /// Paints a light and four bars.
    pub(super) fn paint(&self, painter: &Painter, area: Rect, sound: Option<(bool, [f32; 4])>) {
        let light = Pos2::new(area.left() + 6.0, area.center().y);
        let Some((is_there, levels)) = sound else {
            painter.circle_filled(light, 5.0, CELL);
            let at = Pos2::new(area.left() + 18.0, area.center().y);
            painter.text(at, Align2::LEFT_CENTER, "no sound input", font(14.0), DIM);
            return;
        };
        painter.circle_filled(light, 5.0, if is_there { GREEN } else { RED });
        let step = (area.width() - 18.0) / levels.len() as f32;
        for (index, name) in NAMES.into_iter().enumerate() {
            let at = Pos2::new(area.left() + 18.0 + step * index as f32, area.top() + 1.0);
            let bar = Rect::from_min_size(at, Vec2::new(step - 4.0, area.height() - 2.0));
            painter.rect_filled(bar, 2.0, CELL);
            let place = |level: f32| bar.left() + bar.width() * level.clamp(0.0, 1.0);
            let level = levels[index];
            let filled = bar.with_max_x(place(level));
            painter.rect_filled(filled, 2.0, if level > LOUD { RED } else { BLUE });
            let peak = self.peaks[index].level;
            if peak > 0.01 {
                let ink = if peak > LOUD { RED } else { LIT };
                painter.vline(place(peak), bar.y_range(), Stroke::new(2.0, ink));
            }
            let at = Pos2::new(bar.left() + 4.0, bar.center().y);
            painter.text(at, Align2::LEFT_CENTER, name, font(11.0), INK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_is_held_for_a_moment_and_falls_then() {
        let mut meters = Meters::default();
        let start = Instant::now();
        let mut at = |ms: u64, level: f32| {
            meters.follow(
                Some((true, [level, 0.0, 0.0, f32::NAN])),
                start + Duration::from_millis(ms),
            );
            (meters.peaks[0].level * 100.0).round()
        };
        assert_eq!(at(0, 0.2), 20.0);
        assert_eq!(at(100, 0.8), 80.0);
        assert_eq!(at(900, 0.1), 80.0, "it is held");
        assert_eq!(at(1500, 0.1), 40.0, "half a second of falling");
        assert_eq!(at(1600, 0.1), 32.0);
        assert_eq!(at(1700, 0.9), 90.0);
        assert_eq!(at(9000, 0.1), 10.0, "never below what is heard");
        assert_eq!(meters.peaks[3].level, 0.0);
    }
}
