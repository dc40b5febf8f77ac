// Displace: every point shows what lies along the gradient of the picture's own luminance (central differences).

struct Displace {
    // How far the steepest gradient reaches, in widths of the picture.
    reach: f32,
}

fn displace(at: vec2<f32>, own: Displace) -> vec3<f32> {
    let uv = at / settings.size;
    // A gradient over a few pixels is one of shapes, not of grain.
    let across = vec2<f32>(2.0 / settings.size.x, 0.0);
    let down = vec2<f32>(0.0, 2.0 / settings.size.y);
    let gradient = vec2<f32>(
        sqrt(luminance(tap(uv + across))) - sqrt(luminance(tap(uv - across))),
        sqrt(luminance(tap(uv + down))) - sqrt(luminance(tap(uv - down))),
    );
    return tap(uv + gradient * own.reach);
}
