// Tilt and crop: the picture turned about its middle and brought closer. What lies beyond its edges is their mirror image.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // Radians, and the part of the sides that is shown.
    angle: f32,
    shown: f32,
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
fn tilt(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let from_middle = (at.xy - settings.size * 0.5) * settings.shown;
    let c = cos(settings.angle);
    let s = sin(settings.angle);
    let turned = vec2<f32>(c * from_middle.x + s * from_middle.y, c * from_middle.y - s * from_middle.x);
    return vec4<f32>(tap(turned / settings.size + 0.5), 1.0);
}
