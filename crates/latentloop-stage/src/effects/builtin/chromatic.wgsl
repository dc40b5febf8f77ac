// Chromatic offset: lateral chromatic aberration. Red is drawn a little larger than green, blue a little smaller.

struct Chromatic {
    // By how much of the distance from the middle.
    spread: f32,
}

fn chromatic(at: vec2<f32>, own: Chromatic) -> vec3<f32> {
    let from_middle = at / settings.size - 0.5;
    let red = tap(from_middle * (1.0 - own.spread) + 0.5).r;
    let green = tap(from_middle + 0.5).g;
    let blue = tap(from_middle * (1.0 + own.spread) + 0.5).b;
    return vec3<f32>(red, green, blue);
}
