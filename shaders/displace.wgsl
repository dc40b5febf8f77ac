// Displace: every point shows what lies along the gradient of the picture's own luminance (central differences).
// Colours are linear light.

struct Settings {
    // The picture's size in pixels, the time in ticks, and a number that grain is drawn from.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    // How far the steepest gradient reaches, in widths of the picture.
    reach: f32,
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

fn tap(uv: vec2<f32>) -> vec3<f32> {
    return textureSampleLevel(picture, linear_sampler, uv, 0.0).rgb;
}

// Relative luminance (ITU-R BT.709).
fn luminance(colour: vec3<f32>) -> f32 {
    return dot(colour, vec3<f32>(0.2126, 0.7152, 0.0722));
}

@fragment
fn displace(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let uv = at.xy / settings.size;
    // A gradient over a few pixels is one of shapes, not of grain.
    let across = vec2<f32>(2.0 / settings.size.x, 0.0);
    let down = vec2<f32>(0.0, 2.0 / settings.size.y);
    let gradient = vec2<f32>(
        sqrt(luminance(tap(uv + across))) - sqrt(luminance(tap(uv - across))),
        sqrt(luminance(tap(uv + down))) - sqrt(luminance(tap(uv - down))),
    );
    return vec4<f32>(tap(uv + gradient * settings.reach), 1.0);
}
