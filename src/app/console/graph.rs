//! Pictures a second over the last ten seconds, and what the engine takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use egui::epaint::PathStroke;
use egui::{Align2, Pos2, Rect, Sense, Stroke, Ui, Vec2};

use super::feed::Glance;
use super::style::{BLUE, CELL, DIM, INK, LIT, PANEL, font};

const LENGTH: Duration = Duration::from_secs(10);
/// A glance is noted this often.
const STEP: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Graph {
    /// When, pictures a second, and frames a second that the engine could draw.
    points: VecDeque<(Instant, f64, f64)>,
}

impl Graph {
    /// Notes how the show stands.
    pub(super) fn note(&mut self, now: Instant, glance: &Glance) {
        let last = self.points.back();
        if last.is_some_and(|(at, ..)| now.duration_since(*at) < STEP) || glance.fps == 0.0 {
            return;
        }
        let engine = glance.pace.as_secs_f64();
        let engine = if engine > 0.0 { engine.recip() } else { 0.0 };
        self.points.push_back((now, glance.fps, engine));
        let is_old = |at: &Instant| now.duration_since(*at) > LENGTH;
        while self.points.front().is_some_and(|(at, ..)| is_old(at)) {
            self.points.pop_front();
        }
    }

    pub(super) fn show(&self, ui: &mut Ui, now: Instant, glance: &Glance, engine: &str) {
        let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        let painter = ui.painter_at(area);
        let (words, plot) = area.split_top_bottom_at_y(area.top() + 38.0);
        let line = |row: f32, text: &str, ink| {
            let at = Pos2::new(words.left(), words.top() + 9.0 + 18.0 * row);
            painter.text(at, Align2::LEFT_CENTER, text, font(13.5), ink);
        };
        line(0.0, engine, INK);
        let pace = glance.pace.as_secs_f64() * 1e3;
        line(1.0, &format!("{pace:.1} ms a frame of the engine"), DIM);
        painter.rect_filled(plot, 3.0, PANEL);
        let plot = plot.shrink(4.0);
        let most = self
            .points
            .iter()
            .map(|(_, fps, _)| *fps)
            .fold(30.0, f64::max);
        // The next of the usual rates.
        let top = [30.0, 60.0, 120.0, 240.0]
            .into_iter()
            .find(|rate| most <= rate * 1.02)
            .unwrap_or(most)
            * 1.12;
        let y = |fps: f64| plot.bottom() - (fps / top).clamp(0.0, 1.0) as f32 * plot.height();
        for rate in [30.0, 60.0, 120.0] {
            if rate < top {
                painter.hline(plot.x_range(), y(rate), Stroke::new(1.0, CELL));
                let at = Pos2::new(plot.left(), y(rate) - 1.0);
                painter.text(
                    at,
                    Align2::LEFT_BOTTOM,
                    format!("{rate:.0}"),
                    font(10.0),
                    DIM,
                );
            }
        }
        let x = |at: Instant| {
            let age = now.saturating_duration_since(at).as_secs_f32() / LENGTH.as_secs_f32();
            plot.right() - age * plot.width()
        };
        curve(
            &painter,
            self.points
                .iter()
                .map(|&(at, _, fps)| Pos2::new(x(at), y(fps))),
            Stroke::new(1.0, BLUE),
        );
        curve(
            &painter,
            self.points
                .iter()
                .map(|&(at, fps, _)| Pos2::new(x(at), y(fps))),
            Stroke::new(2.0, LIT),
        );
        key(&painter, plot);
        response.on_hover_text("Pictures a second that are shown, and that the engine could draw");
    }
}

fn curve(painter: &egui::Painter, points: impl Iterator<Item = Pos2>, stroke: Stroke) {
    let points: Vec<Pos2> = points.collect();
    if points.len() > 1 {
        painter.line(points, PathStroke::from(stroke));
    }
}

fn key(painter: &egui::Painter, plot: Rect) {
    let at = plot.right_bottom() - Vec2::new(4.0, 2.0);
    let shown = painter.text(at, Align2::RIGHT_BOTTOM, "shown", font(11.0), LIT);
    let at = Pos2::new(shown.left() - 8.0, at.y);
    painter.text(at, Align2::RIGHT_BOTTOM, "engine", font(11.0), BLUE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_are_kept() {
        let mut graph = Graph::default();
        let start = Instant::now();
        let glance = Glance {
            fps: 60.0,
            pace: Duration::from_millis(10),
            ..Glance::default()
        };
        for step in 0..1000 {
            graph.note(start + Duration::from_millis(30 * step), &glance);
        }
        assert!(
            (70..=101).contains(&graph.points.len()),
            "{}",
            graph.points.len()
        );
        assert_eq!(graph.points[0].2, 100.0);
    }
}
