// Mirror: the left half, the upper half, or the upper left quarter, mirrored onto the rest.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // 1 for each way that is mirrored, else 0.
    across: f32,
    down: f32,
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

@fragment
fn mirror(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let folded = min(at.xy, settings.size - at.xy);
    let place = select(at.xy, folded, vec2<f32>(settings.across, settings.down) > vec2<f32>(0.5));
    return vec4<f32>(tap(place / settings.size), 1.0);
}
