// Colour: lift, gamma and gain (slope, offset and power of the ASC Color Decision List, S-2008-003, with the offset fading
// towards white), contrast around middle grey, saturation and hue.
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    colour: Colour,
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

struct Colour {
    lift: f32,
    // The exponent.
    power: f32,
    gain: f32,
    contrast: f32,
    saturation: f32,
    // Radians.
    hue: f32,
}

// Relative luminance (ITU-R BT.709).
fn colour_luminance(colour: vec3<f32>) -> f32 {
    return dot(colour, vec3<f32>(0.2126, 0.7152, 0.0722));
}

// The matrix of CSS's hue-rotate (Filter Effects Module Level 1, section 9.4): it keeps grey, and luminance nearly.
fn colour_turn_hue(colour: vec3<f32>, angle: f32) -> vec3<f32> {
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

// What reflects 18 % of the light looks half as bright as white.
const MIDDLE_GREY: f32 = 0.18;

fn colour_of(before: vec3<f32>, at: vec2<f32>, own: Colour) -> vec3<f32> {
    var light = before * own.gain + own.lift * (1.0 - before);
    light = pow(max(light, vec3<f32>(0.0)), vec3<f32>(own.power));
    light = MIDDLE_GREY * pow(light / MIDDLE_GREY, vec3<f32>(own.contrast));
    light = max(mix(vec3<f32>(colour_luminance(light)), light, own.saturation), vec3<f32>(0.0));
    return min(colour_turn_hue(light, own.hue), vec3<f32>(16.0));
}

@fragment
fn colour(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    return vec4<f32>(colour_of(light, at.xy, settings.colour), 1.0);
}
