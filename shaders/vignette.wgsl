// Vignette: the light that a lens loses towards the corners, by the fourth power of the cosine of its angle
// (Kingslake, Optical System Design, 1983).
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    vignette: Vignette,
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

struct Vignette {
    // The square of the tangent of the angle at the corners.
    tangent_squared: f32,
}

fn vignette_of(light: vec3<f32>, at: vec2<f32>, own: Vignette) -> vec3<f32> {
    let from_middle = (at - settings.size * 0.5) / (0.5 * length(settings.size));
    let secant_squared = 1.0 + dot(from_middle, from_middle) * own.tangent_squared;
    return light / (secant_squared * secant_squared);
}

@fragment
fn vignette(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(vignette_of(light, at.xy, settings.vignette), 1.0);
}
