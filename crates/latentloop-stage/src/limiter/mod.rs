//! The limiter of flashes, last before an output: a frame whose flashes would pass what the guidelines allow is darkened where it
//! flashes.
//!
//! A flash is a pair of opposing changes of relative luminance by a tenth of the range or more where the darker state is below 0.80,
//! or of a saturated red by 20 of 320, over a quarter or more of any ten degrees of the field of view (WCAG 2.2, success criterion
//! 2.3.1, and its definition of general and red flash thresholds); no more than three are allowed in any second (so ITU-R BT.1702-3,
//! too), and flashing within that is not to go on for longer than five seconds.
//!
//! Every output has a limiter of its own, which sees the frame as that output shows it: a grid of points, their levels followed from
//! extreme to extreme. Changes are added up over *fields*, squares of a third of the frame each way, ten degrees where WCAG
//! measures, and over the frame as a whole: so what moves, or flashes here and there in turn, counts as well. A field's changes
//! count from a smaller area and a smaller step than the guidelines say: that is what it keeps in reserve. A picture may always
//! go darker; where it would brighten once too often, its gain is lowered there until it does not, and comes back gradually.
//!
//! `limiter.wgsl` is its twin on the graphics card.

mod gpu;
mod sample;
mod signal;

use super::Canvas;
use crate::instrument::TICKS_PER_SEC;
pub(super) use gpu::{GpuLimiter, LimiterLayouts};
pub(super) use sample::Sampled;
use signal::{RED, Seen, Signal};

/// Points of the grid along a side.
pub(super) const SIDE: usize = 48;
const POINTS: usize = SIDE * SIDE;
/// Points of a block along a side; a block has one gain.
const BLOCK: usize = 4;
/// Blocks along a side.
const BLOCKS: usize = SIDE / BLOCK;
/// Points of a cell along a side; changes are counted by the cell.
const CELL: usize = 2;
/// Cells along a side.
const CELLS: usize = SIDE / CELL;
/// Cells of a field along a side: a third of the frame.
const FIELD: usize = CELLS / 3;
/// Fields along a side, a cell apart.
const FIELDS: usize = CELLS - FIELD + 1;
/// Every field, and the frame as a whole.
const AREAS: usize = FIELDS * FIELDS + 1;
/// The part of a field that flashes. WCAG's is a quarter; half a cell to either side of a field another one may have a sixteenth
/// more.
const FLASHING: f32 = 0.18;
/// What brightens within so many ticks brightens together (time constant).
const TOGETHER: f32 = 0.2 * TICKS_PER_SEC as f32;
/// A second, and what is kept in reserve: frames come late, and what rises gradually is counted sooner here than elsewhere.
const SECOND: u32 = TICKS_PER_SEC as u32 + 72;
/// What goes on for longer than that is to have pauses.
const LONG: u32 = 5 * TICKS_PER_SEC as u32 + 32;
/// Changes within [`LONG`], two a flash, after which each flash has a second to itself.
const MANY: usize = 20;
/// A point that changed the other way within so many ticks changes again.
const AGAIN: u32 = 100;
/// What changes from frame to frame, with pauses no longer than that, is one front: a light that fades in, an edge that moves across.
/// It is counted once, unless it goes on for longer than it may last, or what changes changes again. Both are shorter than others
/// count, by more than what rounds a frame's time to ticks.
const PAUSE: u32 = 27;
const LAST: u32 = 110;
/// What changes less of a field than that is no front.
const LEAST: f32 = 0.02;
/// What changes less of it than that does not keep a front going: beside what is held, points differ from pixels.
const KEEPS: f32 = 0.05;
/// How much gain comes back in a second.
const RECOVERY: f32 = 1.0;
/// Added to every tick, so that nothing has happened yet at tick 0.
const BEGINNING: u32 = 2 * LONG;

/// Points that change the same way, one after the other.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Front {
    /// How many there have lately been, and how many of them changed again.
    all: f32,
    again: f32,
    /// When it began, and when something of it changed last, in ticks.
    began: u32,
    last: u32,
    /// 1 where it was counted.
    is_counted: f32,
}

