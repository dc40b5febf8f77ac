// Bloom: the bright parts, blurred and added. The prefilter makes them a quarter of the size with taps on a spiral (Vogel 1979);
// then they are brought back with a tent filter (Jimenez, Next Generation Post Processing in Call of Duty, SIGGRAPH 2014).
// With warmth it is halation: light that is scattered back from the base of a film exposes its red layer most.

struct Bloom {
    strength: f32,
    threshold: f32,
    // In pixels of the picture.
    radius: f32,
    warmth: f32,
}

const BLOOM_TAPS: u32 = 16u;
const BLOOM_GOLDEN_ANGLE: f32 = 2.399963230;

fn bloom_prefilter(at: vec2<f32>, own: Bloom) -> vec3<f32> {
    let uv = at * 4.0 / settings.size;
    var sum = vec3<f32>(0.0);
    for (var i = 0u; i < BLOOM_TAPS; i += 1u) {
        let reach = sqrt((f32(i) + 0.5) / f32(BLOOM_TAPS)) * own.radius;
        let angle = f32(i) * BLOOM_GOLDEN_ANGLE;
        let light = tap(uv + reach * vec2<f32>(cos(angle), sin(angle)) / settings.size);
        let bright = max(light.r, max(light.g, light.b));
        sum += light * smoothstep(own.threshold, own.threshold + 0.25, bright);
    }
    return sum / f32(BLOOM_TAPS);
}

fn bloom(at: vec2<f32>, own: Bloom) -> vec3<f32> {
    let uv = at / settings.size;
    let step = 4.0 / settings.size;
    var sum = tap_second(uv) * 4.0;
    sum += (tap_second(uv - vec2<f32>(step.x, 0.0)) + tap_second(uv + vec2<f32>(step.x, 0.0))) * 2.0;
    sum += (tap_second(uv - vec2<f32>(0.0, step.y)) + tap_second(uv + vec2<f32>(0.0, step.y))) * 2.0;
    sum += tap_second(uv - step) + tap_second(uv + step);
    sum += tap_second(uv + vec2<f32>(step.x, -step.y)) + tap_second(uv + vec2<f32>(-step.x, step.y));
    let tint = mix(vec3<f32>(1.0), vec3<f32>(1.0, 0.25, 0.08), own.warmth);
    return tap(uv) + sum / 16.0 * tint * own.strength;
}
