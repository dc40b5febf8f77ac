// Colour: lift, gamma and gain (slope, offset and power of the ASC Color Decision List, S-2008-003, with the offset fading
// towards white), contrast around middle grey, saturation and hue.

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

// What reflects 18 % of the light looks half as bright as white.
const COLOUR_MIDDLE_GREY: f32 = 0.18;

fn colour(before: vec3<f32>, at: vec2<f32>, own: Colour) -> vec3<f32> {
    var light = before * own.gain + own.lift * (1.0 - before);
    light = pow(max(light, vec3<f32>(0.0)), vec3<f32>(own.power));
    light = COLOUR_MIDDLE_GREY * pow(light / COLOUR_MIDDLE_GREY, vec3<f32>(own.contrast));
    light = max(mix(vec3<f32>(luminance(light)), light, own.saturation), vec3<f32>(0.0));
    return min(turn_hue(light, own.hue), vec3<f32>(16.0));
}