/// When an area has brightened and darkened.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Ledger {
    /// What brightens, and what darkens.
    up: Front,
    down: Front,
    /// When it brightened last for a change, in ticks.
    rose: u32,
    /// 1 where it brightened last, -1 where it darkened.
    direction: f32,
    /// Its last changes from the one to the other, in ticks, the newest first.
    turns: [u32; MANY],
}

/// A point of the grid.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Point {
    /// sRGB, 0..=1.
    level: [f32; 3],
    luminance: Signal,
    red: Signal,
    /// 1 where red's extreme was a saturated one.
    saturated: f32,
    /// When luminance, and red, rose or fell last, in ticks.
    turned: [u32; 2],
}

/// What a limiter remembers, on the card as here.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct State {
    /// Gain of every block, 0..=1, on sRGB levels: the least that it and its neighbours ask for.
    gains: [f32; BLOCKS * BLOCKS],
    /// What each of them asks for.
    asked: [f32; BLOCKS * BLOCKS],
    /// For luminance and for red.
    ledgers: [[Ledger; 2]; AREAS],
    points: [Point; POINTS],
    /// Whether there was a frame.
    has_begun: u32,
}

/// What a frame meets in the limiter: `Moment` of `limiter.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Moment {
    /// In ticks.
    tick: u32,
    /// What gain comes back since the frame before.
    recovery: f32,
    /// What is left of what rose and fell.
    decay: f32,
    /// 1 where flashes are limited.
    limits: u32,
    /// 1 where something laid over the frame has come or gone.
    overlaid: u32,
    /// 1 where nothing is known of what was shown before.
    is_cautious: u32,
    padding: [u32; 2],
}

/// Makes the moments of frames that follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    last: Option<u64>,
}

impl Pace {
    fn next(&mut self, tick: u64, limits: bool) -> Moment {
        let elapsed = self.last.map_or(0, |last| tick.saturating_sub(last));
        self.last = Some(tick);
        // After a pause gain does not leap.
        let elapsed = elapsed.min(TICKS_PER_SEC / 4) as f32;
        Moment {
            tick: (tick as u32).wrapping_add(BEGINNING),
            recovery: RECOVERY * elapsed / TICKS_PER_SEC as f32,
            decay: libm::expf(-elapsed / TOGETHER),
            limits: u32::from(limits),
            overlaid: 0,
            is_cautious: 0,
            padding: [0; 2],
        }
    }
}

/// The limiter of an output on the processor.
pub(super) struct Limiter {
    state: Box<State>,
    pace: Pace,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            state: Box::new(bytemuck::Zeroable::zeroed()),
            pace: Pace::default(),
        }
    }
}

impl Limiter {
    /// Follows a frame at a tick: what it shows at every point of the grid, sRGB 0..=1. Whether its gains leave it as it is.
    pub(super) fn follow(&mut self, tick: u64, limits: bool, sampled: Sampled) -> bool {
        let moment = self.pace.next(tick, limits);
        let levels = (0..POINTS).map(|at| sampled.level(at % SIDE, at / SIDE));
        self.state.decide(levels, &moment);
        self.state.gains.iter().all(|&gain| gain >= 1.0)
    }

    /// Darkens a frame by the gains that it was given.
    pub(super) fn apply(&self, frame: &mut Canvas) {
        let (width, height) = (frame.size.0 as usize, frame.size.1 as usize);
        let lines = frame.rgba.chunks_exact_mut(width.max(1) * 4);
        for (y, line) in lines.enumerate() {
            let row = self.state.row((y as f32 + 0.5) / height as f32);
            for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
                let gain = between(&row, (x as f32 + 0.5) / width as f32);
                for byte in &mut pixel[..3] {
                    *byte = (f32::from(*byte) * gain + 0.5) as u8;
                }
            }
        }
    }
}

/// A value at a place, 0..=1, among those of blocks side by side: straight lines between their middles.
fn between(values: &[f32; BLOCKS], at: f32) -> f32 {
    let (before, after, share) = around(at);
    values[before] + (values[after] - values[before]) * share
}

/// The blocks before and after a place, 0..=1, and the share of the one after it.
fn around(at: f32) -> (usize, usize, f32) {
    let at = (at * BLOCKS as f32 - 0.5).clamp(0.0, (BLOCKS - 1) as f32);
    let before = at as usize;
    (before, (before + 1).min(BLOCKS - 1), at - before as f32)
}

