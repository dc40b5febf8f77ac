// The limiter of flashes on the graphics card: see mod.rs, whose twin this is. `follow` looks at the frame as `frame.wgsl` says that
// it is shown, and decides on its gains; `gain_at` is what each of its pixels is multiplied by.
// Nothing branches on the moment alone: Mesa's lavapipe would compile the shader anew for every picture, and keep each.

struct Moment {
    tick: u32,
    recovery: f32,
    decay: f32,
    limits: u32,
    overlaid: u32,
    is_cautious: u32,
    padding: vec2<u32>,
}

// A level, and its extremes since it last rose (direction 1) or fell (-1).
struct Signal {
    low: f32,
    high: f32,
    direction: f32,
}

struct Point {
    r: f32,
    g: f32,
    b: f32,
    luminance: Signal,
    red: Signal,
    saturated: f32,
    turned: array<u32, 2>,
}

// Points that change the same way, one after the other.
struct Front {
    all: f32,
    again: f32,
    began: u32,
    last: u32,
    is_counted: f32,
}

struct Ledger {
    up: Front,
    down: Front,
    rose: u32,
    direction: f32,
    turns: array<u32, 20>,
}

struct State {
    gains: array<f32, 144>,
    asked: array<f32, 144>,
    // For luminance and for red.
    ledgers: array<array<Ledger, 2>, 290>,
    points: array<Point, 2304>,
    has_begun: u32,
}

@group(1) @binding(0) var<uniform> moment: Moment;
@group(1) @binding(1) var<storage, read_write> state: State;
@group(2) @binding(0) var<storage, read> decided: State;

const SIDE: u32 = 48u;
const POINTS: u32 = 2304u;
const BLOCK: u32 = 4u;
const BLOCKS: u32 = 12u;
const ALL_BLOCKS: u32 = 144u;
const CELL: u32 = 2u;
const CELLS: u32 = 24u;
const FIELD: u32 = 8u;
const FIELDS: u32 = 17u;
const AREAS: u32 = 290u;
const FLASHING: f32 = 0.18;
const SECOND: u32 = 552u;
const LONG: u32 = 2432u;
const AGAIN: u32 = 100u;
const PAUSE: u32 = 27u;
const LAST: u32 = 110u;
const LEAST: f32 = 0.02;
const KEEPS: f32 = 0.05;
const MANY: u32 = 20u;

struct Step {
    change: f32,
    held: f32,
    bright: f32,
}
const LUMINANCE: Step = Step(0.092, 0.085, 0.8);
const RED: Step = Step(0.057, 0.053, 1e9);
const SATURATED: f32 = 0.8;

struct Seen {
    luminance: f32,
    red: f32,
    is_saturated: bool,
}

fn seen_of(level: vec3<f32>, gain: f32) -> Seen {
    let light = srgb_decode(clamp(level * gain, vec3<f32>(0.0), vec3<f32>(1.0)));
    let red = light.r - light.g - light.b;
    let is_saturated = light.r > 0.0 && light.r >= SATURATED * (light.r + light.g + light.b);
    return Seen(luminance(light), max(red, 0.0), is_saturated);
}

fn level_of(point: Point) -> vec3<f32> {
    return vec3<f32>(point.r, point.g, point.b);
}

fn rises(signal: Signal, level: f32, step: Step) -> bool {
    return signal.direction < 1.0 && signal.low < step.bright && level - signal.low >= step.change;
}

fn falls(signal: Signal, level: f32, step: Step) -> bool {
    return signal.direction > -1.0 && level < step.bright && signal.high - level >= step.change;
}

fn followed(signal: Signal, level: f32, rose: bool, fell: bool) -> Signal {
    let turned = rose || fell;
    let low = select(min(signal.low, level), level, turned);
    let high = select(max(signal.high, level), level, turned);
    let direction = select(select(signal.direction, -1.0, fell), 1.0, rose);
    return Signal(low, high, direction);
}

// The middles of the two blocks around a place along a side, and the share of the later one.
fn around(at: f32) -> vec3<f32> {
    let place = clamp(at * f32(BLOCKS) - 0.5, 0.0, f32(BLOCKS - 1u));
    let before = floor(place);
    return vec3<f32>(before, min(before + 1.0, f32(BLOCKS - 1u)), place - before);
}

var<workgroup> would: array<u32, 2304>;
// The points of every cell that rise, and again, and that fall, and again: luminance and red, in four bits each, the first the lowest.
var<workgroup> counts: array<u32, 576>;
// The areas that would brighten once too often: a bit each for luminance and for red.
var<workgroup> refusals: array<u32, 290>;
var<workgroup> held: array<vec2<u32>, 144>;
var<workgroup> least: array<f32, 144>;

