// The engine's picture on the frame: placed, enlarged, black around it; then halation and grain, at the frame's size,
// and the gain of the limiter of flashes.
// Every filter weighs bytes as they are, which are near to how bright things look; halation adds light as light. The processor's
// twin is ../scale/.
// Nothing branches on the projection alone: Mesa's lavapipe would compile the shader anew for every picture, and keep each.


// Whether there is halation or grain: a processor that draws is spared both where there is neither.
override FILM: bool = true;

const BLACK: vec4<f32> = vec4<f32>(0.0, 0.0, 0.0, 1.0);

fn load(at: vec2<i32>) -> vec3<f32> {
    let last = vec2<i32>(textureDimensions(picture)) - 1;
    return textureLoad(picture, clamp(at, vec2<i32>(0), last), 0).rgb;
}

@fragment
fn nearest(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    // A place on the border of two pixels belongs to the later one, as on the processor.
    return finished(at, load(vec2<i32>(place_of(at) * size() + 1.0 / 4096.0)));
}

@fragment
fn bilinear(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    return finished(at, tap(place_of(at)));
}

// Catmull-Rom (Keys 1981, a = -0.5): its sixteen taps are nine bilinear ones, the two inner taps of a row being read
// together, at the place between them that weighs them rightly.
@fragment
fn catmull_rom(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    let size = size();
    let texel = place_of(at) * size;
    let centre = floor(texel - 0.5) + 0.5;
    let f = texel - centre;
    let w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    let w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    let w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    let w3 = f * f * (-0.5 + 0.5 * f);
    let inner = w1 + w2;
    let outer_left = (centre - 1.0) / size;
    let between = (centre + w2 / inner) / size;
    let outer_right = (centre + 2.0) / size;
    var sum = vec3<f32>(0.0);
    sum += tap(vec2<f32>(outer_left.x, outer_left.y)) * w0.x * w0.y;
    sum += tap(vec2<f32>(between.x, outer_left.y)) * inner.x * w0.y;
    sum += tap(vec2<f32>(outer_right.x, outer_left.y)) * w3.x * w0.y;
    sum += tap(vec2<f32>(outer_left.x, between.y)) * w0.x * inner.y;
    sum += tap(between) * inner.x * inner.y;
    sum += tap(vec2<f32>(outer_right.x, between.y)) * w3.x * inner.y;
    sum += tap(vec2<f32>(outer_left.x, outer_right.y)) * w0.x * w3.y;
    sum += tap(vec2<f32>(between.x, outer_right.y)) * inner.x * w3.y;
    sum += tap(vec2<f32>(outer_right.x, outer_right.y)) * w3.x * w3.y;
    return finished(at, sum);
}

fn sinc(x: f32) -> f32 {
    let turn = 3.14159265 * x;
    return select(sin(turn) / turn, 1.0, abs(turn) < 1e-3);
}

// Lanczos (Duchon 1979), a = 3.
@fragment
fn lanczos(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    let texel = place_of(at) * size() - 0.5;
    let first = floor(texel) - 2.0;
    let far = first - texel;
    var weights: array<vec2<f32>, 6>;
    var whole = vec2<f32>(0.0);
    for (var i = 0; i < 6; i += 1) {
        let x = far + f32(i);
        weights[i] = vec2<f32>(sinc(x.x) * sinc(x.x / 3.0), sinc(x.y) * sinc(x.y / 3.0));
        whole += weights[i];
    }
    var sum = vec3<f32>(0.0);
    for (var y = 0; y < 6; y += 1) {
        var row = vec3<f32>(0.0);
        for (var x = 0; x < 6; x += 1) {
            row += weights[x].x * load(vec2<i32>(first) + vec2<i32>(x, y));
        }
        sum += weights[y].y * row;
    }
    return finished(at, sum / (whole.x * whole.y));
}

// Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE TASSP 29(6), 1981.
fn keys(far: f32, a: f32) -> f32 {
    let x = abs(far);
    let inner = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let outer = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    return select(select(0.0, outer, x < 2.0), inner, x < 1.0);
}

fn bump(far: f32) -> f32 {
    let part = 1.0 - far * far / 4.0;
    return part * part;
}

const NOISE: f32 = 0.02;
const COHERENT: vec2<f32> = vec2<f32>(0.2, 0.6);
const SHARP: f32 = -0.75;

