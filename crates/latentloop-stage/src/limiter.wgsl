// The limiter, always last: where a quarter or more of what is seen would flash more than three times in a second, the change is
// held (WCAG 2.2, success criterion 2.3.1 and its definition of general and red flash; ITU-R BT.1702). `decide` looks at
// the picture's mean colours on a grid and says how much of the change from the last picture, the second input, may be shown;
// `limit` shows that much, and turns linear light into sRGB. The same rules run on the processor in limiter.rs.

struct Settings {
    // The picture's size in pixels, the time in ticks, and whether there is a last picture: 0 at the beginning.
    size: vec2<f32>,
    tick: u32,
    has_last: u32,
    // The master's brightness; 1 where flashes are limited; 1 where the picture may go dark whatever came before.
    brightness: f32,
    limits: f32,
    darkens: f32,
    // How much of what is seen each column and each row of the grid is.
    columns: array<vec4<f32>, 4>,
    rows: array<vec4<f32>, 4>,
}

// One of the two things that flash, in one cell of the grid: luminance, or red.
struct Signal {
    // The brightest or darkest level since the last transition, and the way of that: 1 up, -1 down.
    extreme: f32,
    direction: f32,
    // The oldest of the last seven transitions, and when they were, in ticks.
    oldest: u32,
    times: array<u32, 7>,
}

struct Cell {
    // What is shown, linear light.
    r: f32,
    g: f32,
    b: f32,
    luminance: Signal,
    red: Signal,
}

struct State {
    // How much of the change is shown, 0 to 1.
    share: f32,
    cells: array<Cell, 256>,
}

@group(3) @binding(0) var<storage, read_write> state: State;
@group(3) @binding(1) var<storage, read> decided: State;

const SIDE: u32 = 16u;
const CELLS: u32 = 256u;
// A flash of so much of what is seen is one.
const QUARTER: f32 = 0.25;
// Most samples of a cell are 16 x 16.
const SAMPLES: u32 = 16u;
const TICKS_PER_SEC: u32 = 480u;
// A transition is a change by a tenth of the range where the darker side is below 0.8; red's is 20 of 320.
const LUMINANCE_STEP: f32 = 0.1;
const BRIGHT: f32 = 0.8;
const RED_STEP: f32 = 0.0625;
// What a held change keeps from that.
const MARGIN: f32 = 0.9;

var<workgroup> shares: array<f32, 256>;
var<workgroup> best: array<f32, 256>;
var<workgroup> weights: array<f32, 256>;

// Mean of a cell; its pixels are sampled evenly.
fn measure(index: u32) -> vec3<f32> {
    let size = vec2<u32>(settings.size);
    let cell = vec2<u32>(index % SIDE, index / SIDE);
    let start = cell * size / SIDE;
    let extent = max((cell + 1u) * size / SIDE - start, vec2<u32>(1u));
    let samples = min(extent, vec2<u32>(SAMPLES));
    var sum = vec3<f32>(0.0);
    for (var y = 0u; y < SAMPLES; y += 1u) {
        for (var x = 0u; x < SAMPLES; x += 1u) {
            if x < samples.x && y < samples.y {
                let at = min(start + vec2<u32>(x, y) * extent / samples, size - 1u);
                let light = textureLoad(picture, vec2<i32>(at), 0).rgb;
                sum += clamp(light, vec3<f32>(0.0), vec3<f32>(1.0));
            }
        }
    }
    return sum / f32(samples.x * samples.y) * settings.brightness;
}

fn red(colour: vec3<f32>) -> f32 {
    return colour.r - colour.g - colour.b;
}

// Whether the transition that is `back` before the newest of seven was within the last second.
fn is_recent(signal: Signal, back: u32) -> bool {
    var times = signal.times;
    return settings.tick - times[(signal.oldest + 6u - back) % 7u] < TICKS_PER_SEC;
}

