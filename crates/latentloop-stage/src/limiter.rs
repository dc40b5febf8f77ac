//! The photosensitivity limiter on the processor: the rules of `limiter.wgsl`, for pictures that no graphics card looks at.
//!
//! A flash is a pair of opposing changes of relative luminance by a tenth of the range or more where the darker side is below
//! 0.8, or of a saturated red (WCAG 2.2, success criterion 2.3.1; ITU-R BT.1702). Every cell of a grid counts its changes; where
//! cells that are a quarter of what is seen would pass three pairs in a second, the picture keeps to what was shown before.

use super::Canvas;
use super::visible::{SIDE, Visible};
use crate::instrument::TICKS_PER_SEC;
use crate::light::{level, linear};

const CELLS: usize = SIDE * SIDE;
/// Samples of a cell, each way.
const SAMPLES: usize = 16;
const LUMINANCE_STEP: f32 = 0.1;
const BRIGHT: f32 = 0.8;
/// WCAG's 20 of 320.
const RED_STEP: f32 = 0.0625;
/// A flash of so much of what is seen is one.
const QUARTER: f32 = 0.25;
/// What a held change keeps from the next transition.
const MARGIN: f32 = 0.9;
/// Added to every tick, so that a transition at tick 0 is none before the beginning.
const BEGINNING: u32 = 2 * TICKS_PER_SEC as u32;

/// One of the two things that flash, in one cell.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Signal {
    /// The brightest or darkest level since the last transition, and the way of that: 1 up, -1 down.
    extreme: f32,
    direction: f32,
    oldest: u32,
    /// When the last seven transitions were, in ticks.
    times: [u32; 7],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Cell {
    /// What is shown, linear light.
    shown: [f32; 3],
    luminance: Signal,
    red: Signal,
}

/// The limiter's memory, as the shader has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct State {
    share: f32,
    cells: [Cell; CELLS],
}

/// What a picture meets in the limiter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The time in ticks.
    pub(super) tick: u64,
    /// Whether flashes are limited.
    pub(super) limits: bool,
    /// Whether the picture may go dark whatever came before: a blackout waits for nothing.
    pub(super) darkens: bool,
    /// What of the picture is seen.
    pub(super) visible: Visible,
}

/// Holds what flashes.
pub(super) struct Limiter {
    state: Box<State>,
    /// The picture that is shown, and the one before it; empty before there are any.
    shown: Canvas,
    last: Canvas,
}

impl Default for Limiter {
    fn default() -> Self {
        let signal = Signal {
            extreme: 0.0,
            direction: -1.0,
            oldest: 0,
            times: [0; 7],
        };
        let cell = Cell {
            shown: [0.0; 3],
            luminance: signal,
            red: signal,
        };
        Self {
            state: Box::new(State {
                share: 1.0,
                cells: [cell; CELLS],
            }),
            shown: Canvas::default(),
            last: Canvas::default(),
        }
    }
}

impl Limiter {
    /// The picture at a brightness of 0..=1, held where it would flash. Allocates only where the pictures grow.
    pub(super) fn limit(&mut self, picture: &Canvas, brightness: f32, rule: Rule) -> &Canvas {
        let has_last = self.follow(picture, brightness);
        let means = means(&self.shown);
        let share = self.state.decide(&means, has_last, rule);
        if share < 1.0 {
            mix(&self.last.rgba, &mut self.shown.rgba, share);
            // Bytes are coarser than light: the next picture starts from what is really shown.
            self.state.take(&self::means(&self.shown));
        }
        &self.shown
    }

    /// The picture at a brightness of 0..=1, which is shown as it is.
    pub(super) fn watch(&mut self, picture: &Canvas, brightness: f32, rule: Rule) -> &Canvas {
        let has_last = self.follow(picture, brightness);
        let rule = Rule {
            limits: false,
            ..rule
        };
        self.state.decide(&means(&self.shown), has_last, rule);
        &self.shown
    }

    /// Goes on to the next picture; whether the one before has its size.
    fn follow(&mut self, picture: &Canvas, brightness: f32) -> bool {
        std::mem::swap(&mut self.shown, &mut self.last);
        self.shown.copy_from(picture);
        self.shown.dim(brightness);
        self.last.size == picture.size
    }

    /// What it remembers, and the picture that is shown, for a graphics card that goes on from there.
    pub(super) fn memory(&self) -> (&State, &Canvas) {
        (&self.state, &self.shown)
    }
}

