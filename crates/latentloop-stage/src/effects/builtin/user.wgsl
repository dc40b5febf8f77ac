// Mix: so much of what a user's shader has drawn, the second input, as is asked for, made fit for the effects after it.

struct User {
    // The shader's own numbers.
    knobs: vec4<f32>,
    amount: f32,
}

// What is no number, or beyond all light, would stay in the feedback for ever.
fn user_fit(light: vec3<f32>) -> vec3<f32> {
    let exponents = bitcast<vec3<u32>>(light) & vec3<u32>(0x7f800000u);
    let finite = select(vec3<f32>(0.0), light, exponents != vec3<u32>(0x7f800000u));
    return clamp(finite, vec3<f32>(0.0), vec3<f32>(16.0));
}

fn user(at: vec2<f32>, own: User) -> vec3<f32> {
    let place = vec2<i32>(at);
    let light = textureLoad(picture, place, 0).rgb;
    return mix(light, user_fit(textureLoad(second, place, 0).rgb), own.amount);
}