impl State {
    /// Gains across the frame at a height of 0..=1.
    fn row(&self, y: f32) -> [f32; BLOCKS] {
        let (above, below, share) = around(y);
        std::array::from_fn(|x| {
            let [a, b] = [above, below].map(|row| self.gains[row * BLOCKS + x]);
            a + (b - a) * share
        })
    }

    /// Gain of every point.
    fn point_gains(&self) -> [f32; POINTS] {
        let place = |at: usize| (at as f32 + 0.5) / SIDE as f32;
        let rows: [_; SIDE] = std::array::from_fn(|y| self.row(place(y)));
        std::array::from_fn(|point| between(&rows[point / SIDE], place(point % SIDE)))
    }

    fn decide(&mut self, levels: impl Iterator<Item = [f32; 3]>, moment: &Moment) {
        for (point, level) in self.points.iter_mut().zip(levels) {
            point.level = level;
        }
        if self.has_begun == 0 {
            self.begin(moment);
        }
        let limits = moment.limits != 0;
        for asked in &mut self.asked {
            *asked = if limits {
                (*asked + moment.recovery).min(1.0)
            } else {
                1.0
            };
        }
        self.spread();
        if limits {
            self.limit(moment);
        }
        self.update(moment);
    }

    fn begin(&mut self, moment: &Moment) {
        self.has_begun = 1;
        self.asked.fill(1.0);
        for point in &mut self.points {
            let seen = Seen::of(point.level, 1.0);
            point.luminance = Signal::at(seen.luminance);
            point.red = Signal::at(seen.red);
            point.saturated = seen.saturated();
        }
        if moment.is_cautious != 0 {
            let ledgers = self.ledgers.iter_mut().flatten();
            ledgers.for_each(|ledger| ledger.turns.fill(moment.tick));
        }
    }

    /// Lowers gains where an area would brighten once too often.
    fn limit(&mut self, moment: &Moment) {
        let mut changes = Tally::default();
        let gains = self.point_gains();
        let mut would = [[false; 2]; POINTS];
        for (at, would) in would.iter_mut().enumerate() {
            let point = &self.points[at];
            let seen = Seen::of(point.level, gains[at]);
            *would = point.would_rise(&seen);
            let falls = point.would_fall(&seen);
            for kind in 0..2 {
                let again = point.is_again(kind, moment.tick);
                changes.add(at, kind, [would[kind], falls[kind] && !would[kind]], again);
            }
        }
        let changes = changes.summed();
        let mut held = [[false; 2]; BLOCKS * BLOCKS];
        for area in 0..AREAS {
            for (kind, ledger) in self.ledgers[area].iter().enumerate() {
                let [up, down] = changes.within(area, kind);
                if ledger.admits(up, down, area, moment) {
                    continue;
                }
                for block in blocks_of(area) {
                    held[block][kind] = true;
                }
            }
        }
        for (at, would) in would.iter().enumerate() {
            let (point, block) = (&self.points[at], block_of(at));
            let is_held = |kind: usize| held[block][kind] && would[kind];
            if is_held(0) || is_held(1) {
                let gain = point.gain_without_rise([is_held(0), is_held(1)]);
                self.asked[block] = self.asked[block].min(gain);
            }
        }
        self.spread();
    }

    /// Between the middles of blocks gain is made from four of them: none may be too high.
    fn spread(&mut self) {
        let asked = &self.asked;
        self.gains = std::array::from_fn(|block| {
            let (x, y) = (block % BLOCKS, block / BLOCKS);
            let near = |at: usize| at.saturating_sub(1)..=(at + 1).min(BLOCKS - 1);
            let around = near(y).flat_map(|y| near(x).map(move |x| y * BLOCKS + x));
            around.map(|block| asked[block]).fold(1.0, f32::min)
        });
    }

    /// Takes it that the frame is shown with these gains.
    fn update(&mut self, moment: &Moment) {
        let mut changes = Tally::default();
        let gains = self.point_gains();
        for (at, (point, gain)) in self.points.iter_mut().zip(gains).enumerate() {
            let seen = Seen::of(point.level, gain);
            let again = [0, 1].map(|kind| point.is_again(kind, moment.tick));
            let turns = point.update(&seen, moment.tick);
            for kind in 0..2 {
                changes.add(at, kind, [turns[kind] > 0, turns[kind] < 0], again[kind]);
            }
        }
        let changes = changes.summed();
        for area in 0..AREAS {
            for kind in 0..2 {
                let [up, down] = changes.within(area, kind);
                self.ledgers[area][kind].update(up, down, area, moment);
            }
        }
    }
}

