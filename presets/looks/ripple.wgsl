//! name: ripple
//! waves = 6 (1..40) "Waves from the middle to the edge"
//! speed = 0.5 (-2..2) "Waves a second; negative runs inwards"
//! depth = 0.02 (0..0.1) "How far a wave shifts the picture"

// Waves that run through the picture from its middle. Copy this file into the folder `looks` to begin a pass of your own.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels; the time in ticks, 480 a second; a number that differs from show to show.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // The knobs above, in their order.
    waves: f32,
    speed: f32,
    depth: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(2) @binding(0) var<uniform> settings: Settings;

@fragment
fn ripple(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    let from_middle = (at.xy - settings.size * 0.5) / min(settings.size.x, settings.size.y);
    let distance = length(from_middle);
    let secs = f32(settings.tick) / 480.0;
    let wave = sin(6.2831853 * (2.0 * distance * settings.waves - secs * settings.speed));
    let shift = from_middle / max(distance, 0.001) * wave * settings.depth;
    return textureSampleLevel(picture, linear_sampler, uv + shift, 0.0);
}
