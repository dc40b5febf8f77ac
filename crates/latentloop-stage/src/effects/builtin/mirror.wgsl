// Mirror: the left half, the upper half, or the upper left quarter, mirrored onto the rest.

struct Mirror {
    // 1 for each way that is mirrored, else 0.
    across: f32,
    down: f32,
}

fn mirror(at: vec2<f32>, own: Mirror) -> vec3<f32> {
    let folded = min(at, settings.size - at);
    let place = select(at, folded, vec2<f32>(own.across, own.down) > vec2<f32>(0.5));
    return tap(place / settings.size);
}