/// How many points have changed, and how many of them again: they had changed the other way just before.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: u32,
    again: u32,
}

/// Cells and an empty row and column before them.
const CORNERS: usize = CELLS + 1;

/// Points that rose, and that fell, for luminance and for red, by the cell.
type Cells = [[[Count; 2]; 2]; CORNERS * CORNERS];

/// What changes in every cell.
struct Tally(Cells);

impl Default for Tally {
    fn default() -> Self {
        Self([Default::default(); CORNERS * CORNERS])
    }
}

impl Tally {
    /// Counts a point where it rises, or falls.
    fn add(&mut self, point: usize, kind: usize, changes: [bool; 2], again: bool) {
        let (x, y) = (point % SIDE / CELL, point / SIDE / CELL);
        let counts = &mut self.0[(y + 1) * CORNERS + x + 1][kind];
        for (count, changes) in counts.iter_mut().zip(changes) {
            count.all += u32::from(changes);
            count.again += u32::from(changes && again);
        }
    }

    /// Adds up.
    fn summed(mut self) -> SummedTally {
        for y in 1..CORNERS {
            let mut row = [[Count::default(); 2]; 2];
            for x in 1..CORNERS {
                let above = self.0[(y - 1) * CORNERS + x];
                for (kind, row) in row.iter_mut().enumerate() {
                    for (way, sum) in row.iter_mut().enumerate() {
                        let cell = &mut self.0[y * CORNERS + x][kind][way];
                        *sum = sum.plus(*cell);
                        *cell = sum.plus(above[kind][way]);
                    }
                }
            }
        }
        SummedTally(self.0)
    }
}

/// What changes in every cell and all above and to the left of it (summed-area table).
struct SummedTally(Cells);

impl SummedTally {
    /// The points of an area that rose, and that fell.
    fn within(&self, area: usize, kind: usize) -> [Count; 2] {
        let (left, top, side) = cells_of(area);
        let (right, bottom) = (left + side, top + side);
        let [a, b, c, d] = [(left, top), (right, top), (left, bottom), (right, bottom)]
            .map(|(x, y)| self.0[y * CORNERS + x][kind]);
        [0, 1].map(|way| Count {
            all: d[way].all + a[way].all - b[way].all - c[way].all,
            again: d[way].again + a[way].again - b[way].again - c[way].again,
        })
    }
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            again: self.again + other.again,
        }
    }
}

impl Ledger {
    /// Whether so many points may brighten now, and darken after it, while others darken, within what is allowed.
    fn admits(&self, up: Count, down: Count, area: usize, moment: &Moment) -> bool {
        let (_, falls) = self.down.followed(down, area, moment);
        let (_, rises) = self.up.followed(up, area, moment);
        if !rises || (self.direction > 0.0 && !falls) {
            return true;
        }
        let within = |time: u32, span: u32| moment.tick.wrapping_sub(time) < span;
        // With those that come now, and another one, these would be seven.
        let before = if self.direction < 1.0 { 4 } else { 3 };
        let is_fourth = within(self.turns[before], SECOND);
        let is_long = within(self.turns[MANY - 1], LONG) && within(self.rose, SECOND);
        !(is_fourth || is_long)
    }

    fn update(&mut self, up: Count, down: Count, area: usize, moment: &Moment) {
        let (rises, falls);
        (self.up, rises) = self.up.followed(up, area, moment);
        (self.down, falls) = self.down.followed(down, area, moment);
        // Where it does both at once, what it did not do last comes first.
        let first = if self.direction > 0.0 { -1.0 } else { 1.0 };
        for direction in [first, -first] {
            let changes = if direction > 0.0 { rises } else { falls };
            if moment.overlaid != 0 || (changes && self.direction != direction) {
                self.direction = direction;
                self.turns.rotate_right(1);
                self.turns[0] = moment.tick;
            }
        }
        self.rose = if rises { moment.tick } else { self.rose };
    }
}

