// Vignette: the light that a lens loses towards the corners, by the fourth power of the cosine of its angle
// (Kingslake, Optical System Design, 1983).

struct Vignette {
    // The square of the tangent of the angle at the corners.
    tangent_squared: f32,
}

fn vignette(light: vec3<f32>, at: vec2<f32>, own: Vignette) -> vec3<f32> {
    let from_middle = (at - settings.size * 0.5) / (0.5 * length(settings.size));
    let secant_squared = 1.0 + dot(from_middle, from_middle) * own.tangent_squared;
    return light / (secant_squared * secant_squared);
}
