//! The timing graph: engine time, frame interval and control latency of the last ten seconds, in milliseconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use egui::epaint::PathStroke;
use egui::{Align2, Color32, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2};

use super::channel::ConsoleSnapshot;
use super::style::{ALARM, BLUE, CELL, DIM, EDGE, GREEN, INK, LIT, font};

const LENGTH: Duration = Duration::from_secs(10);
/// A snapshot is noted this often.
const STEP: Duration = Duration::from_millis(100);
/// The rows: name, colour and help.
const ROWS: [(&str, Color32, &str); 3] = [
    (
        "engine",
        BLUE,
        "What the engine takes for a picture. Above the line it is slower than the screen",
    ),
    (
        "interval",
        LIT,
        "The longest wait for a picture. The line is what the show was started with",
    ),
    (
        "control",
        GREEN,
        "The longest way from a control to the picture that shows it",
    ),
];
/// Width of the names and of the numbers in points.
const NAME: f32 = 56.0;
const NUMBER: f32 = 62.0;
/// The height of a row is so many times what is nominal.
const TOP: f64 = 2.5;
/// Above so many times what is nominal a number is red.
const LATE: f64 = 1.5;

/// Milliseconds at a moment, a row each; nothing where there was none.
type Point = (Instant, [Option<f64>; 3]);

/// The timing graph.
#[derive(Default)]
pub(super) struct TimingGraph {
    points: VecDeque<Point>,
    /// The longest since the last point.
    longest: [Option<f64>; 3],
}

impl TimingGraph {
    /// Notes the times of a snapshot.
    pub(super) fn note(&mut self, now: Instant, snapshot: &ConsoleSnapshot) {
        let ms = |time: Duration| (!time.is_zero()).then_some(time.as_secs_f64() * 1e3);
        let longest = snapshot.longest;
        let seen = [
            ms(snapshot.pace),
            ms(longest.interval),
            longest.latency.and_then(ms),
        ];
        for (longest, seen) in self.longest.iter_mut().zip(seen) {
            // Nothing is less than any number.
            if seen > *longest {
                *longest = seen;
            }
        }
        let last = self.points.back();
        if last.is_some_and(|(at, _)| now.duration_since(*at) < STEP) {
            return;
        }
        self.points
            .push_back((now, std::mem::take(&mut self.longest)));
        let is_old = |at: &Instant| now.duration_since(*at) > LENGTH;
        while self.points.front().is_some_and(|(at, _)| is_old(at)) {
            self.points.pop_front();
        }
    }

    pub(super) fn show(&self, ui: &mut Ui, now: Instant, snapshot: &ConsoleSnapshot, engine: &str) {
        let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        let painter = ui.painter_at(area);
        let (words, plots) = area.split_top_bottom_at_y(area.top() + 20.0);
        let at = Pos2::new(words.left(), words.top() + 9.0);
        painter.text(at, Align2::LEFT_CENTER, engine, font(13.0), INK);
        let height = plots.height() / ROWS.len() as f32;
        for (row, (name, ink, help)) in ROWS.into_iter().enumerate() {
            let top = plots.top() + height * row as f32;
            let area = Rect::from_min_size(
                Pos2::new(plots.left(), top),
                Vec2::new(plots.width(), height),
            );
            let nominal = snapshot.interval.as_secs_f64() * 1e3;
            self.row(
                &painter,
                area.shrink2(Vec2::new(0.0, 2.0)),
                now,
                (row, name, ink),
                nominal,
            );
            if response.hover_pos().is_some_and(|at| area.contains(at)) {
                response.clone().on_hover_text(help);
            }
        }
    }

    fn row(
        &self,
        painter: &Painter,
        area: Rect,
        now: Instant,
        (row, name, ink): (usize, &str, Color32),
        nominal: f64,
    ) {
        let at = area.left_center();
        painter.text(at, Align2::LEFT_CENTER, name, font(12.5), DIM);
        let plot = Rect::from_min_max(
            Pos2::new(area.left() + NAME, area.top()),
            Pos2::new(area.right() - NUMBER, area.bottom()),
        );
        painter.rect_filled(plot, 2.0, CELL);
        // A control reaches the screen with the picture after next at best.
        let nominal = if row == 2 { 2.0 * nominal } else { nominal };
        let top = (nominal * TOP).max(1.0);
        let y = |ms: f64| plot.bottom() - (ms / top).clamp(0.0, 1.0) as f32 * plot.height();
        if nominal > 0.0 {
            let line = [
                Pos2::new(plot.left(), y(nominal)),
                Pos2::new(plot.right(), y(nominal)),
            ];
            let dashes = Shape::dashed_line(&line, Stroke::new(1.0, EDGE), 3.0, 3.0);
            painter.extend(dashes);
        }
        let x = |at: Instant| {
            let age = now.saturating_duration_since(at).as_secs_f32() / LENGTH.as_secs_f32();
            plot.right() - age.min(1.0) * plot.width()
        };
        let seen = self.points.iter();
        let seen = seen.filter_map(|&(at, point)| Some(Pos2::new(x(at), y(point[row]?))));
        let seen: Vec<Pos2> = seen.collect();
        if row == 2 {
            // Controls come now and then: a mark each.
            for at in seen {
                painter.vline(at.x, at.y..=plot.bottom(), Stroke::new(2.0, ink));
            }
        } else if seen.len() > 1 {
            painter.line(seen, PathStroke::new(1.5, ink));
        }
        let last = self.points.iter().rev().find_map(|(_, point)| point[row]);
        let text = last.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        let is_late = last.is_some_and(|ms| nominal > 0.0 && ms > LATE * nominal);
        let ink = if is_late { ALARM } else { INK };
        let at = area.right_center();
        painter.text(at, Align2::RIGHT_CENTER, text, font(13.0), ink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::stats::Longest;

    #[test]
    fn ten_seconds_are_kept_and_no_peak_is_lost() {
        let mut graph = TimingGraph::default();
        let start = Instant::now();
        let ms = Duration::from_millis;
        for step in 0..1000 {
            let snapshot = ConsoleSnapshot {
                pace: ms(10),
                longest: Longest {
                    interval: if step == 997 { ms(80) } else { ms(16) },
                    latency: (step == 990).then_some(ms(30)),
                },
                ..ConsoleSnapshot::default()
            };
            graph.note(start + ms(30 * step), &snapshot);
        }
        let points = graph.points.len();
        assert!((70..=101).contains(&points), "{points}");
        let seen = |row: usize| {
            let all = graph.points.iter().filter_map(|(_, point)| point[row]);
            all.chain(graph.longest[row]).fold(0.0, f64::max)
        };
        assert_eq!([seen(0), seen(1), seen(2)], [10.0, 80.0, 30.0]);
        assert_eq!(graph.points[0].1[2], None, "no control, no number");
    }
}
