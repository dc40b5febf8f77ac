//! Halation and grain on the processor.

use std::ops::Range;
use std::sync::OnceLock;

use super::super::Canvas;
use super::super::film::{Exposure, HALATION, SIDE, TAPS, TINT, Tile};
use super::super::fit::Placement;
use crate::light::{level, linear};

/// Steps of light from none to all that halation can be, fine enough for a third of a level.
const STEPS: usize = 1024;

/// What light adds to a level, looked up: [`level`] of every value of a frame would take longer than all the rest.
struct Haze {
    levels: Vec<[f32; 256]>,
}

impl Haze {
    fn get() -> &'static Self {
        static HAZE: OnceLock<Haze> = OnceLock::new();
        HAZE.get_or_init(|| {
            let row = |step: usize| {
                let light = HALATION * step as f32 / (STEPS - 1) as f32;
                std::array::from_fn(|byte| {
                    // What shines through leaves the rest to be filled: nothing clips.
                    let own = linear()[byte];
                    level(own + light * (1.0 - own)) - byte as f32
                })
            };
            Self {
                levels: (0..STEPS).map(row).collect(),
            }
        })
    }

    fn added(&self, to: f32, light: f32) -> f32 {
        let step = light * ((STEPS - 1) as f32 / HALATION) + 0.5;
        self.levels[(step as usize).min(STEPS - 1)][usize::from((to + 0.5) as u8)]
    }
}

/// What makes a frame film.
pub(super) struct Developer {
    tile: &'static Tile,
    haze: &'static Haze,
    exposure: Option<Exposure>,
    /// Columns of the frame that the picture covers.
    covered: Range<usize>,
    /// From the frame's pixels to those of the glow: where its first lies, and how far the next.
    across: (f32, f32),
    down: (f32, f32),
    glow_size: (usize, usize),
    /// Blurred highlights, height x width; what they are made in.
    glow: Vec<f32>,
    half: Vec<f32>,
}

impl Developer {
    pub(super) fn new() -> Self {
        Self {
            tile: Tile::get(),
            haze: Haze::get(),
            exposure: None,
            covered: 0..0,
            across: (0.0, 0.0),
            down: (0.0, 0.0),
            glow_size: (0, 0),
            glow: Vec::new(),
            half: Vec::new(),
        }
    }

    /// Makes itself ready for the lines of a picture's frame.
    pub(super) fn take(
        &mut self,
        picture: &Canvas,
        frame: (u32, u32),
        place: &Placement,
        exposure: Exposure,
    ) {
        self.exposure = Some(exposure);
        let first = |offset: f64| (offset - 0.5).ceil().max(0.0) as usize;
        self.covered =
            first(place.offset.0)..first(place.offset.0 + place.extent.0).min(frame.0 as usize);
        if exposure.halation > 0.0 {
            let path = |picture: u32, offset: f64, extent: f64| {
                let step = f64::from(picture) / extent / f64::from(exposure.block);
                (((0.5 - offset) * step - 0.5) as f32, step as f32)
            };
            self.across = path(picture.size.0, place.offset.0, place.extent.0);
            self.down = path(picture.size.1, place.offset.1, place.extent.1);
            self.gather(picture, &exposure);
            self.blur(&exposure);
        }
    }

    /// The highlights of a picture: the mean of every block of pixels.
    fn gather(&mut self, picture: &Canvas, exposure: &Exposure) {
        let table = linear();
        let (width, block) = (picture.size.0 as usize, exposure.block as usize);
        let glow = exposure.glow_size(picture.size);
        self.glow_size = (glow.0 as usize, glow.1 as usize);
        self.glow.clear();
        self.glow.resize(self.glow_size.0 * self.glow_size.1, 0.0);
        for (y, line) in picture.rgba.chunks_exact(width * 4).enumerate() {
            let glow = &mut self.glow[y / block * self.glow_size.0..][..self.glow_size.0];
            for (x, pixel) in line.chunks_exact(4).enumerate() {
                let light = [pixel[0], pixel[1], pixel[2]].map(|byte| table[usize::from(byte)]);
                let bright = light[0].max(light[1]).max(light[2]);
                let part = ((bright - exposure.threshold) / 0.25).clamp(0.0, 1.0);
                let luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
                glow[x / block] += luminance * part * part * (3.0 - 2.0 * part);
            }
        }
        let whole = 1.0 / (block * block) as f32;
        self.glow.iter_mut().for_each(|light| *light *= whole);
    }

