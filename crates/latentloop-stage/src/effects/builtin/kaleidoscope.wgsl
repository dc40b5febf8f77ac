// Kaleidoscope: one segment of the picture, mirrored all around its middle (Brewster, A Treatise on the Kaleidoscope, 1819).

struct Kaleidoscope {
    // Number of mirrored pairs, and where the first begins, in radians.
    segments: f32,
    turn: f32,
}

const KALEIDOSCOPE_TAU: f32 = 6.283185307;

fn kaleidoscope(at: vec2<f32>, own: Kaleidoscope) -> vec3<f32> {
    let from_middle = at - settings.size * 0.5;
    let radius = length(from_middle);
    // At the very middle there is no angle.
    let angle = select(0.0, atan2(from_middle.y, from_middle.x), radius > 0.0);
    let segment = KALEIDOSCOPE_TAU / own.segments;
    let within = fract((angle - own.turn) / segment) * segment;
    let folded = min(within, segment - within) + own.turn;
    let place = radius * vec2<f32>(cos(folded), sin(folded));
    return tap(place / settings.size + 0.5);
}
