// Mix: so much of what a performer's own pass has drawn as is asked for, made fit for the passes after it.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // The pass's own numbers.
    own: vec4<f32>,
    amount: f32,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(1) @binding(0) var drawn: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;

// One triangle over the whole picture.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

// What is no number, or beyond all light, would stay in the feedback for ever.
fn fit(light: vec3<f32>) -> vec3<f32> {
    let exponents = bitcast<vec3<u32>>(light) & vec3<u32>(0x7f800000u);
    let finite = select(vec3<f32>(0.0), light, exponents != vec3<u32>(0x7f800000u));
    return clamp(finite, vec3<f32>(0.0), vec3<f32>(16.0));
}

@fragment
fn blend(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let place = vec2<i32>(at.xy);
    let light = textureLoad(picture, place, 0).rgb;
    return vec4<f32>(mix(light, fit(textureLoad(drawn, place, 0).rgb), settings.amount), 1.0);
}
