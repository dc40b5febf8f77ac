// The engine's picture on the screen: placed, enlarged, black around it.

struct Placing {
    // Upper left corner and size of the picture on the screen, in pixels.
    offset: vec2<f32>,
    extent: vec2<f32>,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(0) @binding(2) var<uniform> placing: Placing;

// One triangle over the whole screen.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

fn place(at: vec4<f32>) -> vec2<f32> {
    return (at.xy - placing.offset) / placing.extent;
}

fn is_outside(uv: vec2<f32>) -> bool {
    return any(uv < vec2<f32>(0.0)) || any(uv > vec2<f32>(1.0));
}

// Catmull-Rom (Keys 1981, a = -0.5): its sixteen taps are nine bilinear ones, the two inner taps of a row being read
// together, at the place between them that weighs them rightly.
@fragment
fn catmull_rom(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = place(at);
    if is_outside(uv) {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    let size = vec2<f32>(textureDimensions(picture));
    let texel = uv * size;
    let centre = floor(texel - 0.5) + 0.5;
    let f = texel - centre;
    let w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    let w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    let w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    let w3 = f * f * (-0.5 + 0.5 * f);
    let inner = w1 + w2;
    let outer_left = (centre - 1.0) / size;
    let between = (centre + w2 / inner) / size;
    let outer_right = (centre + 2.0) / size;
    var sum = vec3<f32>(0.0);
    sum += tap(vec2<f32>(outer_left.x, outer_left.y)) * w0.x * w0.y;
    sum += tap(vec2<f32>(between.x, outer_left.y)) * inner.x * w0.y;
    sum += tap(vec2<f32>(outer_right.x, outer_left.y)) * w3.x * w0.y;
    sum += tap(vec2<f32>(outer_left.x, between.y)) * w0.x * inner.y;
    sum += tap(between) * inner.x * inner.y;
    sum += tap(vec2<f32>(outer_right.x, between.y)) * w3.x * inner.y;
    sum += tap(vec2<f32>(outer_left.x, outer_right.y)) * w0.x * w3.y;
    sum += tap(vec2<f32>(between.x, outer_right.y)) * inner.x * w3.y;
    sum += tap(vec2<f32>(outer_right.x, outer_right.y)) * w3.x * w3.y;
    return vec4<f32>(clamp(sum, vec3<f32>(0.0), vec3<f32>(1.0)), 1.0);
}

// For drivers that draw on the processor.
@fragment
fn bilinear(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = place(at);
    if is_outside(uv) {
        return vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    return vec4<f32>(tap(uv), 1.0);
}

fn tap(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
}