fn gain_of(index: u32) -> f32 {
    let x = around((f32(index % SIDE) + 0.5) / f32(SIDE));
    let y = around((f32(index / SIDE) + 0.5) / f32(SIDE));
    let above = u32(y.x) * BLOCKS;
    let below = u32(y.y) * BLOCKS;
    return mix(
        mix(state.gains[above + u32(x.x)], state.gains[above + u32(x.y)], x.z),
        mix(state.gains[below + u32(x.x)], state.gains[below + u32(x.y)], x.z),
        y.z,
    );
}

// Gain at a place of the frame, 0 to 1 each way.
fn gain_at(place: vec2<f32>) -> f32 {
    let x = around(place.x);
    let y = around(place.y);
    let above = u32(y.x) * BLOCKS;
    let below = u32(y.y) * BLOCKS;
    return mix(
        mix(decided.gains[above + u32(x.x)], decided.gains[above + u32(x.y)], x.z),
        mix(decided.gains[below + u32(x.x)], decided.gains[below + u32(x.y)], x.z),
        y.z,
    );
}

// A point of a block, of sixteen.
fn point_of(block: u32, number: u32) -> u32 {
    let x = block % BLOCKS * BLOCK + number % BLOCK;
    let y = block / BLOCKS * BLOCK + number / BLOCK;
    return y * SIDE + x;
}

// Points of an area that rise, all and again, and that fall; for luminance and for red.
struct Sums {
    up: array<vec2<f32>, 2>,
    down: array<vec2<f32>, 2>,
}

fn sum(area: u32) -> Sums {
    let is_whole = area == AREAS - 1u;
    let side = select(FIELD, CELLS, is_whole);
    let left = select(area % FIELDS, 0u, is_whole);
    let top = select(area / FIELDS, 0u, is_whole);
    let shifts = vec4<u32>(0u, 4u, 8u, 12u);
    var up = vec4<u32>(0u);
    var down = vec4<u32>(0u);
    for (var y = top; y < top + side; y += 1u) {
        for (var x = left; x < left + side; x += 1u) {
            let packed = counts[y * CELLS + x];
            up += (vec4<u32>(packed) >> shifts) & vec4<u32>(15u);
            down += (vec4<u32>(packed >> 16u) >> shifts) & vec4<u32>(15u);
        }
    }
    let all_up = vec4<f32>(up);
    let all_down = vec4<f32>(down);
    return Sums(
        array<vec2<f32>, 2>(all_up.xz, all_up.yw),
        array<vec2<f32>, 2>(all_down.xz, all_down.yw),
    );
}

fn points(area: u32) -> f32 {
    let side = select(FIELD * CELL, SIDE, area == AREAS - 1u);
    return f32(side * side);
}

fn is_within(time: u32, span: u32) -> bool {
    return moment.tick - time < span;
}

struct Followed {
    front: Front,
    is_change: bool,
}

// The front after so many points have changed, and whether it is a change of the area.
fn followed_front(front: Front, more: vec2<f32>, area: u32) -> Followed {
    let enough = FLASHING * points(area);
    let moves = more.x >= LEAST * points(area);
    let is_new = moves && (moment.tick - front.last > PAUSE || moment.tick - front.began > LAST);
    let all = front.all * moment.decay + more.x;
    let again = front.again * moment.decay + more.y;
    let was_counted = select(front.is_counted, 0.0, is_new);
    let is_change = moves && (again >= enough || (was_counted < 0.5 && all >= enough));
    let keeps = moves && (is_new || more.x >= KEEPS * points(area));
    let next = Front(
        select(all, 0.0, is_change),
        select(again, 0.0, is_change),
        select(front.began, moment.tick, is_new),
        select(front.last, moment.tick, keeps),
        select(was_counted, 1.0, is_change),
    );
    return Followed(next, is_change);
}

// Whether so many points may brighten now, and darken after it, while others darken, within what is allowed.
fn admits(ledger: Ledger, up: vec2<f32>, down: vec2<f32>, area: u32) -> bool {
    let falls = followed_front(ledger.down, down, area).is_change;
    let rises = followed_front(ledger.up, up, area).is_change && (ledger.direction < 1.0 || falls);
    // With those that come now, and another one, these would be seven.
    let before = select(ledger.turns[3], ledger.turns[4], ledger.direction < 1.0);
    let is_long = is_within(ledger.turns[19], LONG) && is_within(ledger.rose, SECOND);
    return !(rises && (is_within(before, SECOND) || is_long));
}

