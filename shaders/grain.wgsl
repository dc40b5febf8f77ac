// Grain: strongest in the middle tones, as on film. The noise is pcg3d of place, tick and seed (Jarzynski and Olano, Hash
// Functions for GPU Rendering, JCGT 9(3), 2020): the same tick gives the same grain.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    grain: Grain,
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

// What follows up to the entry point may be drawn together with other passes in one go: see src/stage/look/fused.rs.

struct Grain {
    strength: f32,
    // In pixels.
    size: f32,
}

fn pcg3d(place: vec3<u32>) -> vec3<u32> {
    var v = place * 1664525u + 1013904223u;
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v ^= v >> vec3<u32>(16u);
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    return v;
}

fn grain_of(light: vec3<f32>, at: vec2<f32>, own: Grain) -> vec3<f32> {
    let cell = vec2<u32>(at / own.size);
    let random = pcg3d(vec3<u32>(cell, settings.tick ^ (settings.seed * 747796405u)));
    // The sum of three is nearly normal; 0 on average, its deviation a half.
    let noise = dot(vec3<f32>(random >> vec3<u32>(8u)), vec3<f32>(1.0 / 16777216.0)) - 1.5;
    // The square root is near to how bright it looks.
    let tone = sqrt(clamp(light, vec3<f32>(0.0), vec3<f32>(1.0)));
    let room = 4.0 * tone * (1.0 - tone);
    let grained = max(tone + noise * own.strength * (0.15 + 0.85 * room), vec3<f32>(0.0));
    return grained * grained + max(light - 1.0, vec3<f32>(0.0));
}

@fragment
fn grain(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(grain_of(light, at.xy, settings.grain), 1.0);
}
