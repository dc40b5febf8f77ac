// Strobe: the picture darkened. When it is, the stage knows from the tick.

struct Strobe {
    // What is left of the light.
    kept: f32,
}

fn strobe(light: vec3<f32>, at: vec2<f32>, own: Strobe) -> vec3<f32> {
    return light * own.kept;
}
