//! The counter: pictures go in one after the other, a verdict comes out.

use std::collections::VecDeque;

use super::{Rule, pattern};
use crate::light::linear;

/// Most pixels along the longer side of what is looked at.
const SIDE: usize = 320;
const TENTH: f32 = 0.1;
const DARKER: f32 = 0.8;
/// 20 of 320.
const RED: f32 = 0.0625;
const SATURATED: f32 = 0.8;
/// A quarter of an area flashes.
const QUARTER: f64 = 0.25;
/// More transitions than that in a second are more than three flashes.
const ALLOWED: usize = 6;
/// So many are flashing, where they go on.
const GOES_ON: usize = 4;
const LONG: f64 = 5.0;
/// What changes within that time changes together.
const TOGETHER: f64 = 0.1;
/// A front that stands still for longer has ended; what changes less of an area than that is none.
const GAP: f64 = 0.06;
/// A front that goes on for longer than that is another one.
const LASTING: f64 = 0.25;
/// What went the other way within that time goes back and forth.
const AGAIN: f64 = 0.2;
const LEAST: f64 = 0.02;
/// Places of ten degrees along a side of the picture.
const PLACES: usize = 13;

/// A level that is followed.
#[derive(Clone, Copy)]
struct Trace {
    low: f32,
    high: f32,
    /// 1 up, -1 down, 0 neither yet.
    way: i8,
    /// The times of its last transitions, oldest first.
    times: [f32; ALLOWED + 1],
}

impl Trace {
    const EMPTY: Self = Self {
        low: f32::INFINITY,
        high: f32::NEG_INFINITY,
        way: 0,
        times: [f32::NEG_INFINITY; ALLOWED + 1],
    };

    /// Follows a level; the way of a transition, or 0.
    fn step(&mut self, now: f32, level: f32, change: f32, darker: f32, counts: bool) -> i8 {
        // A hair less than the threshold: bytes are rounded.
        let change = change - 1e-4;
        let up = self.way != 1 && level - self.low >= change && self.low < darker;
        let down = self.way != -1 && self.high - level >= change && level < darker;
        if counts && (up || down) {
            self.times.rotate_left(1);
            self.times[ALLOWED] = now;
            self.way = if up { 1 } else { -1 };
            (self.low, self.high) = (level, level);
            return self.way;
        }
        self.low = self.low.min(level);
        self.high = self.high.max(level);
        0
    }

    /// Whether there were so many within the last second.
    fn has(&self, now: f32, count: usize) -> bool {
        now - self.times[ALLOWED + 1 - count] < 1.0 - 1e-4
    }
}

/// What happened to the whole of an area, for one kind of flash.
#[derive(Clone, Default)]
struct Events {
    /// What rises, and what falls.
    fronts: [Front; 2],
    /// 0 where it rose last, 1 where it fell.
    way: Option<usize>,
    /// When it turned from the one to the other.
    turns: VecDeque<f64>,
}

impl Events {
    /// Takes what the area did; how many flashes there were in the last second.
    fn step(&mut self, now: f64, changed: [bool; 2]) -> usize {
        // Where it did both at once, what it did not do last comes first.
        let first = usize::from(self.way == Some(0));
        for way in [first, 1 - first] {
            if changed[way] && self.way != Some(way) {
                self.way = Some(way);
                self.turns.push_back(now);
            }
        }
        self.turns.retain(|at| now - at < 1.0 - 1e-4);
        self.turns.len() / 2
    }
}

/// A change that goes on from picture to picture: a light that fades in, an edge that moves across.
#[derive(Clone, Default)]
struct Front {
    /// When it began, and when something of it changed last.
    began: f64,
    last: Option<f64>,
    is_counted: bool,
}

/// The pictures of the last [`TOGETHER`], and where each pixel went one way last, one map of sums for each of them; and where it did
/// so now and had gone the other way just before.
struct Recent {
    sums: Vec<(f64, Sums)>,
    again: Sums,
}

impl Recent {
    /// Whether a quarter of an area went that way at about the same time: once for a front, and again where it went back and forth.
    fn changed(
        &self,
        front: &mut Front,
        now: f64,
        place: (usize, usize),
        field: (usize, usize),
    ) -> bool {
        let share = |sums: &Sums| sums.share(place, field);
        let moves = self
            .sums
            .last()
            .is_some_and(|(_, sums)| share(sums) >= LEAST);
        if !moves {
            return false;
        }
        let is_over = |last| now - last > GAP || now - front.began > LASTING;
        if front.last.is_none_or(is_over) {
            *front = Front {
                began: now,
                ..Front::default()
            };
        }
        front.last = Some(now);
        let since = self.sums.iter().filter(|(secs, _)| *secs >= front.began);
        let all: f64 = since.map(|(_, sums)| share(sums)).sum();
        let is_change = share(&self.again) >= QUARTER || (!front.is_counted && all >= QUARTER);
        front.is_counted |= is_change;
        is_change
    }
}

