//! name: smear
//! angle = 90 (0..360) "Where light is drawn to, in degrees; 90 is down"
//! reach = 0.08 (0..0.5) "How far"
//! stay = 0.7 (0..0.95) "How much of what was shown last stays"

// What was shown last is drawn out along a line, and the brighter of it and the picture stays.
// Colours are linear light.

struct Settings {
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    angle: f32,
    reach: f32,
    stay: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
// What was shown last, after all passes.
@group(1) @binding(0) var last: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;

const TAPS = 16u;

@fragment
fn smear(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    let angle = radians(settings.angle);
    let way = vec2<f32>(cos(angle), sin(angle)) * settings.reach;
    var sum = vec3<f32>(0.0);
    for (var i = 0u; i < TAPS; i++) {
        let back = way * f32(i) / f32(TAPS);
        sum += textureSampleLevel(last, linear_sampler, uv - back, 0.0).rgb;
    }
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(max(light, sum / f32(TAPS) * settings.stay), 1.0);
}
