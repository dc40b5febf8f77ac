// Strobe: the picture darkened. When it is, the stage knows from the tick.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    strobe: Strobe,
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

struct Strobe {
    // What is left of the light.
    kept: f32,
}

fn strobe_of(light: vec3<f32>, at: vec2<f32>, own: Strobe) -> vec3<f32> {
    return light * own.kept;
}

@fragment
fn strobe(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(strobe_of(light, at.xy, settings.strobe), 1.0);
}
