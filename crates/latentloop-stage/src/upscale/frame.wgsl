// The picture on the frame: what upscale.wgsl draws and the limiter looks at are bound to.

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(0) @binding(2) var<uniform> projection: Projection;
@group(0) @binding(3) var directions: texture_2d<f32>;
@group(0) @binding(4) var glow: texture_2d<f32>;
@group(0) @binding(5) var tile: texture_2d<f32>;

fn size() -> vec2<f32> {
    return vec2<f32>(textureDimensions(picture));
}

fn is_outside(at: vec4<f32>) -> bool {
    let place = at.xy - projection.offset;
    return any(place < vec2<f32>(0.0)) || any(place >= projection.extent);
}

// The place on the picture, 0..=1.
fn place_of(at: vec4<f32>) -> vec2<f32> {
    return (at.xy - projection.offset) / projection.extent;
}

fn tap(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
}

// The base of a film scatters light back through its red layer first.
const TINT: vec3<f32> = vec3<f32>(1.0, 0.3, 0.1);

fn halated(at: vec4<f32>, level: vec3<f32>) -> vec3<f32> {
    let covered = vec2<f32>(textureDimensions(glow)) * f32(projection.block);
    let uv = place_of(at) * size() / covered;
    let light = projection.halation * textureSampleLevel(glow, linear_sampler, uv, 0.0).r;
    if light <= 0.0 {
        return level;
    }
    let own = srgb_decode(level);
    // What shines through leaves the rest to be filled: nothing clips.
    return srgb_encode(own + light * TINT * (1.0 - own));
}
