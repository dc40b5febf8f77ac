// The prelude of every shader: what is common to all of them is written here and put before their own text.

// One triangle over the whole target.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

// The weights of relative luminance (ITU-R BT.709).
const LUMA: vec3<f32> = vec3<f32>(0.2126, 0.7152, 0.0722);

fn luminance(colour: vec3<f32>) -> f32 {
    return dot(colour, LUMA);
}

// Linear light from sRGB, 0 to 1 (IEC 61966-2-1), and back.
fn srgb_decode(level: vec3<f32>) -> vec3<f32> {
    let steep = pow((level + 0.055) / 1.055, vec3<f32>(2.4));
    return select(steep, level / 12.92, level <= vec3<f32>(0.04045));
}

fn srgb_encode(light: vec3<f32>) -> vec3<f32> {
    let steep = 1.055 * pow(light, vec3<f32>(1.0 / 2.4)) - 0.055;
    return select(steep, light * 12.92, light <= vec3<f32>(0.0031308));
}

// The matrix of CSS's hue-rotate (Filter Effects Module Level 1, section 9.4): it keeps grey, and luminance nearly.
fn turn_hue(colour: vec3<f32>, angle: f32) -> vec3<f32> {
    let c = cos(angle);
    let s = sin(angle);
    let grey = dot(colour, vec3<f32>(0.213, 0.715, 0.072));
    let cosine = colour - grey;
    let sine = vec3<f32>(
        dot(colour, vec3<f32>(-0.213, -0.715, 0.928)),
        dot(colour, vec3<f32>(0.143, 0.140, -0.283)),
        dot(colour, vec3<f32>(-0.787, 0.715, 0.072)),
    );
    return max(grey + cosine * c + sine * s, vec3<f32>(0.0));
}
