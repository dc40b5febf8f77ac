// Where the picture lies in the frame, and what makes it film: the uniform of analyse.wgsl and upscale.wgsl, of which
// `ProjectionUniform` is the twin.

struct Projection {
    // Upper left corner and size of the picture in the frame, in pixels.
    offset: vec2<f32>,
    extent: vec2<f32>,
    // Where the frame's first pixel lies on the tile of grain, and how far the next, in 256ths of a pixel of the tile.
    grain_shift: vec2<u32>,
    grain_step: u32,
    // What is added where the tile is 1 and grain strongest.
    grain: f32,
    // Red light where the glow is 1.
    halation: f32,
    // Linear light from which a part is a highlight.
    threshold: f32,
    // Deviation of the blur in pixels of the glow.
    sigma: f32,
    // Pixels of the picture that are one of the glow, each way.
    block: u32,
    // The frame's size in pixels.
    frame: vec2<f32>,
}