impl State {
    /// How much of the change to a picture may be shown; takes it that this is.
    fn decide(&mut self, means: &[[f32; 3]; CELLS], has_last: bool, rule: Rule) -> f32 {
        let tick = shader_tick(rule.tick);
        // How much of its change each cell may show, and how much of what is seen it is.
        let mut shares = [(1.0f32, 0.0f32); CELLS];
        for (cell, (_, weight)) in shares.iter_mut().enumerate() {
            *weight = rule.visible.weight(cell);
        }
        for ((cell, &next), (share, _)) in self.cells.iter_mut().zip(means).zip(&mut shares) {
            if !has_last {
                cell.shown = next;
                cell.luminance.extreme = luminance(next);
                cell.red.extreme = red(next).max(0.0);
            }
            let level = (luminance(cell.shown), luminance(next));
            let free = cell.luminance.is_free(level.1);
            let bright = cell.luminance.allowed(tick, level, LUMINANCE_STEP, free);
            let level = (red(cell.shown), red(next));
            let is_none = cell.red.bound(RED_STEP) < 0.0;
            *share = bright.min(cell.red.allowed(tick, level, RED_STEP, is_none));
        }
        let mut share = 1.0;
        if rule.limits && !rule.darkens && has_last {
            // The greatest share at which less than a quarter of what is seen goes further than it may.
            shares.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
            let mut seen = 0.0;
            let reached = shares.iter().find(|(_, weight)| {
                seen += weight;
                seen >= QUARTER
            });
            share = reached.map_or(1.0, |(share, _)| *share);
        }
        for (cell, next) in self.cells.iter_mut().zip(means) {
            for (shown, next) in cell.shown.iter_mut().zip(next) {
                *shown += (next - *shown) * share;
            }
            let level = luminance(cell.shown);
            let free = cell.luminance.is_free(level);
            cell.luminance.update(tick, level, LUMINANCE_STEP, free);
            cell.red
                .update(tick, red(cell.shown).max(0.0), RED_STEP, false);
        }
        self.share = share;
        share
    }

    fn take(&mut self, means: &[[f32; 3]; CELLS]) {
        for (cell, &shown) in self.cells.iter_mut().zip(means) {
            cell.shown = shown;
        }
    }
}

impl Signal {
    /// Whether the transition that is `back` before the newest of seven was within the last second.
    fn is_recent(&self, tick: u32, back: u32) -> bool {
        let time = self.times[((self.oldest + 6 - back) % 7) as usize];
        tick.wrapping_sub(time) < TICKS_PER_SEC as u32
    }

    fn bound(&self, step: f32) -> f32 {
        self.extreme - self.direction * step * MARGIN
    }

    fn allowed(&self, tick: u32, (now, next): (f32, f32), step: f32, free: bool) -> f32 {
        if self.is_recent(tick, 6) {
            return 0.0;
        }
        let bound = self.bound(step);
        let passes = self.direction * (next - bound) < 0.0;
        if free || !passes || !self.is_recent(tick, 5) {
            return 1.0;
        }
        ((bound - now) / (next - now)).clamp(0.0, 1.0)
    }

    fn update(&mut self, tick: u32, level: f32, step: f32, free: bool) {
        if self.direction * (level - self.extreme) >= 0.0 {
            self.extreme = level;
        } else if (level - self.extreme).abs() >= step && !free {
            self.times[self.oldest as usize] = tick;
            self.oldest = (self.oldest + 1) % 7;
            self.direction = -self.direction;
            self.extreme = level;
        }
    }

    /// Whether both sides of a change are too bright to flash.
    fn is_free(&self, level: f32) -> bool {
        self.extreme.min(level) >= BRIGHT
    }
}

/// The tick as the limiter counts.
pub(super) fn shader_tick(tick: u64) -> u32 {
    (tick as u32).wrapping_add(BEGINNING)
}

fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn red([r, g, b]: [f32; 3]) -> f32 {
    r - g - b
}

fn encoded(light: f32) -> u8 {
    level(light).round() as u8
}

/// Mean colours of the grid's cells in linear light; their pixels are sampled evenly.
fn means(Canvas { size, rgba }: &Canvas) -> [[f32; 3]; CELLS] {
    let table = linear();
    let (width, height) = (size.0 as usize, size.1 as usize);
    let mut all = [[0.0; 3]; CELLS];
    if rgba.len() < width * height * 4 || width * height == 0 {
        return all;
    }
    for (index, mean) in all.iter_mut().enumerate() {
        let span = |cell: usize, size: usize| {
            let from = cell * size / SIDE;
            let extent = ((cell + 1) * size / SIDE - from).max(1);
            (from, extent, extent.min(SAMPLES))
        };
        let (left, across, columns) = span(index % SIDE, width);
        let (top, down, rows) = span(index / SIDE, height);
        for y in 0..rows {
            let line = (top + y * down / rows).min(height - 1) * width;
            for x in 0..columns {
                let at = (line + (left + x * across / columns).min(width - 1)) * 4;
                for (sum, &byte) in mean.iter_mut().zip(&rgba[at..at + 3]) {
                    *sum += table[usize::from(byte)];
                }
            }
        }
        mean.iter_mut()
            .for_each(|sum| *sum /= (rows * columns) as f32);
    }
    all
}

/// Mixes `share` of the picture into the last one, in linear light.
fn mix(last: &[u8], picture: &mut [u8], share: f32) {
    let table = linear();
    for (out, &before) in picture.iter_mut().zip(last) {
        if *out != before {
            let (from, to) = (table[usize::from(before)], table[usize::from(*out)]);
            *out = encoded(from + (to - from) * share);
        }
    }
}

#[cfg(test)]
mod tests;