/// Sums of a map over rectangles.
struct Sums {
    width: usize,
    sums: Vec<u32>,
}

impl Sums {
    fn of(width: usize, height: usize, map: impl Fn(usize) -> bool) -> Self {
        let mut sums = vec![0u32; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = 0;
            for x in 0..width {
                row += u32::from(map(y * width + x));
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
            }
        }
        Self { width, sums }
    }

    /// The share of a rectangle.
    fn share(&self, (left, top): (usize, usize), (wide, high): (usize, usize)) -> f64 {
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        let sum = at(left + wide, top + high) + at(left, top)
            - at(left + wide, top)
            - at(left, top + high);
        f64::from(sum) / (wide * high) as f64
    }
}

/// The worst of a rule.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Verdict {
    /// The rule.
    pub rule: Rule,
    /// Whether the film keeps it.
    pub holds: bool,
    /// When it was broken first, or came nearest to that, in seconds.
    pub at_secs: f64,
    /// The largest share of the area that flashed too often, 0..=1; for [`Rule::Moving`] flashes in the worst second, for
    /// [`Rule::Extended`] seconds, for [`Rule::Pattern`] the share with stripes.
    pub worst: f64,
}

/// Counts.
pub struct Counter {
    /// Of what is looked at, and of the pictures.
    size: (usize, usize),
    picture: (u32, u32),
    traces: Vec<[Trace; 2]>,
    /// Whether red was saturated at its last extreme.
    saturated: Vec<bool>,
    light: Vec<[f32; 3]>,
    fields: Vec<(usize, usize)>,
    field: (usize, usize),
    events: Vec<[Events; 2]>,
    /// Pictures so far; those of the last [`TOGETHER`]; in which one each pixel rose and fell last.
    number: u32,
    recent: VecDeque<(u32, f64)>,
    turned: Vec<[[u32; 2]; 2]>,
    /// Since when flashing has gone on over a quarter of the picture.
    since: Option<f64>,
    verdicts: Vec<Verdict>,
    /// At each picture: its time, transitions of the last second over a quarter of the picture, and of ten degrees.
    series: Vec<(f64, usize, usize)>,
}

impl Counter {
    /// A counter for pictures of that size in pixels.
    pub fn new(picture: (u32, u32)) -> Self {
        let longer = picture.0.max(picture.1) as usize;
        let reduced = |side: u32| (side as usize * SIDE.min(longer)).div_ceil(longer).max(1);
        let size = (reduced(picture.0), reduced(picture.1));
        let field = (size.0.div_ceil(3), size.1.div_ceil(3));
        let places = |side: usize, part: usize| {
            let mut all: Vec<usize> = (0..PLACES)
                .map(|at| (side - part) * at / (PLACES - 1))
                .collect();
            all.dedup();
            all
        };
        let rows = places(size.1, field.1);
        let columns = places(size.0, field.0);
        let fields: Vec<_> = rows
            .iter()
            .flat_map(|&y| columns.iter().map(move |&x| (x, y)))
            .collect();
        let pixels = size.0 * size.1;
        Self {
            size,
            picture,
            traces: vec![[Trace::EMPTY; 2]; pixels],
            saturated: vec![false; pixels],
            light: vec![[0.0; 3]; pixels],
            events: vec![Default::default(); fields.len()],
            fields,
            field,
            number: 0,
            recent: VecDeque::new(),
            turned: vec![[[0; 2]; 2]; pixels],
            since: None,
            verdicts: Rule::ALL
                .map(|rule| Verdict {
                    rule,
                    holds: true,
                    at_secs: 0.0,
                    worst: 0.0,
                })
                .to_vec(),
            series: Vec::new(),
        }
    }

