//! The heads-up display, for rigs with one monitor: the loop, its pace, and what is wrong.

use egui::{Align2, Color32, FontFamily, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};

/// What the performer is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readout {
    /// The preset or model.
    pub patch: String,
    /// The play head, 0 to the number of keyframes.
    pub position: f64,
    /// Seed, where there is one, and lock of each keyframe.
    pub keyframes: Vec<(Option<u32>, bool)>,
    /// The pace of the play head.
    pub motion: String,
    /// What draws, and how fast.
    pub engine: String,
    /// Pictures a second, and how many were dropped.
    pub pace: String,
    /// Controllers and sound.
    pub hands: String,
    /// MIDI ports.
    pub ports: Vec<Port>,
    /// The tempo.
    pub tempo: String,
    /// Which beat of the bar it is, counted from 0, and how many there are.
    pub beat: (usize, usize),
    /// Whether a gesture waits for the beat.
    pub waiting: bool,
    /// The recording, where one runs.
    pub recording: Option<String>,
    /// Whether the output is black by hand.
    pub blackout: bool,
    /// Whether the picture is held.
    pub frozen: bool,
    /// What happened lately, oldest first.
    pub notices: Vec<String>,
    /// Whether the loop and the figures are shown.
    pub open: bool,
    /// The table of keys, where it is shown: a key, and what it does.
    pub keys: Option<Vec<(String, String)>>,
    /// Parameters to learn controls for, where they are shown.
    pub learn: Option<Learn>,
}

/// A MIDI port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    /// Its name and its map.
    pub name: String,
    /// Whether it is there.
    pub connected: bool,
    /// Whether it has sent something just now.
    pub busy: bool,
}

/// The part of the parameters around the one that is picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learn {
    /// Name, value and controls of each.
    pub rows: Vec<[String; 3]>,
    /// Which of them is picked.
    pub picked: usize,
    /// What to do.
    pub hint: String,
    /// What was learnt last, and what it took the place of.
    pub said: String,
}

const INK: Color32 = Color32::from_rgb(214, 216, 220);
const DIM: Color32 = Color32::from_rgb(138, 141, 148);
const CELL: Color32 = Color32::from_rgba_premultiplied(30, 31, 34, 120);
const NEAR: Color32 = Color32::from_rgb(92, 78, 44);
const HEAD: Color32 = Color32::from_rgb(240, 182, 74);
const RED: Color32 = Color32::from_rgb(232, 60, 52);
const TABLE: Color32 = Color32::from_rgba_premultiplied(8, 8, 10, 238);
const PANEL: Color32 = Color32::from_rgba_premultiplied(6, 6, 8, 205);

/// Height of the panel in points.
const HEIGHT: f32 = 156.0;
const MARGIN: f32 = 18.0;
const BAR: f32 = 40.0;

impl Readout {
    /// Paints what is shown of it over a screen, in points.
    pub fn paint(&self, painter: &Painter, screen: Rect) {
        if let Some(keys) = &self.keys {
            return paint_keys(painter, screen, keys);
        }
        if self.open {
            paint_figures(painter, screen, self);
        }
        match &self.learn {
            Some(learn) => paint_learn(painter, screen, learn),
            None if self.open => paint_notices(painter, screen, self),
            None => {}
        }
    }
}

/// The table of keys, in as many columns as there is room for.
fn paint_keys(painter: &Painter, screen: Rect, keys: &[(String, String)]) {
    let columns = ((screen.width() / 520.0) as usize).clamp(1, 3);
    let rows = keys.len().div_ceil(columns);
    let line = ((screen.height() - 2.0 * MARGIN) / rows as f32).clamp(11.0, 22.0);
    let size = line * 0.66;
    painter.rect_filled(screen, 0.0, TABLE);
    let width = (screen.width() - 2.0 * MARGIN) / columns as f32;
    for (index, (key, does)) in keys.iter().enumerate() {
        let (column, row) = (index / rows, index % rows);
        let at = Pos2::new(
            screen.left() + MARGIN + width * column as f32,
            screen.top() + MARGIN + line * row as f32,
        );
        let font = FontId::new(size, FontFamily::Proportional);
        painter.text(at, Align2::LEFT_TOP, key, font.clone(), HEAD);
        let at = Pos2::new(at.x + size * 8.5, at.y);
        painter.text(at, Align2::LEFT_TOP, does, font, INK);
    }
}

