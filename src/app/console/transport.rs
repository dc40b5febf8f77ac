//! The transport bar, always at hand: blackout, freeze, fade, the beat, and the recording.

use std::time::Duration;

use egui::{Align2, Pos2, Rect, Sense, Ui, Vec2};

use super::channel::ConsoleSnapshot;
use super::handle::ConsoleHandle;
use super::style::{BLUE, CELL, CORNER, DIM, INK, LIT, NEAR, RED, font, mix};
use super::tooltip::{self, UiState};
use super::widgets::{self, BarLabel};
use crate::instrument::params::id;

/// Height of the panel in points.
pub(super) const HEIGHT: f32 = 56.0;
const GAP: f32 = 8.0;

/// Lays out the transport bar. `free` are the bytes that the disk has for recordings, where the system tells.
pub(super) fn show(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    snapshot: &ConsoleSnapshot,
    free: Option<u64>,
) {
    let size = Vec2::new(ui.available_width(), HEIGHT);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let mut left = area.left();
    let mut take = |width: f32| {
        let cell = Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(width, HEIGHT));
        left += width + GAP;
        cell
    };
    let wide = (area.width() / 1264.0).clamp(0.4, 1.6);
    for (param, name, colour, width) in [
        (id::MASTER_BLACKOUT, "BLACKOUT", RED, 138.0),
        (id::MASTER_FREEZE, "FREEZE", BLUE, 104.0),
    ] {
        let face = (name, 18.0);
        let response = widgets::plain_button(ui, handle, param, take(width * wide), face, colour);
        tooltip::attach(&response, handle, state, param);
    }
    let cell = take(230.0 * wide);
    let text = format!("FADE  {:.0} %", handle.get(id::MASTER_FADE) * 100.0);
    let face = BarLabel::Middle(&text, 18.0);
    let response = widgets::bar(ui, handle, id::MASTER_FADE, cell, face);
    tooltip::attach(&response, handle, state, id::MASTER_FADE);
    let response = widgets::plain_button(
        ui,
        handle,
        id::LOOP_PAUSE,
        take(86.0 * wide),
        ("PAUSE", 16.0),
        LIT,
    );
    tooltip::attach(&response, handle, state, id::LOOP_PAUSE);
    beat(
        ui,
        handle,
        state,
        snapshot,
        (take(150.0 * wide), take(70.0 * wide), take(70.0 * wide)),
    );
    recording(ui, handle, state, (snapshot, free), take(190.0 * wide));
    let rest = Rect::from_min_max(Pos2::new(left, area.top()), area.max);
    pace(ui, snapshot, rest);
}

/// Tempo and a light a beat; tap; whether the loop follows.
fn beat(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    snapshot: &ConsoleSnapshot,
    (tempo, tap, sync): (Rect, Rect, Rect),
) {
    let painter = ui.painter();
    let text = format!("{:.1} BPM", handle.get(id::BEAT_TEMPO));
    let ink = if snapshot.waiting { LIT } else { INK };
    let upper = tempo.with_max_y(tempo.top() + 34.0);
    widgets::fit_text(painter, upper, &text, 22.0, ink);
    let count = (handle.get(id::BEAT_PER_BAR) as usize).clamp(1, 16);
    let beats = handle.get(id::BEAT_PHASE) * count as f64;
    let step = (tempo.width() / count as f32).min(26.0);
    let first = tempo.center().x - step * (count as f32 - 1.0) / 2.0;
    for beat in 0..count {
        let at = Pos2::new(first + step * beat as f32, tempo.bottom() - 12.0);
        let is_now = beat == beats as usize % count;
        // The light fades until the next beat.
        let light = mix(LIT, NEAR, (beats.fract() as f32) * 0.8);
        let radius: f32 = if beat == 0 { 7.0 } else { 5.5 };
        painter.circle_filled(
            at,
            radius.min(step * 0.42),
            if is_now { light } else { CELL },
        );
    }
    for (param, name, area) in [(id::BEAT_TAP, "TAP", tap), (id::BEAT_SYNC, "SYNC", sync)] {
        let response = widgets::plain_button(ui, handle, param, area, (name, 16.0), LIT);
        tooltip::attach(&response, handle, state, param);
    }
}

fn recording(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    state: &mut UiState,
    (snapshot, free): (&ConsoleSnapshot, Option<u64>),
    area: Rect,
) {
    let response = ui.interact(area, ui.scope_id().with("record"), Sense::click());
    if response.clicked() {
        handle.fire(id::RECORD_TOGGLE);
    }
    let painter = ui.painter_at(area);
    let is_on = snapshot.recording.is_some();
    let fill = match (is_on, response.hovered()) {
        (true, _) => RED,
        (false, true) => mix(CELL, RED, 0.35),
        (false, false) => CELL,
    };
    painter.rect_filled(area, CORNER, fill);
    let inset = (area.width() * 0.12).min(22.0);
    let dot = Pos2::new(area.left() + inset, area.center().y);
    painter.circle_filled(dot, 8.0, if is_on { INK } else { RED });
    let words = area.with_min_x(dot.x + 14.0).shrink(4.0);
    let (upper, lower) = words.split_top_bottom_at_fraction(0.62);
    match snapshot.recording {
        None => {
            widgets::fit_text(&painter, upper, "RECORD", 18.0, INK);
            let room = free.map_or(String::new(), room);
            widgets::fit_text(&painter, lower, &room, 12.0, DIM);
        }
        Some((length, dropped)) => {
            widgets::fit_text(&painter, upper, &clock(length), 22.0, INK);
            let left = match (snapshot.disk_left, free) {
                (Some(left), _) => format!("disk full in {}", clock(left)),
                (None, Some(free)) => room(free),
                (None, None) => String::new(),
            };
            let lost = format!("{dropped} dropped   {left}");
            widgets::fit_text(&painter, lower, lost.trim_end(), 12.0, INK);
        }
    }
    widgets::focus_ring(ui, &response);
    tooltip::attach(&response, handle, state, id::RECORD_TOGGLE);
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    let secs = time.as_secs();
    format!("{}:{:02}", secs / 60, secs % 60)
}

/// Room on the disk as people read it.
fn room(bytes: u64) -> String {
    let gb = bytes as f64 / 1e9;
    if gb < 10.0 {
        format!("{gb:.1} GB free")
    } else {
        format!("{gb:.0} GB free")
    }
}

/// The frame rate, and the count of dropped frames.
fn pace(ui: &Ui, snapshot: &ConsoleSnapshot, area: Rect) {
    let painter = ui.painter_at(area);
    let right = area.right() - 2.0;
    let fps = format!("{:.1} fps", snapshot.fps);
    let at = Pos2::new(right, area.top() + 17.0);
    painter.text(at, Align2::RIGHT_CENTER, fps, font(22.0), INK);
    let (text, ink) = match snapshot.dropped {
        0 => ("none dropped".to_owned(), DIM),
        dropped => (format!("{dropped} dropped"), LIT),
    };
    let at = Pos2::new(right, area.bottom() - 13.0);
    painter.text(at, Align2::RIGHT_CENTER, text, font(13.0), ink);
}