impl Front {
    /// The front after so many points have changed, and whether it is a change of the area.
    fn followed(self, more: Count, area: usize, moment: &Moment) -> (Self, bool) {
        let since = |time: u32| moment.tick.wrapping_sub(time);
        let all = more.all as f32;
        let moves = all >= LEAST * points(area);
        let is_new = since(self.last) > PAUSE || since(self.began) > LAST;
        let mut next = self;
        next.all = self.all * moment.decay + all;
        next.again = self.again * moment.decay + more.again as f32;
        if moves {
            if is_new {
                next.began = moment.tick;
                next.is_counted = 0.0;
            }
            if is_new || all >= KEEPS * points(area) {
                next.last = moment.tick;
            }
        }
        let is_change = moves
            && (next.again >= enough(area) || (next.is_counted < 0.5 && next.all >= enough(area)));
        if is_change {
            (next.all, next.again, next.is_counted) = (0.0, 0.0, 1.0);
        }
        (next, is_change)
    }
}

impl Point {
    /// Whether luminance, and red, would have risen.
    fn would_rise(&self, seen: &Seen) -> [bool; 2] {
        let is_red = seen.is_saturated || self.saturated > 0.5;
        [
            self.luminance.rises(seen.luminance, signal::LUMINANCE),
            is_red && self.red.rises(seen.red, RED),
        ]
    }

    /// Whether luminance, and red, would have fallen.
    fn would_fall(&self, seen: &Seen) -> [bool; 2] {
        let is_red = seen.is_saturated || self.saturated > 0.5;
        [
            self.luminance.falls(seen.luminance, signal::LUMINANCE),
            is_red && self.red.falls(seen.red, RED),
        ]
    }

    /// The highest gain with which neither rises of those that are held.
    fn gain_without_rise(&self, [luminance, red]: [bool; 2]) -> f32 {
        let (mut least, mut most) = (0.0, 1.0);
        for _ in 0..12 {
            let gain = (least + most) / 2.0;
            let seen = Seen::of(self.level, gain);
            let rises = luminance
                && self
                    .luminance
                    .is_past_ceiling(seen.luminance, signal::LUMINANCE)
                || red && self.red.is_past_ceiling(seen.red, RED);
            *(if rises { &mut most } else { &mut least }) = gain;
        }
        least
    }

    /// Whether luminance, or red, has changed just before.
    fn is_again(&self, kind: usize, tick: u32) -> bool {
        tick.wrapping_sub(self.turned[kind]) < AGAIN
    }

    /// Follows what is seen; 1 where luminance, and red, has risen, -1 where it has fallen.
    fn update(&mut self, seen: &Seen, tick: u32) -> [i32; 2] {
        let luminance = self
            .luminance
            .update(seen.luminance, signal::LUMINANCE, true);
        let counts = seen.is_saturated || self.saturated > 0.5;
        let before = self.red;
        let red = self.red.update(seen.red, RED, counts);
        if before != self.red {
            self.saturated = seen.saturated();
        }
        for (turned, turn) in self.turned.iter_mut().zip([luminance, red]) {
            *turned = if turn == 0 { *turned } else { tick };
        }
        [luminance, red]
    }
}

fn block_of(point: usize) -> usize {
    point / SIDE / BLOCK * BLOCKS + point % SIDE / BLOCK
}

/// The cells of an area: the first column, the first row, and how many each way.
fn cells_of(area: usize) -> (usize, usize, usize) {
    if area == AREAS - 1 {
        (0, 0, CELLS)
    } else {
        (area % FIELDS, area / FIELDS, FIELD)
    }
}

/// The blocks of which some of an area is, which lie in a rectangle.
fn blocks_of(area: usize) -> impl Iterator<Item = usize> {
    let (left, top, side) = cells_of(area);
    let blocks = move |first: usize| first * CELL / BLOCK..((first + side) * CELL).div_ceil(BLOCK);
    blocks(top).flat_map(move |y| blocks(left).map(move |x| y * BLOCKS + x))
}

/// Points of an area that are enough for a flash.
fn enough(area: usize) -> f32 {
    FLASHING * points(area)
}

fn points(area: usize) -> f32 {
    let side = if area == AREAS - 1 {
        SIDE
    } else {
        FIELD * CELL
    };
    (side * side) as f32
}

#[cfg(test)]
mod tests;
