// Grain: strongest in the middle tones, as on film. The noise is pcg3d of place, tick and seed (Jarzynski and Olano, Hash
// Functions for GPU Rendering, JCGT 9(3), 2020): the same tick gives the same grain.

struct Grain {
    strength: f32,
    // In pixels.
    size: f32,
}

fn grain_pcg3d(place: vec3<u32>) -> vec3<u32> {
    var v = place * 1664525u + 1013904223u;
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v ^= v >> vec3<u32>(16u);
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    return v;
}

fn grain(light: vec3<f32>, at: vec2<f32>, own: Grain) -> vec3<f32> {
    let cell = vec2<u32>(at / own.size);
    let random = grain_pcg3d(vec3<u32>(cell, settings.tick ^ (settings.seed * 747796405u)));
    // The sum of three is nearly normal; 0 on average, its deviation a half.
    let noise = dot(vec3<f32>(random >> vec3<u32>(8u)), vec3<f32>(1.0 / 16777216.0)) - 1.5;
    // The square root is near to how bright it looks.
    let tone = sqrt(clamp(light, vec3<f32>(0.0), vec3<f32>(1.0)));
    let room = 4.0 * tone * (1.0 - tone);
    let grained = max(tone + noise * own.strength * (0.15 + 0.85 * room), vec3<f32>(0.0));
    return grained * grained + max(light - 1.0, vec3<f32>(0.0));
}
