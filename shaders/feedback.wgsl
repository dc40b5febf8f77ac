// Feedback: the last picture, grown, turned, darkened and its hues turned, mixed into this one.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    feedback: Feedback,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(1) @binding(0) var last: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;

// One triangle over the whole picture.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

// What follows up to the entry point may be drawn together with other passes in one go: see src/stage/look/fused.rs.

struct Feedback {
    // Share of the last picture; what is left of its light; its scale; its turn and that of its hues in radians.
    share: f32,
    kept: f32,
    scale: f32,
    angle: f32,
    hue: f32,
}

// The matrix of CSS's hue-rotate (Filter Effects Module Level 1, section 9.4): it keeps grey, and luminance nearly.
fn feedback_turn_hue(colour: vec3<f32>, angle: f32) -> vec3<f32> {
    let c = cos(angle);
    let s = sin(angle);
    let grey = dot(colour, vec3<f32>(0.213, 0.715, 0.072));
    let cosine = colour - grey;
    let sine = vec3<f32>(
        dot(colour, vec3<f32>(-0.213, -0.715, 0.928)),
        dot(colour, vec3<f32>(0.143, 0.140, -0.283)),
        dot(colour, vec3<f32>(-0.787, 0.715, 0.072)),
    );
    return max(grey + cosine * c + sine * s, vec3<f32>(0.0));
}

fn feedback_of(light: vec3<f32>, at: vec2<f32>, own: Feedback) -> vec3<f32> {
    let from_middle = (at - settings.size * 0.5) / own.scale;
    let c = cos(own.angle);
    let s = sin(own.angle);
    let turned = vec2<f32>(c * from_middle.x + s * from_middle.y, c * from_middle.y - s * from_middle.x);
    let uv = turned / settings.size + 0.5;
    let before = textureSampleLevel(last, linear_sampler, uv, 0.0).rgb * own.kept;
    // What cannot be shown must not build up either.
    let trail = min(feedback_turn_hue(before, own.hue), vec3<f32>(1.0));
    return mix(light, trail, own.share);
}

@fragment
fn feedback(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(feedback_of(light, at.xy, settings.feedback), 1.0);
}
