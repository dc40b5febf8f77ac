//! name: ink
//! line = 1.5 (0.5..6) "Width of the line in pixels"
//! strength = 3 (0..10) "How faint an edge may be and still be drawn"
//! paper = 0.85 (0..1) "How bright the paper is"

// The picture's edges as ink on paper (Sobel's operator).
// Colours are linear light.

struct Settings {
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    line: f32,
    strength: f32,
    paper: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(2) @binding(0) var<uniform> settings: Settings;

// The square root is near to how bright it looks.
fn brightness(uv: vec2<f32>) -> f32 {
    let light = textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
    return sqrt(max(dot(light, vec3<f32>(0.2126, 0.7152, 0.0722)), 0.0));
}

@fragment
fn ink(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    var gradient = vec2<f32>(0.0);
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            let step = vec2<f32>(f32(x), f32(y));
            let there = brightness(uv + step * settings.line / settings.size);
            gradient += there * step * (2.0 - abs(step.yx));
        }
    }
    let inked = clamp(length(gradient) * settings.strength, 0.0, 1.0);
    let paper = vec3<f32>(1.0, 0.93, 0.8) * settings.paper;
    return vec4<f32>(mix(paper, vec3<f32>(0.01, 0.01, 0.02), inked), 1.0);
}
