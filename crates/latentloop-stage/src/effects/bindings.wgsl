// What every effect and the limiter are bound to. `Settings` begins with size, tick and seed, and is made for each shader:
// see shader.rs. Colours are linear light.
// Nothing branches on settings alone: Mesa's lavapipe would compile the shader anew for every picture, and keep each.

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
// The second input: what was drawn before, the picture at a keyframe, or what an effect has prefiltered.
@group(1) @binding(0) var second: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;

// The picture at a place, 0 to 1; beyond its edges is their mirror image.
fn tap(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
}

fn tap_second(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(second, linear_sampler, uv, 0.0).rgb;
}
