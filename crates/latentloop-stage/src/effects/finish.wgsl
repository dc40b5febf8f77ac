// After the last effect: the master's brightness, and linear light turned into sRGB.

struct Settings {
    // The picture's size in pixels, the time in ticks, what grain is drawn from, and the master's brightness, 0 to 1.
    size: vec2<f32>,
    tick: u32,
    seed: u32,
    brightness: f32,
}

struct Shown {
    // Linear light, for effects that go on from the picture before.
    @location(0) linear: vec4<f32>,
    // sRGB, for the outputs.
    @location(1) encoded: vec4<f32>,
}

@fragment
fn finish(@builtin(position) at: vec4<f32>) -> Shown {
    let full = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    let light = clamp(full, vec3<f32>(0.0), vec3<f32>(1.0)) * settings.brightness;
    return Shown(vec4<f32>(light, 1.0), vec4<f32>(srgb_encode(light), 1.0));
}
