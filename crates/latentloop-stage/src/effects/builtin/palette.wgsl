// Palette: every colour drawn towards those of the palette that are like it, in OKLab (Ottosson 2020), where equal distances look
// alike; near two of them it comes out between, so that slopes stay slopes.

struct Palette {
    amount: f32,
    // OKLab; where the palette has fewer, one comes more than once.
    colours: array<vec4<f32>, 8>,
}

fn palette_to_oklab(light: vec3<f32>) -> vec3<f32> {
    let l = dot(light, vec3<f32>(0.4122214708, 0.5363325363, 0.0514459929));
    let m = dot(light, vec3<f32>(0.2119034982, 0.6806995451, 0.1073969566));
    let s = dot(light, vec3<f32>(0.0883024619, 0.2817188376, 0.6299787005));
    let root = pow(max(vec3<f32>(l, m, s), vec3<f32>(0.0)), vec3<f32>(1.0 / 3.0));
    return vec3<f32>(
        dot(root, vec3<f32>(0.2104542553, 0.7936177850, -0.0040720468)),
        dot(root, vec3<f32>(1.9779984951, -2.4285922050, 0.4505937099)),
        dot(root, vec3<f32>(0.0259040371, 0.7827717662, -0.8086757660)),
    );
}

fn palette_to_light(lab: vec3<f32>) -> vec3<f32> {
    let root = vec3<f32>(
        dot(lab, vec3<f32>(1.0, 0.3963377774, 0.2158037573)),
        dot(lab, vec3<f32>(1.0, -0.1055613458, -0.0638541728)),
        dot(lab, vec3<f32>(1.0, -0.0894841775, -1.2914855480)),
    );
    let cone = root * root * root;
    return vec3<f32>(
        dot(cone, vec3<f32>(4.0767416621, -3.3077115913, 0.2309699292)),
        dot(cone, vec3<f32>(-1.2684380046, 2.6097574011, -0.3413193965)),
        dot(cone, vec3<f32>(-0.0041960863, -0.7034186147, 1.7076147010)),
    );
}

// How fast a colour's pull falls with its distance in OKLab.
const PALETTE_SHARPNESS: f32 = 80.0;

fn palette(light: vec3<f32>, at: vec2<f32>, own: Palette) -> vec3<f32> {
    let lab = palette_to_oklab(light);
    var colours = own.colours;
    var nearest = 1e9;
    for (var i = 0u; i < 8u; i += 1u) {
        let apart = lab - colours[i].xyz;
        nearest = min(nearest, dot(apart, apart));
    }
    var sum = vec3<f32>(0.0);
    var weights = 0.0;
    for (var i = 0u; i < 8u; i += 1u) {
        let apart = lab - colours[i].xyz;
        // The nearest weighs 1, however far it is.
        let weight = exp(PALETTE_SHARPNESS * (nearest - dot(apart, apart)));
        sum += colours[i].xyz * weight;
        weights += weight;
    }
    var drawn = sum / weights;
    // Half of the lightness is the picture's own, so that what it shows stays to be seen.
    drawn.x = mix(drawn.x, lab.x, 0.5);
    return max(palette_to_light(mix(lab, drawn, own.amount)), vec3<f32>(0.0));
}