    /// Blurs the glow, across and down, by a normal curve.
    fn blur(&mut self, exposure: &Exposure) {
        let mut weights = [0.0f32; 2 * TAPS as usize + 1];
        for (at, weight) in weights.iter_mut().enumerate() {
            let far = (at as f32 - TAPS as f32) / exposure.sigma;
            *weight = libm::expf(-0.5 * far * far);
        }
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let (width, height) = self.glow_size;
        self.half.clear();
        self.half.resize(self.glow.len(), 0.0);
        smooth(
            &weights,
            &self.glow,
            &mut self.half,
            (width, 1),
            (height, width),
        );
        smooth(
            &weights,
            &self.half,
            &mut self.glow,
            (height, width),
            (width, 1),
        );
    }

    /// Develops a line of the frame, RGBA in levels of 255.
    pub(super) fn line(&self, y: usize, line: &mut [f32], gleam: &mut Vec<f32>) {
        let Some(exposure) = &self.exposure else {
            return;
        };
        let line = &mut line[self.covered.start * 4..self.covered.end * 4];
        if exposure.is_neutral() {
            return;
        }
        // What a filter overshoots is no light.
        line.iter_mut()
            .for_each(|level| *level = level.clamp(0.0, 255.0));
        if exposure.halation > 0.0 {
            self.halate(exposure, y, line, gleam);
        }
        if exposure.grain > 0.0 {
            self.grain(exposure, y, line);
        }
    }

    fn halate(&self, exposure: &Exposure, y: usize, line: &mut [f32], gleam: &mut Vec<f32>) {
        let (width, height) = self.glow_size;
        let (above, share) = between(self.down.0 + y as f32 * self.down.1, height);
        let row = |at: usize| &self.glow[at.min(height - 1) * width..][..width];
        gleam.clear();
        let pairs = row(above).iter().zip(row(above + 1));
        gleam.extend(pairs.map(|(a, b)| a + (b - a) * share));
        for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
            let at = self.across.0 + (self.covered.start + x) as f32 * self.across.1;
            let (left, share) = between(at, width);
            let (a, b) = (gleam[left], gleam[(left + 1).min(width - 1)]);
            let light = exposure.halation * (a + (b - a) * share);
            for (level, tint) in pixel.iter_mut().zip(TINT) {
                *level += self.haze.added(*level, light * tint);
            }
        }
    }

    /// What halation makes of a level, sRGB 0..=1, at a place of the frame in pixels.
    pub(super) fn halated(&self, levels: [f32; 3], (x, y): (f32, f32)) -> [f32; 3] {
        let Some(exposure) = self.exposure.filter(|exposure| exposure.halation > 0.0) else {
            return levels;
        };
        let (width, height) = self.glow_size;
        let (above, down) = between(self.down.0 + (y - 0.5) * self.down.1, height);
        let (left, across) = between(self.across.0 + (x - 0.5) * self.across.1, width);
        let row = |at: usize| {
            let row = &self.glow[at.min(height - 1) * width..][..width];
            let (a, b) = (row[left], row[(left + 1).min(width - 1)]);
            a + (b - a) * across
        };
        let light = exposure.halation * (row(above) + (row(above + 1) - row(above)) * down);
        let mut tints = TINT.iter();
        levels.map(|level| {
            let level = level * 255.0;
            let tint = tints.next().copied().unwrap_or_default();
            (level + self.haze.added(level, light * tint)) / 255.0
        })
    }

    fn grain(&self, exposure: &Exposure, y: usize, line: &mut [f32]) {
        let on_tile =
            |at: usize, shift: u32| (((at as u32 * exposure.step) >> 8) + shift) as usize % SIDE;
        let noise = &self.tile.noise[on_tile(y, exposure.shift[1]) * SIDE..][..SIDE];
        for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
            let grain = noise[on_tile(self.covered.start + x, exposure.shift[0])];
            let bright = 0.2126 * pixel[0] + 0.7152 * pixel[1] + 0.0722 * pixel[2];
            // Strongest in the middle tones, none in black and white.
            let tone = 2.0 * (bright * (255.0 - bright)).max(0.0).sqrt();
            let added = exposure.grain * tone * f32::from(grain) / 127.0;
            pixel[..3].iter_mut().for_each(|level| *level += added);
        }
    }
}

/// The pixel before a place on a line of so many, and the share of the one after it.
fn between(at: f32, count: usize) -> (usize, f32) {
    let at = at.clamp(0.0, count as f32 - 1.0);
    let before = at as usize;
    (before, at - before as f32)
}

/// Weighs what lies along one way: so many places, so far apart, in each of so many lines so far apart.
fn smooth(
    weights: &[f32],
    from: &[f32],
    to: &mut [f32],
    (count, next): (usize, usize),
    (lines, apart): (usize, usize),
) {
    let last = count as i32 - 1;
    for line in 0..lines {
        for at in 0..count {
            let taps = weights.iter().enumerate().map(|(tap, weight)| {
                let place = (at as i32 + tap as i32 - TAPS).clamp(0, last) as usize;
                weight * from[line * apart + place * next]
            });
            to[line * apart + at * next] = taps.sum();
        }
    }
}