/// Parameters with their controls, the picked one marked.
fn paint_learn(painter: &Painter, screen: Rect, learn: &Learn) {
    let line = 20.0;
    let height = line * (learn.rows.len() as f32 + 2.0) + 2.0 * MARGIN + 16.0;
    let width = (screen.width() - 2.0 * MARGIN).min(640.0);
    let panel = Rect::from_min_size(
        Pos2::new(screen.left() + MARGIN, screen.top() + MARGIN),
        Vec2::new(width, height.min(screen.height() - 2.0 * MARGIN)),
    );
    painter.rect_filled(panel, 4.0, TABLE);
    let painter = painter.with_clip_rect(panel.intersect(screen));
    let inner = panel.shrink(MARGIN);
    let font = |size| FontId::new(size, FontFamily::Proportional);
    let text = |x: f32, y: f32, words: &str, colour| {
        painter.text(Pos2::new(x, y), Align2::LEFT_TOP, words, font(14.0), colour);
    };
    text(inner.left(), inner.top(), &learn.hint, HEAD);
    let end = inner.top() + 16.0 + line * (learn.rows.len() as f32 + 1.0);
    text(inner.left(), end, &learn.said, INK);
    for (index, [name, value, controls]) in learn.rows.iter().enumerate() {
        let top = inner.top() + 8.0 + line * (index as f32 + 1.0);
        let is_picked = index == learn.picked;
        if is_picked {
            let row = Rect::from_min_size(
                Pos2::new(inner.left() - 8.0, top - 2.0),
                Vec2::new(inner.width() + 16.0, line),
            );
            painter.rect_filled(row, 2.0, NEAR);
        }
        text(inner.left(), top, name, if is_picked { INK } else { DIM });
        text(inner.left() + inner.width() * 0.36, top, value, INK);
        text(
            inner.left() + inner.width() * 0.56,
            top,
            controls,
            if is_picked { HEAD } else { DIM },
        );
    }
}

/// The loop and the figures along the lower edge of the screen, notices along the upper one.
fn paint_figures(painter: &Painter, screen: Rect, readout: &Readout) {
    let panel = Rect::from_min_max(
        Pos2::new(screen.left(), screen.bottom() - HEIGHT),
        screen.right_bottom(),
    );
    painter.rect_filled(panel, 0.0, PANEL);
    let inner = panel.shrink(MARGIN);
    let bar = Rect::from_min_size(inner.left_top(), Vec2::new(inner.width(), BAR));
    paint_loop(painter, bar, readout);

    let text = |at: Pos2, align: Align2, words: &str, size: f32, colour: Color32| {
        painter.text(
            at,
            align,
            words,
            FontId::new(size, FontFamily::Proportional),
            colour,
        )
    };
    let first = bar.bottom() + 14.0;
    let line = 19.0;
    let left = inner.left();
    let head = text(
        Pos2::new(left, first),
        Align2::LEFT_TOP,
        &readout.motion,
        16.0,
        INK,
    );
    text(
        Pos2::new(head.right() + 18.0, first + 2.0),
        Align2::LEFT_TOP,
        &readout.patch,
        13.0,
        DIM,
    );
    text(
        Pos2::new(left, first + line + 4.0),
        Align2::LEFT_TOP,
        &readout.hands,
        13.0,
        DIM,
    );
    let right = inner.right();
    text(
        Pos2::new(right, first),
        Align2::RIGHT_TOP,
        &readout.pace,
        16.0,
        INK,
    );
    text(
        Pos2::new(right, first + line + 4.0),
        Align2::RIGHT_TOP,
        &readout.engine,
        13.0,
        DIM,
    );

    paint_ports(painter, inner, first + 2.0 * line + 10.0, readout);
    paint_beat(painter, inner, first + 2.0 * line + 10.0, readout);

    if let Some(recording) = &readout.recording {
        let dot = Pos2::new(right - 6.0, screen.top() + MARGIN + 10.0);
        painter.circle_filled(dot, 6.0, RED);
        text(
            Pos2::new(right - 20.0, screen.top() + MARGIN),
            Align2::RIGHT_TOP,
            recording,
            17.0,
            RED,
        );
    }
}

