// Transition: from the picture that was there at the last keyframe to the present one, while the play head is on its way.
// Colours are linear light.
// Nothing branches on settings alone: Mesa's lavapipe would compile the shader anew for every picture, and keep each.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // How: 1 dissolve, or one of those below.
    way: u32,
    // How much of the transition has gone, 0 to 1; which way the play head walks, 1 or -1; how dark a dip is.
    gone: f32,
    direction: f32,
    depth: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(1) @binding(0) var held: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;

// One triangle over the whole picture.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

const WIPE: u32 = 2u;
const ZOOM: u32 = 3u;
const DIP: u32 = 4u;
// The width of a wipe's soft edge, and how far a zoom grows.
const EDGE: f32 = 0.12;
const GROWTH: f32 = 0.6;

fn held_at(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(held, linear_sampler, uv, 0.0).rgb;
}

@fragment
fn transition(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    let melted = smoothstep(0.0, 1.0, settings.gone);
    // The one that is left comes closer and melts; backwards it goes away.
    let scale = select(1.0, exp2(-GROWTH * settings.direction * melted), settings.way == ZOOM);
    let held = held_at((uv - 0.5) * scale + 0.5);
    let across = select(1.0 - uv.x, uv.x, settings.direction > 0.0);
    let front = settings.gone * (1.0 + EDGE);
    let wiped = 1.0 - smoothstep(front - EDGE, front, across);
    let come = select(select(melted, wiped, settings.way == WIPE), 1.0, settings.way == DIP);
    // Half a wave: dark in the middle of the way.
    let dip = 1.0 - settings.depth * sin(3.14159265 * settings.gone);
    let drawn = mix(held, light, come) * select(1.0, dip, settings.way == DIP);
    return vec4<f32>(drawn, 1.0);
}
