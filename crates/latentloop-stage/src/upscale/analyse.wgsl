// What is found out about a picture at its own size before it is enlarged: where its edges go, and the glow of its highlights.
// `directions` is the structure tensor (Bigun and Granlund 1987); `highlights`, `across` and `down` make the glow for halation.
// Colours are the picture's bytes; the glow is linear light. The processor's twin is ../scale/.

@group(0) @binding(0) var source: texture_2d<f32>;
@group(0) @binding(1) var<uniform> projection: Projection;

fn load(at: vec2<i32>) -> vec3<f32> {
    let last = vec2<i32>(textureDimensions(source)) - 1;
    return textureLoad(source, clamp(at, vec2<i32>(0), last), 0).rgb;
}

fn luma(at: vec2<i32>) -> f32 {
    return luminance(load(at));
}

// The products of Scharr's derivatives.
fn products(at: vec2<i32>) -> vec3<f32> {
    let a = luma(at + vec2<i32>(-1, -1));
    let b = luma(at + vec2<i32>(0, -1));
    let c = luma(at + vec2<i32>(1, -1));
    let d = luma(at + vec2<i32>(-1, 0));
    let e = luma(at + vec2<i32>(1, 0));
    let f = luma(at + vec2<i32>(-1, 1));
    let g = luma(at + vec2<i32>(0, 1));
    let h = luma(at + vec2<i32>(1, 1));
    let across = (3.0 * (c - a + h - f) + 10.0 * (e - d)) / 32.0;
    let down = (3.0 * (f - a + h - c) + 10.0 * (g - b)) / 32.0;
    return vec3<f32>(across * across, across * down, down * down);
}

@fragment
fn directions(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let here = vec2<i32>(at.xy);
    let last = vec2<i32>(textureDimensions(source)) - 1;
    var sum = vec3<f32>(0.0);
    for (var y = -1; y <= 1; y += 1) {
        for (var x = -1; x <= 1; x += 1) {
            let weight = f32((2 - abs(x)) * (2 - abs(y)));
            sum += weight * products(clamp(here + vec2<i32>(x, y), vec2<i32>(0), last));
        }
    }
    return vec4<f32>(sum / 16.0, 1.0);
}

// The mean of a block of pixels.
@fragment
fn highlights(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let size = textureDimensions(source);
    let first = vec2<u32>(at.xy) * projection.block;
    let end = min(first + projection.block, size);
    var sum = 0.0;
    for (var y = first.y; y < end.y; y += 1u) {
        for (var x = first.x; x < end.x; x += 1u) {
            let light = srgb_decode(textureLoad(source, vec2<i32>(vec2<u32>(x, y)), 0).rgb);
            let bright = max(light.r, max(light.g, light.b));
            let part = smoothstep(projection.threshold, projection.threshold + 0.25, bright);
            sum += luminance(light) * part;
        }
    }
    return vec4<f32>(sum / f32(projection.block * projection.block), 0.0, 0.0, 1.0);
}

const TAPS: i32 = 16;

fn blurred(here: vec2<i32>, step: vec2<i32>) -> vec4<f32> {
    var sum = 0.0;
    var whole = 0.0;
    for (var tap = -TAPS; tap <= TAPS; tap += 1) {
        let far = f32(tap) / projection.sigma;
        let weight = exp(-0.5 * far * far);
        sum += weight * load(here + tap * step).r;
        whole += weight;
    }
    return vec4<f32>(sum / whole, 0.0, 0.0, 1.0);
}

@fragment
fn across(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return blurred(vec2<i32>(at.xy), vec2<i32>(1, 0));
}

@fragment
fn down(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return blurred(vec2<i32>(at.xy), vec2<i32>(0, 1));
}