// The highest gain with which neither rises of those that are held.
fn gain_without_rise(point: Point, held: vec2<bool>) -> f32 {
    var low = 0.0;
    var high = 1.0;
    for (var i = 0; i < 12; i += 1) {
        let gain = (low + high) / 2.0;
        let seen = seen_of(level_of(point), gain);
        let past = (held.x && seen.luminance - point.luminance.low > LUMINANCE.held)
            || (held.y && seen.red - point.red.low > RED.held);
        low = select(gain, low, past);
        high = select(high, gain, past);
    }
    return low;
}

// What luminance and red do at a point: rise, fall, and whether they changed just before.
const RISES: u32 = 1u;
const RED_RISES: u32 = 2u;
const FALLS: u32 = 4u;
const RED_FALLS: u32 = 8u;

fn changes_of(point: Point, seen: Seen) -> u32 {
    let is_red = seen.is_saturated || point.saturated > 0.5;
    let rise = rises(point.luminance, seen.luminance, LUMINANCE);
    let red_rise = is_red && rises(point.red, seen.red, RED);
    let fall = !rise && falls(point.luminance, seen.luminance, LUMINANCE);
    let red_fall = is_red && !red_rise && falls(point.red, seen.red, RED);
    return select(0u, RISES, rise) | select(0u, RED_RISES, red_rise)
        | select(0u, FALLS, fall) | select(0u, RED_FALLS, red_fall)
        | select(0u, 16u, is_within(point.turned[0], AGAIN))
        | select(0u, 32u, is_within(point.turned[1], AGAIN));
}

// Between the middles of blocks gain is made from four of them: none may be too high.
fn spread(worker: u32) {
    if worker < ALL_BLOCKS {
        let x = i32(worker % BLOCKS);
        let y = i32(worker / BLOCKS);
        var gain = 1.0;
        for (var down = -1; down <= 1; down += 1) {
            for (var right = -1; right <= 1; right += 1) {
                let near = clamp(vec2<i32>(x + right, y + down), vec2<i32>(0), vec2<i32>(i32(BLOCKS) - 1));
                gain = min(gain, least[u32(near.y) * BLOCKS + u32(near.x)]);
            }
        }
        state.gains[worker] = gain;
    }
}

// Counts the points of the cells that change.
fn tally(worker: u32) {
    for (var cell = worker; cell < CELLS * CELLS; cell += 256u) {
        var packed = 0u;
        for (var i = 0u; i < CELL * CELL; i += 1u) {
            let x = cell % CELLS * CELL + i % CELL;
            let y = cell / CELLS * CELL + i / CELL;
            let one = would[y * SIDE + x];
            let up = vec2<u32>(one & 1u, (one >> 1u) & 1u);
            let down = vec2<u32>((one >> 2u) & 1u, (one >> 3u) & 1u);
            let repeats = vec2<u32>((one >> 4u) & 1u, (one >> 5u) & 1u);
            let shifted = (vec4<u32>(up, up & repeats) << vec4<u32>(0u, 4u, 8u, 12u))
                + (vec4<u32>(down, down & repeats) << vec4<u32>(16u, 20u, 24u, 28u));
            packed += shifted.x + shifted.y + shifted.z + shifted.w;
        }
        counts[cell] = packed;
    }
}

