// Tilt and crop: the picture turned about its middle and brought closer. What lies beyond its edges is their mirror image.

struct Tilt {
    // Radians, and the part of the sides that is shown.
    angle: f32,
    shown: f32,
}

fn tilt(at: vec2<f32>, own: Tilt) -> vec3<f32> {
    let from_middle = (at - settings.size * 0.5) * own.shown;
    let c = cos(own.angle);
    let s = sin(own.angle);
    let turned = vec2<f32>(c * from_middle.x + s * from_middle.y, c * from_middle.y - s * from_middle.x);
    return tap(turned / settings.size + 0.5);
}
