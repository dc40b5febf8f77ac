//! The heads-up display, for rigs with one monitor: the loop, its pace, and what is wrong.

use egui::{Align2, Color32, FontFamily, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};

/// What the performer is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readout {
    /// The preset or model.
    pub piece: String,
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
    /// The recording, where one runs.
    pub recording: Option<String>,
    /// Whether the output is black by hand.
    pub blackout: bool,
    /// Whether the picture is held.
    pub frozen: bool,
    /// What happened lately, oldest first.
    pub notices: Vec<String>,
}

const INK: Color32 = Color32::from_rgb(214, 216, 220);
const DIM: Color32 = Color32::from_rgb(138, 141, 148);
const CELL: Color32 = Color32::from_rgba_premultiplied(30, 31, 34, 120);
const NEAR: Color32 = Color32::from_rgb(92, 78, 44);
const HEAD: Color32 = Color32::from_rgb(240, 182, 74);
const RED: Color32 = Color32::from_rgb(232, 60, 52);
const PANEL: Color32 = Color32::from_rgba_premultiplied(6, 6, 8, 205);

/// Height of the panel in points.
const HEIGHT: f32 = 132.0;
const MARGIN: f32 = 18.0;
const BAR: f32 = 40.0;

/// Paints the readout along the lower edge of the screen, in points.
pub(super) fn paint(painter: &Painter, screen: Rect, readout: &Readout) {
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
        &readout.piece,
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

    let mut top = screen.top() + MARGIN;
    if let Some(recording) = &readout.recording {
        let dot = Pos2::new(right - 6.0, top + 10.0);
        painter.circle_filled(dot, 6.0, RED);
        text(
            Pos2::new(right - 20.0, top),
            Align2::RIGHT_TOP,
            recording,
            17.0,
            RED,
        );
    }
    for (shown, words) in [(readout.blackout, "BLACKOUT"), (readout.frozen, "FROZEN")] {
        if shown {
            text(Pos2::new(left, top), Align2::LEFT_TOP, words, 17.0, HEAD);
            top += 24.0;
        }
    }
    for notice in &readout.notices {
        let font = FontId::new(13.0, FontFamily::Proportional);
        let words = painter.layout(notice.clone(), font, INK, inner.width() * 0.7);
        let back =
            Rect::from_min_size(Pos2::new(left, top), words.size()).expand2(Vec2::new(8.0, 4.0));
        painter.rect_filled(back, 3.0, PANEL);
        let height = words.size().y;
        painter.galley(Pos2::new(left, top), words, INK);
        top += height + 12.0;
    }
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