/// What holds the picture, and what happened lately, along the upper edge.
fn paint_notices(painter: &Painter, screen: Rect, readout: &Readout) {
    let (left, mut top) = (screen.left() + MARGIN, screen.top() + MARGIN);
    for (shown, words) in [(readout.blackout, "BLACKOUT"), (readout.frozen, "FROZEN")] {
        if shown {
            let font = FontId::new(17.0, FontFamily::Proportional);
            painter.text(Pos2::new(left, top), Align2::LEFT_TOP, words, font, HEAD);
            top += 24.0;
        }
    }
    for notice in &readout.notices {
        let font = FontId::new(13.0, FontFamily::Proportional);
        let words = painter.layout(notice.clone(), font, INK, screen.width() * 0.7);
        let back =
            Rect::from_min_size(Pos2::new(left, top), words.size()).expand2(Vec2::new(8.0, 4.0));
        painter.rect_filled(back, 3.0, PANEL);
        let height = words.size().y;
        painter.galley(Pos2::new(left, top), words, INK);
        top += height + 12.0;
    }
}

/// A light and a name a port; what has gone is red.
fn paint_ports(painter: &Painter, inner: Rect, top: f32, readout: &Readout) {
    let mut left = inner.left();
    for port in &readout.ports {
        let (light, ink) = match (port.connected, port.busy) {
            (false, _) => (RED, RED),
            (true, true) => (HEAD, INK),
            (true, false) => (NEAR, DIM),
        };
        painter.circle_filled(Pos2::new(left + 5.0, top + 8.0), 4.0, light);
        let font = FontId::new(13.0, FontFamily::Proportional);
        let at = Pos2::new(left + 14.0, top);
        let name = painter.text(at, Align2::LEFT_TOP, &port.name, font, ink);
        left = name.right() + 18.0;
        // The beat has its place on the right.
        if left > inner.right() - inner.width() * 0.35 {
            break;
        }
    }
}

/// A light a beat of the bar, and the tempo before them.
fn paint_beat(painter: &Painter, inner: Rect, top: f32, readout: &Readout) {
    let (now, count) = readout.beat;
    let step = 13.0;
    let left = inner.right() - step * count as f32;
    for beat in 0..count {
        let at = Pos2::new(left + step * (beat as f32 + 0.5), top + 8.0);
        let light = if beat == now { HEAD } else { NEAR };
        painter.circle_filled(at, if beat == 0 { 5.0 } else { 4.0 }, light);
    }
    let font = FontId::new(13.0, FontFamily::Proportional);
    let ink = if readout.waiting { HEAD } else { DIM };
    let at = Pos2::new(left - 8.0, top);
    painter.text(at, Align2::RIGHT_TOP, &readout.tempo, font, ink);
}

/// The loop as a row of cells, one a segment, with the play head over them.
fn paint_loop(painter: &Painter, bar: Rect, readout: &Readout) {
    let count = readout.keyframes.len().max(1);
    let step = bar.width() / count as f32;
    let nearest = readout.position.round() as usize % count;
    for (index, (seed, locked)) in readout.keyframes.iter().enumerate() {
        let left = bar.left() + step * index as f32;
        let cell = Rect::from_min_size(Pos2::new(left, bar.top()), Vec2::new(step - 3.0, BAR));
        painter.rect_filled(cell, 2.0, if index == nearest { NEAR } else { CELL });
        let font = |size| FontId::new(size, FontFamily::Proportional);
        let number = (index + 1).to_string();
        let at = Pos2::new(left + 7.0, bar.top() + 4.0);
        painter.text(at, Align2::LEFT_TOP, number, font(14.0), INK);
        // With many keyframes there is only room for their numbers.
        if step > 70.0 {
            let seed = seed.map_or_else(|| "captured".to_owned(), |seed| seed.to_string());
            let at = Pos2::new(left + 7.0, bar.bottom() - 4.0);
            painter.text(at, Align2::LEFT_BOTTOM, seed, font(11.0), DIM);
        }
        if *locked {
            painter.rect_stroke(cell, 2.0, Stroke::new(1.5, HEAD), StrokeKind::Inside);
        }
    }
    let x = bar.left() + step * readout.position as f32;
    let line = [
        Pos2::new(x, bar.top() - 5.0),
        Pos2::new(x, bar.bottom() + 5.0),
    ];
    painter.line_segment(line, Stroke::new(2.5, HEAD));
}
