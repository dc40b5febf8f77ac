//! Users' shaders.

use super::*;

/// Users' shaders, and where their files lie.
fn user(texts: &[(&str, &str)]) -> (Arc<ShaderRegistry>, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        std::fs::write(place.path().join(name), text).unwrap();
    }
    let registry = Arc::new(ShaderRegistry::new(crate::report::Reporter::new(
        |severity, text| {
            assert_eq!(severity, crate::report::Severity::Info, "{text}");
        },
    )));
    registry.read(place.path().to_owned()).unwrap();
    (registry, place)
}

pub(super) fn with_user_shaders(registry: &Arc<ShaderRegistry>) -> Finish {
    let mut finish = Finish::default();
    finish.chain.set_user_effects(Arc::clone(registry));
    finish
        .chain
        .take_gpu(EffectRenderer::headless().unwrap().waiting());
    finish
}

const SETTINGS: &str = "@group(0) @binding(0) var picture: texture_2d<f32>;
@group(1) @binding(0) var last: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;
";

#[test]
fn a_user_shader_is_drawn_with_its_knobs_in_its_slot() {
    let flat = format!(
        "//! red = 0.5 (0..1)\n//! green = 20 (0..100)\n{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32, red: f32, green: f32 }}
         @fragment fn f() -> @location(0) vec4<f32> {{ return vec4<f32>(settings.red, settings.green / 100.0, 0.0, 1.0); }}"
    );
    let invert = format!(
        "//! slot: 3\n{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32 }}
         @fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{ return 1.0 - textureLoad(picture, vec2<i32>(at.xy), 0); }}"
    );
    let (registry, _place) = user(&[("flat.wgsl", &flat), ("invert.wgsl", &invert)]);
    let mut v = LookValues {
        limiter: 0.0,
        ..LookValues::default()
    };
    v.own[0].amount = 1.0;
    v.own[0].knobs = [1.0, 0.5, 0.5, 0.5];
    let mut finish = with_user_shaders(&registry);
    let mut pixel = |v: LookValues| {
        let mut canvas = synthetic();
        assert!(finish.finish(&mut canvas, &frame(v, 0)));
        [canvas.rgba[0], canvas.rgba[1], canvas.rgba[2]]
    };
    // Half of the light is 188 of 255.
    assert_eq!(pixel(v), [255, 188, 0]);
    v.own[2].amount = 1.0;
    assert_eq!(pixel(v), [0, 188, 255]);
    // The other way round the flat colour covers all.
    v.order = LookOrder::of(&["own.3", "own.1"]).unwrap();
    assert_eq!(pixel(v), [255, 188, 0]);
    // Half of it lets half of the picture through.
    v.own[2].amount = 0.0;
    v.own[0] = OwnValues {
        amount: 0.5,
        knobs: [0.0, 0.0, 0.5, 0.5],
    };
    assert_eq!(pixel(v), [0, 0, 41], "of 0, 0, 60");
    // An empty place draws nothing.
    v.own[0].amount = 0.0;
    v.own[3].amount = 1.0;
    assert_eq!(pixel(v), [0, 0, 60]);
}

#[test]
fn what_is_no_number_does_not_stay_in_the_feedback() {
    let text = format!(
        "{SETTINGS}
         struct Settings {{ size: vec2<f32>, tick: u32, seed: u32 }}
         @fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{
             let zero = f32(settings.tick & 0u);
             return vec4<f32>(zero / zero, 1.0 / zero, -1.0 / zero, 1.0);
         }}"
    );
    let (registry, _place) = user(&[("nan.wgsl", &text)]);
    let mut finish = with_user_shaders(&registry);
    let mut v = LookValues {
        limiter: 0.0,
        feedback: 0.9,
        order: LookOrder::of(&["own.1", "feedback"]).unwrap(),
        ..LookValues::default()
    };
    let mut last = Canvas::default();
    for number in 0..60 {
        v.own[0].amount = if number < 3 { 1.0 } else { 0.0 };
        last = synthetic();
        assert!(finish.finish(&mut last, &frame(v, number)));
    }
    assert!(
        apart(&last, &synthetic()) <= 2,
        "{}",
        apart(&last, &synthetic())
    );
}
