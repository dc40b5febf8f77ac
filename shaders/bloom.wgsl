// Bloom: the bright parts, blurred and added. `gather` makes them a quarter of the size with taps on a spiral (Vogel 1979);
// `add` brings them back with a tent filter (Jimenez, Next Generation Post Processing in Call of Duty, SIGGRAPH 2014).
// With warmth it is halation: light that is scattered back from the base of a film exposes its red layer most.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    strength: f32,
    threshold: f32,
    // In pixels of the picture.
    radius: f32,
    warmth: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(1) @binding(0) var gathered: texture_2d<f32>;
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

const TAPS: u32 = 16u;
const GOLDEN_ANGLE: f32 = 2.399963230;

@fragment
fn gather(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy * 4.0 / settings.size;
    var sum = vec3<f32>(0.0);
    for (var i = 0u; i < TAPS; i += 1u) {
        let reach = sqrt((f32(i) + 0.5) / f32(TAPS)) * settings.radius;
        let angle = f32(i) * GOLDEN_ANGLE;
        let light = tap(uv + reach * vec2<f32>(cos(angle), sin(angle)) / settings.size);
        let bright = max(light.r, max(light.g, light.b));
        sum += light * smoothstep(settings.threshold, settings.threshold + 0.25, bright);
    }
    return vec4<f32>(sum / f32(TAPS), 1.0);
}

fn glow(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(gathered, linear_sampler, uv, 0.0).rgb;
}

@fragment
fn add(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    let step = 4.0 / settings.size;
    var sum = glow(uv) * 4.0;
    sum += (glow(uv - vec2<f32>(step.x, 0.0)) + glow(uv + vec2<f32>(step.x, 0.0))) * 2.0;
    sum += (glow(uv - vec2<f32>(0.0, step.y)) + glow(uv + vec2<f32>(0.0, step.y))) * 2.0;
    sum += glow(uv - step) + glow(uv + step);
    sum += glow(uv + vec2<f32>(step.x, -step.y)) + glow(uv + vec2<f32>(-step.x, step.y));
    let tint = mix(vec3<f32>(1.0), vec3<f32>(1.0, 0.25, 0.08), settings.warmth);
    return vec4<f32>(tap(uv) + sum / 16.0 * tint * settings.strength, 1.0);
}
