//! Users' shaders.

use super::*;
use crate::instrument::params::{
    LOOK_FEEDBACK, LOOK_LIMITER, LOOK_OWN_A, LOOK_OWN_AMOUNT, LOOK_OWN_B,
};
use crate::stage::effects::watchdog::Limits;

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
    let mut v = EffectValues::default().with(LOOK_LIMITER, false);
    v = v
        .with(LOOK_OWN_AMOUNT.at(0), 1.0)
        .with(LOOK_OWN_A.at(0), 1.0);
    let mut finish = with_user_shaders(&registry);
    let mut pixel = |v: EffectValues| {
        let mut canvas = synthetic();
        assert!(finish.finish(&mut canvas, &frame(v, 0)));
        [canvas.rgba[0], canvas.rgba[1], canvas.rgba[2]]
    };
    // Half of the light is 188 of 255.
    assert_eq!(pixel(v), [255, 188, 0]);
    v = v.with(LOOK_OWN_AMOUNT.at(2), 1.0);
    assert_eq!(pixel(v), [0, 188, 255]);
    // The other way round the flat colour covers all.
    v.order = LookOrder::of(&["own.3", "own.1"]).unwrap();
    assert_eq!(pixel(v), [255, 188, 0]);
    // Half of it lets half of the picture through.
    v = v
        .with(LOOK_OWN_AMOUNT.at(2), 0.0)
        .with(LOOK_OWN_AMOUNT.at(0), 0.5);
    v = v.with(LOOK_OWN_A.at(0), 0.0).with(LOOK_OWN_B.at(0), 0.0);
    assert_eq!(pixel(v), [0, 0, 41], "of 0, 0, 60");
    // An empty place draws nothing.
    v = v.with(LOOK_OWN_AMOUNT.at(0), 0.0);
    v = v.with(LOOK_OWN_AMOUNT.at(3), 1.0);
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
    let mut v = EffectValues::default()
        .with(LOOK_LIMITER, false)
        .with(LOOK_FEEDBACK, 0.9)
        .with_order(LookOrder::of(&["own.1", "feedback"]).unwrap());
    let mut last = Canvas::default();
    for number in 0..60 {
        let amount = if number < 3 { 1.0 } else { 0.0 };
        v = v.with(LOOK_OWN_AMOUNT.at(0), amount);
        last = synthetic();
        assert!(finish.finish(&mut last, &frame(v, number)));
    }
    assert!(
        apart(&last, &synthetic()) <= 2,
        "{}",
        apart(&last, &synthetic())
    );
}

/// A plain pass: half of the picture's light.
const HALF: &str = "struct Settings { size: vec2<f32>, tick: u32, seed: u32 }
@fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return textureLoad(picture, vec2<i32>(at.xy), 0) * 0.5;
}";

/// A folder's shaders, and what is warned of.
fn told(texts: &[(&str, &str)]) -> (Arc<ShaderRegistry>, Warnings, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        std::fs::write(place.path().join(name), format!("{SETTINGS}{text}")).unwrap();
    }
    let warnings = Warnings::default();
    let sink = Arc::clone(&warnings);
    let reporter = crate::report::Reporter::new(move |severity, text| {
        if severity == crate::report::Severity::Warning {
            sink.lock().unwrap().push(text);
        }
    });
    let registry = Arc::new(ShaderRegistry::new(reporter));
    registry.read(place.path().to_owned()).unwrap();
    (registry, warnings, place)
}

type Warnings = Arc<std::sync::Mutex<Vec<String>>>;

fn limited(registry: &Arc<ShaderRegistry>, limits: Limits, waits: bool) -> Finish {
    let mut finish = Finish::default();
    finish.chain.set_user_effects(Arc::clone(registry));
    let renderer = EffectRenderer::headless().unwrap().limited(limits);
    finish
        .chain
        .take_gpu(if waits { renderer.waiting() } else { renderer });
    finish
}

#[test]
fn a_pass_that_costs_too_much_for_the_pictures_size_is_named_once_and_not_drawn() {
    let (registry, warnings, _place) = told(&[("half.wgsl", HALF)]);
    let operations = registry.shader(0).unwrap().operations;
    assert!((17..60).contains(&operations), "{operations}");
    // As much as the pictures of the test take, and a point less.
    let points = u64::from(SIZE.0 * SIZE.1);
    for (most, is_drawn) in [
        (operations * points, true),
        (operations * points - 1, false),
    ] {
        let limits = Limits {
            operations: most,
            ..Limits::default()
        };
        let mut finish = limited(&registry, limits, true);
        let v = EffectValues::default().with(LOOK_OWN_AMOUNT.at(0), 1.0);
        for number in 0..3 {
            let mut canvas = synthetic();
            finish.finish(&mut canvas, &frame(v, number));
            assert_eq!(apart(&canvas, &synthetic()) > 20, is_drawn, "{most}");
        }
    }
    let said = warnings.lock().unwrap().join("\n");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("own pass 1, half ("), "{said}");
    assert!(said.contains("pictures of 64 x 64"), "{said}");
}

#[test]
fn a_pass_that_holds_the_card_up_is_taken_off_named_and_drawn_again_when_its_file_changes() {
    let cheap = HALF.replace("0.5", "0.6");
    let (registry, warnings, place) = told(&[("dear.wgsl", HALF), ("cheap.wgsl", &cheap)]);
    // To a watchdog without any patience every pass is slow.
    let limits = Limits {
        slow: std::time::Duration::ZERO,
        ..Limits::default()
    };
    let mut finish = limited(&registry, limits, false);
    let v = EffectValues::default().with(LOOK_OWN_AMOUNT.at(1), 1.0);
    let mut canvas = Canvas::default();
    let start = Instant::now();
    let mut number = 0;
    let mut was_drawn = false;
    while registry.shader(1).is_some() {
        assert!(start.elapsed().as_secs() < 60, "it was never taken off");
        canvas = synthetic();
        finish.finish(&mut canvas, &frame(v, number));
        was_drawn |= apart(&canvas, &synthetic()) > 20;
        number += 1;
    }
    assert!(was_drawn);
    finish.finish(&mut canvas, &frame(v, number));
    canvas = synthetic();
    finish.finish(&mut canvas, &frame(v, number));
    assert!(apart(&canvas, &synthetic()) <= 2, "the picture goes on");
    let said = warnings.lock().unwrap().join("\n");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("own pass 2, dear ("), "{said}");
    assert!(registry.shader(0).is_some(), "the other one stays");
    // Its author mends it, and it comes back: the watcher reads the folder anew.
    let mended = HALF.replace("0.5", "0.25");
    std::fs::write(
        place.path().join("dear.wgsl"),
        format!("{SETTINGS}{mended}"),
    )
    .unwrap();
    registry.read(place.path().to_owned()).unwrap();
    assert!(registry.shader(1).is_some());
}