// Catmull-Rom, and where the picture has an edge a kernel that is turned along it (Takeda, Farsiu and Milanfar 2007; in one pass
// as in FSR 1, Lottes 2021): across it Keys's cubic, along it a bump, held within the four nearest pixels, so that there are no
// rings.
@fragment
fn edge(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    let uv = place_of(at);
    let tensor = textureSampleLevel(directions, linear_sampler, uv, 0.0).xyz;
    let difference = tensor.x - tensor.z;
    let length = sqrt(difference * difference + 4.0 * tensor.y * tensor.y);
    let share = smoothstep(COHERENT.x, COHERENT.y, length / (tensor.x + tensor.z + NOISE * NOISE));
    // The tensor has twice the angle.
    let cosine = select(difference / length, 1.0, length == 0.0);
    let half = sqrt(max(vec2<f32>(0.5 + 0.5 * cosine, 0.5 - 0.5 * cosine), vec2<f32>(0.0)));
    let normal = vec2<f32>(half.x, select(half.y, -half.y, tensor.y < 0.0));

    let texel = uv * size() - 0.5;
    let base = floor(texel);
    let f = texel - base;
    var plain = vec3<f32>(0.0);
    var along = vec3<f32>(0.0);
    var whole = 0.0;
    var least = vec3<f32>(1.0);
    var most = vec3<f32>(0.0);
    for (var y = -1; y <= 2; y += 1) {
        let down = f32(y) - f.y;
        let plain_down = keys(down, -0.5);
        for (var x = -1; x <= 2; x += 1) {
            let right = f32(x) - f.x;
            let colour = load(vec2<i32>(base) + vec2<i32>(x, y));
            plain += colour * keys(right, -0.5) * plain_down;
            let weight = keys(right * normal.x + down * normal.y, SHARP) * bump(right) * bump(down);
            along += colour * weight;
            whole += weight;
            if x >= 0 && x < 2 && y >= 0 && y < 2 {
                least = min(least, colour);
                most = max(most, colour);
            }
        }
    }
    return finished(at, mix(plain, clamp(along / whole, least, most), share));
}

// Pixels on either side that are seen at most.
const REACH: f32 = 64.0;

// Catmull-Rom, widened so that no pixel falls between the taps.
@fragment
fn reduce(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    if is_outside(at) {
        return BLACK;
    }
    let size = size();
    let stretch = clamp(size / projection.extent, vec2<f32>(1.0), vec2<f32>(REACH / 2.0));
    let centre = place_of(at) * size - 0.5;
    let begin = vec2<i32>(floor(centre - 2.0 * stretch)) + 1;
    let end = vec2<i32>(ceil(centre + 2.0 * stretch));
    var sum = vec3<f32>(0.0);
    var whole = 0.0;
    for (var y = begin.y; y < end.y; y += 1) {
        let down = keys((f32(y) - centre.y) / stretch.y, -0.5);
        for (var x = begin.x; x < end.x; x += 1) {
            let weight = down * keys((f32(x) - centre.x) / stretch.x, -0.5);
            sum += weight * load(vec2<i32>(x, y));
            whole += weight;
        }
    }
    return finished(at, sum / whole);
}

fn finished(at: vec4<f32>, colour: vec3<f32>) -> vec4<f32> {
    let level = clamp(colour, vec3<f32>(0.0), vec3<f32>(1.0));
    let gain = gain_at(at.xy / projection.frame);
    if FILM {
        return vec4<f32>(grained(at, halated(at, level)) * gain, 1.0);
    }
    return vec4<f32>(level * gain, 1.0);
}

fn grained(at: vec4<f32>, level: vec3<f32>) -> vec3<f32> {
    let side = textureDimensions(tile);
    let on_tile = (((vec2<u32>(at.xy) * projection.grain_step) >> vec2<u32>(8u)) + projection.grain_shift) % side;
    let bright = luminance(level);
    // Strongest in the middle tones, none in black and white.
    let tone = 2.0 * sqrt(max(bright * (1.0 - bright), 0.0));
    let noise = projection.grain * tone * textureLoad(tile, vec2<i32>(on_tile), 0).r;
    return clamp(level + noise, vec3<f32>(0.0), vec3<f32>(1.0));
}