@compute @workgroup_size(256)
fn follow(@builtin(local_invocation_index) worker: u32) {
    let begins = state.has_begun == 0u;
    storageBarrier();
    workgroupBarrier();
    // What the frame shows, and what is known where nothing came before.
    for (var index = worker; index < POINTS; index += 256u) {
        let place = (vec2<f32>(f32(index % SIDE), f32(index / SIDE)) + 0.5) / f32(SIDE);
        let at = vec4<f32>(place * projection.frame, 0.0, 1.0);
        let picture = halated(at, clamp(tap(place_of(at)), vec3<f32>(0.0), vec3<f32>(1.0)));
        let level = select(picture, vec3<f32>(0.0), is_outside(at));
        state.points[index].r = level.r;
        state.points[index].g = level.g;
        state.points[index].b = level.b;
        if begins {
            let seen = seen_of(level, 1.0);
            state.points[index].luminance = Signal(seen.luminance, seen.luminance, 0.0);
            state.points[index].red = Signal(seen.red, seen.red, 0.0);
            state.points[index].saturated = select(0.0, 1.0, seen.is_saturated);
        }
    }
    if worker < ALL_BLOCKS {
        let asked = min(select(state.asked[worker], 1.0, begins) + moment.recovery, 1.0);
        least[worker] = select(1.0, asked, moment.limits != 0u);
        held[worker] = vec2<u32>(0u);
    }
    for (var area = worker; area < AREAS; area += 256u) {
        if begins && moment.is_cautious != 0u {
            for (var i = 0u; i < MANY; i += 1u) {
                state.ledgers[area][0].turns[i] = moment.tick;
                state.ledgers[area][1].turns[i] = moment.tick;
            }
        }
    }
    storageBarrier();
    workgroupBarrier();
    spread(worker);
    storageBarrier();
    workgroupBarrier();
    // What would rise.
    for (var index = worker; index < POINTS; index += 256u) {
        let point = state.points[index];
        would[index] = changes_of(point, seen_of(level_of(point), gain_of(index)));
    }
    workgroupBarrier();
    tally(worker);
    workgroupBarrier();
    // Where an area would brighten once too often; each block asks every area of which some lies in it.
    for (var area = worker; area < AREAS; area += 256u) {
        var all = sum(area);
        var refuses = 0u;
        for (var kind = 0u; kind < 2u; kind += 1u) {
            let ledger = state.ledgers[area][kind];
            refuses |= select(1u << kind, 0u, admits(ledger, all.up[kind], all.down[kind], area));
        }
        refusals[area] = refuses;
    }
    workgroupBarrier();
    if worker < ALL_BLOCKS {
        let last = vec2<u32>(worker % BLOCKS, worker / BLOCKS) * (BLOCK / CELL) + (BLOCK / CELL - 1u);
        let first = last - min(last, vec2<u32>(FIELD + BLOCK / CELL - 2u));
        let end = min(last, vec2<u32>(FIELDS - 1u));
        var refused = refusals[AREAS - 1u];
        for (var top = first.y; top <= end.y; top += 1u) {
            for (var left = first.x; left <= end.x; left += 1u) {
                refused |= refusals[top * FIELDS + left];
            }
        }
        let both = vec2<u32>(refused & 1u, refused >> 1u);
        held[worker] = both * moment.limits;
        var gain = least[worker];
        for (var i = 0u; i < 16u; i += 1u) {
            let index = point_of(worker, i);
            let kinds = vec2<u32>(would[index] & 1u, (would[index] >> 1u) & 1u) & held[worker];
            if any(kinds != vec2<u32>(0u)) {
                gain = min(gain, gain_without_rise(state.points[index], kinds != vec2<u32>(0u)));
            }
        }
        least[worker] = gain;
        state.asked[worker] = gain;
    }
    workgroupBarrier();
    spread(worker);
    storageBarrier();
    workgroupBarrier();
    // It is shown so.
    for (var index = worker; index < POINTS; index += 256u) {
        let point = state.points[index];
        let seen = seen_of(level_of(point), gain_of(index));
        let changes = changes_of(point, seen);
        let turns = vec4<bool>(
            (changes & RISES) != 0u,
            (changes & RED_RISES) != 0u,
            (changes & FALLS) != 0u,
            (changes & RED_FALLS) != 0u,
        );
        let red = followed(point.red, seen.red, turns.y, turns.w);
        let has_changed = red.low != point.red.low || red.high != point.red.high
            || red.direction != point.red.direction;
        state.points[index].luminance = followed(point.luminance, seen.luminance, turns.x, turns.z);
        state.points[index].red = red;
        state.points[index].saturated =
            select(point.saturated, select(0.0, 1.0, seen.is_saturated), has_changed);
        would[index] = changes;
        state.points[index].turned[0] = select(point.turned[0], moment.tick, turns.x || turns.z);
        state.points[index].turned[1] = select(point.turned[1], moment.tick, turns.y || turns.w);
    }
    workgroupBarrier();
    tally(worker);
    workgroupBarrier();
    for (var area = worker; area < AREAS; area += 256u) {
        var all = sum(area);
        for (var kind = 0u; kind < 2u; kind += 1u) {
            let ledger = state.ledgers[area][kind];
            let up = followed_front(ledger.up, all.up[kind], area);
            let down = followed_front(ledger.down, all.down[kind], area);
            // Where it does both at once, what it did not do last comes first.
            var direction = ledger.direction;
            let first = select(1.0, -1.0, direction > 0.0);
            for (var turn = 0u; turn < 2u; turn += 1u) {
                let next = select(first, -first, turn == 1u);
                let changes = select(down.is_change, up.is_change, next > 0.0);
                if moment.overlaid != 0u || (changes && direction != next) {
                    direction = next;
                    for (var i = MANY - 1u; i > 0u; i -= 1u) {
                        state.ledgers[area][kind].turns[i] = state.ledgers[area][kind].turns[i - 1u];
                    }
                    state.ledgers[area][kind].turns[0] = moment.tick;
                }
            }
            state.ledgers[area][kind].direction = direction;
            state.ledgers[area][kind].rose = select(ledger.rose, moment.tick, up.is_change);
            state.ledgers[area][kind].up = up.front;
            state.ledgers[area][kind].down = down.front;
        }
    }
    if worker == 0u {
        state.has_begun = 1u;
    }
}
