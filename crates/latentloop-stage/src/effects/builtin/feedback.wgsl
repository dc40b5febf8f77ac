// Feedback: the last picture, the second input, grown, turned, darkened and its hues turned, mixed into this one.

struct Feedback {
    // Share of the last picture; what is left of its light; its scale; its turn and that of its hues in radians.
    share: f32,
    kept: f32,
    scale: f32,
    angle: f32,
    hue: f32,
}

fn feedback(light: vec3<f32>, at: vec2<f32>, own: Feedback) -> vec3<f32> {
    let from_middle = (at - settings.size * 0.5) / own.scale;
    let c = cos(own.angle);
    let s = sin(own.angle);
    let turned = vec2<f32>(c * from_middle.x + s * from_middle.y, c * from_middle.y - s * from_middle.x);
    let before = tap_second(turned / settings.size + 0.5) * own.kept;
    // What cannot be shown must not build up either.
    let trail = min(turn_hue(before, own.hue), vec3<f32>(1.0));
    return mix(light, trail, own.share);
}
