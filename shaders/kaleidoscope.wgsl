// Kaleidoscope: one segment of the picture, mirrored all around its middle (Brewster, A Treatise on the Kaleidoscope, 1819).
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // Number of mirrored pairs, and where the first begins, in radians.
    segments: f32,
    turn: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(2) @binding(0) var<uniform> settings: Settings;

// One triangle over the whole picture.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

fn tap(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
}

const TAU: f32 = 6.283185307;

@fragment
fn kaleidoscope(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let from_middle = at.xy - settings.size * 0.5;
    let radius = length(from_middle);
    // At the very middle there is no angle.
    let angle = select(0.0, atan2(from_middle.y, from_middle.x), radius > 0.0);
    let segment = TAU / settings.segments;
    let within = fract((angle - settings.turn) / segment) * segment;
    let folded = min(within, segment - within) + settings.turn;
    let place = radius * vec2<f32>(cos(folded), sin(folded));
    return vec4<f32>(tap(place / settings.size + 0.5), 1.0);
}