// How much of the way from `now` to `next` a signal may go: none where it has had seven transitions in this second, and to
// just before the next transition where it has had six.
fn allowed(signal: Signal, now: f32, next: f32, step: f32, free: bool) -> f32 {
    if is_recent(signal, 6u) {
        return 0.0;
    }
    let bound = signal.extreme - signal.direction * step * MARGIN;
    let passes = signal.direction * (next - bound) < 0.0;
    if free || !passes || !is_recent(signal, 5u) || (step == RED_STEP && bound < 0.0) {
        return 1.0;
    }
    return clamp((bound - now) / (next - now), 0.0, 1.0);
}

fn updated(before: Signal, level: f32, step: f32, free: bool) -> Signal {
    var signal = before;
    if signal.direction * (level - signal.extreme) >= 0.0 {
        signal.extreme = level;
    } else if abs(level - signal.extreme) >= step && !free {
        for (var i = 0u; i < 7u; i += 1u) {
            signal.times[i] = select(signal.times[i], settings.tick, i == signal.oldest);
        }
        signal.oldest = (signal.oldest + 1u) % 7u;
        signal.direction = -signal.direction;
        signal.extreme = level;
    }
    return signal;
}

// The change in a picture too bright to flash.
fn is_free(signal: Signal, level: f32) -> bool {
    return min(signal.extreme, level) >= BRIGHT;
}

@compute @workgroup_size(256)
fn decide(@builtin(local_invocation_index) index: u32) {
    var cell = state.cells[index];
    let next = measure(index);
    var now = vec3<f32>(cell.r, cell.g, cell.b);
    let is_first = settings.has_last == 0u;
    now = select(now, next, is_first);
    cell.luminance.extreme = select(cell.luminance.extreme, luminance(next), is_first);
    cell.red.extreme = select(cell.red.extreme, max(red(next), 0.0), is_first);
    let bright = allowed(cell.luminance, luminance(now), luminance(next), LUMINANCE_STEP, is_free(cell.luminance, luminance(next)));
    let reddish = allowed(cell.red, red(now), red(next), RED_STEP, false);
    shares[index] = min(bright, reddish);
    let column = index % SIDE;
    let row = index / SIDE;
    weights[index] = settings.columns[column / 4u][column % 4u] * settings.rows[row / 4u][row % 4u];
    workgroupBarrier();
    // The greatest share at which less than a quarter of what is seen goes further than it may.
    let mine = shares[index];
    var beyond = 0.0;
    for (var i = 0u; i < CELLS; i += 1u) {
        beyond += select(0.0, weights[i], shares[i] < mine);
    }
    best[index] = select(0.0, mine, beyond < QUARTER);
    workgroupBarrier();
    var share = 0.0;
    for (var i = 0u; i < CELLS; i += 1u) {
        share = max(share, best[i]);
    }
    let is_unlimited = (settings.limits < 0.5) | (settings.darkens > 0.5) | is_first;
    share = select(share, 1.0, is_unlimited);
    let shown = mix(now, next, share);
    cell.r = shown.r;
    cell.g = shown.g;
    cell.b = shown.b;
    cell.luminance = updated(cell.luminance, luminance(shown), LUMINANCE_STEP, is_free(cell.luminance, luminance(shown)));
    cell.red = updated(cell.red, max(red(shown), 0.0), RED_STEP, false);
    state.cells[index] = cell;
    if index == 0u {
        state.share = share;
    }
}

struct Shown {
    // Linear light, for the next picture.
    @location(0) linear: vec4<f32>,
    // sRGB, for the screen.
    @location(1) encoded: vec4<f32>,
}

@fragment
fn limit(@builtin(position) at: vec4<f32>) -> Shown {
    let place = vec2<i32>(at.xy);
    let full = textureLoad(picture, place, 0).rgb;
    let next = clamp(full, vec3<f32>(0.0), vec3<f32>(1.0)) * settings.brightness;
    let before = textureLoad(second, place, 0).rgb;
    var light = next;
    if decided.share < 1.0 {
        light = mix(before, next, decided.share);
    }
    return Shown(vec4<f32>(light, 1.0), vec4<f32>(srgb_encode(light), 1.0));
}