    /// Takes the next picture, RGB or RGBA in sRGB, height x width x 3 or 4 bytes, shown from `secs` on.
    pub fn add(&mut self, levels: &[u8], secs: f64) {
        self.reduce(levels);
        let (width, height) = self.size;
        let now = secs as f32;
        self.number += 1;
        self.recent.push_back((self.number, secs));
        self.recent.retain(|(_, at)| secs - at < AGAIN + 1e-4);
        for (at, (traces, &[r, g, b])) in self.traces.iter_mut().zip(&self.light).enumerate() {
            let luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            let luminance_way = traces[0].step(now, luminance, TENTH, DARKER, true);
            let red = (r - g - b).max(0.0);
            let is_saturated = r > 0.0 && r / (r + g + b) >= SATURATED;
            let before = (traces[1].low, traces[1].high);
            let counts = is_saturated || self.saturated[at];
            let red_way = traces[1].step(now, red, RED, f32::INFINITY, counts);
            if (traces[1].low, traces[1].high) != before {
                self.saturated[at] = is_saturated;
            }
            for (turned, way) in self.turned[at].iter_mut().zip([luminance_way, red_way]) {
                match way {
                    1 => turned[0] = self.number,
                    -1 => turned[1] = self.number,
                    _ => {}
                }
            }
        }
        let mut most = (0, 0);
        let mut found = Vec::new();
        for kind in 0..2 {
            // Of the whole picture, and of the ten degrees that have most, pixels with so many transitions.
            let shares_of = |count: usize| {
                let sums = Sums::of(width, height, |at| self.traces[at][kind].has(now, count));
                let fields = self.fields.iter();
                let shares = fields.map(|&place| sums.share(place, self.field));
                (sums.share((0, 0), self.size), shares.fold(0.0, f64::max))
            };
            let mut shares = shares_of(ALLOWED + 1);
            let [rule, of_field] = [
                [Rule::General, Rule::GeneralField],
                [Rule::Red, Rule::RedField],
            ][kind];
            found.push((rule, shares.0, shares.0 >= QUARTER));
            found.push((of_field, shares.1, shares.1 >= QUARTER));
            for count in (1..=ALLOWED + 1).rev() {
                if count <= most.0 {
                    break;
                }
                if count <= ALLOWED {
                    shares = shares_of(count);
                }
                if shares.0 >= QUARTER {
                    most.0 = most.0.max(count);
                }
                if shares.1 >= QUARTER {
                    most.1 = most.1.max(count);
                }
            }
            let first = self
                .recent
                .front()
                .map_or(self.number, |&(number, _)| number);
            let recent = self.recent.iter().copied();
            let numbers: Vec<(u32, f64)> = recent.filter(|(_, at)| secs - at < TOGETHER).collect();
            let recent = [0, 1].map(|way| {
                let turned = |at: usize| self.turned[at][kind][way];
                // A change comes with a picture in which something turned.
                (0..self.turned.len())
                    .any(|at| turned(at) == self.number)
                    .then(|| Recent {
                        sums: numbers
                            .iter()
                            .map(|&(number, secs)| {
                                (secs, Sums::of(width, height, |at| turned(at) == number))
                            })
                            .collect(),
                        again: Sums::of(width, height, |at| {
                            turned(at) == self.number && self.turned[at][kind][1 - way] >= first
                        }),
                    })
            });
            let mut flashes = 0;
            for (&place, events) in self.fields.iter().zip(&mut self.events) {
                let events = &mut events[kind];
                let mut changed = [false; 2];
                for (way, changed) in changed.iter_mut().enumerate() {
                    if let Some(recent) = &recent[way] {
                        let front = &mut events.fronts[way];
                        *changed = recent.changed(front, secs, place, self.field);
                    }
                }
                flashes = flashes.max(events.step(secs, changed));
            }
            found.push((Rule::Moving, flashes as f64, flashes > ALLOWED / 2));
        }
        if most.0 >= GOES_ON {
            let since = *self.since.get_or_insert(secs);
            found.push((Rule::Extended, secs - since, secs - since > LONG));
        } else {
            self.since = None;
        }
        self.series.push((secs, most.0, most.1));
        let levels: Vec<f32> = self
            .light
            .iter()
            .map(|&[r, g, b]| 0.2126 * r + 0.7152 * g + 0.0722 * b)
            .collect();
        let striped = pattern::striped(&levels, self.size);
        found.push((Rule::Pattern, striped, striped >= QUARTER));
        for (rule, worst, is_broken) in found {
            self.note(rule, worst, is_broken, secs);
        }
    }

    fn note(&mut self, rule: Rule, worst: f64, is_broken: bool, secs: f64) {
        let verdict = &mut self.verdicts[rule as usize];
        if verdict.holds && (is_broken || worst > verdict.worst) {
            verdict.at_secs = secs;
        }
        verdict.holds &= !is_broken;
        verdict.worst = verdict.worst.max(worst);
    }

    /// The mean light of every part of a picture.
    fn reduce(&mut self, bytes: &[u8]) {
        let table = linear();
        let (width, height) = self.size;
        let (wide, high) = (self.picture.0 as usize, self.picture.1 as usize);
        let channels = (bytes.len() / (wide * high)).max(3);
        for y in 0..height {
            let rows = y * high / height..((y + 1) * high / height).max(y * high / height + 1);
            for x in 0..width {
                let columns = x * wide / width..((x + 1) * wide / width).max(x * wide / width + 1);
                let mut sum = [0.0; 3];
                for row in rows.clone() {
                    let line = &bytes[(row * wide + columns.start) * channels..];
                    for pixel in line[..columns.len() * channels].chunks_exact(channels) {
                        for (sum, &byte) in sum.iter_mut().zip(pixel) {
                            *sum += table[usize::from(byte)];
                        }
                    }
                }
                let count = (rows.len() * columns.len()) as f32;
                self.light[y * width + x] = sum.map(|sum| sum / count);
            }
        }
    }

    /// What became of every rule.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// At each picture: its time in seconds, and the transitions of the last second, up to 7, over a quarter of the picture and over a
    /// quarter of ten degrees.
    pub fn series(&self) -> &[(f64, usize, usize)] {
        &self.series
    }
}
