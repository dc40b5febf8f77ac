// Transition: from the picture that was there at the last keyframe, the second input, to the present one, while the play head is
// on its way.

struct Transition {
    // How: 1 dissolve, or one of those below.
    way: u32,
    // How much of the transition has gone, 0 to 1; which way the play head walks, 1 or -1; how dark a dip is.
    gone: f32,
    direction: f32,
    depth: f32,
}

const TRANSITION_WIPE: u32 = 2u;
const TRANSITION_ZOOM: u32 = 3u;
const TRANSITION_DIP: u32 = 4u;
// The width of a wipe's soft edge, and how far a zoom grows.
const TRANSITION_EDGE: f32 = 0.12;
const TRANSITION_GROWTH: f32 = 0.6;

fn transition(at: vec2<f32>, own: Transition) -> vec3<f32> {
    let uv = at / settings.size;
    let light = textureLoad(picture, vec2<i32>(at), 0).rgb;
    let melted = smoothstep(0.0, 1.0, own.gone);
    // The one that is left comes closer and melts; backwards it goes away.
    let scale = select(1.0, exp2(-TRANSITION_GROWTH * own.direction * melted), own.way == TRANSITION_ZOOM);
    let held = tap_second((uv - 0.5) * scale + 0.5);
    let across = select(1.0 - uv.x, uv.x, own.direction > 0.0);
    let front = own.gone * (1.0 + TRANSITION_EDGE);
    let wiped = 1.0 - smoothstep(front - TRANSITION_EDGE, front, across);
    let come = select(select(melted, wiped, own.way == TRANSITION_WIPE), 1.0, own.way == TRANSITION_DIP);
    // Half a wave: dark in the middle of the way.
    let dip = 1.0 - own.depth * sin(3.14159265 * own.gone);
    return mix(held, light, come) * select(1.0, dip, own.way == TRANSITION_DIP);
}
