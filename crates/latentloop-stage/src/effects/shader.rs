//! The shaders of effects, put together from their functions: what is common to all, the settings, the functions, and an entry point
//! that calls them one after the other.

use std::fmt::Write;

use super::effect::{Effect, EffectId, SecondInput};

/// The fragment entry point of every shader of effects.
pub(super) const ENTRY: &str = "draw";
/// The shader of the last pass; it has what a user's shader lacks, the vertex entry point `cover`.
pub(super) const FINISH: &str = concat!(
    include_str!("../shaders/common.wgsl"),
    include_str!("bindings.wgsl"),
    include_str!("finish.wgsl"),
);
const PRELUDE: &str = concat!(
    include_str!("../shaders/common.wgsl"),
    include_str!("bindings.wgsl"),
);

/// The shader of one effect.
pub(super) fn single(effect: &Effect) -> String {
    module(&[(effect, "")], false)
}

/// The shader that makes an effect's second input, where that is [`SecondInput::Prefiltered`].
pub(super) fn prefilter(effect: &Effect) -> String {
    module(&[(effect, "_prefilter")], false)
}

/// The shader of effects that are drawn in one pass. Where feedback is among them it has a second output: what feedback goes on
/// from.
pub(super) fn fused(effects: &[EffectId]) -> String {
    let calls: Vec<_> = effects.iter().map(|id| (id.effect(), "")).collect();
    let has_feedback = calls
        .iter()
        .any(|(effect, _)| effect.second == SecondInput::Feedback);
    module(&calls, has_feedback)
}

/// A module that calls `FUNCTION` and what is added to its name, of one effect after the other.
fn module(calls: &[(&Effect, &str)], keeps_feedback: bool) -> String {
    let (mut members, mut functions, mut steps) = (String::new(), String::new(), String::new());
    for (effect, suffix) in calls {
        let name = effect.function;
        let kind = name[..1].to_uppercase() + &name[1..];
        let input = if effect.is_pointwise { "light, " } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(members, "    @align(16) {name}: {kind},");
        let _ = writeln!(
            steps,
            "    light = {name}{suffix}({input}at.xy, settings.{name});"
        );
        if keeps_feedback && effect.second == SecondInput::Feedback {
            steps += "    feedback_light = light;\n";
        }
        functions += effect.wgsl;
    }
    let (output, result) = if keeps_feedback {
        (
            "    @location(1) feedback: vec4<f32>,\n",
            ", vec4<f32>(feedback_light, 1.0)",
        )
    } else {
        ("", "")
    };
    let feedback = if keeps_feedback {
        "    var feedback_light = light;\n"
    } else {
        ""
    };
    // An effect that looks around reads the picture itself.
    let source = if calls.first().is_some_and(|(effect, _)| effect.is_pointwise) {
        "textureLoad(picture, vec2<i32>(at.xy), 0).rgb"
    } else {
        "vec3<f32>(0.0)"
    };
    format!(
        "{PRELUDE}
struct Settings {{
    size: vec2<f32>,
    tick: u32,
    seed: u32,
{members}}}

{functions}
struct Output {{
    @location(0) light: vec4<f32>,
{output}}}

@fragment
fn {ENTRY}(@builtin(position) at: vec4<f32>) -> Output {{
    var light = {source};
{feedback}{steps}    return Output(vec4<f32>(light, 1.0){result});
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::super::effect::tests::checked;
    use super::*;

    #[test]
    fn every_effect_has_a_valid_shader_whose_names_are_its_own() {
        for id in EffectId::all() {
            let effect = id.effect();
            checked(&single(effect));
            if effect.second == SecondInput::Prefiltered {
                checked(&prefilter(effect));
            }
            assert!(
                effect.wgsl.starts_with("// "),
                "{} has a header",
                effect.name
            );
            for line in effect.wgsl.lines() {
                for word in ["fn ", "const ", "struct "] {
                    let name = line.strip_prefix(word).unwrap_or(effect.function);
                    let name = name.to_lowercase();
                    assert!(name.starts_with(effect.function), "{line}");
                }
            }
        }
        checked(FINISH);
    }
}
